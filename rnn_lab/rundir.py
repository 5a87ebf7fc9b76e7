"""The files of a run directory: their names, atomic writes and lock.

This module and `rnn_lab.rows` alone know the form of a run directory.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import re
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
# Of a trial that was stopped early: where, and its rank.
HALTED = "halted.json"
SUMMARY = "summary.json"
FIGURES = "figures"
TABLES = "tables"
NUMBERS = "numbers.csv"
REPORT = "report.html"
LOCK = ".lock"
# The field of a JSON object that tells whether the others have changed.
_SEAL = "sha256"
# The fields of a result, and their types.
_RESULT = {
  "status": str,
  "headline": str,
  "maximize": bool,
  "baselines": dict,
  "metrics": dict,
  "seeds": list,
}
# The growing files that the config alone decides.
ROWS = (METRICS, FLOW)
# The files of a run.
_FILES = (
  CONFIG,
  ENVIRONMENT,
  RESULT,
  METRICS,
  FLOW,
  TIMING,
  GRADIENTS,
  EXAMPLES,
  VOCABULARY,
  NGRAM,
  SOURCE_VOCABULARY,
  TARGET_VOCABULARY,
  SERIES,
  HALTED,
  LOCK,
)


@contextlib.contextmanager
def naming(path: pathlib.Path) -> Iterator[None]:
  """Lets an OSError raised inside name the file, as of a full disk."""
  try:
    yield
  except OSError as error:
    error.filename = error.filename or str(path)
    raise


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
  """Opens a binary file that takes the place of `path` once it is complete.

  If the block raises, `path` is left as it was and nothing remains beside it.
  """
  path = pathlib.Path(path)
  partial = path.with_name(path.name + ".tmp")
  try:
    with naming(path), partial.open("wb") as file:
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


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
  """Adds a sha256 to a JSON object, by which a change is noticed."""
  return {**value, _SEAL: _sha256(value)}


def unsealed(value: Any) -> dict[str, Any]:
  """The inverse of `sealed`; takes what has no sha256 as it is.

  Raises:
    ValueError: it is not an object, or has changed since it was sealed.
  """
  if not isinstance(value, dict):
    raise ValueError("not an object")
  content = {name: part for name, part in value.items() if name != _SEAL}
  # Also where it is the name of the seal that has changed.
  seals = {value.get(_SEAL), *filter(_is_sha256, content.values())} - {None}
  if seals - {_sha256(content)}:
    raise ValueError("it has changed since it was written")
  return content


def _is_sha256(part: Any) -> bool:
  return isinstance(part, str) and bool(re.fullmatch("[0-9a-f]{64}", part))


def _sha256(value: Mapping[str, Any]) -> str:
  # As a reader has it: keys are strings, and lists are lists.
  text = json.dumps(json.loads(json.dumps(value)), sort_keys=True)
  return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write_sealed(path: str | os.PathLike, value: Mapping[str, Any]) -> None:
  """Writes an object as strict JSON, atomically and `sealed`."""
  write_json(path, sealed(value))


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Reads an object that `write_sealed` or `write_json` wrote.

  Raises:
    FieldError: the file cannot be read, is not JSON or not an object, or has
      changed since it was sealed.
  """
  with damaged(path):
    return unsealed(json.loads(path.read_text(encoding="utf-8")))


def read_result(path: pathlib.Path) -> dict[str, Any]:
  """Reads a `result.json`.

  Raises:
    FieldError: as `read_json`, or it lacks what every result has.
  """
  result = read_json(path)
  problem = _result_problem(result)
  if problem is not None:
    raise FieldError(
      "workdir",
      f"workdir holds a damaged file: {path} ({problem}); without it the same "
      "command writes it again",
    )
  return result


def _result_problem(result: Mapping[str, Any]) -> str | None:
  """Says what a result lacks; None if it has everything."""
  for field, kind in _RESULT.items():
    if not isinstance(result.get(field), kind):
      return f"no {field}"
  if result["status"] not in ("finished", "partial", "diverged"):
    return f"status {result['status']!r}"
  for field in ("details", "rows"):
    if not isinstance(result.get(field, {}), dict):
      return f"no {field}"
  for name, metric in result["metrics"].items():
    values = metric.get("values") if isinstance(metric, dict) else None
    if not isinstance(values, list) or not all(
      value is None or isinstance(value, int | float)
      for value in (metric.get("mean"), metric.get("std"), *values)
    ):
      return f"no values of {name}"
  for seed in result["seeds"]:
    if not isinstance(seed, dict) or not isinstance(seed.get("status"), str):
      return "a seed without status"
  return None


@contextlib.contextmanager
def damaged(path: pathlib.Path) -> Iterator[None]:
  """Turns what reading a damaged file raises into a FieldError."""
  try:
    yield
  except (ValueError, OSError, RecursionError) as error:
    why = error.strerror if isinstance(error, OSError) else error
    raise FieldError(
      "workdir", f"workdir holds a damaged file: {path} ({why})"
    ) from error


def check_kinds(workdir: pathlib.Path) -> None:
  """Checks that the names of a run directory are files or folders as it wants.

  Raises:
    FieldError: a file is a folder or a dangling link, or the other way round.
  """
  for name in (*_FILES, CHECKPOINTS, EVENTS):
    path = workdir / name
    wants_file = name in _FILES
    if not _exists(path) or (path.is_file() if wants_file else path.is_dir()):
      continue
    kind = "a folder" if path.is_dir() else "a file"
    if not path.exists():
      kind = "a dangling link"
    raise FieldError(
      "workdir",
      f"workdir holds {path}, which must be "
      f"{'a file' if wants_file else 'a folder'} and is {kind}",
    )


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


def halted_status(halted: Mapping[str, Any]) -> str:
  """Returns the status of a trial that was stopped early.

  Args:
    halted: the content of HALTED.
  """
  return f"stopped at step {halted.get('step')}"


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
  """Keeps other processes out of `workdir`, which is made if need be.

  The lock ends with the block or with the process, however that ends.

  Raises:
    FieldError: another process holds the lock, or the directory cannot be
      made or written to.
  """
  try:
    workdir.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise FieldError(
      "workdir", f"workdir {workdir} cannot be made: {error.strerror}"
    ) from error
  try:
    # Unbuffered, so that a full disk is noticed at once.
    file = (workdir / LOCK).open("ab+", buffering=0)
  except OSError as error:
    raise _not_writable(workdir, error) from error
  with file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      file.seek(0)
      pid = file.read().decode("utf-8", "replace").strip() or "unknown"
      raise FieldError(
        "workdir", f"workdir {workdir} is in use by another process (pid {pid})"
      ) from error
    try:
      file.truncate(0)
      file.write(str(os.getpid()).encode())
    except OSError as error:
      raise _not_writable(workdir, error) from error
    yield


def _not_writable(workdir: pathlib.Path, error: OSError) -> FieldError:
  return FieldError(
    "workdir", f"workdir {workdir} cannot be written to: {error.strerror}"
  )


def lock_id(workdir: pathlib.Path) -> tuple[int, int] | None:
  """Returns what tells a directory's lock from every other; None without."""
  try:
    status = (workdir / LOCK).stat()
  except (FileNotFoundError, NotADirectoryError):
    return None
  return status.st_dev, status.st_ino
