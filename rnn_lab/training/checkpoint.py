"""Checkpoints: the train states of all seeds, and nothing else.

Data is a function of key and step, so parameters, optimizer state and the
step number are all that an exact resume needs. Arrays are saved on the host
with leading dimension S, so that a checkpoint does not know the devices.
"""

import pathlib
from typing import Any

import orbax.checkpoint as ocp

from rnn_lab.errors import FieldError
from rnn_lab.types import PyTree


class Checkpoints:
  """The folder `checkpoints/` of a run: the last two, each named by its step.

  A checkpoint counts once it is complete; one that a kill cut short is
  removed when the folder is opened again. A context manager.
  """

  def __init__(self, folder: pathlib.Path, read_only: bool = False):
    """Opens the folder; `read_only` changes nothing in it, or around it."""
    self._folder = folder
    if read_only:
      options = ocp.CheckpointManagerOptions(read_only=True)
    else:
      options = ocp.CheckpointManagerOptions(
        max_to_keep=2,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=True,
      )
    self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

  def latest_step(self) -> int | None:
    """The step of the newest complete checkpoint, or None."""
    return self._manager.latest_step()

  def save(self, step: int, state: PyTree) -> None:
    """Writes numpy arrays under `step`; returns when they are complete."""
    self._manager.save(step, args=ocp.args.StandardSave(state), force=True)

  def restore(self, step: int, shapes: PyTree) -> Any:
    """Reads the arrays under `step` into the structure of `shapes`.

    Args:
      step: a step that has a checkpoint.
      shapes: numpy arrays or ShapeDtypeStructs of the shapes to expect.

    Raises:
      FieldError: it cannot be read.
    """
    try:
      return self._manager.restore(step, args=ocp.args.StandardRestore(shapes))
    except Exception as error:  # of many kinds, none of them documented
      path = self._folder / str(step)
      raise FieldError(
        "workdir",
        f"workdir holds a checkpoint that cannot be read: {path} "
        f"({type(error).__name__}); without it an older one is used",
      ) from error

  def __enter__(self) -> "Checkpoints":
    return self

  def __exit__(self, *error: object) -> None:
    # Ends the manager's threads.
    self._manager.close()
