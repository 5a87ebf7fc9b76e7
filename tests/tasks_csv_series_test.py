"""CSV files made here: every dialect, and every kind of damage."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks.csv_series import LEAST_ROWS, read_csv

ROWS = 12
VALUES = np.arange(ROWS)[:, None] * [1.0, -2.5, 1e-3] + [0, 0.25, 7]
HEADER = ["time", "flow", "level"]


def text_of(delimiter=",", header=True, end="\n", dates=True, values=VALUES):
  lines = [HEADER] if header else []
  lines += [[repr(float(v)) for v in row] for row in values]
  if dates:
    first = ["date"] * header + [f"2020-01-{n + 1:02} 00:00" for n in range(99)]
    lines = [[date, *line] for date, line in zip(first, lines)]
  return "".join(delimiter.join(line) + end for line in lines)


@pytest.fixture
def write(tmp_path):
  def write_text(text):
    path = tmp_path / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path

  return write_text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_dialects(write, delimiter, end, mark):
  path = write(mark + text_of(delimiter, end=end))
  names, values = read_csv(path, ["level", "time"])
  assert names == ("level", "time")
  assert values.dtype == np.float64
  assert_array_equal(values, VALUES[:, [2, 0]])
  names, values = read_csv(str(path), (3, "level"))
  assert names == ("flow", "level")
  assert_array_equal(values, VALUES[:, 1:])
  # Without its last end of line, and without a header.
  text = mark + text_of(delimiter, header=False, end=end)
  names, values = read_csv(write(text.removesuffix(end)), [4, 2])
  assert names == ("column 4", "column 2")
  assert_array_equal(values, VALUES[:, [2, 0]])


def test_all_columns_and_one_column(write):
  names, values = read_csv(write(text_of(dates=False)))
  assert names == tuple(HEADER)
  assert_array_equal(values, VALUES)
  one = VALUES[:, 1:2]
  text = "".join(f" {v} \n" for v in one[:, 0])
  for header, name in ("", "column 1"), ("flow\n", "flow"):
    names, values = read_csv(write(header + text))
    assert names == (name,)
    assert_array_equal(values, one)


def test_a_header_of_numbers_is_one_by_name(write):
  header = '2019, "2020", '
  lines = "".join(f"{n},{n * n},\n" for n in range(20))
  path = write(f"{header}\n{lines}\n\n")
  names, values = read_csv(path, ["2020"])
  assert names == ("2020",)
  assert_array_equal(values[:, 0], np.arange(20) ** 2)
  names, values = read_csv(path, np.array([2]))
  assert names == ("column 2",)
  assert_array_equal(values[:, 0], [2020, *np.arange(20) ** 2])


def test_quoted_cells(write):
  """A delimiter, a quote and an end of line within cells."""
  lines = "".join(f'"a; ""b"", {n}\n...";"{n}.5"\n' for n in range(15))
  path = write(f'"flow; in";"c, d"\n{lines}')
  names, values = read_csv(path, ["c, d"])
  assert names == ("c, d",)
  assert_array_equal(values[:, 0], np.arange(15) + 0.5)
  with pytest.raises(FieldError, match="in line 2, column 1 \\('flow; in'\\)"):
    read_csv(path)
  # Each row has two lines and is named by its first one.
  path = write(path.read_text().replace("9.5", "?"))
  with pytest.raises(FieldError, match="has '\\?' in line 20, column 2"):
    read_csv(path, [2])


def test_home_folder_and_unnamed_columns(write, monkeypatch):
  path = write("," + text_of(dates=False).replace("\n", "\n,")[:-1])
  monkeypatch.setenv("HOME", str(path.parent))
  assert read_csv("~/series.csv", ["flow"])[0] == ("flow",)
  numbered = "".join(f"{n},{n + 1}\n" for n in range(12))
  path = write(",a\n" + numbered)
  assert read_csv(path)[0] == ("column 1", "a")


@settings(deadline=None)
@given(
  st.lists(
    st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=2),
    min_size=LEAST_ROWS,
    max_size=LEAST_ROWS + 3,
    unique_by=(lambda row: row[0], lambda row: row[1]),
  ),
  st.sampled_from(",;\t"),
)
def test_any_numbers_are_read_exactly(tmp_path_factory, rows, delimiter):
  path = tmp_path_factory.getbasetemp() / "any.csv"
  with path.open("w", newline="") as file:
    csv.writer(file, delimiter=delimiter).writerows(rows)
  assert_array_equal(read_csv(path)[1], rows)


def lines_of(change):
  """The text with its lines changed; `lines[n]` is line n + 1 of the file."""
  lines = text_of().splitlines()
  change(lines)
  return "\n".join(lines) + "\n"


def with_cell(cell):
  """The text with another cell in line 6, column 3."""

  def change(lines):
    date, time, _, level = lines[5].split(",")
    lines[5] = ",".join([date, time, cell, level])

  return lines_of(change)


CELL = "in line 6, column 3 ('flow')"
FILES = {
  "empty": ("", "is empty"),
  "blank": ("\ufeff \r\n\t\n", "is empty"),
  "latin-1": (b"d\xe9bit\n1\n2\n", "is not UTF-8 (at byte 1)"),
  "binary": (bytes(range(256)), "is not UTF-8 (at byte 128)"),
  "utf-16": (text_of().encode("utf-16"), "is not UTF-8 (at byte 0)"),
  "text": (with_cell("low"), f"has 'low' {CELL}, which is not a number"),
  "long text": (
    with_cell("x" * 99),
    f"has '{'x' * 30}...' {CELL}, which is not a number",
  ),
  "underscore": (with_cell("1_0"), f"has '1_0' {CELL}, which is not a number"),
  "decimal comma": (
    with_cell('"1,5"'),
    f"has '1,5' {CELL}, which is not a number; decimals must have a point",
  ),
  "decimal commas everywhere": (
    text_of(";", header=False).replace(".", ","),
    "has '-2,25' in line 2, column 3 ('0,25'), which is not a number; decimals "
    "must have a point",
  ),
  "hole": (with_cell(""), f"has an empty cell {CELL}"),
  "blank hole": (with_cell("  "), f"has an empty cell {CELL}"),
  "nan": (with_cell("NaN"), f"has 'NaN' {CELL}, which is not finite"),
  "inf": (with_cell("-inf"), f"has '-inf' {CELL}, which is not finite"),
  "too large": (with_cell("1e39"), f"has '1e39' {CELL}, which is too large"),
  "overflow": (with_cell("1e999"), f"has '1e999' {CELL}, which is not finite"),
  "more cells": (with_cell("1,2"), "has 5 cells in line 6, but 4 in line 1"),
  "fewer cells": (
    lines_of(lambda lines: lines.insert(7, "1,2")),
    "has 2 cells in line 8, but 4 in line 1",
  ),
  "blank line": (
    lines_of(lambda lines: lines.insert(7, "")),
    "is blank in line 8",
  ),
  "blank first line": ("\n" + text_of(), "is blank in line 1"),
  "truncated": (text_of()[:-9], "has 3 cells in line 13, but 4 in line 1"),
  "open quote": (
    with_cell('"1'),
    "cannot be parsed from line 6 on (unexpected end of data)",
  ),
  "text behind a quote": (
    with_cell('"1"2'),
    "cannot be parsed from line 6 on (',' expected after '\"')",
  ),
  "endless cell": (
    text_of() + '"' + "1" * 200_000,
    "cannot be parsed from line 14 on (field larger than field limit (131072))",
  ),
  "header alone": ("date,time,flow\n", "has 0 rows of numbers, fewer than 10"),
  "nine rows": (
    text_of(values=VALUES[:9]),
    "has 9 rows of numbers, fewer than 10",
  ),
  "two headers": (
    "a,b,c,d\n" + text_of(),
    "has 'flow' in line 2, column 3 ('c'), which is not a number",
  ),
}


def error_of(path, columns):
  with pytest.raises(FieldError) as caught:
    read_csv(path, columns)
  assert "\n" not in str(caught.value)
  return caught.value


@pytest.mark.parametrize("damage", FILES)
def test_damaged_files(write, damage):
  text, words = FILES[damage]
  path = write(text)
  error = error_of(path, [3])
  assert error.field == "path"
  start = "path must be the path of a CSV file of numbers in UTF-8; "
  assert str(error) == f"{start}{str(path)!r} {words}"


def test_a_header_with_a_number_is_damage(write):
  """Of the chosen columns one has a number in the first line."""
  path = write(text_of().replace("flow", "3"))
  assert "has 'time' in line 1, column 2, which" in str(error_of(path, [2, 3]))
  assert_array_equal(read_csv(path, ["time", "3"])[1], VALUES[:, :2])
  # Damage to columns that are not chosen is not looked at.
  assert_array_equal(read_csv(write(with_cell("?")), [4])[1], VALUES[:, 2:])


def test_files_that_cannot_be_read(tmp_path):
  missing = tmp_path / "none.csv"
  message = str(error_of(missing, [1]))
  assert message.endswith("cannot be read (No such file or directory)")
  message = str(error_of(tmp_path, [1]))
  assert message.endswith("cannot be read (Is a directory)")
  assert "cannot be read (embedded null byte)" in str(error_of("a\0b", [1]))
  assert str(error_of(None, [1])) == "path must be a path, got None"


COLUMNS = {
  "unknown": (["flwo"], ", got 'flwo'; did you mean 'flow'?"),
  "case": (["Level"], ", got 'Level'; did you mean 'level'?"),
  "zero": ([0], "numbers from 1 to 4, or names in the first line of "),
  "beyond": ([5], "('date', 'time', 'flow', 'level'), got 5"),
  "negative": ([-1], ", got -1"),
  "twice": (["flow", 3], "must choose a column once, got 'flow' twice"),
  "one string": ("flow", "must be a list of names or numbers, got 'flow'"),
  "float": ([2.0], "must be a list of names or numbers, got [2.0]"),
  "none": (None, "must be a list of names or numbers, got None"),
  "dict": ({"flow": 1}, "must be a list of names or numbers, got {'flow': 1}"),
  "boolean": ([True], "must be a list of names or numbers, got [True]"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_wrong_columns(write, case):
  columns, words = COLUMNS[case]
  error = error_of(write(text_of()), columns)
  assert error.field == "columns"
  assert words in str(error)


def test_columns_of_one_name(write):
  path = write(text_of().replace("level", "time"))
  message = str(error_of(path, ["time"]))
  assert f"'time' is the name of columns 2 and 4 of {str(path)!r}" in message
  assert read_csv(path, [2, 4])[0] == ("time", "time")


def test_many_columns_are_not_all_listed(write):
  header = ",".join(f"c{n}" for n in range(50))
  message = str(error_of(write(header + "\n"), ["d7"]))
  assert "from 1 to 50, " in message and "'c9', ...), got 'd7'" in message


def test_constant_columns(write):
  values = VALUES.copy()
  values[:, 1] = 0.25
  path = write(text_of(values=values))
  assert str(error_of(path, ["time", "flow"])) == (
    "columns must be columns that vary; 'flow' is 0.25 in all 12 rows"
  )
  assert read_csv(path, ["time", "level"])[1].shape == (12, 2)
