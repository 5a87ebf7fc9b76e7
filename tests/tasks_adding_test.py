"""Adding: each sequence is solved again by hand."""

import functools

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from rnn_lab.tasks import build


@functools.cache
def made(length, n=400):
  task = build({"name": "adding", "length": length}, n)
  batch = jax.jit(task.batch)(task.data[0], jax.random.key(8), 3)
  return jax.tree.map(np.asarray, batch)


@pytest.mark.parametrize("length", [2, 3, 31])
def test_target_is_the_sum_of_the_marked_values(length):
  batch = made(length)
  firsts, seconds = set(), set()
  for sequence, target in zip(batch.inputs, batch.targets):
    marked = [t for t in range(length) if sequence[t, 1] == 1]
    assert set(sequence[:, 1]) <= {0.0, 1.0}
    assert len(marked) == 2
    first, second = marked
    assert 0 <= first < length // 2 <= second < length
    assert_allclose(target, [sequence[first, 0] + sequence[second, 0]])
    firsts.add(first)
    seconds.add(second)
  # Every place that may be marked is, in 400 sequences.
  assert firsts == set(range(length // 2))
  assert seconds == set(range(length // 2, length))
  assert batch.input_lengths is None


def test_values_are_uniform():
  values = made(31)[0][:, :, 0].ravel()
  assert values.min() >= 0 and values.max() < 1
  counts, _ = np.histogram(values, bins=10, range=(0, 1))
  expected = len(values) / 10
  assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_baseline_by_integration():
  """Gauss-Legendre of (x + y - 1)^2 on the unit square, which is exact."""
  nodes, weights = np.polynomial.legendre.leggauss(3)
  x, w = (nodes + 1) / 2, weights / 2
  error = (x[:, None] + x[None] - 1) ** 2
  task = build({"name": "adding", "length": 10}, 4)
  assert_allclose(w @ error @ w, task.baselines["mse"], rtol=1e-14)


def test_the_right_answer_costs_nothing():
  batch = made(31)
  task = build({"name": "adding", "length": 31}, 400)
  for total, count in task.metrics(batch.targets, batch).values():
    assert total == 0 and count == 400
