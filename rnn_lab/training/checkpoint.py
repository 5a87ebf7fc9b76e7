"""Checkpoints: the train states of all seeds, and what tells them unharmed.

Data is a function of key and step, so parameters, optimizer state and the
step number are all that an exact resume needs. Arrays are saved on the host
with leading dimension S, so that a checkpoint does not know the devices.
Beside them, and complete together with them, stands a seal: the step, and the
sha256 of each array and of the rows written so far.
"""

import contextlib
import hashlib
import json
import logging
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from rnn_lab.errors import FieldError, StorageError
from rnn_lab.types import PyTree

# Of each checkpoint: its arrays, and what they were when they were saved.
_STATE = "state"
_SEAL = "seal"


class Saved(NamedTuple):
  """A checkpoint that was read, and found as it was written.

  Attributes:
    folder: the number that names its folder.
    step: updates that were made, whatever the folder's name.
    state: the arrays.
    rows: the sha256 of the rows that were there, by file.
  """

  folder: int
  step: int
  state: Any
  rows: dict[str, str]


class Checkpoints:
  """The folder `checkpoints/` of a run: the last two, each named by its step.

  A checkpoint counts once it is complete; one that a kill cut short is
  removed when the folder is opened again. A context manager.
  """

  def __init__(self, folder: pathlib.Path, read_only: bool = False):
    """Opens the folder; `read_only` changes nothing in it, or around it.

    Raises:
      FieldError: it cannot be opened.
    """
    self._folder = folder
    if read_only:
      options: dict[str, Any] = {"read_only": True, "save_interval_steps": 0}
    else:
      options = {
        "max_to_keep": 2,
        "enable_async_checkpointing": False,
        "cleanup_tmp_directories": True,
      }
    try:
      if not read_only:
        folder.mkdir(parents=True, exist_ok=True)
      with _quiet_log():
        self._manager = ocp.CheckpointManager(
          folder.absolute(),
          options=ocp.CheckpointManagerOptions(
            **options, create=False, multiprocessing_options=_of_one_process()
          ),
        )
    except Exception as error:  # of many kinds, none of them documented
      why = " ".join(str(error).split())[:200]
      raise FieldError(
        "workdir", f"workdir holds {folder}, which cannot be opened ({why})"
      ) from error

  def save(self, step: int, state: PyTree, rows: Mapping[str, str]) -> None:
    """Writes a checkpoint; returns when it is complete.

    Args:
      step: updates made so far.
      state: numpy arrays.
      rows: the sha256 of the rows written so far, by file.

    Raises:
      StorageError: it cannot be written, as on a full disk.
    """
    seal = {"step": step, "arrays": _hashes(state), "rows": dict(rows)}
    seal["sha256"] = _seal_hash(seal)
    items = ocp.args.Composite(
      **{_STATE: ocp.args.StandardSave(state), _SEAL: ocp.args.JsonSave(seal)}
    )
    try:
      with _quiet():
        self._manager.save(step, args=items, force=True)
    except Exception as error:  # of many kinds, none of them documented
      why = " ".join(str(error).split())[:200]
      raise StorageError(
        f"{self._folder / str(step)} cannot be written: {why}"
      ) from error

  def newest(self, shapes: PyTree) -> tuple[Saved | None, list[FieldError]]:
    """Reads the newest checkpoint that can be used.

    Args:
      shapes: numpy arrays or ShapeDtypeStructs of the shapes to expect; None
        takes what is there, as nested dicts and lists.

    Returns:
      The checkpoint, or None; and what is wrong with newer ones.
    """
    problems = []
    for folder in sorted(self._manager.all_steps(), key=self._age):
      try:
        return self.restore(folder, shapes), problems
      except FieldError as error:
        problems.append(error)
    return None, problems

  def restore(self, folder: int, shapes: PyTree) -> Saved:
    """Reads the checkpoint in a folder.

    Args:
      folder: the number that names it.
      shapes: as of `newest`.

    Raises:
      FieldError: it cannot be read, or is not what was written.
    """
    try:
      seal = self._seal(folder)
      items = ocp.args.Composite(**{_STATE: ocp.args.StandardRestore(shapes)})
      with _quiet():
        state = self._manager.restore(folder, args=items)[_STATE]
      changed = {*_hashes(state).items()} ^ {*seal["arrays"].items()}
    except Exception as error:  # of many kinds, none of them documented
      raise self._unusable(folder, type(error).__name__) from error
    if changed:
      raise self._unusable(folder, f"{min(changed)[0]} has changed since")
    return Saved(folder, seal["step"], state, seal["rows"])

  def go_on_from(self, saved: Saved) -> None:
    """Removes all that would stand in the way of later steps.

    The checkpoint itself is kept, in a folder named by its step.
    """
    for folder in self._manager.all_steps():
      if folder >= saved.step and folder != saved.folder:
        self._manager.delete(folder)
    if saved.folder != saved.step:
      (self._folder / str(saved.folder)).rename(self._folder / str(saved.step))
      self._manager.reload()

  def _age(self, folder: int) -> tuple[int, bool]:
    """A key that sorts folders by their steps, the newest first."""
    try:
      step = self._seal(folder)["step"]
    except Exception:  # as above; `restore` says so
      step = folder
    return -step, folder != step

  def _seal(self, folder: int) -> dict[str, Any]:
    items = ocp.args.Composite(**{_SEAL: ocp.args.JsonRestore()})
    seal = dict(self._manager.restore(folder, args=items)[_SEAL])
    if seal.pop("sha256") != _seal_hash(seal):
      raise ValueError("not what was written")
    return seal

  def _unusable(self, folder: int, why: str) -> FieldError:
    return FieldError(
      "workdir",
      "workdir holds a checkpoint that cannot be used: "
      f"{self._folder / str(folder)} ({why})",
    )

  def __enter__(self) -> "Checkpoints":
    return self

  def __exit__(self, *error: object) -> None:
    # Ends the manager's threads.
    self._manager.close()


