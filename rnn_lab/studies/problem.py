"""The recurrence of a run's model on a few of its task's sequences."""

from typing import Any, cast

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model, Recurrence, recurrence_shapes
from rnn_lab.models.steps import valid_steps
from rnn_lab.tasks.base import Task
from rnn_lab.types import Batch, Params

# There is no lag to look at in less.
SHORTEST = 3


def check(task: Task, model: Any) -> None:
  """Checks that the gradients of a model can be measured.

  Raises:
    FieldError: the model has not just one recurrence, which reads in one
      direction, from zeros, and whose loss is a sum of costs of steps; or the
      sequences have fewer than `SHORTEST` steps.
  """
  shapes = {}
  if isinstance(model, Model):
    shapes = recurrence_shapes(model, task)
  if len(shapes) != 1:
    raise FieldError(
      "model.kind",
      "{field} must be a model with one recurrence for a gradient study, "
      f"got one with {len(shapes)}",
    )
  [recurrence] = shapes.values()
  if recurrence.stack.backward:
    raise FieldError(
      "model.bidirectional",
      "{field} must be false for a gradient study: no single recurrence reads "
      "in two directions",
    )
  if recurrence.cost is None:
    raise FieldError(
      "model.pooling",
      "{field} must be 'last' for a gradient study: the loss must be a sum of "
      "the costs of steps",
    )
  if getattr(model, "learns_initial_state", False):
    raise FieldError(
      "model.initial_state", "{field} must be 'zeros' for a gradient study"
    )
  num_steps = study_batch(task, 1).inputs.shape[1]
  if num_steps < SHORTEST:
    raise FieldError(
      "task.name",
      f"task {task.name!r} must have sequences of at least {SHORTEST} steps "
      f"for a gradient study, got {num_steps}",
    )


def study_batch(task: Task, examples: int) -> Batch:
  """Returns validation sequences of the commonest length, cut to it.

  The length is the number of valid steps, and only these are left.

  Args:
    task: the task.
    examples: at most so many sequences.
  """
  first, *others = task.eval_batches("valid")
  alike = [b for b in others if b.inputs.shape[1:] == first.inputs.shape[1:]]
  fresh = first.fresh
  batch = jax.tree.map(
    lambda *a: np.concatenate(a),
    *[b._replace(fresh=None) for b in (first, *alike)],
  )
  # Of weight zero are the repeated examples that fill the last batch.
  is_real = batch.weights.reshape(len(batch.weights), -1).any(axis=1)
  if batch.input_lengths is None and batch.input_mask is None:
    batch = jax.tree.map(lambda a: a[is_real][:examples], batch)
    return batch._replace(fresh=fresh)
  valid_BT = np.asarray(valid_steps(batch, batch.inputs.shape[1])).T
  lengths_B = valid_BT.sum(axis=1)
  lengths, counts = np.unique(lengths_B[is_real], return_counts=True)
  length = int(lengths[counts.argmax()])
  chosen = np.flatnonzero(is_real & (lengths_B == length))[:examples]
  # The valid steps in their order: a state passes the others unchanged.
  rows_B1 = chosen[:, None]
  steps_BT = np.nonzero(valid_BT[chosen])[1].reshape(-1, length)
  place = (rows_B1, steps_BT) if batch.weights.ndim == 2 else chosen
  return Batch(
    inputs=batch.inputs[rows_B1, steps_BT],
    input_lengths=None,
    targets=batch.targets[place],
    weights=batch.weights[place],
    fresh=fresh,
  )


def recurrence_of(model: Model, params: Params, batch: Batch) -> Recurrence:
  """Returns the model's one recurrence, from its cells' initial carries.

  Args:
    model: as `check` accepts it.
    params: the parameters; their precision is that of the recurrence.
    batch: as `study_batch` returns it.
  """
  variables = {"params": params}
  size = batch.weights.shape[0]
  carry = model.apply(variables, size, method="initial_carry")
  recurrences = cast(
    dict[str, Recurrence],
    model.apply(variables, batch, carry, method="recurrences"),
  )
  [recurrence] = recurrences.values()
  # The cells' own initial carry, in the precision of the parameters.
  return recurrence._replace(carry=None)
