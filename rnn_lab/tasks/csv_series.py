"""Series of numbers from a user's CSV file, read strictly."""

import csv
import io
import itertools
import math
import numbers
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from rnn_lab.errors import FLOAT32_MAX, FieldError, suggestion
from rnn_lab.text.files import bad_file, read_text

# In the order in which they are tried: a comma may be part of a text.
DELIMITERS = "\t;,"
LEAST_ROWS = 10
KIND = "a CSV file of numbers in UTF-8"

Fail = Callable[[str], FieldError]
Row = tuple[int, list[str]]  # the line of the file and its cells


class Reader(Protocol):
  """What `csv.reader` returns: the cells of each row."""

  @property
  def line_num(self) -> int:
    """The number of lines that were read."""
    ...

  def __iter__(self) -> Iterator[list[str]]: ...


def read_csv(
  path: str | os.PathLike,
  columns: Sequence[str | int] = (),
  *,
  least_rows: int = LEAST_ROWS,
  allow_constant: bool = False,
) -> tuple[tuple[str, ...], np.ndarray]:
  """Reads columns of numbers from a CSV file.

  The file is in UTF-8, gzipped or not, with or without a byte order mark, one
  row a line, its cells separated by tabs, semicolons or commas and quoted where
  needed. Numbers have a decimal point. Columns that are not chosen may hold
  anything.

  The first line is a header if a column is chosen by name, or if it has a
  number in none of the chosen columns.

  Args:
    path: the file.
    columns: the columns to read, in this order, by name (str) or by number,
      from 1 (int); `()` for all columns.
    least_rows: N or fewer, at least 1.
    allow_constant: whether a column may hold one number alone, whose scale
      cannot be estimated.

  Returns:
    The names of the K columns, from the header or else "column <number>", and
    their values, float64 `[N, K]`.

  Raises:
    FieldError: `path` is not such a file, a line is damaged, or a chosen cell
      is not a finite number; or `columns` has an unknown column, one column
      twice, or one that is constant and must not be.
  """
  text, fail = _read_text(path)
  rows = _parse(text, fail)
  chosen, has_header = _choose(columns, rows[0][1], os.fspath(path))
  names = tuple(_name(rows[0][1], n, has_header) for n in chosen)
  rows = rows[1:] if has_header else rows
  values_NK = np.array(
    [
      [_number(cells[n], line, n, name, fail) for n, name in zip(chosen, names)]
      for line, cells in rows
    ]
  )
  if len(rows) < least_rows:
    raise fail(f"has {len(rows)} rows of numbers, fewer than {least_rows}")
  constant = (values_NK == values_NK[0]).all(axis=0)
  if constant.any() and not allow_constant:
    k = int(np.argmax(constant))
    raise FieldError(
      "columns",
      "{field} must be columns that vary; "
      f"{names[k]!r} is {values_NK[0, k]:g} in all {len(rows)} rows",
    )
  return names, values_NK


def _read_text(path: str | os.PathLike) -> tuple[str, Fail]:
  """Reads the file; returns its text and a maker of errors about it."""
  if not isinstance(path, str | os.PathLike):
    raise FieldError("path", f"{{field}} must be a path, got {path!r}")
  path = os.fspath(path)

  def fail(reason: str) -> FieldError:
    return bad_file("path", path, KIND, reason)

  return read_text("path", path, kind=KIND)[0], fail


def _parse(text: str, fail: Fail) -> list[Row]:
  """Splits the text into rows of equally many cells, stripped of blanks."""
  line = 0
  rows = []
  try:
    reader = _reader(text, _delimiter(text), strict=True)
    for cells in reader:
      # A quoted cell may span lines; the row is named by its first one.
      rows.append((line + 1, [cell.strip() for cell in cells]))
      line = reader.line_num
  except csv.Error as error:
    raise fail(f"cannot be parsed from line {line + 1} on ({error})") from error
  while not rows[-1][1]:
    rows.pop()
  width = len(rows[0][1])
  for line, cells in rows:
    if not cells:
      raise fail(f"is blank in line {line}")
    if len(cells) != width:
      raise fail(
        f"has {len(cells)} cells in line {line}, but {width} in line "
        f"{rows[0][0]}"
      )
  return rows


