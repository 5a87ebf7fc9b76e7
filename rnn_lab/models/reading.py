"""The part that all models which read sequences share."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab._dropout import dropout
from rnn_lab._stack import (
  FINAL_STATES,
  Directions,
  Stack,
  init_stack,
  initial_for_batch,
  unroll_stack,
  zero_initial,
)
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells import CELLS
from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
)
from rnn_lab.initializers import Initializer, kernel_initializer
from rnn_lab.models import STACK_FIELDS, build_stack
from rnn_lab.models.base import (
  OUTPUTS,
  LossFunction,
  StatelessModel,
  Stepper,
  read_out,
)
from rnn_lab.models.inputs import Inputs, InputSettings, input_settings
from rnn_lab.models.steps import input_mask
from rnn_lab.tasks.base import Task
from rnn_lab.types import Array, Batch, Carry, PyTree

Layers = tuple[Directions, ...]

INITIAL_STATES = ("zeros", "learned")
FIELDS = (
  *STACK_FIELDS,
  "bidirectional",
  "final_state",
  "initial_state",
  "pooling",
  "readout_dropout",
  "readout_init",
  "readout_scale",
)
# Sections of `config.model` that only some tasks need.
SECTIONS = ("inputs", "decoder")


class ReadingModel(StatelessModel):
  """Base of models that read sequences with a stack and a readout y = g(v h).

  Attributes:
    stack: the layers of cells.
    input_settings: what the sequences are made of.
    output_size: K, the width of the readout v.
    output: g, a name in `OUTPUTS`; used by `predict`.
    loss_function: the task's loss, of the outputs before g.
    learns_initial_state: the states before the first step are parameters.
    readout_dropout: the rate at which what the readout reads is dropped.
    embedding_init: initializer of the embeddings.
    readout_init: initializer of v's kernel.
  """

  stack: Stack
  input_settings: InputSettings
  output_size: int
  output: str
  loss_function: LossFunction
  learns_initial_state: bool
  readout_dropout: float
  embedding_init: Initializer
  readout_init: Initializer

  def setup(self) -> None:
    """Makes the parameters."""
    self.inputs = Inputs(self.input_settings, self.embedding_init)
    size = self.input_settings.size
    self.layers = self.param(
      "stack", lambda key: init_stack(self.stack, key, size)
    )
    self.initial = None
    if self.learns_initial_state:
      self.initial = self.param(
        "initial_state", lambda key: zero_initial(self.stack)
      )
    self.readout = nn.Dense(self.output_size, kernel_init=self.readout_init)

  def predict(
    self, inputs: PyTree, lengths_B: Array | np.ndarray | None = None
  ) -> Array:
    """Returns the outputs after g: probabilities, or numbers themselves.

    Args:
      inputs: as `Batch.inputs`.
      lengths_B: their lengths; None where all fill T.
    """
    size = jax.tree.leaves(inputs)[0].shape[0]
    unread = jnp.zeros((size,))  # targets and weights
    batch = Batch(inputs, lengths_B, unread, unread)
    return OUTPUTS[self.output](self.outputs(batch, ()))

  def vectors(self, batch: Batch) -> Array:
    """Returns what the stack reads, `[B, T, D]`: embedded symbols and so on."""
    return self.inputs(batch.inputs)

  def outputs_of_vectors(self, x_BTD: Array, batch: Batch) -> Array:
    """Returns `outputs` of what `vectors` returns, or of something like it."""
    return self._outputs(batch, x_BTD=x_BTD)

  def states(self, batch: Batch) -> dict[str, Layers]:
    """Returns the carries of each layer after each step, `[T, B, ...]`.

    They are zero at steps that are skipped. The names are those of
    `recurrences`.
    """
    return {"stack": self._read(batch, return_states=True)[2]}

  def _outputs(
    self,
    batch: Batch,
    train: bool = False,
    perturbations: PyTree = None,
    x_BTD: Array | None = None,
  ) -> Array:
    """Returns the outputs of a batch, or of what `vectors` returns of it."""
    raise NotImplementedError

  def _read(
    self,
    batch: Batch,
    train: bool = False,
    perturbations: Mapping[str, Layers] | None = None,
    x_BTD: Array | None = None,
    return_states: bool = False,
  ) -> tuple[Any, ...]:
    """Returns what `unroll_stack` does."""
    if x_BTD is None:
      x_BTD = self.inputs(batch.inputs, train)
    drops = train and self.stack.dropout > 0.0
    return unroll_stack(
      self.stack,
      self.layers,
      x_BTD.swapaxes(0, 1),
      initial=self.initial,
      lengths_B=batch.input_lengths,
      mask_TB=input_mask(batch),
      dropout_key=self.make_rng("dropout") if drops else None,
      perturbations=perturbations["stack"] if perturbations else None,
      return_states=return_states,
    )

  def _read_out(self, h: Array, train: bool) -> Array:
    if train and self.readout_dropout > 0.0:
      key = self.make_rng("dropout")
      h = dropout(key, self.readout_dropout, h, variational=False)
    return self.readout(h)

  def _stepper(self, batch: Batch, final: str) -> Stepper:
    """Returns a stepper that reads out the layers `final` after each step."""
    cell, layers = as_cell(self.stack, final), self.layers
    readout = self.readout.variables["params"]

    def step(carry: Carry, x_BD: Array) -> tuple[Carry, Array]:
      carry, y_BH = cell.step(layers, carry, x_BD)
      return carry, read_out(readout, y_BH)

    size = batch.weights.shape[0]
    return Stepper(initial_for_batch(self.stack, size, self.initial), step)

  def _recurrence(self, batch: Batch) -> dict[str, Any]:
    """Returns the fields of `Recurrence` that every pattern fills alike."""
    size = batch.weights.shape[0]
    carry = None
    if self.initial is not None:
      carry = initial_for_batch(self.stack, size, self.initial)
    return {
      "stack": self.stack,
      "params": self.layers,
      "xs": self.inputs(batch.inputs).swapaxes(0, 1),
      "carry": carry,
      "lengths_B": batch.input_lengths,
      "mask_TB": input_mask(batch),
      "readout": self.readout.variables["params"],
    }


def reading_arguments(section: Mapping[str, Any], task: Task) -> dict[str, Any]:
  """Checks `config.model`; returns the attributes of `ReadingModel`.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  check_fields(section, {*FIELDS, *SECTIONS, *CELLS}, required=FIELDS)
  check_choice("final_state", section["final_state"], FINAL_STATES)
  check_choice("initial_state", section["initial_state"], INITIAL_STATES)
  check_float("readout_scale", section["readout_scale"], 0.0)
  dropped = section["readout_dropout"]
  check_float("readout_dropout", dropped, 0.0, 1.0, below=True)
  check_bool("bidirectional", section["bidirectional"])
  settings, embedding_init = input_settings(section, task)
  return {
    "stack": build_stack(section, bidirectional=section["bidirectional"]),
    "input_settings": settings,
    "output_size": task.output_spec.size,
    "output": task.output,
    "loss_function": task.loss,
    "learns_initial_state": section["initial_state"] == "learned",
    "readout_dropout": dropped,
    "embedding_init": embedding_init,
    "readout_init": kernel_initializer(
      "readout_init", section["readout_init"], section["readout_scale"]
    ),
  }


def check_without_effect(
  section: Mapping[str, Any], field: str, value: Any, why: str
) -> None:
  """Raises FieldError unless a field that is not read has its default."""
  if section[field] != value:
    raise FieldError(
      field, f"{{field}} must be {value!r}, {why}, got {section[field]!r}"
    )
