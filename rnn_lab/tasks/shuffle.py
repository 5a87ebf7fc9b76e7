"""The order of examples in an epoch, computed pointwise instead of stored.

Sorting random numbers shuffles N examples in O(N log N), and a pure function
of the step would do so at every step. A Feistel network is a permutation that
can be evaluated at the B positions of one batch alone.
"""

import math

import jax
import jax.numpy as jnp

from rnn_lab.types import Array, Key

# Four rounds give a pseudo-random permutation of a large set (Luby & Rackoff
# 1988); small sets, as here, need more.
ROUNDS = 12


def permuted_index(key: Key, index: Array, size: int) -> Array:
  """Applies a pseudo-random permutation of range(size) to each index.

  A number is written as (row, column) in a rectangle of about sqrt(size) by
  sqrt(size). Each round adds a hash of one to the other, modulo its side,
  which is invertible and hence a permutation of the rectangle. Numbers of the
  rectangle that are not below `size` are permuted again until they are (cycle
  walking: Black & Rogaway, "Ciphers with Arbitrary Finite Domains", 2002),
  which gives a permutation of range(size).

  Args:
    key: determines the permutation.
    index: integers in [0, size), any shape.
    size: the size of the permutation, from 1 to 2^31 - 1.

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
      # Reduced before the sum, which would overflow at 2^32.
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
  """Returns the examples of a training step, each at most once per epoch.

  An epoch has `size // batch_size` steps and its own order. The examples left
  over (fewer than a batch) differ between epochs.

  Args:
    key: the key of the run's seed, the same at every step.
    step: a non-negative integer scalar.
    batch_size: B, at most `size`.
    size: the number of examples.

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