def _delimiter(text: str) -> str:
  """Returns the delimiter that splits the first two lines alike.

  If none does, then the one that splits the first line into most cells.
  """
  widths = {
    delimiter: [len(r) for r in itertools.islice(_reader(text, delimiter), 2)]
    for delimiter in DELIMITERS
  }
  for delimiter, (first, *second) in widths.items():
    if first > 1 and second in ([first], []):
      return delimiter
  return max(DELIMITERS, key=lambda delimiter: widths[delimiter][0])


def _reader(text: str, delimiter: str, strict: bool = False) -> Reader:
  """Makes a csv.reader, which finds the ends of lines by itself."""
  return csv.reader(
    io.StringIO(text, newline=""),
    delimiter=delimiter,
    skipinitialspace=True,
    strict=strict,
  )


def _choose(
  columns: Sequence[str | int], first: Sequence[str], path: str
) -> tuple[list[int], bool]:
  """Returns the indices of the chosen columns, and if there is a header."""
  if not isinstance(columns, list | tuple | np.ndarray) or not all(
    isinstance(c, str | numbers.Integral) and not isinstance(c, bool)
    for c in columns
  ):
    raise FieldError(
      "columns",
      f"{{field}} must be a list of names or numbers, got {columns!r}",
    )
  chosen = [_find(column, first, path) for column in columns]
  for n, column in zip(chosen, columns):
    if chosen.count(n) > 1:
      raise FieldError(
        "columns", f"{{field}} must choose a column once, got {column!r} twice"
      )
  chosen = chosen or [*range(len(first))]
  by_name = any(isinstance(column, str) for column in columns)
  has_number = any(_parse_float(first[n]) is not None for n in chosen)
  has_text = any(first[n] for n in chosen)
  return chosen, by_name or (has_text and not has_number)


def _find(column: str | int, first: Sequence[str], path: str) -> int:
  """Returns the index of a column that is given by name or number."""
  width = len(first)
  if isinstance(column, str):
    places = [n for n, name in enumerate(first) if name == column.strip()]
    if len(places) > 1:
      doubled = " and ".join(str(n + 1) for n in places)
      raise FieldError(
        "columns",
        f"{{field}} must be unique names, or numbers; {column!r} is the name "
        f"of columns {doubled} of {path!r}",
      )
    if places:
      return places[0]
  elif 1 <= column <= width:
    return column - 1
  known = ", ".join(map(_shorten, first[:10])) + (", ..." * (width > 10))
  raise FieldError(
    "columns",
    f"{{field}} must be numbers from 1 to {width}, or names in the first line "
    f"of {path!r} ({known}), got {column!r}" + suggestion(column, first),
  )


def _name(first: Sequence[str], n: int, has_header: bool) -> str:
  return (has_header and first[n]) or f"column {n + 1}"


def _number(cell: str, line: int, n: int, name: str, fail: Fail) -> float:
  """Returns the number of a chosen cell."""
  value = _parse_float(cell)
  # Not greater also excludes nan.
  if value is not None and abs(value) <= FLOAT32_MAX:
    return value
  column = f"column {n + 1}"
  where = f"in line {line}, {column}"
  if name != column:
    where += f" ({_shorten(name)})"
  if not cell:
    raise fail(f"has an empty cell {where}")
  if value is not None:
    kind = "not finite" if not math.isfinite(value) else "too large"
    raise fail(f"has {_shorten(cell)} {where}, which is {kind}")
  hint = "; decimals must have a point" if "," in cell else ""
  raise fail(f"has {_shorten(cell)} {where}, which is not a number{hint}")


def _parse_float(cell: str) -> float | None:
  """Returns the number that a cell holds, or None."""
  # Python's own notation allows 1_000.
  if "_" in cell:
    return None
  try:
    return float(cell)
  except ValueError:
    return None


def _shorten(text: Any, most: int = 30) -> str:
  return repr(text if len(text) <= most else text[:most] + "...")
