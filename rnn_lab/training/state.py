"""What training changes, for one seed."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab.tasks.base import STREAM, Task
from rnn_lab.training.health import zero_norms
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
    carry: of a stream: the states to go on from; else ().
    health: `rnn_lab.training.health.layer_norms` of the last update of a call,
      where they are logged; else ().
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
  health: PyTree = ()


def to_saved(state: TrainState) -> dict[str, PyTree]:
  """What a checkpoint holds of a state: what is empty leaves no trace."""
  saved = state._asdict()
  for field in ("carry", "health"):
    if isinstance(saved[field], tuple) and not saved[field]:
      # As runs were saved before there was such a field; they are read, too.
      del saved[field]
  return saved


def from_saved(saved: Mapping[str, PyTree]) -> TrainState:
  """The inverse of `to_saved`."""
  return TrainState(**saved)


class Form(NamedTuple):
  """What the shapes of a state depend on, beside model and optimizer.

  Attributes:
    input_size: D, or V of a stream.
    maximize: whether more of the headline metric is better.
    tracks: B of a stream; else None.
    health: whether the health of the gradient is logged.
  """

  input_size: int
  maximize: bool
  tracks: int | None
  health: bool


def form_of(task: Task, health: bool = False) -> Form:
  """The form of the states of a run of `task`."""
  tracks = task.stream.tracks if task.pattern == STREAM else None
  return Form(task.input_spec.size, task.maximize, tracks, health)


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


def init_params(model: nn.Module, form: Form, key: Key) -> Params:
  """Parameters of `model` for the sequences or words of a task."""
  # One step is enough: no parameter depends on the number of steps.
  inputs = jnp.zeros((1, 1, form.input_size), jnp.float32)
  if form.tracks is not None:
    inputs = jnp.zeros((1, 1), jnp.int32)
  return model.init({"params": key}, inputs)["params"]


@functools.lru_cache(maxsize=16)
def initializer(
  model: nn.Module, form: Form, static: Static
) -> Callable[[Hyper, Array], TrainState]:
  """`(hyper, seed) -> state` before the first step, compiled.

  Args:
    model: the model.
    form: of the task's sequences or words.
    static: the shape of the optimizer.
  """

  def init(hyper: Hyper, seed: Array) -> TrainState:
    params = init_params(model, form, seed_keys(seed).params)
    carry = ()
    if form.tracks is not None:
      carry = model.initial_carry(form.tracks)
    return TrainState(
      params=params,
      opt_state=optimizer(static, hyper, jnp.int32(0)).init(params),
      best_params=params,
      best_metric=jnp.float32(-jnp.inf if form.maximize else jnp.inf),
      best_step=jnp.int32(-1),
      alive=jnp.bool_(True),
      last_step=jnp.int32(0),
      sums=zero_sums(),
      carry=carry,
      health=zero_norms(params) if form.health else (),
    )

  return jax.jit(init)


def init_states(
  model: nn.Module,
  task: Task,
  static: Static,
  hyper: Hyper,
  seeds: Sequence[int],
  health: bool = False,
) -> PyTree:
  """The states of all seeds, numpy arrays with leading dimension S."""
  init = initializer(model, form_of(task, health), static)
  states = [init(hyper, np.int32(seed)) for seed in seeds]
  return jax.tree.map(lambda *a: np.stack([np.asarray(x) for x in a]), *states)


def state_form(
  model: nn.Module,
  task: Task,
  static: Static,
  hyper: Hyper,
  num_seeds: int,
  health: bool = False,
) -> PyTree:
  """Shapes and dtypes of the states of all seeds, leading dimension S."""
  init = initializer(model, form_of(task, health), static)
  one = jax.eval_shape(init, hyper, jax.ShapeDtypeStruct((), jnp.int32))
  return jax.tree.map(
    lambda a: jax.ShapeDtypeStruct((num_seeds, *a.shape), a.dtype), one
  )
