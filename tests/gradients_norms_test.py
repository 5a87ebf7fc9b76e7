"""Norms against float64's, at the edges of float32."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnn_lab.gradients.norms import global_norm, norm, normalize, norms

RNG = np.random.default_rng(0)
TREE = {"a": RNG.normal(size=(3, 4)), "b": [RNG.normal(size=7)]}
compiled = jax.jit(global_norm)


def scaled(scale):
  return jax.tree.map(lambda a: jnp.float32(a * scale), TREE)


def test_the_global_norm_is_right_at_any_scale():
  for exponent in [*range(-36, 38), 37.7]:
    tree = scaled(10.0**exponent)
    flat = np.concatenate([tree["a"].reshape(-1), tree["b"][0]])
    expected = np.linalg.norm(np.float64(flat))
    np.testing.assert_allclose(compiled(tree), expected, rtol=4e-7)


def test_it_has_the_bits_of_the_plain_norm_where_that_is_exact():
  plain = jax.jit(optax.tree.norm)
  for scale in (1e-12, 1.0, 1e18):
    assert compiled(scaled(scale)) == plain(scaled(scale))


def test_norms_that_are_no_number():
  tree = scaled(1.0)
  assert compiled(scaled(0.0)) == 0
  for value, check in ((np.inf, np.isinf), (np.nan, np.isnan)):
    assert check(compiled(tree | {"b": [tree["b"][0].at[2].set(value)]}))


def test_arrays_of_any_size_have_a_direction():
  for scale in (1e-37, 1.0, 5e37):
    unit = normalize(jnp.float32([3 * scale, -4 * scale]))
    np.testing.assert_allclose(unit, [0.6, -0.8], rtol=1e-6)


def test_arrays_without_values_or_of_integers_have_a_norm():
  none = jnp.zeros((0, 3))
  assert norm(none) == 0
  assert compiled({"a": none, "b": jnp.array([3.0, 4.0])}) == 5
  assert normalize(none).shape == (0, 3)
  assert norm(np.array([30, 40], np.int8)) == 50


def test_plain_numbers_are_leaves_of_a_tree():
  assert global_norm({"a": [3.0, -4.0]}) == 5
  assert norms({"a": [3.0, -4.0]}) == {"a": [3, 4]}
  assert normalize([3.0, -4.0]) == [1, -1]
