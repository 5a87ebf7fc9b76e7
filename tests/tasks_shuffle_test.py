"""The pointwise shuffle: a permutation, of every size, and a fair one."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import stats

from rnn_lab.tasks.batches import epoch_indices, permuted_index

jit_permuted = jax.jit(permuted_index, static_argnums=2)
jit_epoch = jax.jit(epoch_indices, static_argnums=(2, 3))


def permutation(seed, size):
  key = jax.random.key(seed)
  return np.asarray(jit_permuted(key, jnp.arange(size), size))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1257, 55_000])
def test_is_a_bijection(size):
  for seed in range(3):
    assert_array_equal(np.sort(permutation(seed, size)), np.arange(size))


@settings(max_examples=8, deadline=None)
@given(size=st.integers(1, 3000), seed=st.integers(0, 2**31 - 1))
def test_is_a_bijection_of_any_size(size, seed):
  assert_array_equal(np.sort(permutation(seed, size)), np.arange(size))


def test_is_a_bijection_however_large_the_hashes(monkeypatch):
  """A sum that wraps at 2^32 would send two numbers to one place."""
  module = importlib.import_module("rnn_lab.tasks.batches")
  monkeypatch.setattr(
    module, "_hash", lambda number, salt: jnp.uint32(2**32 - 1) - number * 7
  )
  index = jnp.arange(1000)
  image = module.permuted_index(jax.random.key(0), index, 1000)
  assert_array_equal(np.sort(image), index)


def test_sizes_near_the_limit_stay_inside():
  size = 2**31 - 1
  index = jnp.array([0, 1, 46341, 2**31 - 2])
  made = np.asarray(permuted_index(jax.random.key(0), index, size))
  assert (made >= 0).all()
  assert len(set(made)) == 4


def test_is_pointwise():
  """A few places alone give what they give among all."""
  places = jnp.array([[3, 99], [0, 41]])
  made = permuted_index(jax.random.key(5), places, 100)
  assert_array_equal(made, permutation(5, 100)[np.asarray(places)])


def test_keys_give_different_orders():
  orders = {permutation(seed, 50).tobytes() for seed in range(30)}
  assert len(orders) == 30
  assert all((np.diff(permutation(s, 50)) != 1).any() for s in range(30))


@functools.cache
def many(size):
  """[12000, size]: the permutations of as many fixed keys."""
  keys = jax.random.split(jax.random.key(2024), 12_000)
  index = jnp.arange(size)
  return np.asarray(
    jax.jit(jax.vmap(lambda key: permuted_index(key, index, size)))(keys)
  )


@pytest.mark.parametrize("size", [2, 4, 30])
def test_each_place_gets_each_index_equally_often(size):
  orders = many(size)
  counts = np.stack([np.bincount(c, minlength=size) for c in orders.T])
  assert counts.shape == (size, size)
  # The keys are fixed: this passes always or never.
  expected = len(orders) / size
  statistic = np.sum((counts - expected) ** 2 / expected)
  # Rows and columns both add up: a random permutation matrix has (size - 1)^2
  # free entries, and its covariance is that of chi-square but for this factor.
  statistic *= (size - 1) / size
  assert 1e-3 < stats.chi2.sf(statistic, (size - 1) ** 2) < 1 - 1e-3


def test_all_orders_of_four_occur_equally_often():
  codes = many(4) @ np.array([64, 16, 4, 1])
  _, counts = np.unique(codes, return_counts=True)
  assert len(counts) == 24
  assert stats.chisquare(counts).pvalue > 1e-3


def test_neighbours_are_separated():
  """Steps between neighbours are as in a uniform random permutation."""
  order = permutation(9, 55_000)
  assert np.mean(np.abs(np.diff(order))) == pytest.approx(55_000 / 3, rel=0.02)
  assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("batch_size, size", [(5, 17), (7, 7), (1, 3)])
def test_an_epoch_shows_each_example_at_most_once(batch_size, size):
  key = jax.random.key(1)
  steps = size // batch_size
  epochs = []
  for epoch in range(3):
    shown = np.concatenate(
      [
        np.asarray(jit_epoch(key, epoch * steps + n, batch_size, size))
        for n in range(steps)
      ]
    )
    assert len(shown) == len(set(shown)) == steps * batch_size
    assert set(shown) <= set(range(size))
    expected = permuted_index(
      jax.random.fold_in(key, epoch), jnp.arange(len(shown)), size
    )
    assert_array_equal(shown, expected)
    epochs.append(tuple(shown))
  assert len(set(epochs)) > 1
