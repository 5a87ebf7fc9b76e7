"""Costs on windows of outputs: what is ignored is ignored exactly."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients_cases import T, case

from rnn_lab.cells import elman
from rnn_lab.errors import FieldError
from rnn_lab.gradients.costs import total_cost, weighted_cost, window_weights


def test_window_weights():
  weights = window_weights(6, 2, 4)
  assert weights.dtype == np.float32
  np.testing.assert_array_equal(weights, [0, 0, 1, 1, 1, 0])
  np.testing.assert_array_equal(window_weights(3, 0, 2), [1, 1, 1])
  np.testing.assert_array_equal(window_weights(3, 1, 1), [0, 1, 0])


@pytest.mark.parametrize(
  "arguments, message",
  [
    ((10, 3, 10), "t_max must be an integer from 0 to 9, got 10"),
    ((10, 3, 2), "t_max must be at least t_min = 3, got 2"),
    ((10, -1, 2), "t_min must be an integer from 0 to 9, got -1"),
    ((10, 10, 10), "t_min must be an integer from 0 to 9, got 10"),
    ((10, True, 2), "t_min must be an integer from 0 to 9, got True"),
    ((10, 0, 2.0), "t_max must be an integer from 0 to 9, got 2.0"),
    ((0, 0, 0), "num_steps must be an integer of at least 1, got 0"),
  ],
)
def test_a_window_outside_of_the_sequence_is_named(arguments, message):
  with pytest.raises(FieldError) as error:
    window_weights(*arguments)
  assert str(error.value) == message


def test_the_cost_of_a_sequence_and_its_gradient():
  with jax.enable_x64(True):
    (cell, cost, params, readout, xs, targets), options = case("elman")
    carry, weights_T = options["carry"], options["weights_T"]

    def loop(params):
      h, total = carry.h, 0.0
      for t in range(T):
        h = jnp.tanh(xs[t] @ params[0] + h @ params[1] + params[2][None])
        total += weights_T[t] * cost(readout, h, targets[t])
      return total

    def whole(params):
      return total_cost(
        cell.step, cost, params, readout, xs, targets, carry, weights_T
      )

    actual = jax.jit(jax.value_and_grad(whole))(params)
    expected = jax.jit(jax.value_and_grad(loop))(params)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
      np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-13)


def logarithm(readout, y, target):
  """Not a number at some of the outputs, and infinite at zero."""
  return jnp.sum(readout * jnp.log(y) * target)


def test_ignored_outputs_have_a_gradient_of_exactly_zero():
  """dE/dy_t is zero outside of the window, dE/dh_t before it is not."""
  cell = elman(3)
  params = cell.init(jax.random.key(0), 2)
  xs = jax.random.normal(jax.random.key(1), (8, 2, 2))
  targets = jax.random.normal(jax.random.key(2), (8, 2, 3))
  carry = cell.initial_carry((2,), jnp.float32)

  def step(params, carry, x):
    x, scale, to_y, to_h = x
    carry, y = cell.step(params, carry, x)
    return carry._replace(h=carry.h + to_h), y * scale + to_y

  @jax.jit
  def gradients(weights_T, scale, to_y):
    def total(params, readout, to_y, to_h):
      data = (xs, scale, to_y, to_h)
      return total_cost(
        step, logarithm, params, readout, data, targets, carry, weights_T
      )

    arguments = (params, jnp.ones((2, 3)), to_y, jnp.zeros_like(to_y))
    return jax.grad(total, argnums=(0, 1, 2, 3))(*arguments)

  weights_T = window_weights(8, 4, 5)
  scale, to_y = jnp.ones((8, 2, 3)), jnp.full((8, 2, 3), 2.0)
  found = gradients(weights_T, scale, to_y)
  by_params, by_readout, by_y, by_h = found
  for leaf in jax.tree.leaves((by_params, by_readout)):
    assert np.isfinite(leaf).all() and np.any(leaf)
  ignored = np.array([0, 1, 2, 3, 6, 7])
  np.testing.assert_array_equal(by_y[ignored], 0.0)
  assert (by_y[4:6] != 0.0).all()
  # What is added to h_t is not in y_t: h_4 is the last that the window sees.
  assert (by_h[:5] != 0.0).all()
  np.testing.assert_array_equal(by_h[5:], 0.0)

  # The outputs at 1 and 6 become zero, and those at 2 and 7 negative: nothing
  # that counts changes by a bit, though J_t and its gradients are not finite.
  scale, to_y = scale.at[ignored].set(0.0), to_y.at[1].set(0.0).at[6].set(0.0)
  to_y = to_y.at[2].set(-3.0).at[7].set(-jnp.inf)
  after = gradients(weights_T, scale, to_y)
  for a, e in zip(jax.tree.leaves(after), jax.tree.leaves(found)):
    np.testing.assert_array_equal(a, e)
  everywhere = gradients(jnp.ones(8), scale, to_y)
  for leaf in jax.tree.leaves(everywhere[:2]):
    assert np.isnan(leaf).any()


def test_a_zero_weight_holds_under_vmap_too():
  """There a `lax.cond` would not: both of its branches run."""
  y, target = jnp.array([0.0, 2.0]), jnp.float32(1.0)
  cost = functools.partial(weighted_cost, logarithm)
  value, (by_readout, by_y) = jax.vmap(
    jax.value_and_grad(cost, argnums=(0, 1)), in_axes=(None, 0, None, 0)
  )(jnp.float32(3.0), y, target, jnp.array([0.0, 2.0]))
  np.testing.assert_allclose(value, [0.0, 6 * np.log(2.0)], rtol=1e-6)
  np.testing.assert_array_equal(by_y, [0.0, 3.0])
  np.testing.assert_allclose(by_readout, [0.0, 2 * np.log(2.0)], rtol=1e-6)
