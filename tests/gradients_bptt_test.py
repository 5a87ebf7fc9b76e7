"""The terms of BPTT against closed forms, copies of weights, differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients_cases import T, case

from rnn_lab._stack import stack
from rnn_lab.cells import ElmanParams, elman
from rnn_lab.errors import FieldError
from rnn_lab.gradients.bptt import CHUNK, bptt_terms, terms_by_lag
from rnn_lab.gradients.costs import window_weights
from rnn_lab.gradients.gates import activations
from rnn_lab.gradients.jacobians import elman_bound, step_jacobians
from rnn_lab.gradients.lyapunov import lyapunov_exponents
from rnn_lab.gradients.truncation import truncation_bias


def costs_of_copies(copies_T, step, cost, readout, xs, targets, carry, weights):
  """weights[t] * J_t, `[T]`, of a network whose step k has copies_T[k]."""

  def body(carry, at_t):
    params, x, target, weight = at_t
    carry, y = step(params, carry, x)
    return carry, weight * cost(readout, y, target)

  return jax.lax.scan(body, carry, (copies_T, xs, targets, weights))[1]


def copies(params):
  return jax.tree.map(lambda a: jnp.stack([a] * T), params)


@functools.partial(jax.jit, static_argnums=(1, 2))
def definition(params, step, cost, *rest):
  """The gradient, J_t, and the terms themselves, leaves `[T, T, ...]`."""

  costs_T, pull = jax.vjp(
    lambda copies_T: costs_of_copies(copies_T, step, cost, *rest),
    copies(params),
  )
  (own,) = jax.vmap(pull)(jnp.eye(T, dtype=costs_T.dtype))
  return jax.tree.map(lambda a: jnp.sum(a, (0, 1)), own), costs_T, own


def cosines(inner_TT, norm_TT, gradient):
  size = norm_TT * np.linalg.norm(gradient)
  return np.where(size > 0, inner_TT / np.where(size > 0, size, 1), 0)


@pytest.mark.parametrize("name", ["gru", "lstm", "foreign", "stack"])
def test_terms_are_the_gradients_of_each_steps_own_copy(name):
  with jax.enable_x64(True):
    args, options = case(name)
    cell, cost, params, readout, xs, targets = args
    terms = bptt_terms(*args, **options)
    gradient, cost_T, own = definition(
      params, cell.step, cost, readout, xs, targets, *options.values()
    )
  terms, gradient, cost_T, own = jax.tree.map(
    np.asarray, (terms, gradient, cost_T, own)
  )
  np.testing.assert_allclose(terms.cost_T, cost_T, rtol=1e-12)
  leaves = [
    jax.tree.leaves(tree)
    for tree in (
      terms.gradient,
      terms.total,
      terms.norm,
      terms.cosine,
      gradient,
      own,
    )
  ]
  for by_grad, total, norm, cosine, full, each in zip(*leaves, strict=True):
    assert norm.dtype == cosine.dtype == np.float64
    full, flat = np.ravel(full), np.reshape(each, (T, T, -1))
    np.testing.assert_allclose(np.ravel(by_grad), full, rtol=1e-11, atol=1e-13)
    assert np.linalg.norm(np.ravel(total) - full) < 1e-10 * np.linalg.norm(full)
    norms = np.linalg.norm(flat, axis=-1)
    np.testing.assert_allclose(norm, norms, rtol=1e-10)
    expected = cosines(flat @ full, norms, full)
    np.testing.assert_allclose(cosine, expected, rtol=1e-9, atol=1e-10)
    for pairs in (norm, cosine):
      assert not np.triu(pairs, 1).any()
      assert not np.any(pairs[2])  # the cost of weight zero
      assert np.count_nonzero(pairs) >= 16  # or both are zeros


def test_terms_agree_with_finite_differences():
  forward = jax.jit(costs_of_copies, static_argnums=(1, 2))
  with jax.enable_x64(True):
    args, options = case("lstm")
    cell, cost, params, readout, xs, targets = args
    terms = bptt_terms(*args, **options)
    rest = (cell.step, cost, readout, xs, targets, *options.values())
    for name in params._fields:
      gradient = getattr(terms.gradient, name)
      unit = gradient / jnp.linalg.norm(gradient)
      slopes_KT = []
      for k in range(T):
        costs = []
        for sign in (1.0, -1.0):
          moved = copies(params)
          leaf = getattr(moved, name).at[k].add(sign * 1e-5 * unit)
          moved = moved._replace(**{name: leaf})
          costs.append(forward(moved, *rest))
        slopes_KT.append((costs[0] - costs[1]) / 2e-5)
      along = getattr(terms.norm, name) * getattr(terms.cosine, name)
      np.testing.assert_allclose(
        along, np.stack(slopes_KT, axis=1), rtol=1e-6, atol=1e-8
      )


def test_sums_equal_jax_grad_of_a_loop_and_the_readout_has_one_term_a_step():
  with jax.enable_x64(True):
    args, options = case("elman")
    cell, cost, params, readout, xs, targets = args
    weights_T = options["weights_T"]

    def costs(params, readouts):
      h, costs = options["carry"].h, []
      for t, own in enumerate(readouts):
        h = jnp.tanh(xs[t] @ params[0] + h @ params[1] + params[2][None])
        costs.append(weights_T[t] * cost(own, h, targets[t]))
      return sum(costs)

    terms = bptt_terms(*args, **options)
    # Each step has its own readout, too: the terms are the gradients.
    gradient, each = jax.jit(jax.grad(costs, argnums=(0, 1)))(
      params, [readout] * T
    )
    terms, gradient, each = jax.tree.map(np.asarray, (terms, gradient, each))
  for name in params._fields:
    full = getattr(gradient, name)
    for sums in (terms.total, terms.gradient):
      error = np.linalg.norm(getattr(sums, name) - full)
      assert error < 1e-10 * np.linalg.norm(full)
  for name in readout:
    rows = np.stack([own[name].ravel() for own in each])
    full = rows.sum(axis=0)
    norm = np.linalg.norm(rows, axis=1)
    assert norm[2] == terms.readout_norm[name][2] == 0.0
    np.testing.assert_allclose(
      terms.readout_gradient[name].ravel(), full, rtol=1e-10
    )
    np.testing.assert_allclose(terms.readout_norm[name], norm, rtol=1e-10)
    expected = cosines(rows @ full, norm, full)
    np.testing.assert_allclose(
      terms.readout_cosine[name], expected, rtol=1e-9, atol=1e-10
    )


LINEAR_T, LINEAR_B, LINEAR_D, LINEAR_H = 2 * CHUNK + 3, 2, 3, 4


def linear_cost(readout, y, target):
  return jnp.sum((y @ readout - target) ** 2) / 2


def linear_network(gain):
  """Matrices u, w, v and xs, targets in float64; w is gain times a rotation."""
  rng = np.random.default_rng(0)
  w = gain * np.linalg.qr(rng.normal(size=(LINEAR_H, LINEAR_H)))[0]
  u = rng.normal(size=(LINEAR_D, LINEAR_H))
  v = rng.normal(size=(LINEAR_H, 2))
  xs = rng.normal(size=(LINEAR_T, LINEAR_B, LINEAR_D))
  return u, w, v, xs, rng.normal(size=(LINEAR_T, LINEAR_B, 2))


def linear_terms(u, w, v, xs, targets):
  with jax.enable_x64(True):
    params = ElmanParams(*map(jnp.asarray, (u, w, np.zeros(LINEAR_H))))
    data = map(jnp.asarray, (v, xs, targets))
    terms = bptt_terms(elman(LINEAR_H, "linear"), linear_cost, params, *data)
    return jax.tree.map(np.asarray, terms)


# At the second gain the terms of the longest lag are of size 1e-200, and their
# squares are zero. T is several chunks, the last of them not full.
@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_a_linear_network_has_terms_in_powers_of_its_matrix(gain):
  u, w, v, xs, targets = linear_network(gain)
  powers = [np.linalg.matrix_power(w.T, n) for n in range(LINEAR_T)]
  h_TBH = [np.zeros((LINEAR_B, LINEAR_H))]
  for x in xs:
    h_TBH.append(x @ u + h_TBH[-1] @ w)
  pairs = [(t, k) for t in range(LINEAR_T) for k in range(t + 1)]
  by_w, by_u = {}, {}
  for t, k in pairs:
    by_h_BH = (h_TBH[t + 1] @ v - targets[t]) @ v.T @ powers[t - k]
    by_w[t, k], by_u[t, k] = h_TBH[k].T @ by_h_BH, xs[k].T @ by_h_BH

  terms = linear_terms(u, w, v, xs, targets)
  for name, each in (("recurrent_kernel", by_w), ("input_kernel", by_u)):
    whole = sum(each.values())
    np.testing.assert_allclose(getattr(terms.total, name), whole, rtol=1e-10)
    norm, cosine = getattr(terms.norm, name), getattr(terms.cosine, name)
    for t, k in pairs:
      # Scaled, or the squares of this test would vanish.
      largest = np.abs(each[t, k]).max() or 1.0
      term = each[t, k] / largest
      size = np.linalg.norm(term)
      np.testing.assert_allclose(norm[t, k], largest * size, rtol=1e-10)
      inner = np.sum(term * whole) / np.linalg.norm(whole)
      np.testing.assert_allclose(cosine[t, k] * size, inner, atol=1e-10)
  longest = terms.norm.recurrent_kernel[-1, 1]
  assert longest > 0.1 if gain == 1.0 else 1e-203 < longest < 1e-190


def test_an_overflow_stays_with_the_terms_that_have_it():
  u, w, v, xs, targets = linear_network(1e110)
  xs[1:] = 0.0
  xs[0] *= 1e-300
  # h_3 is 1e30, h_5 1e250 and h_6 too much; so is dJ_3/dh_0, but not dJ_3/dh_1.
  norm = linear_terms(u, w, v, xs, targets).norm
  assert np.isfinite(norm.bias[3, 1:]).all() and norm.bias[3, 1] > 1e240
  for leaf in norm:
    assert not np.isfinite(leaf[3, 0]) or leaf is norm.recurrent_kernel
    assert not np.isfinite(leaf[6:, 5]).any()
    assert not np.triu(leaf, 1).any()


def test_float32_has_the_same_terms():
  args, options = case("elman", np.float32)
  single = bptt_terms(*args, **options)
  with jax.enable_x64(True):
    args, options = case("elman")
    double = bptt_terms(*args, **options)
  for leaf in jax.tree.leaves(single):
    assert leaf.dtype == np.float32
  for a, e in zip(single.total, double.gradient):
    np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-6)
  for a, e in zip(single.norm, double.norm):
    np.testing.assert_allclose(a, e, rtol=1e-4)


def test_terms_of_a_window():
  args, _ = case("elman", np.float32)
  terms = bptt_terms(*args, weights_T=window_weights(T, 2, 3))
  norm = np.asarray(terms.norm.recurrent_kernel)
  used = np.zeros((T, T), bool)
  # h_{-1} is zero, and so is the term of w at k = 0.
  used[2, 1:3] = used[3, 1:4] = True
  np.testing.assert_array_equal(norm > 0, used)
  np.testing.assert_array_equal(terms.cost_T > 0, used.any(axis=1))


def test_terms_by_lag():
  norm = np.array([[3.0, 0.0, 0.0], [5.0, 4.0, 0.0], [7.0, 12.0, 0.0]])
  np.testing.assert_allclose(terms_by_lag(norm), [5.0, 13.0, 7.0], rtol=1e-6)
  np.testing.assert_allclose(
    terms_by_lag(norm * 1e-30), [5e-30, 13e-30, 7e-30], rtol=1e-6
  )
  with pytest.raises(ValueError) as error:
    terms_by_lag(norm[:2])
  assert str(error.value) == (
    "norm_TT must be an array of shape [T, T], got shape (2, 3)"
  )


def test_wrong_shapes_are_named():
  args, _ = case("elman", np.float32)
  *head, xs, targets = args
  for arguments, options, message in (
    (
      (*head, xs, targets[:-1]),
      {},
      "targets must be arrays of shape [T, ...] with the T = 6 of xs, got "
      "shape (5, 3, 2)",
    ),
    (
      args,
      {"weights_T": jnp.ones(7)},
      "weights_T must be an array of shape [T] with the T = 6 of xs, got "
      "shape (7,)",
    ),
    (
      (*head, xs[:0], targets[:0]),
      {},
      "xs must be arrays of shape [T, ..., D] with one T of at least 1, got "
      "shape (0, 3, 2)",
    ),
  ):
    with pytest.raises(ValueError) as error:
      bptt_terms(*arguments, **options)
    assert str(error.value) == message


def test_a_cost_that_is_not_a_scalar_and_a_stack_are_named():
  (cell, cost, *rest), _ = case("elman", np.float32)
  for wrong, got in (
    (lambda v, y, target: y[:, 0], "shape (3,)"),
    (lambda v, y, target: (cost(v, y, target),), "a tuple"),
  ):
    with pytest.raises(FieldError) as error:
      bptt_terms(cell, wrong, *rest)
    assert str(error.value) == f"cost must return a scalar, got {got}"
  with pytest.raises(FieldError, match="cell must be a Cell, got a Stack; "):
    bptt_terms(stack([cell]), cost, *rest)


def test_parameters_that_are_no_arrays_are_named():
  """Lists of numbers would be trees of scalars, with a norm of each."""
  (cell, cost, params, *rest), _ = case("elman", np.float32)
  lists, xs = jax.tree.map(lambda a: a.tolist(), params), rest[1]
  words = "elman: params must hold arrays, got a float at .input_kernel"
  for function in (
    lambda: bptt_terms(cell, cost, lists, *rest),
    lambda: truncation_bias(cell, cost, lists, *rest, [2]),
    lambda: step_jacobians(cell, lists, xs),
    lambda: lyapunov_exponents(cell, lists, xs),
  ):
    with pytest.raises(FieldError, match=f"^{words}"):
      function()
  with pytest.raises(FieldError, match="^params must hold arrays, got a float"):
    activations(stack([cell]), ((lists,),), xs)
  bound = elman_bound(cell, params, 3)
  np.testing.assert_array_equal(elman_bound(cell, lists, 3), bound)
  with pytest.raises(FieldError, match=r"^params must be those of an elman, "):
    elman_bound(cell, None, 3)


def test_a_step_that_changes_its_carry_is_named():
  args, _ = case("foreign", np.float32)
  cell = args[0]._replace(step=lambda p, s, x: (s[:1], s), kind="shrinking")
  with pytest.raises(ValueError, match="^shrinking: the carry must") as error:
    bptt_terms(cell, *args[1:])
  assert "\n" not in str(error.value)
