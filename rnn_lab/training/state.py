"""What training changes, for one seed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab.tasks.base import Task
from rnn_lab.training.optimizers import Hyper, Static, optimizer
from rnn_lab.types import Array, Key, Params, PyTree


class Sums(NamedTuple):
  """Sums over the steps since the last row of training metrics."""

  steps: Array
  loss: Array
  grad_norm: Array
  clipped: Array


class TrainState(NamedTuple):
  """One seed's parameters and what goes with them.

  Attributes:
    params: the parameters.
    opt_state: the optimizer's.
    best_params: the parameters of the best evaluation so far.
    best_metric: the headline metric there.
    best_step: updates made by then; -1 before the first evaluation.
    alive: False from the step on at which the loss, the gradient or the
      parameters became infinite or nan; nothing changes after that.
    last_step: updates that were made.
    sums: training metrics in the making.
  """

  params: Params
  opt_state: PyTree
  best_params: Params
  best_metric: Array
  best_step: Array
  alive: Array
  last_step: Array
  sums: Sums


class Keys(NamedTuple):
  """A seed's streams of randomness, one for each purpose."""

  params: Key
  data: Key
  dropout: Key


def seed_keys(seed: Array) -> Keys:
  """The streams of a seed: `fold_in(key(seed), n)` for purpose n."""
  base = jax.random.key(seed)
  return Keys(*[jax.random.fold_in(base, n) for n in range(len(Keys._fields))])


def zero_sums() -> Sums:
  """Sums over no steps."""
  return Sums(*[jnp.float32(0.0)] * len(Sums._fields))


def init_params(model: nn.Module, task: Task, key: Key) -> Params:
  """Parameters of `model` for the inputs of `task`."""
  spec = task.input_spec
  inputs = jnp.zeros((1, spec.length, spec.size), jnp.float32)
  return model.init({"params": key}, inputs)["params"]


def init_state(
  model: nn.Module, task: Task, static: Static, hyper: Hyper, seed: Array
) -> TrainState:
  """The state of a seed before the first step."""
  params = init_params(model, task, seed_keys(seed).params)
  worst = -jnp.inf if task.maximize else jnp.inf
  return TrainState(
    params=params,
    opt_state=optimizer(static, hyper, jnp.int32(0)).init(params),
    best_params=params,
    best_metric=jnp.float32(worst),
    best_step=jnp.int32(-1),
    alive=jnp.bool_(True),
    last_step=jnp.int32(0),
    sums=zero_sums(),
  )


def state_form(
  model: nn.Module, task: Task, static: Static, hyper: Hyper, num_seeds: int
) -> PyTree:
  """Shapes and dtypes of the states of all seeds, leading dimension S."""

  def init(seed: Array) -> TrainState:
    return init_state(model, task, static, hyper, seed)

  seeds = jax.ShapeDtypeStruct((num_seeds,), jnp.int32)
  return jax.eval_shape(jax.vmap(init), seeds)
