"""Reads ARPA files of this project and of other tools."""

import array
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.arpa_names import BEGIN, END, words_of
from rnn_lab.language_models.counts import MAX_ORDER
from rnn_lab.language_models.ngram import NGram, lookup

SPACES = re.compile("[ \t]+")
# This and lower values stand for the logarithm of zero.
LOG_ZERO = -99.0
LOG_10 = float(np.log(10))


class _File:
  """The lines of a file, read one by one."""

  def __init__(self, path: pathlib.Path):
    self.path = os.fspath(path)
    try:
      raw = path.read_bytes()
    except OSError as error:
      raise FieldError(
        "arpa_file",
        f"{{field}} {self.path!r} cannot be read ({error.strerror})",
      ) from error
    try:
      text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
      at = raw[: error.start].count(b"\n") + 1
      raise self.damaged("not UTF-8", at) from error
    # Only a newline ends a line, unlike in `str.splitlines`.
    self.lines = text.removesuffix("\n").split("\n")
    self.at = 0

  def next(self, blank: bool = False) -> str:
    """Returns the next line, stripped; skips blank lines unless `blank`."""
    while self.at < len(self.lines):
      line = self.lines[self.at].strip(" \t\r")
      self.at += 1
      if line or blank:
        return line
    raise self.damaged("the file ends here, without \\end\\")

  def damaged(self, words: str, at: int | None = None) -> FieldError:
    """Makes the error for line `at`, by default the last one read."""
    at = max(self.at, 1) if at is None else at
    return FieldError(
      "arpa_file", f"{{field}} {self.path!r} is damaged in line {at}: {words}"
    )


def read_arpa(path: str | os.PathLike) -> tuple[NGram, tuple[str, ...]]:
  """Reads a back-off model from an ARPA file.

  Words are numbered in the order of the file. `</s>` becomes `<eos>`, and the
  other names that `arpa` writes are converted back: `<unknown>`, or else
  `<UNK>`, is `<unk>` if the file has no `<unk>`. A `</s>` of probability zero
  denotes unbroken text and is not a word.

  Returns:
    The model, and the word of each id.

  Raises:
    FieldError: the file is missing, not UTF-8, or damaged; the message names
      the line.
  """
  file = _File(pathlib.Path(path))
  sizes = _header(file)
  names, eos, *first = _unigrams(file, sizes[0], len(sizes))
  ids = {name: i for i, name in enumerate(names)}
  size = len(names) - 1
  keys = [np.arange(size + 1)]
  values = [first]
  for k, number in enumerate(sizes[1:], 2):
    entries = _entries(file, k, number, len(sizes))
    key, *logs = _longer(file, entries, k, ids, keys)
    keys.append(key)
    values.append(logs)
  if (line := file.next()) != "\\end\\":
    raise file.damaged(f"{line[:40]!r} instead of \\end\\")
  log_probs, log_backoffs = zip(*values)
  model = NGram(
    order=len(sizes),
    vocabulary_size=size,
    eos=eos,
    estimator="arpa",
    keys=tuple(keys),
    log_probs=log_probs,
    log_backoffs=log_backoffs[:-1],
  )
  return model, words_of(names[:-1], eos)


def _header(file: _File) -> list[int]:
  """Reads the number of n-grams of each order."""
  lines = [line.strip(" \t\r") for line in file.lines]
  if not any(lines):
    raise file.damaged("empty")
  if "\\data\\" not in lines:
    raise file.damaged("no line \\data\\ up to here", len(lines))
  file.at = lines.index("\\data\\") + 1
  sizes = []
  while (line := file.next()) != "\\1-grams:":
    match = re.fullmatch(r"ngram +(\d{1,2}) *= *(\d{1,18})", line, re.ASCII)
    if not match or int(match[1]) != len(sizes) + 1:
      raise file.damaged(f"{line[:40]!r} instead of the size of an order")
    sizes.append(int(match[2]))
  if not 1 <= len(sizes) <= MAX_ORDER:
    raise file.damaged(f"{len(sizes)} orders, not 1 to {MAX_ORDER}")
  file.at -= 1
  return sizes


