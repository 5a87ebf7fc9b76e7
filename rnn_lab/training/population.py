"""The axes of seeds and shards, and the programs of training for all seeds.

Everything else is written for one seed.

On accelerators the seeds are a vmapped dimension. On CPU they are taken one
by one (`lax.map`) on each of the host's devices, a share of them each: many
small programs side by side are faster there than one wide one, and a seed's
numbers are bit-identical to those of a run with that seed alone. Devices that
seeds leave free take shards of the batch (see `rnn_lab.training.shards`).
Hidden units are laid over further devices (`rnn_lab.training.mesh`).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from rnn_lab.caching import lru_cached
from rnn_lab.fused import traced_for
from rnn_lab.models.base import Model, program_model
from rnn_lab.tasks.base import Task
from rnn_lab.training import mesh, optimizers
from rnn_lab.training.optimizers import Static
from rnn_lab.training.patience import Patience, patience_of
from rnn_lab.training.settings import Plan
from rnn_lab.training.shards import Shards
from rnn_lab.training.state import TrainState, zero_sums
from rnn_lab.training.step import Norms, keep_best, train_steps
from rnn_lab.types import Array, PyTree


class Population:
  """`num_seeds` copies of a run, spread over the devices.

  The copies are padded to a multiple of the devices. Padding is never
  computed on CPU, and never seen outside of this class. Made by `population`.
  Of several processes each makes the same calls with the same values.

  Attributes:
    num_seeds: S.
    shards: how a training batch is cut, and over how many devices.
    units: over how many devices hidden units are laid.
    platform: "cpu", "gpu" or "tpu", of which the programs are; another one than
      that of the devices for programs that are exported.
  """

  def __init__(
    self,
    num_seeds: int,
    batch_shards: int = 1,
    mesh_data: int = 0,
    mesh_model: int = 1,
    platform: str | None = None,
  ):
    layout = mesh.layout(num_seeds, batch_shards, mesh_data, mesh_model)
    self.num_seeds = num_seeds
    self.shards = Shards(batch_shards, layout.shards)
    self.units = layout.units
    self._padding = -num_seeds % layout.seeds
    self.platform = platform or mesh.devices()[0].platform
    self._one_by_one = self.platform == "cpu"
    self._mesh = mesh.make_mesh(layout)
    self._is_real = self.put(np.ones(num_seeds, bool), padding=False)
    # Of several processes each has a part of an array.
    self._gather = jax.jit(
      lambda tree: tree, out_shardings=NamedSharding(self._mesh, P())
    )

  def put(self, tree: PyTree, padding: Any = None) -> PyTree:
    """Arrays with leading dimension S, laid out over the devices."""

    def put_one(array: Any) -> jax.Array:
      array = np.asarray(array)
      last = (
        array[-1:] if padding is None else np.full_like(array[-1:], padding)
      )
      padded = np.concatenate([array, *[last] * self._padding])
      return self._laid(padded, mesh.spec(padded.shape, self.units))

    return jax.tree.map(put_one, tree)

  def share(self, tree: PyTree) -> PyTree:
    """Arrays that all seeds read, copied to every device once."""
    return jax.tree.map(lambda array: self._laid(array, P()), tree)

  def _laid(self, array: Any, spec: P) -> jax.Array:
    sharding = NamedSharding(self._mesh, spec)
    if sharding.is_fully_addressable:
      return jax.device_put(array, sharding)
    # device_put would compare the values of all processes.
    array = np.asarray(array)
    return jax.make_array_from_callback(
      array.shape, sharding, lambda index: array[index]
    )

  def get(self, tree: PyTree) -> PyTree:
    """numpy arrays with leading dimension S: the inverse of `put`."""
    if jax.process_count() > 1:
      tree = self._gather(tree)
    return jax.tree.map(lambda array: np.asarray(array)[: self.num_seeds], tree)

  def map(self, function: Callable[[Any, Any], Any]) -> "Program":
    """Compiles `function(shared, per_seed) -> result` for all seeds at once.

    Args:
      function: of one seed; `shared` is the same for all seeds.

    Returns:
      The same function, jitted, of `per_seed` as `put` lays it out; so is the
      result.
    """

    # Traced once, for its shapes and for the branch; inlined, as if it had
    # been written there.
    function = jax.jit(function, inline=True)

    def one(shared: Any, seed: tuple[Any, Any]) -> Any:
      per_seed, is_real = seed
      if not self._one_by_one:
        return function(shared, per_seed)
      shapes = jax.eval_shape(function, shared, per_seed)
      return jax.lax.cond(
        is_real,
        lambda: function(shared, per_seed),
        lambda: jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes),
      )

    def local(shared: Any, seeds: Any) -> Any:
      with traced_for(self.platform):
        if self._one_by_one:
          return jax.lax.map(lambda seed: one(shared, seed), seeds)
        return jax.vmap(lambda seed: one(shared, seed))(seeds)

    manual = {mesh.SEEDS, mesh.SHARDS}
    # check_vma=False: its types would have to be threaded through every scan
    # of code that knows nothing of seeds.
    sharded = jax.shard_map(
      local,
      mesh=self._mesh,
      in_specs=(P(), P(mesh.SEEDS)),
      out_specs=P(mesh.SEEDS),
      axis_names=manual if self.units > 1 else {*self._mesh.axis_names},
      check_vma=False,
    )
    if self.units == 1:
      return Program(jax.jit(sharded), self._is_real)
    return Program(
      jax.jit(lambda *args: self._cut(sharded(*args))), self._is_real
    )

  def _cut(self, results: PyTree) -> PyTree:
    """Lays train states out as `put` does, within a program.

    The compiler might choose another layout for some arrays, and compile the
    program again for them as arguments.
    """

    def constrain(array: Array) -> Array:
      spec = mesh.spec(array.shape, self.units)
      sharding = NamedSharding(self._mesh, spec)
      return jax.lax.with_sharding_constraint(array, sharding)

    def of_state(result: Any) -> Any:
      if isinstance(result, TrainState):
        return jax.tree.map(constrain, result)
      return result

    return jax.tree.map(
      of_state, results, is_leaf=lambda x: isinstance(x, TrainState)
    )


class Program:
  """A compiled function of (shared, per_seed), made by `Population.map`.

  Attributes:
    jitted: of (shared, (per_seed, is_real)), for `lower` and `jax.export`.
    is_real: which seeds are no padding.
  """

  def __init__(self, jitted: Any, is_real: jax.Array):
    self.jitted = jitted
    self.is_real = is_real

  def __call__(self, shared: Any, per_seed: Any) -> Any:
    """Runs it."""
    return self.jitted(shared, (per_seed, self.is_real))


def population(
  num_seeds: int, batch_shards: int = 1, mesh_data: int = 0, mesh_model: int = 1
) -> Population:
  """Returns the population of so many seeds; what compiled programs share."""
  return _population(num_seeds, batch_shards, mesh_data, mesh_model)


@functools.cache
def _population(
  num_seeds: int, batch_shards: int, mesh_data: int, mesh_model: int
) -> Population:
  return Population(num_seeds, batch_shards, mesh_data, mesh_model)


class Programs(NamedTuple):
  """Functions of (shared, per_seed) for all seeds; see `Population.map`.

  Attributes:
    train: ((data, first, count), (hyper, seed, state)) -> state.
    keep_best: (step, (headline metric, state)) -> state.
    read: (None, state) -> (state with its sums at zero, their means).
  """

  train: Program
  keep_best: Program
  read: Program


def programs(
  model: Model,
  task: Task,
  static: Static,
  max_steps: int,
  seeds: Population,
  norms: Norms | None = None,
  patience: Patience | None = None,
) -> Programs:
  """Returns the programs; equal arguments share them, and so compile once.

  Args:
    model: the model; how it is initialised makes no difference.
    task: the task; compared by identity, as its factory is cached.
    static: the static part of the optimizer.
    max_steps: the most steps in one call of `train`.
    seeds: the population of the run, as `population` returns it.
    norms: see `train_steps`.
    patience: likewise.
  """
  return _programs(
    program_model(model),
    task,
    static,
    max(max_steps, 2),
    seeds,
    norms,
    patience,
  )


@lru_cached(maxsize=16)
def _programs(
  model: Model,
  task: Task,
  static: Static,
  max_steps: int,
  seeds: Population,
  norms: Norms | None,
  patience: Patience | None,
) -> Programs:
  return Programs(
    train=seeds.map(
      functools.partial(
        train_steps,
        model,
        task,
        static,
        norms,
        seeds.shards,
        max_steps,
        patience,
      )
    ),
    keep_best=seeds.map(functools.partial(keep_best, task.maximize, static)),
    read=seeds.map(_read),
  )


def program_of(plan: Plan, with_seeds: bool = True) -> tuple[Any, ...]:
  """Returns what decides the programs of a plan, hashable; () if it has none.

  A process that has compiled those of one plan has those of an equal one.

  Args:
    plan: the plan.
    with_seeds: the number of seeds is part of it.
  """
  if not isinstance(plan.model, Model):
    return ()  # it is counted
  settings = plan.settings
  static, _ = optimizers.split(settings.optimizer, settings.train.clip_norm)
  return (
    program_model(plan.model),
    plan.task,
    static,
    min(settings.run.steps_per_call, settings.train.num_steps),
    settings.num_seeds if with_seeds else None,
    settings.train.batch_shards,
    (settings.run.mesh_data, settings.run.mesh_model),
    settings.train.gradient_norms,
    patience_of(settings),
  )


def _read(
  shared: None, state: TrainState
) -> tuple[TrainState, dict[str, Array]]:
  del shared
  sums = state.sums
  means = {
    "train/loss": sums.loss / sums.steps,
    "train/grad_norm": sums.grad_norm / sums.steps,
    "train/clipped": sums.clipped / sums.steps,
  }
  return state._replace(sums=zero_sums()), means | dict(state.layer_norms)
