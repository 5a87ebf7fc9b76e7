"""A batch cut into shards, whose gradients are added up in a fixed order.

How many shards there are decides the numbers of a run; over how many devices
they are laid decides only how many are computed at a time.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.types import Array, PyTree

# The axis of devices that `map_shards` runs over.
AXIS = "shards"


class Shards(NamedTuple):
  """How a batch is cut.

  Attributes:
    number: N, the equal parts of a batch.
    devices: over how many devices they are laid, a divisor of N.
  """

  number: int = 1
  devices: int = 1


def layout(
  num_seeds: int,
  number: int,
  num_devices: int,
  for_shards: int = 0,
  multiple: int = 1,
) -> tuple[int, int] | None:
  """Returns over how many devices seeds are laid, and over how many shards.

  Of all layouts it is the one in which a device has the least to do one after
  the other; of several such the one with the fewest devices for shards, which
  wait for each other at each update.

  Args:
    num_seeds: S.
    number: N, the shards of a batch.
    num_devices: at least 1.
    for_shards: this many devices for shards; 0 for any number of them.
    multiple: of how many the devices are to be a multiple.

  Returns:
    None where there is no such layout.
  """
  layouts = [
    (a, b)
    for b in ([for_shards] if for_shards else range(1, num_devices + 1))
    for a in range(1, min(num_seeds, num_devices // b) + 1)
    if number % b == 0 and a * b % multiple == 0
  ]

  def cost(option: tuple[int, int]) -> tuple[int, int, int]:
    a, b = option
    rounds = math.ceil(num_seeds / a) * (number // b)
    return rounds, b, -a

  return min(layouts, key=cost, default=None)


def map_shards(
  function: Callable[[Array, PyTree], Any], shards: Shards, rows: PyTree
) -> Any:
  """Computes `function(n, rows of shard n)` for all shards.

  Runs inside of `jax.shard_map` with the axis AXIS. A loop computes a device's
  shards, and is never shorter than two rounds, as a loop of one would be
  inlined: the program of a shard, and so its bits, are the same however many
  devices there are.

  Args:
    function: of one shard; n counts from 0.
    shards: N shards and their devices.
    rows: a pytree of arrays `[B, ...]`, B a multiple of N.

  Returns:
    A pytree of arrays `[N, ...]`, the same on all devices.
  """
  here = shards.number // shards.devices
  first = jax.lax.axis_index(AXIS) * here
  cut = jax.tree.map(lambda a: a.reshape(shards.number, -1, *a.shape[1:]), rows)

  def of_shard(n: Array) -> Any:
    return function(n, jax.tree.map(lambda a: a[n], cut))

  def body(k: Array, results: Any) -> Any:
    return jax.tree.map(
      lambda all_of_them, one: all_of_them.at[k].set(one),
      results,
      of_shard(first + k),
    )

  shape = jax.eval_shape(of_shard, jax.ShapeDtypeStruct((), jnp.int32))
  results = jax.tree.map(lambda a: jnp.zeros((here, *a.shape), a.dtype), shape)
  # A number of rounds that the compiler does not know.
  rounds = jax.lax.optimization_barrier(jnp.int32(here))
  results = jax.lax.fori_loop(0, rounds, body, results)
  return jax.lax.all_gather(results, AXIS, tiled=True)


def in_order(parts: PyTree) -> PyTree:
  """Adds up arrays `[N, ...]` over N, from the first on."""
  # Not `sum(0)`: its loop runs along N, and takes ten times as long.
  return jax.tree.map(lambda a: functools.reduce(jnp.add, [*a]), parts)
