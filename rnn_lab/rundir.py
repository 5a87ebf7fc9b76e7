"""The files of a run directory: their names, rows, atomic writes and lock.

This module alone knows the form of a run directory.
"""

import contextlib
import fcntl
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from rnn_lab.errors import FieldError

CONFIG = "config.json"
ENVIRONMENT = "environment.json"
RESULT = "result.json"
METRICS = "metrics.jsonl"
FLOW = "gradient_flow.jsonl"
TIMING = "timing.jsonl"
GRADIENTS = "gradients.json"
EXAMPLES = "examples.json"
CHECKPOINTS = "checkpoints"
EVENTS = "tensorboard"
# Of a language model: its vocabulary, and an n-gram model's arrays.
VOCABULARY = "vocabulary.json"
NGRAM = "ngram.npz"
# Of tasks whose answers are written: the symbols that are read and written.
SOURCE_VOCABULARY = "source_vocabulary.json"
TARGET_VOCABULARY = "target_vocabulary.json"
# Of a model that forecasts: its columns and their scaling.
SERIES = "series.json"
# Of a sweep: its trials, each trial's own row, and the error of a failed one.
SWEEP = "sweep.json"
TRIAL = "trial.json"
ERROR = "error.txt"
SUMMARY = "summary.json"
FIGURES = "figures"
REPORT = "report.html"
LOCK = ".lock"


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
  """Opens a binary file that takes the place of `path` once it is complete.

  If the block raises, `path` is left as it was and nothing remains beside it.
  """
  path = pathlib.Path(path)
  partial = path.with_name(path.name + ".tmp")
  try:
    with partial.open("wb") as file:
      yield file
    os.replace(partial, path)
  finally:
    partial.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes UTF-8 text atomically."""
  with atomic_file(path) as file:
    file.write(text.encode("utf-8"))


def write_json(path: str | os.PathLike, value: Any) -> None:
  """Writes strict JSON atomically."""
  text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
  write_text(path, text + "\n")


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Reads an object that `write_json` wrote.

  Raises:
    FieldError: the file is not JSON, or not an object.
  """
  try:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
      raise ValueError("not an object")
  except ValueError as error:
    raise FieldError(
      "workdir", f"workdir holds a damaged file: {path} ({error})"
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
  try:
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
      if not line.endswith("\n") or json.loads(line)["step"] > last_step:
        break
      kept.append(line)
  except (ValueError, KeyError, TypeError) as error:
    raise FieldError(
      "workdir", f"workdir holds a damaged file: {path} ({error!r})"
    ) from error
  write_text(path, "".join(kept))


def finite_or_null(value: Any) -> float | None:
  """Converts a number for JSON, which has neither nan nor infinity."""
  value = float(value)
  return value if math.isfinite(value) else None


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
  """Flattens `{"model": {"cell": c}}` to `{"model.cell": c}`."""
  flat = {}
  for name, value in tree.items():
    if isinstance(value, Mapping):
      flat |= flatten(value, f"{prefix}{name}.")
    else:
      flat[prefix + name] = value
  return flat


def check_can_hold(workdir: pathlib.Path, files: tuple[str, ...]) -> None:
  """Checks that `workdir` is new, is empty, or holds one of `files`.

  Args:
    workdir: the directory to be written to.
    files: names of files of which a directory of the right kind has one.

  Raises:
    FieldError: it is a file or below one, or holds other files.
  """
  for path in (workdir, *workdir.parents):
    if _exists(path) and not path.is_dir():
      words = "is" if path == workdir else f"is below {path}, which is"
      kind = "a file" if path.exists() else "a dangling link"
      raise FieldError(
        "workdir", f"workdir must be a directory; {workdir} {words} {kind}"
      )
  if not workdir.exists() or any((workdir / name).exists() for name in files):
    return
  # What a kill can leave of a directory's first moments.
  remains = {LOCK, *(f"{name}.tmp" for name in files)}
  others = [p.name for p in workdir.iterdir() if p.name not in remains]
  if others:
    raise FieldError(
      "workdir",
      "workdir must be a new or empty directory, or one that this command "
      f"made; {workdir} holds other files ({sorted(others)[0]})",
    )


def _exists(path: pathlib.Path) -> bool:
  """Whether something is there, including a dangling link."""
  try:
    return path.is_symlink() or path.exists()
  except OSError as error:
    raise FieldError(
      "workdir", f"workdir {str(path)!r} is not a path: {error.strerror}"
    ) from error


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
  """Keeps other processes out of `workdir`, which is made if need be.

  The lock ends with the block or with the process, however that ends.

  Raises:
    FieldError: another process holds the lock, or the directory cannot be
      made.
  """
  try:
    workdir.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise FieldError(
      "workdir", f"workdir {workdir} cannot be made: {error.strerror}"
    ) from error
  with (workdir / LOCK).open("a+", encoding="utf-8") as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      file.seek(0)
      pid = file.read().strip() or "unknown"
      raise FieldError(
        "workdir", f"workdir {workdir} is in use by another process (pid {pid})"
      ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    yield
