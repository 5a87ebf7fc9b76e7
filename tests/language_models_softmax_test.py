"""The chunked softmax against the plain one, value and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.test_util import check_grads

from rnn_lab.language_models import softmax


def problem(rows=7, width=5, words=11, dtype=np.float32):
  random = np.random.default_rng(0)
  h = random.normal(size=(rows, width)).astype(dtype)
  kernel = random.normal(size=(width, words)).astype(dtype)
  bias = random.normal(size=words).astype(dtype)
  targets = random.integers(0, words, rows)
  weights = np.linspace(0.0, 2.0, rows).astype(dtype)
  return h, kernel, bias, targets, weights


def plain(h, kernel, bias, targets, weights):
  log_p = jax.nn.log_softmax(h @ kernel + bias[None])
  return -jnp.sum(log_p[jnp.arange(len(targets)), targets] * weights)


@pytest.mark.parametrize("chunk", [1, 3, 7, 20])
def test_value_and_gradients_equal_the_plain_loss(chunk):
  h, kernel, bias, targets, weights = problem()

  def chunked(h, kernel, bias):
    # Not a bare sum: the cotangent that comes back must be used.
    value = softmax.cross_entropy(h, kernel, bias, targets, weights, chunk)
    return 0.5 * value**2

  def expected(h, kernel, bias):
    return 0.5 * plain(h, kernel, bias, targets, weights) ** 2

  got = jax.jit(jax.value_and_grad(chunked, (0, 1, 2)))(h, kernel, bias)
  want = jax.jit(jax.value_and_grad(expected, (0, 1, 2)))(h, kernel, bias)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want)):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-4)
  value = softmax.cross_entropy(h, kernel, bias, targets, weights, chunk)
  np.testing.assert_allclose(
    value, plain(h, kernel, bias, targets, weights), rtol=1e-5
  )


def test_finite_differences_agree():
  with jax.enable_x64(True):
    h, kernel, bias, targets, weights = problem(dtype=np.float64)
    # Of one vector, so that the differences compile once.
    vector, arrays = ravel_pytree((h, kernel, bias))
    check_grads(
      jax.jit(lambda v: softmax.cross_entropy(*arrays(v), targets, weights, 3)),
      (vector,),
      order=1,
      modes=["rev"],
      atol=1e-4,
      rtol=1e-4,
    )


@pytest.mark.parametrize("chunk", [1, 3, 7, 20])
def test_log_probs_equal_the_plain_ones(chunk):
  h, kernel, bias, targets, _ = problem()
  log_p = softmax.log_probs(h, kernel, bias, targets, chunk)
  want = jax.nn.log_softmax(h @ kernel + bias[None])[np.arange(7), targets]
  np.testing.assert_allclose(log_p, want, rtol=1e-5, atol=1e-6)


def test_a_token_of_weight_zero_leaves_no_gradient():
  h, kernel, bias, targets, weights = problem()
  d_h = jax.grad(softmax.cross_entropy)(h, kernel, bias, targets, weights, 3)
  assert weights[0] == 0.0
  assert (np.asarray(d_h[0]) == 0.0).all()
  assert (np.asarray(d_h[1:]) != 0.0).all()
