"""Copy memory: each sequence is written out and solved again by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.tasks import Spec, build


@functools.cache
def made(delay, n=50):
  task = build({"name": "copy_memory", "delay": delay}, n)
  batch = jax.jit(task.batch)(task.data[0], jax.random.key(8), 3)
  return task, jax.tree.map(np.asarray, batch)


@pytest.mark.parametrize("delay", [1, 13])
def test_sequences_are_as_in_the_paper(delay):
  task, batch = made(delay)
  length = delay + 20
  assert task.input_spec == Spec(length, 10)
  assert task.output_spec == Spec(length, 9)
  seen = set()
  for one_hot, target in zip(batch.inputs, batch.targets):
    assert_array_equal(np.sort(one_hot)[:, -2:], [[0, 1]] * length)
    read = [int(np.flatnonzero(step)[0]) for step in one_hot]
    symbols = read[:10]
    assert all(1 <= s <= 8 for s in symbols)
    assert read[10:] == [0] * (delay - 1) + [9] + [0] * 10
    # The answer starts right after the delimiter.
    assert read.index(9) + 1 == length - 10
    assert list(target) == [0] * (delay + 10) + symbols
    seen.update(symbols)
  assert seen == set(range(1, 9))
  assert batch.input_lengths is None


def test_accuracy_is_of_the_last_ten_steps():
  task, batch = made(13)
  right = 40.0 * jax.nn.one_hot(batch.targets, 9)
  total, count = task.metrics(right, batch)["accuracy"]
  assert (total, count) == (500, 500)
  # Blanks everywhere: 23 of 33 steps are right, none of them counts.
  blank = jnp.zeros(right.shape).at[..., 0].set(1.0)
  total, count = task.metrics(blank, batch)["accuracy"]
  assert (total, count) == (0, 500)
  one_wrong = right.at[7, -10].set(blank[7, -10])
  total, count = task.metrics(one_wrong, batch)["accuracy"]
  assert (total, count) == (499, 500)


def test_loss_is_of_all_steps():
  task, batch = made(13)
  logits = jnp.zeros((50, 33, 9))
  total, count = task.metrics(logits, batch)["loss"]
  assert count == 50 * 33
  assert_allclose(total / count, np.log(9), rtol=1e-5)


def test_weights_of_zero_leave_the_accuracy():
  task, batch = made(13)
  weights = batch.weights.copy()
  weights[4] = 0
  right = 40.0 * jax.nn.one_hot(batch.targets, 9)
  part = batch._replace(weights=jnp.asarray(weights))
  assert task.metrics(right, part)["accuracy"] == (490, 490)
