"""Initializers against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab import initializers
from rnn_lab.cells import elman, gru, lstm


def draw(name, scale, shape, seed=0):
  init = initializers.kernel_initializer("f", name, scale)
  return np.asarray(init(jax.random.key(seed), shape, jnp.float32))


def test_orthogonal_columns_have_the_scale_as_norm():
  w = draw("orthogonal", 1.5, (8, 8))
  np.testing.assert_allclose(w.T @ w, 1.5**2 * np.eye(8), atol=1e-5)


def test_identity():
  np.testing.assert_array_equal(draw("identity", 0.5, (3, 3)), 0.5 * np.eye(3))


@pytest.mark.parametrize(
  ("name", "scale", "expected"),
  [
    ("normal", 0.03, 0.03),
    ("fan_in_normal", 2.0, 2.0 / np.sqrt(200)),
    ("uniform", 0.1, 0.1 / np.sqrt(3)),
    ("glorot", 1.0, np.sqrt(2.0 / (200 + 300))),
    ("zeros", 1.0, 0.0),
  ],
)
def test_standard_deviation(name, scale, expected):
  w = draw(name, scale, (200, 300))
  # With 60,000 samples the error of the deviation is below 1%.
  np.testing.assert_allclose(w.std(), expected, rtol=0.01)
  np.testing.assert_allclose(w.mean(), 0.0, atol=4 * expected / np.sqrt(6e4))


def test_uniform_and_glorot_keep_their_bounds():
  assert np.abs(draw("uniform", 0.1, (50, 50))).max() <= 0.1
  bound = 2 * np.sqrt(6 / (50 + 30))
  assert 0.95 * bound < np.abs(draw("glorot", 2.0, (50, 30))).max() <= bound


@pytest.mark.parametrize(("factory", "gates"), [(lstm, 4), (gru, 3)])
def test_orthogonal_means_orthogonal_per_gate(factory, gates):
  params = factory(6).init(jax.random.key(0), 3)
  kernels = np.split(np.asarray(params.recurrent_kernel), gates, axis=1)
  for kernel in kernels:
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(6), atol=1e-5)
  assert not np.allclose(kernels[0], kernels[1])


def test_glorot_is_one_gates_width():
  params = lstm(60, input_init="glorot").init(jax.random.key(0), 40)
  bound = np.sqrt(6 / 100)
  assert 0.99 * bound < np.abs(params.input_kernel).max() <= bound


def test_forget_bias_goes_to_the_forget_gate_only():
  bias = np.asarray(lstm(4, forget_bias=2.5).init(jax.random.key(0), 3).bias)
  np.testing.assert_array_equal(bias, [0] * 4 + [2.5] * 4 + [0] * 8)


def test_update_bias_goes_to_the_update_gate_only():
  bias = np.asarray(gru(4, update_bias=2.5).init(jax.random.key(0), 3).bias)
  np.testing.assert_array_equal(bias, [0] * 4 + [2.5] * 4 + [0] * 4)


def test_chrono_spreads_memories_evenly_and_mirrors_the_input_gate():
  cell = lstm(4000, "chrono", chrono_max=50, recurrent_init="zeros")
  bias = np.asarray(cell.init(jax.random.key(0), 1).bias)
  i, f, g, o = np.split(bias, 4)
  np.testing.assert_array_equal(i, -f)
  np.testing.assert_array_equal(np.concatenate([g, o]), np.zeros(8000))
  memory = np.exp(f)
  assert memory.min() >= 1.0 and memory.max() <= 49.0
  # Quartiles of U(1, 49), estimated with an error of about 0.4.
  np.testing.assert_allclose(
    np.quantile(memory, [0.25, 0.5, 0.75]), [13, 25, 37], atol=1.6
  )


def test_a_function_is_taken_as_it_is():
  def sevens(key, shape, dtype=jnp.float32):
    del key
    return jnp.full(shape, 7.0, dtype)

  params = elman(3, input_init=sevens).init(jax.random.key(0), 2)
  np.testing.assert_array_equal(params.input_kernel, np.full((2, 3), 7.0))


def test_biases_can_be_drawn():
  cell = lstm(500, forget_bias=0.0, bias_init="uniform", bias_scale=0.1)
  bias = np.asarray(cell.init(jax.random.key(0), 1).bias)
  assert 0.099 < bias.max() <= 0.1 and -0.1 <= bias.min() < -0.099
  np.testing.assert_allclose(bias.std(), 0.1 / np.sqrt(3), rtol=0.05)
