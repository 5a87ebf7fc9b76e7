"""Checks that a task's arrays are what its sizes say."""

import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.tasks.base import IMAGES, SPELLINGS, SYMBOLS, VECTORS, Spec, Task
from rnn_lab.tasks.losses import LOSSES
from rnn_lab.types import Batch, PyTree

# Names of the classes in training data that is not held as batches.
_CLASSES = ("labels", "targets")
# Tasks are values: each is checked once.
_FORMS: "weakref.WeakSet[Task]" = weakref.WeakSet()
_TARGETS: "weakref.WeakSet[Task]" = weakref.WeakSet()


def check_form(task: Task) -> None:
  """Checks shapes and dtypes of a training batch; computes none.

  Raises:
    FieldError: they are not those of `input_spec` and `output_spec`, a softmax
      is over fewer than two classes, or there is no such output.
  """
  if task in _FORMS:
    return
  if task.output not in LOSSES:
    raise _error(
      task, f"the output {task.output!r}; it may be {', '.join(sorted(LOSSES))}"
    )
  size = task.output_spec.size
  if task.output == "softmax" and size < 2:
    raise _error(
      task, f"a softmax over {size} class; its output_spec.size must be above 1"
    )
  if not task.has_training_batch:
    return
  batch = batch_shapes(task)
  specs, inputs = task.input_spec, batch.inputs
  if isinstance(specs, Spec):
    specs, inputs = {"": specs}, {"": inputs}
  if not isinstance(inputs, Mapping) or {*inputs} != {*specs}:
    raise _error(task, f"no array of inputs for each of {', '.join(specs)}")
  for name, spec in specs.items():
    if not _fits(inputs[name], spec):
      words = f"inputs {name!r}" if name else "inputs"
      raise _error(
        task,
        f"{words} of shape {inputs[name].shape} and dtype "
        f"{inputs[name].dtype}, which do not fit its input_spec {spec}",
      )
  _check_outputs(task, batch)
  _FORMS.add(task)


def batch_shapes(task: Task, bucket: int = 0) -> Batch:
  """Returns the shapes and dtypes of a training batch; computes none."""
  key = jax.random.key(0)
  return jax.eval_shape(task.batch, task.data[bucket], key, jnp.int32(0))


def check_headline(task: Task) -> None:
  """Raises FieldError unless the headline is one of the task's metrics.

  Evaluators call it whose metrics are those of the task alone.
  """
  batch = batch_shapes(task)
  shape = *batch.weights.shape, task.output_spec.size
  outputs = jax.ShapeDtypeStruct(shape, jnp.float32)
  metrics = jax.eval_shape(task.metrics, outputs, batch)
  if task.headline not in metrics:
    raise _error(
      task,
      f"the headline {task.headline!r}, which is none of its metrics: "
      f"{', '.join(sorted(metrics))}",
    )


def _fits(array: Any, spec: Spec) -> bool:
  """Whether `[B, ...]` has the shape and the kind of values of a spec."""
  shape = array.shape[1:]
  is_integer = jnp.issubdtype(array.dtype, jnp.integer)
  if spec.form == IMAGES:
    return shape == (*spec.shape, spec.size)
  if not shape or shape[0] > spec.length:
    return False
  if spec.form == VECTORS:
    return shape[1:] == (spec.size,)
  if spec.form == SYMBOLS:
    return shape[1:] == () and is_integer
  return spec.form != SPELLINGS or (shape[1:] == spec.shape and is_integer)


def _check_outputs(task: Task, batch: Batch) -> None:
  targets, weights = batch.targets, batch.weights
  expected = weights.shape
  if task.output != "softmax":
    expected = (*expected, task.output_spec.size)
  elif not jnp.issubdtype(targets.dtype, jnp.integer):
    raise _error(task, f"targets of dtype {targets.dtype}, not of integers")
  if targets.shape != expected:
    raise _error(
      task,
      f"targets of shape {targets.shape}; those of its weights and output_spec "
      f"have the shape {expected}",
    )


def check_targets(task: Task) -> None:
  """Checks that all classes that are stored are in [0, K).

  They are those of the evaluated splits and of the training data, as far as
  this is held as batches or in arrays that are named labels or targets.

  Raises:
    FieldError: a target with a weight is another number.
  """
  if task.output != "softmax" or task in _TARGETS:
    return
  for place, targets, weights in _stored(task):
    targets = np.asarray(targets)
    is_wrong = (targets < 0) | (targets >= task.output_spec.size)
    if weights is not None:
      is_wrong = is_wrong & (np.asarray(weights) != 0)
    if is_wrong.any():
      raise _error(
        task,
        f"the target {targets[is_wrong][0]} in {place}; a class must be from 0 "
        f"to {task.output_spec.size - 1}",
      )
  _TARGETS.add(task)


def _stored(task: Task) -> Iterator[tuple[str, Any, Any]]:
  """Yields where targets are, the targets, and their weights or None."""
  for split, batch in task.held_batches():
    yield f"its {split} split", batch.targets, batch.weights
  leaves = jax.tree_util.tree_leaves_with_path(task.data, is_leaf=_is_batch)
  for path, leaf in leaves:
    if _is_batch(leaf):
      yield "its training data", leaf.targets, leaf.weights
    elif jax.tree_util.keystr(path[-1:], simple=True) in _CLASSES:
      yield "its training data", leaf, None


def _is_batch(tree: PyTree) -> bool:
  return isinstance(tree, Batch)


def _error(task: Task, words: str) -> FieldError:
  return FieldError("task.name", f"task {task.name!r} has {words}")
