"""What the commands print of texts that hold anything."""

import io
import sys

import numpy as np
import pytest

from experiments.terminal import (
  Terminal,
  next_tokens_table,
  prediction_lines,
)

# Markup, emoji and colours of the library that prints, and of terminals.
ODD = ("[b]", "[/b]", "[red]", "x[/]", ":cat:", "\\[a]", "$it's", "\x1b[31m")


def printed(*lines, table=None):
  with Terminal() as terminal:
    for line in lines:
      terminal.line(line)
    if table is not None:
      terminal.table(table)


def cells(text):
  """The first cells of a table's rows."""
  rows = [line.split("\u2502") for line in text.split("\n")]
  return [row[1].strip() for row in rows if len(row) > 2]


def test_words_are_no_markup(capsys):
  printed(*ODD, "a\tb\nc")
  shown = [word.replace("\x1b", "\\x1b") for word in ODD]
  assert capsys.readouterr().out.split("\n")[: len(ODD)] == shown
  log_p = np.log(np.arange(len(ODD), 0, -1) / 100)
  table = next_tokens_table(log_p, ODD, "word", len(ODD), dict.fromkeys(ODD, 1))
  printed(table=table)
  out = capsys.readouterr().out
  assert "next word" in out and "0.0800" in out
  assert cells(out) == [*ODD[:-1], repr(ODD[-1])]


@pytest.mark.parametrize(
  "unit, name", [("character", "character"), ("bpe", "piece")]
)
def test_white_space_is_seen(capsys, unit, name):
  words = (" ", "\n", "a", " the", "\xa0", "it's", "\\xe2")
  log_p = -np.arange(len(words), dtype=float)
  printed(table=next_tokens_table(log_p, words, unit, 10, None))
  out = capsys.readouterr().out
  assert f"next {name}" in out
  expected = ["' '", r"'\n'", "a", "' the'", r"'\xa0'", "it's", r"\xe2"]
  assert cells(out) == expected


def test_tags_stay_under_their_words_in_a_narrow_terminal():
  row = {
    "words": ["Rain", "\u96e8\u96e8\u96e8", "fell", "unforeseeably"],
    "prediction": ["B-NP", "I-NP", "B-VP", "B-ADVP"],
    "probabilities": [0.5, 0.25, 1.0, 0.125],
  }
  # Each of the three characters takes two cells.
  first = ["Rain  \u96e8\u96e8\u96e8", "B-NP  I-NP", "0.50  0.25"]
  second = ["fell", "B-VP", "1.00"]
  last = ["unforeseeably", "B-ADVP", "0.12"]
  for width in (12, 17):
    lines = prediction_lines(row, width)
    assert lines == [*first, "", *second, "", *last]
  wide = [
    "Rain  \u96e8\u96e8\u96e8  fell",
    "B-NP  I-NP    B-VP",
    "0.50  0.25    1.00",
  ]
  assert prediction_lines(row, 18) == [*wide, "", *last]
  ends = ["  unforeseeably", "  B-ADVP", "  0.12"]
  whole = [line + end for line, end in zip(wide, ends)]
  assert prediction_lines(row) == prediction_lines(row, 33) == whole
  assert prediction_lines(row, 32) == [*wide, "", *last]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_characters(monkeypatch, encoding):
  raw = io.BytesIO()
  stream = io.TextIOWrapper(raw, encoding, errors="replace")
  monkeypatch.setattr(sys, "stdout", stream)
  log_p = np.log([0.7, 0.3])
  words = ("d\u011bti", "\U0001f600")
  printed("1: \u4e2d", table=next_tokens_table(log_p, words, "word", 2, None))
  stream.flush()
  out = raw.getvalue().decode(encoding)
  assert "1: ?" in out and "d?ti" in out and "0.7000" in out