def _entries(
  file: _File, k: int, size: int, order: int
) -> Iterator[tuple[list[str], float, float]]:
  """Yields words, log p and log back-off weight of the n-grams of order `k`."""
  if (line := file.next()) != f"\\{k}-grams:":
    raise file.damaged(f"{line[:40]!r} instead of \\{k}-grams:")
  widths = (k + 1, k + 2) if k < order else (k + 1,)
  for i in range(size):
    line = file.next(blank=True)
    if not line or line[0] == "\\" and len(line.split()) == 1:
      raise file.damaged(f"{i} {k}-grams, not {size} as the header says")
    fields = SPACES.split(line)
    if len(fields) not in widths:
      raise file.damaged(f"{len(fields)} fields for a {k}-gram")
    backoff = fields[k + 1] if len(fields) == k + 2 else "0"
    log_p = _number(file, fields[0], 0.0)
    yield fields[1 : k + 1], log_p, _number(file, backoff, np.inf)
  if file.next()[0] != "\\":
    raise file.damaged(f"more {k}-grams than the {size} of the header")
  file.at -= 1


def _number(file: _File, text: str, upper: float) -> float:
  """Parses a base-10 logarithm and returns the natural one; -inf for zero."""
  try:
    # Python accepts "1_0" and the digits of all scripts; other tools do not.
    value = float(text) if text.isascii() and "_" not in text else np.nan
  except ValueError:
    value = np.nan
  if not value <= upper or value == np.inf:
    bound = " up to 0" if upper == 0 else ""
    raise file.damaged(f"{text[:40]!r} is not a number{bound}")
  return value * LOG_10 if value > LOG_ZERO else -np.inf


def _unigrams(
  file: _File, size: int, order: int
) -> tuple[list[str], int | None, np.ndarray, np.ndarray]:
  """Returns the words and `<s>`, the id of `</s>`, and the values of each."""
  entries = {}
  for (name,), *values in _entries(file, 1, size, order):
    if name in entries:
      raise file.damaged(f"{name[:40]!r} occurs twice")
    entries[name] = values
  begin = entries.pop(BEGIN, (-np.inf, 0.0))
  if END in entries and np.isneginf(entries[END][0]):
    del entries[END]
  if not entries:
    raise file.damaged("no words")
  names = list(entries)
  log_probs, log_backoffs = zip(*entries.values())
  eos = names.index(END) if END in entries else None
  log_probs = np.array([*log_probs, -np.inf])
  return [*names, BEGIN], eos, log_probs, np.array([*log_backoffs, begin[1]])


def _longer(
  file: _File,
  entries: Iterator[tuple[list[str], float, float]],
  k: int,
  ids: dict[str, int],
  keys: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns keys and values of the k-grams, given the keys of shorter ones."""
  grams, values, first_line = array.array("q"), array.array("d"), None
  for words, log_p, log_backoff in entries:
    first_line = first_line or file.at
    for word in words:
      if word not in ids:
        raise file.damaged(f"{word[:40]!r} is not among the 1-grams")
    if BEGIN in words[1:]:
      raise file.damaged(f"{BEGIN} inside a {k}-gram")
    grams.extend([ids[word] for word in words])
    values.extend((log_p, log_backoff))
  columns = np.array(grams, np.int64).reshape(-1, k).T
  size = len(ids) - 1
  prefixes = np.zeros_like(columns[0])
  for shorter, column in zip(keys, columns[:-1]):
    prefixes = lookup(shorter, prefixes, column, size)
  if np.any(prefixes < 0):
    at = first_line + int(np.argmax(prefixes < 0))
    raise file.damaged(f"the first {k - 1} words are not a {k - 1}-gram", at)
  key = prefixes * (size + 1) + columns[-1]
  order = np.argsort(key, kind="stable")
  key = key[order]
  if np.any(double := key[1:] == key[:-1]):
    at = first_line + int(order[1:][double].min())
    raise file.damaged(f"a {k}-gram that occurs twice", at)
  logs = np.array(values).reshape(-1, 2)[order]
  return key, logs[:, 0].copy(), logs[:, 1].copy()
