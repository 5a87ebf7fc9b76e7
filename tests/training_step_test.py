"""One update, of a model that is a product: extreme gradients, no weights."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training_optimizers_test import DEFAULTS

from rnn_lab.training import optimizers
from rnn_lab.training.shards import Shards
from rnn_lab.training.state import TrainState, seed_keys, zero_sums
from rnn_lab.training.step import train_step
from rnn_lab.types import Batch


class Product:
  """The loss w x, whose gradient is the input x; the carry counts batches."""

  def apply(self, variables, batch, carry, **options):
    del options
    products = variables["params"]["w"] * batch.inputs
    return (jnp.sum(products), jnp.sum(batch.weights)), carry + 1


TASK = types.SimpleNamespace(
  batch=lambda data, key, step: Batch(data[0], None, None, data[1])
)


@functools.cache
def compiled(static):
  def step_4(hyper, data, state):
    keys, is_last = seed_keys(jnp.int32(0)), jnp.bool_(True)
    step = jnp.int32(4)
    return train_step(
      Product(),
      TASK,
      static,
      None,
      Shards(),
      hyper,
      data,
      keys,
      step,
      state,
      is_last,
    )

  return jax.jit(step_4)


def update(gradient, clip_norm=1.0, weights=(1.0, 0.0), **settings):
  """The states before and after step 4, from parameters of zero."""
  static, hyper = optimizers.split(DEFAULTS._replace(**settings), clip_norm)
  params = {"w": jnp.zeros(len(gradient))}
  state = TrainState(
    params=params,
    opt_state=optimizers.optimizer(static, hyper, 0).init(params),
    best_params=params,
    best_metric=jnp.float32(0),
    best_step=jnp.int32(-1),
    alive=jnp.bool_(True),
    last_step=jnp.int32(4),
    sums=zero_sums(),
    carry=jnp.int32(0),
  )
  data = jnp.float32(gradient), jnp.float32(weights)
  return state, compiled(static)(hyper, data, state)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25, 5e37])
def test_gradients_of_any_size_are_clipped_and_logged(scale):
  clip_norm = min(1.0, scale)
  gradient = np.multiply([3, -4], scale)
  fields = {"name": "sgd", "learning_rate": 1.0}
  _, state = update(gradient, clip_norm, **fields)
  expected = np.multiply([-0.6, 0.8], clip_norm)
  np.testing.assert_allclose(state.params["w"], expected, rtol=1e-6)
  np.testing.assert_allclose(state.sums.grad_norm, 5 * scale, rtol=1e-6)
  assert state.alive and state.sums.clipped == 1


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_a_gradient_whose_square_is_infinite_is_learnt_from(name):
  """The first update of either is lr g / |g| times a constant."""
  constant = {"adam": 1.0, "rmsprop": 1 / np.sqrt(1 - 0.7)}[name]
  _, state = update([4.2e36, -4.2e36], 0.0, name=name, learning_rate=0.5)
  expected = np.multiply([-0.5, 0.5], constant)
  np.testing.assert_allclose(state.params["w"], expected, rtol=1e-5)
  assert state.alive
  assert all(np.isfinite(a).all() for a in jax.tree.leaves(state.opt_state))


@pytest.mark.parametrize("gradient", [[np.inf, 1.0], [np.nan, 1.0]])
def test_a_gradient_that_is_not_finite_changes_nothing(gradient):
  before, after = update(gradient)
  assert not after.alive
  for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after)):
    if a.dtype != bool:
      np.testing.assert_array_equal(a, b)


def test_a_batch_without_weight_is_no_update():
  before, after = update([3.0, -4.0], weights=(0.0, 0.0))
  for field in ("params", "opt_state", "sums"):
    old, new = getattr(before, field), getattr(after, field)
    jax.tree.map(np.testing.assert_array_equal, old, new)
  assert after.alive and after.last_step == 5 and after.carry == 1