def _of_one_process() -> ocp.options.MultiprocessingOptions:
  """Returns what lets one of several processes write, without the others.

  Orbax would wait for them at every save.
  """
  if jax.process_count() == 1:
    return ocp.options.MultiprocessingOptions()
  index = jax.process_index()
  return ocp.options.MultiprocessingOptions(
    primary_host=index, active_processes={index}
  )


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
  """Drops warnings, as that a folder opened for reading is read-only."""
  logger = logging.getLogger("absl")
  before = logger.level
  logger.setLevel(logging.ERROR)
  try:
    yield
  finally:
    logger.setLevel(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Drops what others print once a read or write has failed, which is raised.

  Arrays are read and written side by side. Where one fails, the event loop is
  closed while threads are still at the others, and each of them would then
  print a traceback, also after this block. Orbax logs one more.
  """
  before = sys.unraisablehook
  log = logging.getLogger("absl")

  def drop(unraisable: Any) -> None:
    if "Event loop is closed" not in str(unraisable.exc_value):
      before(unraisable)

  sys.unraisablehook = drop
  log.addFilter(_drop_errors)
  try:
    yield
  finally:
    log.removeFilter(_drop_errors)
  # Not where one failed.
  sys.unraisablehook = before


def _drop_errors(record: logging.LogRecord) -> bool:
  return record.levelno < logging.ERROR


def _hashes(state: PyTree) -> dict[str, str]:
  """Returns the sha256 of each array, of its dtype, shape and bytes."""
  hashes = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(state):
    array = np.asarray(leaf)
    sha256 = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    sha256.update(array.tobytes())
    hashes[leaf_name(path)] = sha256.hexdigest()
  return hashes


def leaf_name(path: Any) -> str:
  """Names an array: the same for an attribute, a key or a place in a list."""
  return jax.tree_util.keystr(path, simple=True, separator="/")


def _seal_hash(seal: Mapping[str, Any]) -> str:
  return hashlib.sha256(json.dumps(seal, sort_keys=True).encode()).hexdigest()
