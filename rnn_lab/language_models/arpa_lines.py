"""The lines of an ARPA file, one by one or many at a time."""

import os

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.text.files import compression, decompress, read_stored

# What separates the fields of a line, as in kenlm: nothing else is white space.
BLANKS = b" \t\r"
TO_NEWLINES = bytes.maketrans(BLANKS, b"\n" * len(BLANKS))
NEWLINE = 10
IS_BLANK = np.zeros(256, bool)
IS_BLANK[[*BLANKS, NEWLINE]] = True
KENLM_BINARY = b"mmap lm http://kheafield.com/code"


class Lines:
  """The lines of a file and a place among them.

  Attributes:
    path: the file.
    number: the number of lines.
    at: the number of the next line, from 0.
  """

  def __init__(self, path: str | os.PathLike):
    """Reads the file.

    Raises:
      FieldError: it cannot be read, is too large, compressed in another way
        than by gzip, or not UTF-8.
    """
    self.path = os.fspath(path)
    try:
      self._raw = decompress(read_stored(path))
    except ValueError as error:
      raise self._bad(str(error)) from error
    if name := compression(self._raw):
      raise self._bad(f"is compressed ({name}); decompress it first")
    if self._raw.startswith(KENLM_BINARY):
      raise self._bad("is a binary file of kenlm, not an ARPA file")
    try:
      self._raw.decode("utf-8")
    except UnicodeDecodeError as error:
      at = self._raw.count(b"\n", 0, error.start)
      raise self.damaged("not UTF-8", at) from error
    # Only a newline ends a line, unlike in `bytes.splitlines`.
    ends = np.flatnonzero(np.frombuffer(self._raw, np.uint8) == NEWLINE)
    if not self._raw.endswith(b"\n"):
      ends = np.append(ends, len(self._raw))
    self._ends = ends
    self._starts = np.append(0, ends[:-1] + 1)
    self.number = len(ends)
    self.at = 0

  def line(self, at: int) -> str:
    """Returns a line, stripped."""
    return self._raw[self._starts[at] : self._ends[at]].strip(BLANKS).decode()

  def next(self) -> str:
    """Returns the next line that is not blank."""
    while self.at < self.number:
      self.at += 1
      if line := self.line(self.at - 1):
        return line
    raise self.damaged("the file ends here, without \\end\\")

  def find(self, wanted: str) -> None:
    """Goes on to the line after the next one that is `wanted`."""
    if not self._raw.strip():
      raise self.damaged("empty", 0)
    while self.at < self.number:
      self.at += 1
      if self.line(self.at - 1) == wanted:
        return
    raise self.damaged(f"no line {wanted} up to here")

  def expect(self, wanted: str) -> None:
    """Raises FieldError unless `wanted` is the next line."""
    if (line := self.next()) != wanted:
      raise self.damaged(f"{line[:40]!r} instead of {wanted}")

  def fields(self, start: int, stop: int) -> tuple[list[bytes], np.ndarray]:
    """Splits the lines from `start` to before `stop` into fields.

    Returns:
      All fields, and how many each line has.
    """
    begin = self._starts[start]
    text = self._raw[begin : self._ends[stop - 1]] + b"\n"
    blank = IS_BLANK[np.frombuffer(text, np.uint8)]
    begins = ~blank
    begins[1:] &= blank[:-1]
    numbers = np.add.reduceat(
      begins, self._starts[start:stop] - begin, dtype=np.int64
    )
    fields = [*filter(None, text.translate(TO_NEWLINES).split(b"\n"))]
    return fields, numbers

  def damaged(self, words: str, at: int | None = None) -> FieldError:
    """Makes the error for line `at`, by default the last one read."""
    at = max(self.at - 1, 0) if at is None else at
    return self._bad(f"is damaged in line {at + 1}: {words}")

  def _bad(self, words: str) -> FieldError:
    return FieldError("arpa_file", f"{{field}} {self.path!r} {words}")
