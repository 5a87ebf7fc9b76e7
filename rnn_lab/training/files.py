"""The files of a run directory: JSON, rows of it, and the lock."""

import contextlib
import fcntl
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from rnn_lab.errors import FieldError

LOCK = ".lock"


def write_json(path: pathlib.Path, value: Any) -> None:
  """Writes `value` as strict JSON, all of it or nothing."""
  text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
  partial = path.with_name(path.name + ".tmp")
  partial.write_text(text + "\n", encoding="utf-8")
  os.replace(partial, path)


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Reads an object that `write_json` wrote.

  Raises:
    FieldError: the file is not JSON, or no object.
  """
  try:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
      raise ValueError("not an object")
  except ValueError as error:
    raise FieldError(
      "workdir", str(path), "one with readable files", f"damaged ({path})"
    ) from error
  return value


def append_row(path: pathlib.Path, row: Mapping[str, Any]) -> None:
  """Appends one line of strict JSON and hands it to the operating system."""
  with path.open("a", encoding="utf-8") as file:
    file.write(json.dumps(row, allow_nan=False) + "\n")


def cut_rows(path: pathlib.Path, last_step: int) -> None:
  """Keeps the rows up to `last_step`; drops later and half-written ones."""
  if not path.exists():
    return
  kept = []
  for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
    if not line.endswith("\n") or json.loads(line)["step"] > last_step:
      break
    kept.append(line)
  partial = path.with_name(path.name + ".tmp")
  partial.write_text("".join(kept), encoding="utf-8")
  os.replace(partial, path)


def finite_or_null(value: Any) -> float | None:
  """A number for JSON, which knows neither nan nor infinity."""
  value = float(value)
  return value if math.isfinite(value) else None


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
  """`{"model": {"cell": c}}` as `{"model.cell": c}`."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, Mapping):
      flat |= flatten(value, f"{prefix}{name}.")
    else:
      flat[prefix + name] = value
  return flat


def check_can_hold(workdir: pathlib.Path, own: tuple[str, ...]) -> None:
  """Raises FieldError unless `workdir` is new, empty, or holds one of `own`.

  Args:
    workdir: the path that was asked for.
    own: names of files of which one is there if the directory is a run's.
  """
  for path in (workdir, *workdir.parents):
    if _exists(path) and not path.is_dir():
      raise FieldError(
        "workdir",
        str(workdir),
        "a directory or a new path",
        "a file" if path == workdir else f"below a file ({path})",
      )
  if not workdir.exists() or any((workdir / name).exists() for name in own):
    return
  # What a kill can leave of a directory's first moments.
  remains = {LOCK, *(f"{name}.tmp" for name in own)}
  others = [p.name for p in workdir.iterdir() if p.name not in remains]
  if others:
    raise FieldError(
      "workdir",
      str(workdir),
      "a new or empty directory, or one that this command made",
      f"{str(workdir)!r}, which holds other files ({sorted(others)[0]})",
    )


def _exists(path: pathlib.Path) -> bool:
  """Whether something is there, be it a link to nothing."""
  try:
    return path.is_symlink() or path.exists()
  except OSError as error:
    raise FieldError(
      "workdir", str(path), "a shorter path", f"no path ({error.strerror})"
    ) from error


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
  """Keeps other processes out of `workdir`, until the end or death.

  Raises:
    FieldError: another process is in it.
  """
  try:
    workdir.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise FieldError(
      "workdir",
      str(workdir),
      "a path that can be made",
      f"{str(workdir)!r}, which cannot be made ({error.strerror})",
    ) from error
  with (workdir / LOCK).open("a+", encoding="utf-8") as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      file.seek(0)
      raise FieldError(
        "workdir",
        str(workdir),
        "a directory that no other process uses",
        f"held by another process (pid {file.read().strip() or 'unknown'})",
      ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    yield
