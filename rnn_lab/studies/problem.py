"""A trained model and a few of its task's sequences, as gradients/ has them."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError
from rnn_lab.gradients.costs import Cost
from rnn_lab.models import SequenceModel
from rnn_lab._stack import Stack, as_cell
from rnn_lab.tasks.base import STREAM, VECTOR, Task
from rnn_lab.types import Array, Batch, Params, PyTree

# There is no lag to look at in less.
SHORTEST = 3


class Problem(NamedTuple):
  """Sequences of one length, and what their outputs cost.

  Attributes:
    cell: all layers as one cell; of one layer its cell itself.
    stack: the layers.
    final: the layers whose states are read out: "top" or "all".
    cost: (readout, y_t, target_t) -> J_t, the task's loss.
    xs: `[T, B, D]`.
    targets: (targets, weights) with leading T.
    weights_T: weights of the steps that give the task's cost.
  """

  cell: Cell
  stack: Stack
  final: str
  cost: Cost
  xs: Array
  targets: PyTree
  weights_T: Array

  @property
  def layers(self) -> int:
    """How many layers there are."""
    return len(self.stack.forward)

  def cell_params(self, params: Params) -> Params:
    """Those of `cell`, of a model's parameters."""
    layers = params["stack"]
    return layers[0].forward if self.layers == 1 else layers


def make_problem(model: SequenceModel, task: Task, examples: int) -> Problem:
  """The first sequences of the validation split that have the commonest length.

  Args:
    model: the model.
    task: its task.
    examples: at most so many sequences.

  Raises:
    FieldError: these sequences have fewer than `SHORTEST` steps.
  """
  batch = _first_of_one_length(task.eval_batches("valid"), examples)
  num_steps = batch.inputs.shape[1]
  if num_steps < SHORTEST:
    may = f"one with sequences of at least {SHORTEST} steps"
    raise FieldError("task.name", task.name, may)
  targets = (jnp.asarray(batch.targets), jnp.asarray(batch.weights))
  weights_T = jnp.ones(num_steps)
  if task.pattern == VECTOR:
    # Asked for after the last step only: the others have the weight zero.
    targets = jax.tree.map(
      lambda a: jnp.broadcast_to(a[None], (num_steps, *a.shape)), targets
    )
    weights_T = jnp.zeros(num_steps).at[-1].set(1.0)
  else:
    targets = jax.tree.map(lambda a: a.swapaxes(0, 1), targets)
  layers = model.stack
  final = model.final if task.pattern == VECTOR else "top"
  return Problem(
    cell=layers.forward[0]
    if len(layers.forward) == 1
    else as_cell(layers, final),
    stack=layers,
    final=final,
    cost=step_cost(task.loss),
    xs=jnp.asarray(batch.inputs).swapaxes(0, 1),
    targets=targets,
    weights_T=weights_T,
  )


def check(task: Task, model: Any) -> None:
  """Raises FieldError for a run that cannot be laid open."""
  if task.pattern == STREAM:
    raise FieldError("task.name", task.name, "one with sequences, not a stream")
  if model.stack.backward:
    raise FieldError(
      "model.bidirectional", True, "false: two directions are no recurrence"
    )


@functools.lru_cache(maxsize=16)
def step_cost(loss: Callable[[Array, Batch], tuple[Array, Array]]) -> Cost:
  """A task's loss as the cost of one step, summed over the batch.

  Cached, as functions are what programs are compiled for.
  """

  def cost(readout: PyTree, y_BH: Array, target: PyTree) -> Array:
    targets, weights = target
    outputs = y_BH @ readout["kernel"] + readout["bias"][None]
    return loss(outputs, Batch(None, None, targets, weights))[0]

  return cost


def _first_of_one_length(batches: Batch, examples: int) -> Batch:
  """Sequences of the commonest length, cut to it."""
  flat = jax.tree.map(
    lambda a: np.asarray(a).reshape(-1, *np.shape(a)[2:]), batches
  )
  # Of weight zero are the repeated examples that fill the last batch.
  weights = flat.weights.reshape(len(flat.weights), -1)
  real = weights.any(axis=1)
  if flat.input_lengths is None:
    return jax.tree.map(lambda a: a[real][:examples], flat)
  lengths, counts = np.unique(flat.input_lengths[real], return_counts=True)
  length = int(lengths[counts.argmax()])
  chosen = real & (flat.input_lengths == length)
  batch = jax.tree.map(lambda a: a[chosen][:examples], flat)
  every_step = batch.weights.ndim == 2
  return batch._replace(
    inputs=batch.inputs[:, :length],
    targets=batch.targets[:, :length] if every_step else batch.targets,
    weights=batch.weights[:, :length] if every_step else batch.weights,
    input_lengths=None,
  )
