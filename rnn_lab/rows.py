"""The growing files of a run directory: a JSON object on each line."""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from rnn_lab.errors import StorageError
from rnn_lab.rundir import damaged, naming, write_text


def append_row(path: pathlib.Path, row: Mapping[str, Any]) -> bytes:
  """Appends one line of strict JSON and hands it to the operating system.

  Returns:
    The line.
  """
  line = (json.dumps(row, allow_nan=False) + "\n").encode("utf-8")
  with naming(path), path.open("ab") as file:
    file.write(line)
  return line


def read_rows(path: pathlib.Path, last_step: int) -> list[dict[str, Any]]:
  """Reads the rows up to `last_step`; [] without a file.

  What follows them, a half-written line for instance, is not looked at.

  Raises:
    FieldError: the file cannot be read, or one of these rows is no JSON object
      with a step, or has an earlier step than the row in front of it.
  """
  return [row for _, row in _rows(path, last_step)]


def cut_rows(path: pathlib.Path, last_step: int) -> None:
  """Keeps the rows up to `last_step`; drops later and half-written ones.

  Raises:
    FieldError: as `read_rows`.
  """
  if path.exists():
    lines = [line for line, _ in _rows(path, last_step)]
    write_text(path, "".join(lines))


def cut_half_row(path: pathlib.Path) -> None:
  """Drops a last row that is half-written; looks at no other."""
  if path.exists():
    with damaged(path):
      content = path.read_bytes()
      whole = content.rfind(b"\n") + 1
      if whole < len(content):
        with naming(path), path.open("r+b") as file:
          file.truncate(whole)


def rows_sha256(path: pathlib.Path, last_step: int) -> str:
  """Returns the sha256 of the lines up to `last_step`.

  Raises:
    FieldError: as `read_rows`.
  """
  lines = [line for line, _ in _rows(path, last_step)]
  return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _rows(
  path: pathlib.Path, last_step: int
) -> list[tuple[str, dict[str, Any]]]:
  """Returns the lines and the rows up to `last_step`."""
  rows: list[tuple[str, dict[str, Any]]] = []
  if last_step < 0 or not path.exists():
    return rows
  with damaged(path):
    lines = path.read_bytes().split(b"\n")
    # Without its end the last line is half-written.
    for number, line in enumerate(lines[:-1], start=1):
      try:
        text = line.decode("utf-8")
        row = json.loads(text)
        step = row["step"]
        if not isinstance(step, int) or isinstance(step, bool):
          raise TypeError
      except (ValueError, KeyError, TypeError):
        raise ValueError(f"line {number} is no row with a step") from None
      if step > last_step:
        break
      if rows and step < rows[-1][1]["step"]:
        raise ValueError(f"line {number} is of an earlier step than the last")
      rows.append((text + "\n", row))
  return rows


class GrowingFile:
  """A file of rows that this process alone writes, and its sha256 so far."""

  def __init__(self, path: pathlib.Path, last_step: int):
    """Cuts the file back to the rows up to `last_step`."""
    cut_rows(path, last_step)
    content = path.read_bytes() if path.exists() else b""
    self._path, self._size = path, len(content)
    self._hash = hashlib.sha256(content)

  def append(self, row: Mapping[str, Any]) -> None:
    """Appends a row; see `append_row`."""
    line = append_row(self._path, row)
    self._size += len(line)
    self._hash.update(line)

  def check(self) -> None:
    """Raises StorageError if the file has another size than it was given."""
    size = self._path.stat().st_size if self._path.exists() else 0
    if size != self._size:
      raise StorageError(
        f"{self._path} has been changed by another hand while the run wrote to "
        f"it: {size} bytes instead of {self._size}"
      )

  @property
  def sha256(self) -> str:
    """The sha256 of all that has been written."""
    return self._hash.hexdigest()
