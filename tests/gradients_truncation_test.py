"""Truncated gradients against windows that begin at states taken as given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients_cases import T, case

from rnn_lab.cells import elman
from rnn_lab.errors import FieldError
from rnn_lab.gradients.truncation import truncation_bias

REACHES = {1: (1, 2, 4, T, 10**12), 4: (4, 5, T)}


def truncated_by_windows(args, options, every, reaches):
  """The definition: a loop for each group, cut where its window begins."""
  cell, cost, params, readout, xs, targets = args

  @jax.jit
  @jax.grad
  def window(params, begin, end, start):
    carry, total = options["carry"], 0.0
    for t in range(T):
      carry = jax.tree.map(
        lambda a, t=t: jnp.where(t == start, jax.lax.stop_gradient(a), a), carry
      )
      carry, y = cell.step(params, carry, xs[t])
      value = options["weights_T"][t] * cost(readout, y, targets[t])
      total += jnp.where((begin <= t) & (t < end), value, 0.0)
    return total

  for reach in reaches:
    groups = []
    for begin in range(0, T, every):
      end = min(begin + every, T)
      groups.append(window(params, begin, end, max(0, end - reach)))
    yield jax.tree.map(lambda *a: np.sum(a, axis=0), *groups)


def flat(tree):
  return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


# At every = 4 the last group is shorter: T is 6.
@pytest.mark.parametrize("name, every", [("elman", 4), ("counting", 1)])
def test_every_reach_is_what_its_windows_give(name, every):
  with jax.enable_x64(True):
    args, options = case(name)
    found = truncation_bias(*args, REACHES[every], every=every, **options)
    found = jax.tree.map(np.asarray, found)
    expected = list(truncated_by_windows(args, options, every, REACHES[every]))
  full = jax.tree.leaves(found.gradient)
  for n, each in enumerate(expected):
    for m, truncated in enumerate(jax.tree.leaves(each)):
      actual = jax.tree.leaves(found.truncated)[m][n]
      np.testing.assert_allclose(actual, truncated, rtol=1e-10, atol=1e-12)
      error = np.linalg.norm(truncated - full[m]) / np.linalg.norm(full[m])
      np.testing.assert_allclose(
        jax.tree.leaves(found.relative_error)[m][n],
        error,
        rtol=1e-9,
        atol=1e-12,
      )
      np.testing.assert_allclose(
        jax.tree.leaves(found.cosine)[m][n],
        np.sum(truncated * full[m])
        / np.linalg.norm(truncated)
        / np.linalg.norm(full[m]),
        rtol=1e-10,
      )
    a, e = flat(each), flat(found.gradient)
    np.testing.assert_allclose(
      found.total_relative_error[n],
      np.linalg.norm(a - e) / np.linalg.norm(e),
      rtol=1e-9,
      atol=1e-12,
    )
    np.testing.assert_allclose(
      found.total_cosine[n],
      a @ e / np.linalg.norm(a) / np.linalg.norm(e),
      rtol=1e-10,
    )
  for leaf, whole in zip(jax.tree.leaves(found.truncated), full):
    for n, reach in enumerate(REACHES[every]):
      assert np.array_equal(leaf[n], whole) == (reach >= T)
  assert (found.total_relative_error[:-1] > 0.0).sum() >= 2
  assert found.total_relative_error[-1] == 0.0


def test_float32_and_gradients_that_vanish():
  """With a cost at the end only, a reach of 1 sees x_T and nothing before."""
  args, _ = case("elman", np.float32)
  cell, cost, params, readout, xs, targets = args
  weights_T = jnp.zeros(T).at[T - 1].set(1.0)
  found = truncation_bias(*args, (1, T), weights_T=weights_T)
  (u, w, b), h = map(np.asarray, params), np.zeros((xs.shape[1], 4))
  for x in np.asarray(xs):
    before, h = h, np.tanh(x @ u + h @ w + b)
  by_y = jax.grad(cost, argnums=1)(readout, jnp.asarray(h), targets[-1])
  by_z = by_y * (1 - h**2)
  np.testing.assert_allclose(
    found.truncated.recurrent_kernel[0], before.T @ by_z, rtol=1e-3, atol=1e-5
  )
  assert found.truncated.recurrent_kernel.dtype == np.float32
  np.testing.assert_array_equal(found.truncated.bias[1], found.gradient.bias)
  # No cost at all: no gradient, no error, and no angle.
  found = truncation_bias(*args, (1, T), weights_T=jnp.zeros(T))
  np.testing.assert_array_equal(found.total_relative_error, 0.0)
  np.testing.assert_array_equal(found.total_cosine, 0.0)


@pytest.mark.parametrize(
  "reaches, every, message",
  [
    ((1, 0), 1, "reaches[1] must be an integer of at least 1, got 0"),
    ((-3,), 1, "reaches[0] must be an integer of at least 1, got -3"),
    ((True,), 1, "reaches[0] must be an integer of at least 1, got True"),
    ((5, 3), 4, "reaches[1] must be at least every = 4, got 3"),
    ((), 1, "reaches must hold at least one integer, got ()"),
    ((1,), 0, "every must be an integer of at least 1, got 0"),
  ],
)
def test_wrong_reaches_are_named(reaches, every, message):
  args, _ = case("elman", np.float32)
  with pytest.raises(FieldError) as error:
    truncation_bias(*args, reaches, every=every)
  assert str(error.value) == message


def test_wrong_shapes_are_named():
  args, _ = case("elman", np.float32)
  with pytest.raises(FieldError) as error:
    truncation_bias(*args, (1,), weights_T=jnp.ones(T - 1))
  assert str(error.value) == (
    "weights_T must be an array of shape [T] with the T = 6 of xs, got shape "
    "(5,)"
  )


def test_an_explosion_does_not_hide_what_short_reaches_keep():
  num_steps, gain = 60, 3.0
  with jax.enable_x64(True):
    cell = elman(3, "linear")
    params = cell.init(jax.random.key(0), 2)
    params = jax.tree.map(lambda a: a.astype(jnp.float64), params)
    params = params._replace(recurrent_kernel=gain * params.recurrent_kernel)
    xs = jax.random.normal(jax.random.key(1), (num_steps, 2, 2), jnp.float64)
    weights = jnp.zeros(num_steps).at[-1].set(1.0)
    found = truncation_bias(
      cell,
      lambda v, y, target: jnp.sum(y * target),
      params,
      (),
      xs,
      jnp.ones((num_steps, 2, 3)).at[:, 0].set(2.0),
      [1, 3],
      weights_T=weights,
    )
  # Of one step back, dE/du = x^T g and dE/db = g; g is the target.
  g = np.array([[2.0] * 3, [1.0] * 3])
  wanted = np.asarray(xs[-1]).T @ g
  assert np.abs(found.gradient.bias).max() > 1e25
  np.testing.assert_allclose(found.truncated.input_kernel[0], wanted, 1e-12)
  np.testing.assert_allclose(found.truncated.bias[0], g.sum(axis=0), 1e-12)
  full = np.asarray(found.gradient.input_kernel)
  cosine = np.sum(full * wanted) / np.linalg.norm(full) / np.linalg.norm(wanted)
  np.testing.assert_allclose(found.cosine.input_kernel[0], cosine, 1e-10)
  np.testing.assert_allclose(found.relative_error.bias, 1.0, 1e-10)
