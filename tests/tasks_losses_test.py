"""Losses against plain float64, and what a weight of zero must hide."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.tasks import losses
from rnn_lab.types import Batch

LEADS = [(4,), (2, 3)]  # one output a sequence, one a step
K = 5


def example(kind, lead):
  """Distinct outputs, targets and weights, one weight of them zero."""
  rng = np.random.default_rng(7)
  outputs = rng.normal(0, 3, lead + (K,)).astype(np.float32)
  if kind == "softmax":
    targets = rng.integers(0, K, lead)
  elif kind == "sigmoid":
    targets = rng.integers(0, 2, lead + (K,)).astype(np.float32)
  else:
    targets = rng.normal(size=lead + (K,)).astype(np.float32)
  weights = np.linspace(0, 2, np.prod(lead)).reshape(lead)
  return outputs, as_batch(targets, weights)


def as_batch(targets, weights):
  return Batch(
    inputs=None,
    input_lengths=None,
    targets=jnp.asarray(targets),
    weights=jnp.asarray(weights, jnp.float32),
  )


@functools.cache
def value_and_gradient(kind):
  return jax.jit(jax.value_and_grad(losses.LOSSES[kind], has_aux=True))


def one_by_one(kind, outputs, batch):
  """(sum, count) by loops, each term from its definition, in float64."""
  total = count = 0.0
  for place in np.ndindex(batch.weights.shape):
    x = np.asarray(outputs[place], np.float64)
    target = np.asarray(batch.targets[place])
    weight = float(batch.weights[place])
    if kind == "softmax":
      value = -np.log(np.exp(x[target]) / np.sum(np.exp(x)))
    elif kind == "sigmoid":
      p = 1 / (1 + np.exp(-x))
      value = -sum(np.log(q if z else 1 - q) for q, z in zip(p, target))
    else:
      value = sum((a - b) ** 2 for a, b in zip(x, target))
    total += weight * value
    count += weight
  return total, count


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("kind", losses.LOSSES)
def test_losses_against_their_definition(kind, lead):
  outputs, batch = example(kind, lead)
  expected = one_by_one(kind, outputs, batch)
  made = losses.LOSSES[kind](jnp.asarray(outputs), batch)
  assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize("wrong", [-1, K])
def test_a_target_that_is_no_class_has_no_loss(wrong):
  """-1 is not the last class."""
  outputs, batch = example("softmax", (4,))
  of_place_0 = batch._replace(targets=batch.targets.at[0].set(wrong))
  assert batch.weights[0] == 0 and batch.weights[1] > 0
  expected = losses.cross_entropy(jnp.asarray(outputs), batch)
  made = losses.cross_entropy(jnp.asarray(outputs), of_place_0)
  assert_array_equal(made, expected)
  of_place_1 = batch._replace(targets=batch.targets.at[1].set(wrong))
  assert np.isnan(losses.cross_entropy(jnp.asarray(outputs), of_place_1)[0])


@pytest.mark.parametrize("huge", [3e38, -3e38, np.inf, np.nan])
@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("kind", losses.LOSSES)
def test_nothing_leaks_from_weight_zero(kind, lead, huge):
  outputs, batch = example(kind, lead)
  hidden = np.asarray(batch.weights) == 0
  assert hidden.sum() == 1
  expected = one_by_one(kind, outputs, batch)
  # Of both signs, so that differences inside the loss overflow too.
  outputs[hidden] = huge * np.array([1, -1, 1, -1, 1], np.float32)

  (value, _), gradient = value_and_gradient(kind)(jnp.asarray(outputs), batch)
  assert_allclose(value, expected[0], rtol=1e-6)
  gradient = np.asarray(gradient)
  assert_array_equal(gradient[hidden], np.zeros((1, K)))
  assert (np.abs(gradient[~hidden]) > 0).all()


def test_targets_of_weight_zero_may_be_anything():
  outputs = jnp.asarray(np.arange(6.0).reshape(2, 3), jnp.float32)
  classes = as_batch(np.array([2, 99]), np.array([1.0, 0.0]))
  (loss, _), gradient = value_and_gradient("softmax")(outputs, classes)
  assert_allclose(loss, np.log(1 + np.exp(-1) + np.exp(-2)), rtol=1e-6)
  assert_array_equal(gradient[1], np.zeros(3))
  numbers = as_batch(np.full((2, 3), np.nan), np.zeros(2))
  _, gradient = value_and_gradient("linear")(outputs, numbers)
  assert_array_equal(gradient, np.zeros((2, 3)))


def test_binary_cross_entropy_is_stable_far_from_zero():
  x = np.array([[40.0, -40.0, 1e30, -1e30]], np.float32)
  right = as_batch(np.array([[1.0, 0.0, 1.0, 0.0]]), np.ones(1))
  total, _ = losses.binary_cross_entropy(jnp.asarray(x), right)
  assert_allclose(total, 2 * np.exp(-40.0), rtol=1e-5)
  wrong = as_batch(np.array([[0.0, 1.0, 1.0, 0.0]]), np.ones(1))
  total, _ = losses.binary_cross_entropy(jnp.asarray(x), wrong)
  assert_allclose(total, 80.0, rtol=1e-6)


def test_accuracy_counts_weights():
  outputs = jnp.asarray([[0.0, 2.0], [3.0, 1.0], [5.0, 4.0]])
  batch = as_batch(np.array([1, 1, 0]), np.array([0.5, 2.0, 0.25]))
  assert_allclose(losses.accuracy(outputs, batch), (0.75, 2.75), rtol=1e-7)


def test_bfloat16_outputs_are_summed_in_float32():
  outputs = jnp.zeros((1000, 10), jnp.bfloat16)
  batch = as_batch(np.arange(1000) % 10, np.ones(1000))
  total, count = losses.cross_entropy(outputs, batch)
  assert total.dtype == count.dtype == jnp.float32
  assert_allclose(total / count, np.log(10), rtol=1e-6)


def test_weighted_ignores_infinity_at_weight_zero():
  made = losses.weighted(jnp.array([2.0, jnp.inf]), jnp.array([3.0, 0.0]))
  assert_allclose(made, (6.0, 3.0), rtol=0)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_binary_targets_of_any_dtype(dtype):
  outputs, batch = example("sigmoid", LEADS[0])
  expected = losses.binary_cross_entropy(outputs, batch)
  batch = batch._replace(targets=batch.targets.astype(dtype))
  assert_array_equal(losses.binary_cross_entropy(outputs, batch), expected)


def test_of_outputs_that_are_no_numbers_none_is_accurate():
  outputs = jnp.array([[jnp.nan, jnp.nan], [2.0, jnp.nan], [2.0, 1.0]])
  right, count = losses.accuracy(outputs, as_batch([0, 1, 0], [1, 1, 1]))
  assert (right, count) == (1, 3)
