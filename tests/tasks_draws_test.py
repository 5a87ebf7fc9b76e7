"""Draws against numpy's own, and splits by a hash written as a loop."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks import draws


def test_uniforms_are_those_of_numpy():
  """A Generator computes them in the same way today."""
  generator = np.random.Generator(
    np.random.PCG64(np.random.SeedSequence([5, 2]))
  )
  expected = generator.random((40, 3))
  assert_array_equal(draws.uniforms(5, 2, (40, 3)), expected)
  assert_array_equal(draws.uniforms(5, 2, (7, 3)), expected[:7])
  assert not np.isin(draws.uniforms(5, 3, (40,)), expected).any()
  assert not np.isin(draws.uniforms(6, 2, (40,)), expected).any()


def test_bytes():
  words = np.random.PCG64(np.random.SeedSequence([5, 2])).random_raw(4)
  expected = b"".join(int(word).to_bytes(8, "little") for word in words)
  for size in 0, 1, 8, 27:
    drawn = draws.random_bytes(5, 2, size)
    assert drawn.dtype == np.uint8
    assert drawn.tobytes() == expected[:size]


def test_integers():
  uniforms = np.array([0.0, 0.5, 1 - 2.0**-53])
  assert_array_equal(draws.integers(uniforms, 10), [0, 5, 9])
  bounds = np.array([1, 3, 10**9])
  assert_array_equal(draws.integers(uniforms, bounds), [0, 1, 10**9 - 1])


def bucket(value):
  """The finalizer of splitmix64 on Python's integers, modulo 10."""
  x = (value + 0x9E3779B97F4A7C15) % 2**64
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
  return (x ^ (x >> 31)) % 10


def test_splits():
  # The first output of splitmix64 with seed 0, as published.
  assert bucket(0) == 0xE220A8397B1DCDAF % 10
  values = np.array([*range(2_000), 999_999_999, 2**63 - 1])
  found = {s: values[draws.in_split(values, s)].tolist() for s in draws.SPLITS}
  for split, buckets in ("test", [0]), ("valid", [1]), ("train", range(2, 10)):
    expected = [int(v) for v in values if bucket(int(v)) in buckets]
    assert found[split] == expected
  assert 150 < len(found["test"]) < 250 and 150 < len(found["valid"]) < 250


def test_bad_arguments():
  for seed in -1, 2**32, 1.0, True:
    with pytest.raises(FieldError, match="^seed must be an integer from 0 to"):
      draws.uniforms(seed, 0, (2,))
  with pytest.raises(FieldError, match="did you mean 'train'"):
    draws.in_split([1], "trian")
