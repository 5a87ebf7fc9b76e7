"""The devices of a run: how many, for what, and what lies on which of them.

They form a mesh of three axes: seeds, shards of a batch, and hidden units. On
the first two a device has seeds and shards of its own, and computes what it
would compute alone. On the third the arrays of the train state are cut
(`spec`), and the compiler divides the products among the devices; seeds are
then computed one after the other, or as one vmapped dimension.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

from rnn_lab.errors import FieldError
from rnn_lab.training import shards
from rnn_lab.training.settings import Settings

SEEDS, SHARDS, UNITS = "seeds", shards.AXIS, "units"


class Layout(NamedTuple):
  """Over how many devices seeds, shards and hidden units are laid."""

  seeds: int
  shards: int
  units: int


def devices() -> list[Any]:
  """Returns the devices of all processes of a run, of a process together."""
  return jax.local_devices() if jax.process_count() == 1 else jax.devices()


def layout(
  num_seeds: int, batch_shards: int, mesh_data: int = 0, mesh_model: int = 1
) -> Layout:
  """Returns how a run is laid out; see `rnn_lab.training.shards.layout`.

  Of several processes each has as many of the devices.

  Args:
    num_seeds: S.
    batch_shards: N.
    mesh_data: see `rnn_lab.training.settings.RunSettings`.
    mesh_model: likewise.

  Raises:
    FieldError: there are too few devices, or the processes cannot share.
  """
  number, processes = len(devices()), jax.process_count()
  if max(mesh_data, 1) * mesh_model > number:
    words = "run.mesh_data times {field} must be at most the number of devices"
    raise FieldError(
      "run.mesh_model",
      f"{words}, {number}, got {max(mesh_data, 1)} and {mesh_model}",
    )
  chosen = shards.layout(
    # Seeds may go different ways, as one that has diverged, and what the
    # compiler lets devices exchange about units can be among all of them.
    num_seeds if mesh_model == 1 else 1,
    batch_shards,
    number // mesh_model,
    mesh_data,
    processes // math.gcd(processes, mesh_model),
  )
  if chosen is None:
    raise FieldError(
      "train.batch_shards",
      f"{processes} processes must have equal shares of a run: {{field}} or "
      f"num_seeds must allow for it, got {batch_shards} and {num_seeds}",
    )
  return Layout(*chosen, mesh_model)


def layout_of(settings: Settings, num_seeds: int | None = None) -> Layout:
  """Returns the layout of a run, or of so many seeds; raises as `layout`."""
  run = settings.run
  return layout(
    num_seeds or settings.num_seeds,
    settings.train.batch_shards,
    run.mesh_data,
    run.mesh_model,
  )


def make_mesh(chosen: Layout) -> Mesh:
  """Returns the mesh of a layout, over equally many devices of each process."""
  each = math.prod(chosen) // jax.process_count()
  of_process: dict[int, list[Any]] = {}
  for device in devices():
    of_process.setdefault(device.process_index, []).append(device)
  return jax.make_mesh(
    chosen,
    (SEEDS, SHARDS, UNITS),
    axis_types=(AxisType.Auto,) * len(chosen),
    devices=[d for several in of_process.values() for d in several[:each]],
  )


def spec(shape: Sequence[int], units: int) -> P:
  """Returns how an array with leading dimension S is laid over the mesh.

  A matrix or vector of each seed whose last dimension is a multiple of `units`
  is cut along it: hidden units, or the gates of hidden units side by side, of
  parameters, of their moments in an optimizer, and of carries. Others are
  whole on all devices of a seed.

  Args:
    shape: `[S, ...]`.
    units: the devices over which hidden units are laid.
  """
  if units == 1:
    return P(SEEDS)
  # The axis of seeds has length 1 then.
  if len(shape) == 1 or shape[-1] % units:
    return P()
  return P(*[None] * (len(shape) - 1), UNITS)
