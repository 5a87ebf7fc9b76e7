"""Whether a run fits into memory, estimated before anything is written.

Shapes are traced, and nothing is computed or compiled. The estimate is of what
a run cannot do without: it lets a run begin that may still be too large, but
none that needs several times what the machine has.
"""

import functools
import itertools
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab import rundir, tasks
from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.precision import in_float32
from rnn_lab.runs import planning
from rnn_lab.tasks.base import Task
from rnn_lab.training import optimizers
from rnn_lab.training.mesh import layout_of
from rnn_lab.training.restoring import state_initializer
from rnn_lab.training.settings import Plan
from rnn_lab.training.state import TrainState, state_shapes
from rnn_lab.training.step import training_loss
from rnn_lab.types import Batch, Key, Params, PyTree

GIB = 2**30
# Tried in place of a field, to find the one that makes a run so large.
SMALL = (1, 16)
# The largest fields that are tried.
MOST_TRIED = 8


@in_float32
def check_memory(plan: Plan) -> None:
  """Checks that a run can fit into the memory of this machine.

  Raises:
    FieldError: it cannot. It names the field that is most responsible.
  """
  has = machine_memory()
  needed = needed_memory(plan) // jax.process_count()
  if has is None or needed <= has:
    return
  # The shortcut of `_activations` is an upper bound.
  needed = needed_memory(plan, exact=True) // jax.process_count()
  if needed <= has:
    return
  field, value = _responsible(plan)
  raise FieldError(
    field,
    f"{{field}} must be smaller: the run needs {needed / GIB:,.0f} GiB of "
    f"memory or more, and this machine has {has / GIB:,.1f}, got {value!r}",
  )


def memory_share(plan: Plan) -> float:
  """Returns how much of this machine's memory a run needs, as a fraction.

  0 where it is not known what the machine has.
  """
  has = machine_memory()
  return needed_memory(plan) / has if has else 0.0


def machine_memory() -> int | None:
  """Returns the bytes of the accelerators, or of this machine if there is none.

  Of a container it is the limit of its control group; None where it is unknown.
  """
  devices = jax.local_devices()
  if devices[0].platform != "cpu":
    stats = [device.memory_stats() or {} for device in devices]
    if all("bytes_limit" in of_device for of_device in stats):
      return sum(of_device["bytes_limit"] for of_device in stats)
  try:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
  except (AttributeError, OSError, ValueError):
    return None  # not a POSIX system
  try:
    with open("/sys/fs/cgroup/memory.max", encoding="utf-8") as file:
      return min(total, int(file.read()))
  except (OSError, ValueError):  # no control groups, or "max"
    return total


def needed_memory(plan: Plan, exact: bool = False) -> int:
  """Estimates the bytes that a run needs; 0 of a model that is counted.

  Args:
    plan: of the run.
    exact: trace what an update keeps for its gradients, instead of taking an
      upper bound of it.
  """
  if not isinstance(plan.model, Model):
    return 0
  settings = plan.settings
  init, _ = state_initializer(plan)
  _, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  shapes = state_shapes(init, hyper, 1)
  batch = _largest_batch(plan.task)
  # A state before and after an update, beside its gradient and its update.
  state = 2 * _bytes(shapes)
  shards = settings.train.batch_shards
  update = (1 + shards) * _bytes(shapes.params) + _bytes(batch)
  if exact:
    kept = _activations(plan.model, shapes, batch)
  else:
    kept = _at_most(plan.task, shapes.params, batch)
  # A device computes its shards one after the other.
  update += kept // shards
  layout = layout_of(settings)
  at_once = settings.num_seeds
  # Where a device takes one after the other.
  if jax.local_devices()[0].platform == "cpu":
    at_once = layout.seeds
  return (
    layout.shards * (settings.num_seeds * state + at_once * update)
    + _bytes(plan.task.data)
    + 4 * min(settings.run.steps_per_call, settings.train.num_steps)
    + _evaluated(plan, batch)
  )


@functools.lru_cache(maxsize=16)
def _largest_batch(task: Task) -> Batch:
  """Returns the shapes of the largest training batch of all buckets."""
  batches = [
    jax.eval_shape(task.batch, data, jax.random.key(0), jnp.int32(0))
    for data in task.data
  ]
  return max(batches, key=_bytes)


def _evaluated(plan: Plan, batch: Batch) -> int:
  """Returns the bytes of the examples that a task generates to be evaluated."""
  fields = tasks.with_defaults(plan.config["task"])
  count = fields.get("eval_size", 0)
  return 2 * count * _bytes(batch) // batch.weights.shape[0]


def _at_most(task: Task, params: Params, batch: Batch) -> int:
  """Returns more than an update keeps: several numbers for each unit and step.

  A kernel of width W makes W numbers at each step.
  """
  steps = batch.weights.shape[0] * (task.length + task.output_spec.length)
  width = sum(leaf.shape[-1] for leaf in jax.tree.leaves(params) if leaf.ndim)
  return 4 * 8 * steps * width


def _activations(model: Model, shapes: TrainState, batch: Batch) -> int:
  """Returns the bytes that the backward pass of one update reads."""

  def kept(params: Params, carry: PyTree, batch: Batch, key: Key) -> PyTree:
    def cost(params: Params) -> jax.Array:
      return training_loss(model, params, batch, carry, key)[0]

    return jax.vjp(cost, params)[1]

  params, carry = jax.tree.map(
    lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype),
    (shapes.params, shapes.carry),
  )
  return _bytes(jax.eval_shape(kept, params, carry, batch, jax.random.key(0)))


def _bytes(tree: PyTree) -> int:
  """Returns the bytes of arrays or of shapes."""
  return sum(
    a.size * jnp.dtype(a.dtype).itemsize
    for a in jax.tree.leaves(tree)
    if jnp.issubdtype(a.dtype, jnp.number) or a.dtype == bool
  )


def _responsible(plan: Plan) -> tuple[str, int]:
  """Returns the field without which a run would be smallest, and its value."""
  config = plan.config | {"run": plan.run}
  counts = {
    field: value
    for field, value in rundir.flatten(config).items()
    if isinstance(value, int) and not isinstance(value, bool) and value > 1
    if field.split(".")[0] in ("task", "model", "train", "num_seeds")
  }
  tried = sorted(counts, key=lambda field: -counts[field])[:MOST_TRIED]
  needs = {}
  for field in {*tried, "num_seeds"} & {*counts}:
    # Some sizes must be equal.
    equal = [name for name in counts if counts[name] == counts[field]]
    for fields, small in itertools.product(([field], equal), SMALL):
      other = config
      for name in fields:
        other = _with(other, name, small)
      try:
        needs[field] = needed_memory(planning.plan(other))
      except FieldError:
        continue  # other fields do not allow it
      break
  field = min(needs, key=lambda field: (needs[field], field), default=tried[0])
  return field, counts[field]


def _with(config: Mapping[str, Any], field: str, value: int) -> dict[str, Any]:
  """Returns a config with another value of a field, by its dotted name."""
  name, _, rest = field.partition(".")
  changed = _with(config[name], rest, value) if rest else value
  return {**config, name: changed}
