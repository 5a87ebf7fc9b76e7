"""Batches to evaluate on, and batches that are generated, not stored."""

from collections.abc import Callable, Sequence

import jax
import numpy as np

from rnn_lab.errors import check_choice
from rnn_lab.types import Array, Batch, Key, PyTree

# One seed for each split, fixed for ever: results are comparable only if all
# runs are evaluated on the same numbers.
EVAL_SEEDS = {"valid": 1_797_001, "test": 1_797_002}


def eval_key(split: str) -> Key:
  """The key of everything random in a split; no run's seed enters.

  Raises:
    FieldError: the split is neither "valid" nor "test".
  """
  check_choice("split", split, EVAL_SEEDS)
  # The implementation is named so that no global option changes the numbers.
  return jax.random.key(EVAL_SEEDS[split], impl="threefry2x32")


def in_batches(examples: Batch, at_most: int = 256) -> tuple[Batch, ...]:
  """Cuts N examples into batches of equal size.

  Args:
    examples: all of them as one batch, N from 1 up.
    at_most: the largest batch wanted.

  Returns:
    The batches. Where N does not come out even, the last places repeat the
    first example with weight zero.
  """
  size = examples.weights.shape[0]
  count = -(-size // at_most)
  rows = -(-size // count)
  place = np.arange(count * rows)
  is_real = place < size
  index = np.where(is_real, place, 0)
  weights = examples.weights[index]
  is_real = is_real.reshape(-1, *[1] * (weights.ndim - 1))
  padded = jax.tree.map(lambda x: x[index], examples)
  # A product, so that numpy arrays stay numpy's and nothing is compiled.
  padded = padded._replace(weights=weights * is_real.astype(np.float32))
  starts = range(0, count * rows, rows)
  return tuple(
    jax.tree.map(lambda x: x[start : start + rows], padded)  # noqa: B023
    for start in starts
  )


def generated(
  generate: Callable[[Key, int], Batch], batch_size: int, eval_size: int
) -> tuple[
  Callable[[PyTree, Key, Array], Batch],
  Callable[[str], Sequence[Batch]],
]:
  """Returns `Task.batch` and `Task.eval_batches` of a task without a data set.

  Args:
    generate: `(key, n) -> Batch` of n fresh examples.
    batch_size: examples of a training batch, fresh ones at every step.
    eval_size: examples of each split, always the same.
  """

  def batch(data: PyTree, key: Key, step: Array) -> Batch:
    del data
    return generate(jax.random.fold_in(key, step), batch_size)

  @jax.jit
  def generate_split(key: Key) -> tuple[Batch, ...]:
    return in_batches(generate(key, eval_size))

  def eval_batches(split: str) -> Sequence[Batch]:
    return generate_split(eval_key(split))

  return batch, eval_batches
