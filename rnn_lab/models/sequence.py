"""A stack of cells with a readout, as a Flax module."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab._stack import (
  FINAL_STATES,
  Directions,
  Stack,
  as_cell,
  final_state,
  init_stack,
  unroll_stack,
)
from rnn_lab.cells import CELLS
from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
  in_section,
)
from rnn_lab.initializers import Initializer, kernel_initializer
from rnn_lab.models import STACK_FIELDS, build_stack
from rnn_lab.models.base import (
  OUTPUTS,
  LossFunction,
  Model,
  Recurrence,
  Stepper,
  step_cost,
  time_major,
)
from rnn_lab.tasks.base import SEQUENCE, Task
from rnn_lab.types import Array, Batch, Carry, PyTree

FIELDS = (
  *STACK_FIELDS,
  "bidirectional",
  "final_state",
  "readout_init",
  "readout_scale",
)


class SequenceModel(Model):
  """Reads sequences; returns one vector each, or one at every step.

  Attributes:
    stack: the layers of cells.
    input_size: D, the features of one step.
    output_size: K, the width of the readout v.
    every_step: read the top layer's output at every step, instead of the
      final hidden state once.
    final: the layers whose final states are read: "top" or "all".
    output: g, a name in `OUTPUTS`; used by `predict`.
    loss_function: the task's loss, of the outputs before g.
    readout_init: initializer of v's kernel.
  """

  stack: Stack
  input_size: int
  output_size: int
  every_step: bool
  final: str
  output: str
  loss_function: LossFunction
  readout_init: Initializer

  def setup(self) -> None:
    """Makes the parameters."""
    self.layers = self.param(
      "stack", lambda key: init_stack(self.stack, key, self.input_size)
    )
    self.readout = nn.Dense(self.output_size, kernel_init=self.readout_init)

  def loss(
    self,
    batch: Batch,
    carry: Carry,
    *,
    train: bool = False,
    perturbations: PyTree = None,
  ) -> tuple[tuple[Array, Array], Carry]:
    """See `Model.loss`; no state passes from batch to batch."""
    outputs = self._run(batch.inputs, batch.input_lengths, train, perturbations)
    return self.loss_function(outputs, batch), carry

  def outputs(self, batch: Batch, carry: Carry) -> Array:
    """Returns the outputs before g: `[B, K]`, or `[B, T, K]` at every step."""
    del carry
    return self._run(batch.inputs, batch.input_lengths)

  def predict(self, inputs_BTD: Array, lengths_B: Array | None = None) -> Array:
    """Returns the outputs after g: probabilities, or numbers themselves.

    Args:
      inputs_BTD: the sequences.
      lengths_B: their lengths; None where all fill T.
    """
    return OUTPUTS[self.output](self._run(inputs_BTD, lengths_B))

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`."""
    del carry
    x_TBD = time_major(batch.inputs)
    num_steps = x_TBD.shape[0]
    targets = (batch.targets, batch.weights)
    weights_T = jnp.ones(num_steps)
    if self.every_step:
      targets = time_major(targets)
    else:
      # The cost of the last step only: the others have the weight zero.
      targets = jax.tree.map(
        lambda a: jnp.broadcast_to(a[None], (num_steps, *a.shape)), targets
      )
      if batch.input_lengths is None:
        weights_T = jnp.zeros(num_steps).at[-1].set(1.0)
      else:
        t_T = jnp.arange(num_steps)
        is_last_TB = t_T[:, None] == batch.input_lengths[None] - 1
        targets = (targets[0], targets[1] * is_last_TB)
    return {
      "stack": Recurrence(
        stack=self.stack,
        params=self.layers,
        xs=x_TBD,
        carry=None,
        lengths_B=batch.input_lengths,
        final="top" if self.every_step else self.final,
        readout=self.readout.variables["params"],
        cost=step_cost(self.loss_function),
        targets=targets,
        weights_T=weights_T,
      )
    }

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`; the outputs are those after each step."""
    final = "top" if self.every_step else self.final
    cell, layers = as_cell(self.stack, final), self.layers
    readout = self.readout.variables["params"]

    def step(carry: Carry, x_BD: Array) -> tuple[Carry, Array]:
      carry, y_BH = cell.step(layers, carry, x_BD)
      return carry, y_BH @ readout["kernel"] + readout["bias"][None]

    size = batch.weights.shape[0]
    return Stepper(cell.initial_carry((size,), jnp.float32), step)

  def _run(
    self,
    inputs_BTD: Array,
    lengths_B: Array | None,
    train: bool = False,
    perturbations: Mapping[str, tuple[Directions, ...]] | None = None,
  ) -> Array:
    drops = train and self.stack.dropout > 0.0
    carry, y_TBH = unroll_stack(
      self.stack,
      self.layers,
      inputs_BTD.swapaxes(0, 1),
      lengths_B=lengths_B,
      dropout_key=self.make_rng("dropout") if drops else None,
      perturbations=perturbations and perturbations["stack"],
    )
    if self.every_step:
      return self.readout(y_TBH.swapaxes(0, 1))
    return self.readout(final_state(carry, self.final))


def build(section: Mapping[str, Any], task: Task) -> SequenceModel:
  """Builds the model of kind "sequence"; see `rnn_lab.models.build`."""
  with in_section("model"):
    if task.input_spec.symbols:
      raise FieldError(
        "kind",
        f"{{field}} 'sequence' reads vectors, and task {task.name!r} has words",
      )
    check_fields(section, {*FIELDS, *CELLS}, required=FIELDS)
    check_choice("final_state", section["final_state"], FINAL_STATES)
    check_float("readout_scale", section["readout_scale"], 0.0)
    check_bool("bidirectional", section["bidirectional"])
    return SequenceModel(
      stack=build_stack(section, bidirectional=section["bidirectional"]),
      input_size=task.input_spec.size,
      output_size=task.output_spec.size,
      every_step=task.pattern == SEQUENCE,
      final=section["final_state"],
      output=task.output,
      loss_function=task.loss,
      readout_init=kernel_initializer(
        "readout_init", section["readout_init"], section["readout_scale"]
      ),
    )
