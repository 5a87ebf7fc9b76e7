"""The files of one run as a report reads them: a damaged one counts as missing.

What is wrong with it is kept, so that the rest can be shown and nobody takes a
report with holes for a whole one.
"""

import hashlib
import json
import numbers
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnn_lab import rundir
from rnn_lab.errors import FieldError

# What follows this names the file and says what is wrong with it.
_PREFIX = "workdir holds a damaged file: "
# The sha256 of a file of rows that has none.
_NO_ROWS = hashlib.sha256().hexdigest()


class RunFiles:
  """Reads the files of a run directory.

  Attributes:
    path: the directory.
    problems: a line for each file that is damaged, in the order of reading.
  """

  def __init__(self, path: Path):
    self.path = path
    self.problems: list[str] = []
    # Of the rows that a result rests on, by file.
    self._sha256: Mapping[str, str] = {}

  def result(self) -> dict[str, Any] | None:
    """Returns the content of result.json; None without an unharmed one."""
    result = self._read(rundir.RESULT, rundir.read_result, None)
    self._sha256 = {} if result is None else result.get("rows", {})
    return result

  def json(self, name: str, **kinds: type) -> dict[str, Any] | None:
    """Returns the content of a JSON file; None without an unharmed one.

    Args:
      name: of the file.
      **kinds: the types of its fields, which it need not have.
    """

    def read(path: Path) -> dict[str, Any]:
      content = rundir.read_json(path)
      for field, kind in kinds.items():
        if field in content and not isinstance(content[field], kind):
          raise FieldError("workdir", f"{_PREFIX}{path} (no {field})")
      return content

    return self._read(name, read, None)

  def rows(
    self, name: str, check: Callable[[Mapping[str, Any]], bool]
  ) -> list[dict[str, Any]]:
    """Returns the rows of a jsonl file, without an incomplete last one.

    After `result` has been read they are compared with those that it rests on.

    Args:
      name: of the file.
      check: whether a row is as it should be.
    """

    def read(path: Path) -> list[dict[str, Any]]:
      rows = _read_rows(path, check)
      with rundir.damaged(path):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if self._sha256.get(name) not in (None, sha256):
          raise ValueError("it has changed since the run ended")
      return rows

    has_rows = self._sha256.get(name, _NO_ROWS) != _NO_ROWS
    if has_rows and not (self.path / name).exists():
      self.problems.append(f"{self.path / name} (it is missing)")
    return self._read(name, read, [])

  def text(self, name: str) -> str | None:
    """Returns the content of a text file; None without one."""

    def read(path: Path) -> str:
      with rundir.damaged(path):
        return path.read_text(encoding="utf-8", errors="replace")

    return self._read(name, read, None)

  def _read(self, name: str, read: Callable[[Path], Any], missing: Any) -> Any:
    path = self.path / name
    if not path.exists():
      return missing
    try:
      return read(path)
    except FieldError as error:
      self.problems.append(str(error).removeprefix(_PREFIX))
      return missing


def is_metrics_row(row: Mapping[str, Any]) -> bool:
  """Whether a row has a step, and a list of numbers for each metric."""
  return _is_number(row.get("step")) and all(
    isinstance(value, list) and all(v is None or _is_number(v) for v in value)
    for name, value in row.items()
    if name != "step"
  )


def is_flow_row(row: Mapping[str, Any]) -> bool:
  """Whether a row has the norm of a gradient at each time, of one seed."""
  norm = row.get("norm")
  return (
    _is_number(row.get("step"))
    and _is_number(row.get("seed"))
    and isinstance(norm, list)
    and all(v is None or _is_number(v) for v in norm)
  )


def is_timing_row(row: Mapping[str, Any]) -> bool:
  """Whether all values of a row but the name of the event are numbers."""
  return all(_is_number(v) for name, v in row.items() if name != "event")


def _is_number(value: Any) -> bool:
  return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _read_rows(
  path: Path, check: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
  rows = []
  with rundir.damaged(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
      try:
        row = json.loads(line)
      except ValueError:
        if number == len(lines) and not text.endswith("\n"):
          break  # half-written
        raise ValueError(f"line {number} is not JSON") from None
      if not isinstance(row, dict) or not check(row):
        raise ValueError(f"line {number} is no row of this file")
      rows.append(row)
  return rows
