"""Sequence to vector: one output after a whole sequence."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab._stack import final_state
from rnn_lab.errors import FieldError, check_choice, in_section
from rnn_lab.models.base import Recurrence, Stepper, step_cost
from rnn_lab.models.reading import ReadingModel, reading_arguments
from rnn_lab.models.steps import valid_steps
from rnn_lab.tasks.base import Task
from rnn_lab.types import Array, Batch, Carry, PyTree

POOLINGS = ("last", "mean", "max", "mean_max")


class SequenceToVector(ReadingModel):
  """y = g(v p), p being pooled from the hidden states of all valid steps.

  Attributes:
    final: of pooling "last" the layers whose final states are read: "top" or
      "all".
    pooling: "last" takes the states after the last valid step (of a backward
      direction after the first), "mean" and "max" those of the top layer's
      outputs over all valid steps, "mean_max" both, one after the other.
  """

  final: str
  pooling: str

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`; only with pooling "last" a step has a cost."""
    del carry
    fields = self._recurrence(batch)
    num_steps = fields["xs"].shape[0]
    # The cost of the last step only: the others have the weight zero.
    targets = jax.tree.map(
      lambda a: jnp.broadcast_to(a[None], (num_steps, *a.shape)),
      (batch.targets, batch.weights),
    )
    weights_T = jnp.ones(num_steps)
    if batch.input_lengths is None and batch.input_mask is None:
      weights_T = jnp.zeros(num_steps).at[-1].set(1.0)
    else:
      valid_TB = valid_steps(batch, num_steps)
      to_come_TB = jnp.cumsum(valid_TB[::-1], axis=0)[::-1]
      is_last_TB = valid_TB & (to_come_TB == 1)
      targets = (targets[0], targets[1] * is_last_TB)
    is_last = self.pooling == "last"
    return {
      "stack": Recurrence(
        **fields,
        final=self.final,
        cost=step_cost(self.loss_function) if is_last else None,
        targets=targets,
        weights_T=weights_T,
        writes="last",
      )
    }

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`; the outputs are those after each step.

    Raises:
      ValueError: the stack is bidirectional, or the pooling is not "last".
    """
    if self.pooling != "last":
      raise ValueError(
        f"stepper: the pooling must be 'last', got {self.pooling!r}"
      )
    return self._stepper(batch, self.final)

  def _outputs(
    self,
    batch: Batch,
    train: bool = False,
    perturbations: PyTree = None,
    x_BTD: Array | None = None,
  ) -> Array:
    carry, y_TBH = self._read(batch, train, perturbations, x_BTD)
    if self.pooling == "last":
      return self._read_out(final_state(carry, self.final), train)
    valid_TB = valid_steps(batch, y_TBH.shape[0])
    return self._read_out(pool(self.pooling, y_TBH, valid_TB), train)


def pool(pooling: str, y_TBH: Array, valid_TB: Array) -> Array:
  """Pools over the valid steps: "mean", "max" or "mean_max".

  Returns:
    `[B, H]`, or `[B, 2H]` for "mean_max"; zeros of a sequence without a
    valid step.
  """
  valid = valid_TB[..., None]
  count_B1 = jnp.sum(valid, axis=0)
  total_BH = jnp.sum(jnp.where(valid, y_TBH, 0.0), axis=0)
  mean_BH = total_BH / jnp.maximum(count_B1, 1)
  if pooling == "mean":
    return mean_BH
  max_BH = jnp.max(jnp.where(valid, y_TBH, -jnp.inf), axis=0)
  max_BH = jnp.where(count_B1 > 0, max_BH, 0.0)
  if pooling == "max":
    return max_BH
  return jnp.concatenate([mean_BH, max_BH], axis=-1)


def build(section: Mapping[str, Any], task: Task) -> SequenceToVector:
  """Builds the model of this pattern; see `rnn_lab.models.build`."""
  with in_section("model"):
    arguments = reading_arguments(section, task)
    pooling, final = section["pooling"], section["final_state"]
    check_choice("pooling", pooling, POOLINGS)
    if pooling != "last" and final != "top":
      raise FieldError(
        "final_state",
        f"{{field}} must be 'top' with pooling {pooling!r}, got {final!r}",
      )
    return SequenceToVector(**arguments, final=final, pooling=pooling)
