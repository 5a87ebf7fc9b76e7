"""Sequence to sequence: one output at each input step."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from rnn_lab.errors import in_section
from rnn_lab.models.base import Recurrence, Stepper, step_cost, time_major
from rnn_lab.models.reading import (
  ReadingModel,
  check_without_effect,
  reading_arguments,
)
from rnn_lab.tasks.base import Task
from rnn_lab.types import Array, Batch, Carry, PyTree


class SequenceToSequence(ReadingModel):
  """y_t = g(v h_t) at every step t; causal unless bidirectional."""

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`."""
    del carry
    fields = self._recurrence(batch)
    return {
      "stack": Recurrence(
        **fields,
        final="top",
        cost=step_cost(self.loss_function),
        targets=time_major((batch.targets, batch.weights)),
        weights_T=jnp.ones(fields["xs"].shape[0]),
      )
    }

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`; reads vectors, and returns the output after each.

    Raises:
      ValueError: the stack is bidirectional.
    """
    return self._stepper(batch, "top")

  def _outputs(
    self,
    batch: Batch,
    train: bool = False,
    perturbations: PyTree = None,
    x_BTD: Array | None = None,
  ) -> Array:
    _, y_TBH = self._read(batch, train, perturbations, x_BTD)
    return self._read_out(y_TBH.swapaxes(0, 1), train)


def build(section: Mapping[str, Any], task: Task) -> SequenceToSequence:
  """Builds the model of this pattern; see `rnn_lab.models.build`."""
  with in_section("model"):
    arguments = reading_arguments(section, task)
    why = "as an output at every step reads the top layer"
    check_without_effect(section, "pooling", "last", why)
    check_without_effect(section, "final_state", "top", why)
    return SequenceToSequence(**arguments)
