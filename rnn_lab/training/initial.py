"""Beginning from the weights of another run: `train.init_from`."""

import pathlib
from typing import Any

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.rundir import CHECKPOINTS, CONFIG, read_json
from rnn_lab.training.checkpoint import Checkpoints, leaf_name
from rnn_lab.training.state import from_saved, selected
from rnn_lab.types import Params

FIELD = "train.init_from"


def read_params(workdir: str, like: Params) -> Params:
  """Reads the weights that a run would be tested with, for all seeds.

  Seed s begins with those of seed s there, or, where the run there has one
  seed, all with that one's.

  Args:
    workdir: the run directory.
    like: arrays or shapes with leading dimension S.

  Returns:
    numpy arrays with leading dimension S.

  Raises:
    FieldError: there is no such run, or its weights have other names or shapes.
  """
  folder = local_path(FIELD, workdir)
  if not (folder / CONFIG).exists() or not (folder / CHECKPOINTS).exists():
    raise FieldError(
      FIELD,
      f"{{field}} must be a run directory with a checkpoint, got {workdir!r}",
    )
  there = _stored(folder)
  paths = jax.tree_util.tree_leaves_with_path(like)
  here = {leaf_name(path): leaf for path, leaf in paths}
  if {*there} != {*here}:
    name = min({*there} ^ {*here})
    raise FieldError(
      FIELD,
      f"{{field}} must be a run of the same network, got {workdir!r}: {name} "
      + ("is not there" if name in here else "is there alone"),
    )
  seeds = jax.tree.leaves(like)[0].shape[0]
  count = next(iter(there.values())).shape[0]
  if count not in (1, seeds):
    raise FieldError(
      FIELD,
      f"{{field}} must be a run with one seed or the {seeds} of this one, got "
      f"{workdir!r}, which has {count}",
    )
  for name, leaf in here.items():
    if there[name].shape[1:] != leaf.shape[1:]:
      raise FieldError(
        FIELD,
        f"{{field}} must be a run of the same network, got {workdir!r}: {name} "
        f"is {there[name].shape[1:]} there and {leaf.shape[1:]} here",
      )

  def of_seeds(path: Any, leaf: Any) -> np.ndarray:
    array = np.broadcast_to(there[leaf_name(path)], leaf.shape)
    return array.astype(leaf.dtype)

  return jax.tree_util.tree_map_with_path(of_seeds, like)


def _stored(folder: pathlib.Path) -> dict[str, np.ndarray]:
  """Returns the weights in a run's newest checkpoint by their names."""
  with Checkpoints(folder / CHECKPOINTS, read_only=True) as checkpoints:
    saved, problems = checkpoints.newest(None)
  if saved is None or problems:
    why = problems[0].message if problems else f"{folder} has no checkpoint"
    raise FieldError(FIELD, f"{{field}} names a run that cannot be used: {why}")
  select = read_json(folder / CONFIG).get("eval", {}).get("select")
  return _flat(selected(from_saved(saved.state), select))


def _flat(tree: Any) -> dict[str, np.ndarray]:
  leaves = jax.tree_util.tree_leaves_with_path(tree)
  return {leaf_name(path): np.asarray(leaf) for path, leaf in leaves}
