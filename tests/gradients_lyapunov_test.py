"""Lyapunov exponents against closed forms, determinants and the Henon map."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab._stack import stack
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells import Cell, ElmanParams, elman, gru, lstm
from rnn_lab.errors import FieldError
from rnn_lab.gradients.jacobians import log_norms, step_jacobians
from rnn_lab.gradients.lyapunov import lyapunov_exponents

T, B, D, H = 300, 2, 2, 4


def setting(cell, num_steps=T, scale=0.7):
  """Random float64 parameters and inputs."""
  rng = np.random.default_rng(0)
  shapes = jax.eval_shape(lambda key: cell.init(key, D), jax.random.key(0))
  params = jax.tree.map(
    lambda a: jnp.asarray(scale * rng.normal(size=a.shape)), shapes
  )
  return params, jnp.asarray(rng.normal(size=(num_steps, B, D)))


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_an_orthogonal_kernel_has_the_log_of_its_gain(gain):
  with jax.enable_x64(True):
    cell = elman(H, "linear")
    params, xs = setting(cell)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(H, H)))
    params = params._replace(recurrent_kernel=jnp.asarray(gain * turn))
    exponents = lyapunov_exponents(cell, params, xs)
    assert exponents.dtype == np.float64
    np.testing.assert_allclose(
      exponents, np.full((B, H), np.log(gain)), rtol=0.0, atol=1e-10
    )
    # Rounding decides which is the largest.
    assert (np.diff(exponents, axis=1) <= 0.0).all()


def test_a_triangular_kernel_has_the_logs_of_its_diagonal():
  # Neither in order nor positive; what stands beside the diagonal is large.
  diagonal = np.array([0.4, -1.5, 0.1, 3.0])
  beside = np.random.default_rng(1).normal(size=(H, H))
  expected = np.broadcast_to(np.log([3.0, 1.5, 0.4, 0.1]), (B, H))
  with jax.enable_x64(True):
    cell = elman(H, "linear")
    params, xs = setting(cell)
    for kernel in (
      np.diag(diagonal),
      np.diag(diagonal) + np.triu(beside, 1),
      np.diag(diagonal) + np.tril(beside, -1),
    ):
      params = params._replace(recurrent_kernel=jnp.asarray(kernel))
      exponents = lyapunov_exponents(cell, params, xs, discard=150)
      np.testing.assert_allclose(exponents, expected, rtol=0.0, atol=1e-10)
    # Without a time to turn they are off, but in no order that matters.
    early = np.asarray(lyapunov_exponents(cell, params, xs))
    assert 1e-5 < abs(early - expected).max() < 10.0 / T
    largest = lyapunov_exponents(cell, params, xs, num=2, discard=150)
    np.testing.assert_allclose(largest, expected[:, :2], rtol=0.0, atol=1e-10)


def foreign():
  """A chaotic cell of somebody else's: a list, a bare array, and a count."""

  def step(params, carry, x_BD):
    state, count = carry
    state = jnp.sin(3.0 * state @ params[0]) + x_BD @ params[1]
    return (state, count + 1), state

  def initial_carry(shape, dtype):
    return jnp.zeros((*shape, H), dtype), jnp.zeros(shape, jnp.int32)

  return Cell(
    lambda key, size: [jnp.eye(H), jnp.ones((size, H))], initial_carry, step
  )


CELLS_OF_ALL_KINDS = {
  "lstm": lstm(H),
  "stack": as_cell(stack([gru(H), lstm(2)])),
  "foreign": foreign(),
}


@pytest.mark.parametrize("name", CELLS_OF_ALL_KINDS)
def test_they_add_up_to_the_determinants(name):
  with jax.enable_x64(True):
    cell = CELLS_OF_ALL_KINDS[name]
    params, xs = setting(cell)
    jacobians = step_jacobians(cell, params, xs)
    log_det_TB = np.linalg.slogdet(jacobians.matrices)[1]
    for discard in (0, 7):
      exponents = np.asarray(
        lyapunov_exponents(cell, params, xs, discard=discard)
      )
      assert exponents.shape == (B, jacobians.matrices.shape[-1])
      assert (np.diff(exponents, axis=1) < 0.0).all()
      np.testing.assert_allclose(
        exponents.sum(axis=1), log_det_TB[discard:].mean(axis=0), rtol=1e-9
      )


def test_the_largest_is_the_rate_of_the_norm():
  with jax.enable_x64(True):
    cell = CELLS_OF_ALL_KINDS["foreign"]
    params, xs = setting(cell)
    exponents = np.asarray(lyapunov_exponents(cell, params, xs))
    # Of the product of the last T - 1 steps: apart by O(1 / T).
    rates = np.asarray(log_norms(step_jacobians(cell, params, xs)))[-1]
  assert exponents[:, 0].min() > 0.1
  np.testing.assert_allclose(
    exponents[:, 0], rates / (T - 1), rtol=0.0, atol=3.0 / T
  )


class Plane(NamedTuple):
  x: jax.Array
  y: jax.Array


def test_the_henon_map():
  def step(params, carry, x_BD):
    del params
    x = 1.0 - 1.4 * carry.x**2 + carry.y
    return Plane(x, 0.3 * carry.x), x_BD

  def initial_carry(shape, dtype):
    return Plane(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

  with jax.enable_x64(True):
    cell = Cell(lambda key, size: (), initial_carry, step)
    start_B = jnp.linspace(-0.4, 0.4, 8)
    xs = jnp.zeros((20_000, 8, 1))
    start = Plane(start_B, 0.2 * start_B)
    exponents = np.asarray(lyapunov_exponents(cell, (), xs, start, discard=100))
  # One orbit of this length is off by 4e-3, give or take.
  np.testing.assert_allclose(
    exponents.mean(axis=0), [0.419, -1.623], rtol=0.0, atol=3e-3
  )
  np.testing.assert_allclose(
    exponents.sum(axis=1), np.log(0.3), rtol=0.0, atol=1e-10
  )


def test_a_lost_direction_is_minus_infinity():
  cell = elman(3, "linear")
  kernel = jnp.diag(jnp.array([2.0, 0.0, 0.5]))
  params = ElmanParams(jnp.ones((D, 3)), kernel, jnp.zeros(3))
  exponents = lyapunov_exponents(cell, params, jnp.ones((90, 1, D)), discard=60)
  assert exponents.dtype == np.float32
  np.testing.assert_allclose(
    exponents, [[np.log(2.0), np.log(0.5), -np.inf]], rtol=1e-5
  )


def test_wrong_input_is_one_line_that_says_which():
  cell = gru(H)
  params, xs = setting(cell, 5)
  wrong = {
    "num must be an integer from 1 to 4, got 5": {"num": 5},
    "num must be an integer from 1 to 4, got 0": {"num": 0},
    "discard must be an integer from 0 to 4, got 5": {"discard": 5},
    "discard must be an integer from 0 to 4, got -1": {"discard": -1},
  }
  for message, options in wrong.items():
    with pytest.raises(FieldError) as error:
      lyapunov_exponents(cell, params, xs, **options)
    assert str(error.value) == message

  def halving(params, carry, x_BD):
    return carry[:, :2], x_BD

  narrowing = Cell(cell.init, lambda s, d: jnp.zeros((*s, H), d), halving)
  with pytest.raises(ValueError, match=r"^custom: .*must.*\(2, 2\)") as error:
    lyapunov_exponents(narrowing, params, xs)
  assert "\n" not in str(error.value)
