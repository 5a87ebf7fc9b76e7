"""What training changes, for one seed."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rnn_lab.models.base import Model, init_params
from rnn_lab.tasks.base import Task
from rnn_lab.training.optimizers import (
  Hyper,
  Static,
  init_plateau,
  optimizer,
)
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
    best_params: the parameters of the best evaluation so far, the initial
      ones before the first whose headline metric is finite; `selected` has
      others then.
    best_metric: the headline metric there.
    best_step: updates made by then; -1 before the first such evaluation.
    alive: False from the step on at which the loss, the gradient or the
      parameters became infinite or nan; nothing changes after that.
    last_step: steps that were made, those with nothing to learn included.
    sums: training metrics since the last row.
    carry: what the model passes from batch to batch; () if nothing.
    layer_norms: `rnn_lab.training.diagnostics.layer_norms` of the last update
      of a call, where they are logged; else ().
    plateau: the state of a learning rate that is reduced on a plateau of the
      headline metric; () of other schedules.
  """

  params: Params
  opt_state: PyTree
  best_params: Params
  best_metric: Array
  best_step: Array
  alive: Array
  last_step: Array
  sums: Sums
  carry: PyTree = ()
  layer_norms: PyTree = ()
  plateau: PyTree = ()


def selected(state: TrainState, select: str) -> Params:
  """Returns the parameters that `eval.select` wants, of each seed.

  Of a seed that no evaluation has chosen they are the last ones.

  Args:
    state: numpy arrays with leading dimension S.
    select: "best" or "last".
  """
  if select == "last":
    return state.params
  has_best_S = state.best_step >= 0

  def choose(best: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.where(has_best_S.reshape(-1, *[1] * (best.ndim - 1)), best, last)

  return jax.tree.map(choose, state.best_params, state.params)


def to_saved(state: TrainState) -> dict[str, PyTree]:
  """Converts a state to what a checkpoint holds: no empty tuples."""
  return {
    field: value
    for field, value in state._asdict().items()
    if not (isinstance(value, tuple) and not value)
  }


def from_saved(saved: Mapping[str, PyTree]) -> TrainState:
  """The inverse of `to_saved`."""
  return TrainState(**saved)


class Keys(NamedTuple):
  """A seed's streams of randomness, one for each purpose."""

  params: Key
  data: Key
  dropout: Key


def seed_keys(seed: ArrayLike) -> Keys:
  """Returns a seed's streams: `fold_in(key(seed), n)` for purpose n."""
  base = jax.random.key(seed)
  return Keys(*[jax.random.fold_in(base, n) for n in range(len(Keys._fields))])


def zero_sums() -> Sums:
  """Returns sums over no steps."""
  return Sums(*[jnp.float32(0.0)] * len(Sums._fields))


@functools.lru_cache(maxsize=16)
def initializer(
  model: Model, task: Task, static: Static, norms: Callable | None
) -> Callable[[Hyper, ArrayLike], TrainState]:
  """Returns `(hyper, seed) -> state` before the first step, compiled.

  Args:
    model: the model.
    task: the task.
    static: the static part of the optimizer.
    norms: `layer_norms` where they are logged, else None.
  """

  def init(hyper: Hyper, seed: ArrayLike) -> TrainState:
    params = init_params(model, task, seed_keys(seed).params)
    batch = jax.eval_shape(
      task.batch, task.data[0], jax.random.key(0), jnp.int32(0)
    )
    carry = model.apply(
      {"params": params}, batch.weights.shape[0], method="initial_carry"
    )
    plateau = init_plateau(static)
    zero_norms = ()
    if norms is not None:
      zero_norms = jax.tree.map(jnp.zeros_like, norms(params, params, params))
    return TrainState(
      params=params,
      opt_state=optimizer(static, hyper, jnp.int32(0), plateau).init(params),
      best_params=params,
      best_metric=jnp.float32(-jnp.inf if task.maximize else jnp.inf),
      best_step=jnp.int32(-1),
      alive=jnp.bool_(True),
      last_step=jnp.int32(0),
      sums=zero_sums(),
      carry=carry,
      layer_norms=zero_norms,
      plateau=plateau,
    )

  return jax.jit(init)


def init_states(
  init: Callable[[Hyper, ArrayLike], TrainState],
  hyper: Hyper,
  seeds: Sequence[int],
) -> PyTree:
  """Returns the states of all seeds, numpy arrays with leading dimension S.

  Args:
    init: as `initializer` returns it.
    hyper: of one seed.
    seeds: S of them.
  """
  states = [init(hyper, np.int32(seed)) for seed in seeds]
  return jax.tree.map(lambda *a: np.stack([np.asarray(x) for x in a]), *states)


def state_shapes(
  init: Callable[[Hyper, ArrayLike], TrainState], hyper: Hyper, num_seeds: int
) -> PyTree:
  """Returns the shapes and dtypes of the states of all seeds."""
  one = jax.eval_shape(init, hyper, jax.ShapeDtypeStruct((), jnp.int32))
  return jax.tree.map(
    lambda a: jax.ShapeDtypeStruct((num_seeds, *a.shape), a.dtype), one
  )
