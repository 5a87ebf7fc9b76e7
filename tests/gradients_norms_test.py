"""Norms against float64's, at the edges of float32."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rnn_lab.gradients.norms import global_norm

RNG = np.random.default_rng(0)
TREE = {"a": RNG.normal(size=(3, 4)), "b": [RNG.normal(size=7)]}


def scaled(scale):
  one, (other,) = TREE["a"], TREE["b"]
  return {"a": jnp.float32(one * scale), "b": [jnp.float32(other * scale)]}


@pytest.mark.parametrize("exponent", range(-36, 38, 3))
def test_the_global_norm_is_right_at_any_scale(exponent):
  tree = scaled(10.0**exponent)
  flat = np.concatenate([tree["a"].reshape(-1), tree["b"][0]])
  expected = np.linalg.norm(np.float64(flat))
  np.testing.assert_allclose(global_norm(tree), expected, rtol=3e-7)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e18])
def test_it_has_the_bits_of_the_plain_norm_where_that_is_exact(scale):
  assert global_norm(scaled(scale)) == optax.tree.norm(scaled(scale))


def test_norms_that_are_no_number():
  assert global_norm([jnp.zeros(3), jnp.zeros((2, 2))]) == 0
  assert np.isinf(global_norm([jnp.array([1.0, -jnp.inf])]))
  assert np.isnan(global_norm([jnp.array([1.0, jnp.nan])]))
