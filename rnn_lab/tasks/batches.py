"""Batches: of generated data, of an epoch's order, and to evaluate on."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import check_choice
from rnn_lab.types import Array, Batch, Key, PyTree

# One seed for each split, fixed for ever: results are comparable only if all
# runs are evaluated on the same numbers.
EVAL_SEEDS = {"valid": 1_797_001, "test": 1_797_002}
# Four rounds make a random-looking permutation of a large set (Luby & Rackoff
# 1988); small sets, as here, need more.
ROUNDS = 12


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


def permuted_index(key: Key, index: Array, size: int) -> Array:
  """Computes where a pseudo-random permutation of range(size) sends indices.

  Sorting random numbers would shuffle N examples in O(N log N) at every step,
  as batches are a pure function of the step; a Feistel network is a permutation
  that can be evaluated at the B places of one batch alone.
  A number is written as (row, column) in a rectangle of about sqrt(size) by
  sqrt(size); each round adds a hash of the one to the other, modulo its side,
  which can be undone and so is a permutation of the rectangle. Numbers of the
  rectangle that are not below `size` are permuted again until they are (cycle
  walking: Black & Rogaway, "Ciphers with Arbitrary Finite Domains", 2002),
  which leaves a permutation of range(size).

  Args:
    key: determines the permutation.
    index: integers in [0, size), any shape.
    size: how many numbers there are, from 1 to 2^31 - 1.

  Returns:
    int32, the shape of `index`, each in [0, size).
  """
  rows = math.isqrt(size - 1) + 1
  columns = -(-size // rows)
  salts = jax.random.bits(key, (ROUNDS,), jnp.uint32)

  def permute(state):
    number, is_inside = state
    row, column = number // columns, number % columns
    for i in range(0, ROUNDS, 2):
      # Reduced before the sum, which must not wrap at 2^32.
      row = (row + _hash(column, salts[i]) % rows) % rows
      column = (column + _hash(row, salts[i + 1]) % columns) % columns
    number = jnp.where(is_inside, number, row * columns + column)
    return number, number < size

  start = index.astype(jnp.uint32), jnp.zeros(index.shape, bool)
  number, _ = jax.lax.while_loop(
    lambda state: ~jnp.all(state[1]), permute, start
  )
  return number.astype(jnp.int32)


def epoch_indices(key: Key, step: Array, batch_size: int, size: int) -> Array:
  """The examples of training step `step`: each at most once an epoch.

  An epoch is `size // batch_size` steps in an order of its own. The examples
  left over (fewer than a batch) are others in every epoch.

  Args:
    key: belongs to the run's seed, the same at every step.
    step: an integer scalar, from 0 up.
    batch_size: B, at most `size`.
    size: how many examples there are.

  Returns:
    `[B]` int32, distinct, in [0, size).
  """
  steps_per_epoch = size // batch_size
  epoch = step // steps_per_epoch
  first = (step % steps_per_epoch) * batch_size
  place_B = first + jnp.arange(batch_size)
  return permuted_index(jax.random.fold_in(key, epoch), place_B, size)


def _hash(number: Array, salt: Array) -> Array:
  """Mixes the bits of uint32 numbers (C. Wellons, "lowbias32", 2018)."""
  x = number ^ salt
  x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
  x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
  return x ^ (x >> 16)
