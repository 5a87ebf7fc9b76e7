"""Reads ARPA files of this project and of other tools."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.language_models.arpa_lines import Lines
from rnn_lab.language_models.arpa_names import BEGIN, END, words_of
from rnn_lab.language_models.counts import MAX_ORDER
from rnn_lab.language_models.ngram import NGram, lookup

# This and lower values stand for the logarithm of zero.
LOG_ZERO = -99.0
LOG_10 = float(np.log(10))
# Bounds what is taken apart at a time: a million Python objects.
LINES_AT_ONCE = 2**17


class _Block(NamedTuple):
  """The M k-grams of some lines.

  Attributes:
    line: number of the first line, from 0.
    words: k lists of M names, in UTF-8.
    log_probs: float64 `[M]`, natural logarithms; -inf for zero.
    log_backoffs: float64 `[M]`.
  """

  line: int
  words: list[list[bytes]]
  log_probs: np.ndarray
  log_backoffs: np.ndarray


def read_arpa(path: str | os.PathLike) -> tuple[NGram, tuple[str, ...]]:
  """Reads a back-off model from an ARPA file, gzipped or not.

  Words are numbered in the order of the file. `</s>` becomes `<eos>`, and the
  other names that `arpa` writes are converted back: `<unknown>`, or else
  `<UNK>`, is `<unk>` if the file has no `<unk>`. A `</s>` of probability zero
  denotes unbroken text and is not a word.

  Returns:
    The model, and the word of each id.

  Raises:
    FieldError: the file is missing, too large, not UTF-8, or damaged; the
      message names the line.
  """
  file = Lines(path)
  sizes = _header(file)
  names, *first = _unigrams(file, sizes[0], len(sizes))
  ids = {name: i for i, name in enumerate(names)}
  keys = [np.arange(len(names))]
  values = [first]
  for k, number in enumerate(sizes[1:], 2):
    blocks = _blocks(file, k, number, len(sizes))
    key, *logs = _longer(file, blocks, k, ids, keys)
    keys.append(key)
    values.append(logs)
  file.expect("\\end\\")
  log_probs, log_backoffs = zip(*values)
  eos = ids.get(END.encode())
  model = NGram(
    order=len(sizes),
    vocabulary_size=len(names) - 1,
    eos=eos,
    estimator="arpa",
    keys=tuple(keys),
    log_probs=log_probs,
    log_backoffs=log_backoffs[:-1],
  )
  return model, words_of([name.decode() for name in names[:-1]], eos)


def _header(file: Lines) -> list[int]:
  """Reads the number of n-grams of each order."""
  file.find("\\data\\")
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


def _blocks(file: Lines, k: int, size: int, order: int) -> Iterator[_Block]:
  """Yields the n-grams of order `k`, some lines at a time."""
  file.expect(f"\\{k}-grams:")
  first, most = file.at, k + 1 + (k < order)
  end = min(first + size, file.number)
  for start in range(first, end, LINES_AT_ONCE):
    stop = min(start + LINES_AT_ONCE, end)
    fields, numbers = file.fields(start, stop)
    wrong = (numbers < k + 1) | (numbers > most)
    if wrong.any():
      at = start + int(np.argmax(wrong))
      line = file.line(at)
      if not line or line[0] == "\\" and len(line.split()) == 1:
        words = f"{at - first} {k}-grams, not {size} as the header says"
        raise file.damaged(words, at)
      words = f"{numbers[at - start]} fields for a {k}-gram"
      raise file.damaged(words, at)
    lines = np.arange(start, stop)
    log_probs, *words = (_column(fields, numbers, n) for n in range(k + 1))
    log_backoffs = np.zeros(stop - start)
    has = numbers == k + 2
    log_backoffs[has] = _logs(
      file, _column(fields, numbers, k + 1), lines[has], np.inf
    )
    log_probs = _logs(file, log_probs, lines, 0.0)
    yield _Block(start, words, log_probs, log_backoffs)
  file.at = end
  # Of a file that ends too early, this is the error.
  if file.next()[0] != "\\":
    raise file.damaged(f"more {k}-grams than the {size} of the header")
  file.at -= 1


def _column(fields: list[bytes], numbers: np.ndarray, n: int) -> list[bytes]:
  """Returns field `n` of each line that has it, given how many lines have."""
  least, most = int(numbers.min()), int(numbers.max())
  if least == most:
    return fields[n::most] if n < most else []
  begins = np.cumsum(numbers) - numbers
  return [fields[i] for i in (begins[numbers > n] + n).tolist()]


def _logs(
  file: Lines, texts: list[bytes], lines: np.ndarray, upper: float
) -> np.ndarray:
  """Parses base-10 logarithms of lines; returns natural ones, -inf for zero."""
  try:
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    if b"_" in b"".join(texts):
      raise ValueError("a number of Python")
  except ValueError:
    values = np.array([*map(_number, texts)])
  wrong = ~(values <= upper) | (values == np.inf)
  if wrong.any():
    n = int(np.argmax(wrong))
    bound = " up to 0" if upper == 0 else ""
    text = texts[n].decode()[:40]
    raise file.damaged(f"{text!r} is not a number{bound}", int(lines[n]))
  return np.where(values > LOG_ZERO, values * LOG_10, -np.inf)


def _number(text: bytes) -> float:
  """Parses a number; nan if it is none."""
  try:
    # Python accepts "1_0"; other tools do not.
    return float(text) if b"_" not in text else np.nan
  except ValueError:
    return np.nan


def _unigrams(
  file: Lines, size: int, order: int
) -> tuple[list[bytes], np.ndarray, np.ndarray]:
  """Returns the words, the last of which is `<s>`, and the values of each."""
  names, log_probs, log_backoffs, ids = [], [], [], {}
  for block in _blocks(file, 1, size, order):
    for n, name in enumerate(block.words[0]):
      if name in ids:
        words = f"{name.decode()[:40]!r} occurs twice"
        raise file.damaged(words, block.line + n)
      ids[name] = len(ids)
    names += block.words[0]
    log_probs.append(block.log_probs)
    log_backoffs.append(block.log_backoffs)
  if not names:
    raise file.damaged("no words")
  log_p, log_backoff = np.concatenate(log_probs), np.concatenate(log_backoffs)
  begin, end = ids.get(BEGIN.encode()), ids.get(END.encode())
  is_word = np.ones(len(names), bool)
  if begin is not None:
    is_word[begin] = False
  if end is not None and np.isneginf(log_p[end]):
    is_word[end] = False
  if not is_word.any():
    raise file.damaged("no words")
  begin_backoff = 0.0 if begin is None else log_backoff[begin]
  return (
    [name for name, kept in zip(names, is_word) if kept] + [BEGIN.encode()],
    np.append(log_p[is_word], -np.inf),
    np.append(log_backoff[is_word], begin_backoff),
  )


def _longer(
  file: Lines,
  blocks: Iterator[_Block],
  k: int,
  ids: dict[bytes, int],
  keys: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns keys and values of the k-grams, given the keys of shorter ones."""
  size = len(ids) - 1
  key, log_probs, log_backoffs = [], [], []
  first = None
  for block in blocks:
    first = block.line if first is None else first
    columns = [_ids(file, block.line, words, ids) for words in block.words]
    if np.any(begins := np.any([c == size for c in columns[1:]], axis=0)):
      at = block.line + int(np.argmax(begins))
      raise file.damaged(f"{BEGIN} inside a {k}-gram", at)
    prefixes = np.zeros_like(columns[0])
    for shorter, column in zip(keys, columns[:-1]):
      prefixes = lookup(shorter, prefixes, column, size)
    if np.any(prefixes < 0):
      at = block.line + int(np.argmax(prefixes < 0))
      words = f"the first {k - 1} words are not a {k - 1}-gram"
      raise file.damaged(words, at)
    key.append(prefixes * (size + 1) + columns[-1])
    log_probs.append(block.log_probs)
    log_backoffs.append(block.log_backoffs)
  key = np.concatenate([np.zeros(0, np.int64), *key])
  order = np.argsort(key, kind="stable")
  key = key[order]
  if np.any(double := key[1:] == key[:-1]):
    assert first is not None  # the keys are those of blocks
    at = first + int(order[1:][double].min())
    raise file.damaged(f"a {k}-gram that occurs twice", at)
  logs = [np.concatenate([np.zeros(0), *x]) for x in (log_probs, log_backoffs)]
  return key, logs[0][order], logs[1][order]


def _ids(
  file: Lines, line: int, words: list[bytes], ids: dict[bytes, int]
) -> np.ndarray:
  """Returns the id of each word; `line` is that of the first one."""
  try:
    return np.fromiter(map(ids.__getitem__, words), np.int64, len(words))
  except KeyError:
    n = next(n for n, word in enumerate(words) if word not in ids)
    text = words[n].decode()[:40]
    raise file.damaged(f"{text!r} is not among the 1-grams", line + n) from None
