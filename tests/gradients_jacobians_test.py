"""Step Jacobians, their products and norms: oracles and closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import NUMPY_STEPS, sigmoid

from rnn_lab._stack import stack
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells import CELLS, Cell, ElmanParams, elman, gru, lstm
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.errors import FieldError
from rnn_lab.gradients.jacobians import (
  block,
  elman_bound,
  log_norms,
  product,
  spectral_radius,
  step_jacobians,
)

T, B, D, H = 6, 3, 2, 4


def random_like(tree, seed, scale=1.0):
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda a: jnp.asarray(scale * rng.normal(size=a.shape)), tree
  )


def setting(cell):
  """Random parameters, inputs and first carry, all distinct.

  In float64 where that is enabled.
  """
  shapes = jax.eval_shape(lambda key: cell.init(key, D), jax.random.key(0))
  params = random_like(shapes, 1, 0.7)
  xs = jnp.asarray(np.random.default_rng(2).normal(size=(T, B, D)))
  carry = random_like(cell.initial_carry((B,), jnp.float32), 3)
  return params, xs, carry


def by_complex_steps(kind, params, xs, carry):
  """ds_t/ds_{t-1} of the numpy cells: im f(s + i e) / e, exact to rounding."""
  params, xs, carry = jax.tree.map(np.asarray, (params, xs, carry))
  parts = len(carry)
  matrices = np.zeros((T, B, parts * H, parts * H))
  for t in range(T):
    for b in range(B):
      for j in range(parts * H):
        moved = [a[b].astype(complex) for a in carry]
        moved[j // H][j % H] += 1e-30j
        after, _ = NUMPY_STEPS[kind](params, type(carry)(*moved), xs[t, b])
        matrices[t, b, :, j] = np.concatenate(after).imag / 1e-30
    carry, _ = NUMPY_STEPS[kind](params, carry, xs[t])
  return matrices


@pytest.mark.parametrize("kind", CELLS)
def test_every_block_equals_the_derivative_of_the_numpy_cell(kind):
  with jax.enable_x64(True):
    cell = CELLS[kind](H)
    params, xs, carry = setting(cell)
    jacobians = step_jacobians(cell, params, xs, carry)
    expected = by_complex_steps(kind, params, xs, carry)
    assert jacobians.matrices.dtype == np.float64
    close = functools.partial(
      np.testing.assert_allclose, rtol=1e-12, atol=1e-14
    )
    close(jacobians.matrices, expected)
    assert tuple(jacobians.parts) == carry._fields
    for m, row in enumerate(carry._fields):
      for n, column in enumerate(carry._fields):
        part = expected[:, :, m * H : (m + 1) * H, n * H : (n + 1) * H]
        close(block(jacobians, row, column), part)
    # Products, and the norms of their blocks, at every lag.
    name = carry._fields[-1]
    for t in (2, T - 1) if kind == "lstm" else (T - 1,):
      logs = log_norms(jacobians, t, "h", name)
      assert logs.shape == (t + 1, B)
      whole = np.stack([np.eye(expected.shape[-1])] * B)
      for k in range(t, -1, -1):
        close(product(jacobians, t, k), whole)
        part = whole[:, jacobians.parts["h"], jacobians.parts[name]]
        close(product(jacobians, t, k, "h", name), part)
        with np.errstate(divide="ignore"):
          norm = np.log(np.linalg.norm(part, 2, axis=(1, 2)))
        np.testing.assert_allclose(logs[t - k], norm, rtol=1e-11, atol=1e-12)
        whole = whole @ expected[k]
    from_the_last = log_norms(jacobians, rows="h", columns=name)
    np.testing.assert_array_equal(from_the_last, logs)


def test_the_lstm_hands_its_cell_on_through_the_forget_gate_alone():
  with jax.enable_x64(True):
    cell = lstm(H)
    params, xs, carry = setting(cell)
    jacobians = step_jacobians(cell, params, xs, carry)
    z_BG = xs[0] @ params.input_kernel + carry.h @ params.recurrent_kernel
    f_BH = sigmoid(np.asarray(z_BG + params.bias[None])[:, H : 2 * H])
    cc = np.asarray(block(jacobians, "c", "c"))
    np.testing.assert_allclose(
      cc[0], f_BH[:, :, None] * np.eye(H), rtol=1e-13, atol=0.0
    )


def test_a_linear_cell_has_powers_of_its_kernel():
  with jax.enable_x64(True):
    cell = elman(H, "linear")
    params, xs, _ = setting(cell)
    jacobians = step_jacobians(cell, params, xs)
    w = np.asarray(params.recurrent_kernel)
    for t in range(T):
      one = np.asarray(block(jacobians, "h", "h"))[t]
      np.testing.assert_allclose(one, np.stack([w.T] * B), rtol=1e-10)
      for k in range(t + 1):
        power = np.linalg.matrix_power(w.T, t - k)
        np.testing.assert_allclose(
          product(jacobians, t, k), np.stack([power] * B), rtol=1e-10
        )
    norms = [
      np.linalg.norm(np.linalg.matrix_power(w, lag), 2) for lag in range(T)
    ]
    logs = np.asarray(log_norms(jacobians))
    np.testing.assert_allclose(
      logs, np.log(norms)[:, None].repeat(B, 1), rtol=1e-10, atol=1e-12
    )


def exactly_orthogonal(size, seed):
  """Halves and quarters: a float32 kernel with a rounding error of none."""
  rng = np.random.default_rng(seed)
  four = 0.5 * np.array(
    [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
  )
  blocks = np.kron(np.eye(size // 4), four)
  kernel = blocks[rng.permutation(size)] @ blocks[rng.permutation(size)]
  np.testing.assert_array_equal(kernel @ kernel.T, np.eye(size))
  return kernel.astype(np.float32)


def test_orthogonal_keeps_two_explodes_and_a_half_decays():
  # A kernel drawn in float32 is orthogonal to 5e-7 only, which would show.
  steps = 2000
  cell = elman(16, "linear")
  xs = jnp.ones((steps, 1, D))
  lags = np.arange(steps)
  for gain in (1.0, 2.0, 0.5):
    kernel = gain * exactly_orthogonal(16, 0)
    params = ElmanParams(jnp.ones((D, 16)), jnp.asarray(kernel), jnp.zeros(16))
    jacobians = step_jacobians(cell, params, xs)
    logs = np.asarray(log_norms(jacobians))[:, 0]
    assert logs.dtype == np.float32
    # Float32 ends at 2^128; at the end the logs have an ulp of 1e-4.
    expected = lags * np.log(gain)
    np.testing.assert_allclose(logs, expected, rtol=2e-7, atol=1e-5)
    if gain == 1.0:
      norms = np.linalg.norm(product(jacobians, 1000, 0), 2, axis=(1, 2))
      np.testing.assert_allclose(norms, 1.0, rtol=0.0, atol=1e-5)


class Foreign:
  """Cells that somebody else wrote, none with a field `h` in the carry."""

  @staticmethod
  def bare():
    """The carry one array, the parameters a list."""

    def step(params, carry, x_BD):
      carry = jnp.sin(carry @ params[0]) + x_BD @ params[1]
      return carry, carry[:, :1]

    return Cell(
      lambda key, size: [jnp.eye(H), jnp.ones((size, H))],
      lambda shape, dtype: jnp.zeros((*shape, H), dtype),
      step,
    )

  @staticmethod
  def fading():
    """Numbers that double and halve, what becomes of them, and a count."""

    def step(params, carry, x_BD):
      del params
      return {
        "down": carry["down"] / 2,
        "late": 0 * carry["late"] + carry["down"] + carry["up"][:, 0],
        "steps": carry["steps"] + 1,
        "sum": carry["sum"] + carry["down"],
        "up": carry["up"] * 2,
      }, x_BD

    def initial_carry(shape, dtype):
      return {
        "down": jnp.ones(shape, dtype),
        "late": jnp.ones(shape, dtype),
        "steps": jnp.zeros(shape, jnp.int32),
        "sum": jnp.zeros(shape, dtype),
        "up": jnp.ones((*shape, 1), dtype),
      }

    return Cell(lambda key, size: (), initial_carry, step)


def test_a_bare_array_as_carry():
  with jax.enable_x64(True):
    cell = Foreign.bare()
    params, xs, carry = setting(cell)
    jacobians = step_jacobians(cell, params, xs, carry)
    assert jacobians.parts == {"": slice(0, H)}
    # d sin(s w)_i / ds_j = cos(s w)_i w_ji.
    slope = np.cos(np.asarray(carry @ params[0]))
    w = np.asarray(params[0])
    expected = slope[:, :, None] * w.T[None]
    np.testing.assert_allclose(jacobians.matrices[0], expected, rtol=1e-12)
    np.testing.assert_allclose(
      block(jacobians, "", None)[0], expected, rtol=1e-12
    )


def test_parts_that_fade_far_below_the_others():
  # After 500 steps they are 2^1000 apart: no common scale holds both.
  cell = Foreign.fading()
  xs = jnp.ones((500, 2, 1))
  jacobians = step_jacobians(cell, (), xs)
  assert list(jacobians.parts) == ["down", "late", "sum", "up"]
  lags = np.arange(500)
  logs = log_norms(jacobians, columns="up")
  # From `up` to `up` and `late`: 2^l and 2^(l - 1).
  np.testing.assert_allclose(
    logs[1:, 1], lags[1:] * np.log(2) + np.log(1.25) / 2, rtol=1e-6
  )
  logs = log_norms(jacobians, rows="late", columns="down")
  assert logs[0, 0] == -np.inf
  np.testing.assert_allclose(logs[1:, 0], -lags[:-1] * np.log(2), rtol=1e-6)
  # What is nothing of `down`, `sum`, must not set the scale of what is.
  logs = log_norms(jacobians, rows="down", columns="down")
  np.testing.assert_allclose(logs[:, 0], -lags * np.log(2), rtol=1e-6)


def test_layers_of_a_stack_are_parts():
  with jax.enable_x64(True):
    cell = as_cell(stack([lstm(H), gru(3)]))
    params, xs, carry = setting(cell)
    jacobians = step_jacobians(cell, params, xs, carry)
    names = ["0.forward.h", "0.forward.c", "1.forward.h"]
    assert list(jacobians.parts) == names

    def last_of_top(c):
      layers = (carry[0]._replace(forward=carry[0].forward._replace(c=c)),)
      after = layers + carry[1:]
      for x_BD in xs[:3]:
        after, _ = cell.step(params, after, x_BD)
      return after[1].forward.h

    # One example does not act on another.
    whole = jax.jit(jax.jacobian(last_of_top))(carry[0].forward.c)
    expected = np.stack([np.asarray(whole)[b, :, b] for b in range(B)])
    from_0 = np.asarray(product(jacobians, 2, 0, "1.forward.h"))
    first = np.asarray(jacobians.matrices[0][:, :, jacobians.parts[names[1]]])
    np.testing.assert_allclose(from_0 @ first, expected, rtol=1e-11)
    # The top layer has no effect on the one below it.
    logs = log_norms(jacobians, rows=names[0], columns=names[2])
    assert (np.asarray(logs) == -np.inf).all()


def test_float32_and_a_batch_of_one():
  cell = lstm(H)
  params, xs, _ = setting(cell)
  together = step_jacobians(cell, params, xs)
  assert together.matrices.dtype == np.float32
  alone = step_jacobians(cell, params, xs[:, 1:2])
  np.testing.assert_allclose(
    together.matrices[:, 1:2], alone.matrices, rtol=1e-5, atol=1e-7
  )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_elman_cell_exceeds_the_bound(activation):
  with jax.enable_x64(True):
    cell = elman(H, activation)
    params, xs, carry = setting(cell)
    # Where the activation is steepest the bound is reached in one step.
    params = params._replace(bias=0 * params.bias)
    xs, carry = 0 * xs, jax.tree.map(jnp.zeros_like, carry)
    if activation == "relu":
      params = params._replace(bias=params.bias + 1.0)
    jacobians = step_jacobians(cell, params, xs, carry)
    bound = elman_bound(cell, params, T)
    sigma = np.linalg.norm(params.recurrent_kernel, 2)
    slope = 0.25 if activation == "sigmoid" else 1.0
    np.testing.assert_allclose(
      bound, np.arange(T) * np.log(sigma * slope), rtol=1e-12
    )
    logs = np.asarray(log_norms(jacobians))
    assert (logs <= bound[:, None] + 1e-12).all()
    steepest = np.linalg.norm(jacobians.matrices[0], 2, axis=(1, 2))
    np.testing.assert_allclose(np.log(steepest), bound[1], rtol=1e-12)


def test_the_bound_of_a_kernel_of_zeros_and_of_other_cells():
  zeros = ElmanParams(jnp.ones((D, H)), jnp.zeros((H, H)), jnp.zeros(H))
  assert list(elman_bound(elman(H), zeros, 3)) == [0.0, -np.inf, -np.inf]
  with pytest.raises(FieldError) as error:
    elman_bound(gru(H), zeros, 3)
  assert str(error.value) == (
    "cell must be of kind 'elman' for this bound, got 'gru'"
  )


def test_spectral_radius():
  # Eigenvalues 0.3 e^(+-i) and -0.2: neither the norm, 5, nor the real parts.
  turn = 0.3 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
  matrix = np.block([[turn, np.array([[5.0], [0]])], [np.zeros((1, 2)), -0.2]])
  assert spectral_radius(matrix) == pytest.approx(0.3, rel=1e-12)
  assert spectral_radius(1j * matrix) == pytest.approx(0.3, rel=1e-12)
  with pytest.raises(FieldError, match=r"matrix .* got shape \(2, 3\)"):
    spectral_radius(np.ones((2, 3)))


def shape_changing():
  def step(params, carry, x_BD):
    del params
    return jnp.concatenate([carry, carry], axis=1), x_BD

  return Foreign.bare()._replace(step=step)


def test_wrong_input_is_one_line_that_says_which():
  cell = gru(H)
  params, xs, _ = setting(cell)
  jacobians = step_jacobians(cell, params, xs)
  wrong = {
    "k must be at most t = 3, got 5": lambda: product(jacobians, 3, 5),
    "k must be an integer from 0 to 5, got -1": lambda: product(
      jacobians, 3, -1
    ),
    "t must be an integer from 0 to 5, got 6": lambda: product(jacobians, 6, 0),
    "t must be an integer from 0 to 5, got 7": lambda: log_norms(jacobians, 7),
    "rows must be one of h, got 'c'": lambda: block(jacobians, "c", "h"),
    "columns must be one of h, got 'g'": lambda: product(
      jacobians, 2, 1, "h", "g"
    ),
    "xs must be arrays of shape [T, B, D], got shape (6, 2)": lambda: (
      step_jacobians(cell, params, xs[:, 0])
    ),
    "num_lags must be an integer of at least 1, got 0": lambda: elman_bound(
      elman(H), None, 0
    ),
  }
  for message, call in wrong.items():
    with pytest.raises(FieldError) as error:
      call()
    assert str(error.value) == message
  with pytest.raises(ValueError, match=r"^custom: .*must.*\(3, 8\)") as info:
    step_jacobians(shape_changing(), [], xs)
  assert "\n" not in str(info.value)
