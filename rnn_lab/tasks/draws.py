"""Random numbers and splits that are the same on every machine.

numpy guarantees the raw bits of PCG64 in all of its versions, but not the
numbers that a Generator computes from them; those are computed here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnn_lab.errors import check_choice, check_int

LARGEST_SEED = 2**32 - 1
SPLITS = ("train", "valid", "test")
# Of ten values one is for validation and one for the test.
SPLIT_BUCKETS = 10


def uniforms(seed: int, stream: int, shape: Sequence[int]) -> np.ndarray:
  """Draws numbers uniform in [0, 1), multiples of 2^-53.

  A smaller number of rows is the beginning of a larger one.

  Args:
    seed: from 0 to 2^32 - 1.
    stream: from 0 to 2^32 - 1; streams of one seed are independent.
    shape: the shape of the result, rows first.

  Returns:
    float64, of that shape.

  Raises:
    FieldError: the seed is out of range.
  """
  size = int(np.prod(shape))
  bits = _bit_generator(seed, stream).random_raw(size)
  return ((bits >> np.uint64(11)) * 2.0**-53).reshape(shape)


def random_bytes(seed: int, stream: int, size: int) -> np.ndarray:
  """Draws bytes `[size]`, uint8, uniform in [0, 255]; see `uniforms`."""
  words = _bit_generator(seed, stream).random_raw(-(-size // 8))
  return words.astype("<u8").view(np.uint8)[:size]


def integers(uniforms: np.ndarray, bound: ArrayLike) -> np.ndarray:
  """Returns int64 integers in [0, bound) from numbers uniform in [0, 1).

  Args:
    uniforms: float64, any shape.
    bound: one bound, or an array of bounds that broadcasts to that shape. Each
      is far below 2^53, so that the integers are uniform in practice.
  """
  return np.floor(uniforms * np.asarray(bound)).astype(np.int64)


def in_split(values: ArrayLike, split: str) -> np.ndarray:
  """Tells which values belong to a split.

  Every value belongs to exactly one of the splits "train" (8 of 10), "valid"
  and "test" (1 of 10 each), by its hash: the finalizer of splitmix64, modulo
  10, is 0 for the test, 1 for validation.

  Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014.

  Args:
    values: integers from 0 to 2^63 - 1, any shape.
    split: a name in SPLITS.

  Returns:
    Booleans of the shape of `values`.

  Raises:
    FieldError: the split is unknown.
  """
  check_choice("split", split, SPLITS)
  hashed = np.asarray(values, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
  for shift, factor in (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB):
    hashed = (hashed ^ (hashed >> np.uint64(shift))) * np.uint64(factor)
  bucket = (hashed ^ (hashed >> np.uint64(31))) % np.uint64(SPLIT_BUCKETS)
  if split == "train":
    return bucket > 1
  return bucket == (0 if split == "test" else 1)


def _bit_generator(seed: int, stream: int) -> np.random.PCG64:
  check_int("seed", seed, 0, LARGEST_SEED)
  return np.random.PCG64(np.random.SeedSequence([seed, stream]))
