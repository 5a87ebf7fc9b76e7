"""Writes n-gram models as ARPA files, the text format of n-gram tools.

Each line has the base-10 logarithm of a probability, the n-gram, and the
base-10 logarithm of its back-off weight; -99 stands for the logarithm of zero.
The names of words:

| in the vocabulary                  | in the file                   |
|------------------------------------|-------------------------------|
| the token that ends a line         | `</s>`                        |
| the beginning of a line            | `<s>`                         |
| `<unk>`, if in the training text   | `<unknown>`                   |
| `<unk>`, if not in the text        | `<unk>`                       |
| white space and control characters | their pictures, U+2400 + code |

An `<unk>` in the training text is an ordinary word with its own n-grams. Tools
use the names `<unk>` and `<UNK>` for out-of-vocabulary words, so it is written
as `<unknown>`, and the file has no `<unk>`. If the text has no `<unk>`, that
of the model has the same meaning as in the tools. A model of unbroken text has
no sentence ends, but the tools require `<s>` and `</s>`: they are written with
probability zero, and texts must be scored without them. Words that are read as
`<unk>` (`ngram.NGram.read_as`) are left out, and so is an `<unk>` that the file
of the model did not have.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.arpa_names import (
  END,
  LOG_UNKNOWN,
  for_vocabulary,
  names_of,
)
from rnn_lab.language_models.arpa_reader import LOG_10, LOG_ZERO, read_arpa
from rnn_lab.language_models.counts import ngrams
from rnn_lab.language_models.ngram import BACKING_OFF, NGram
from rnn_lab.paths import local_path
from rnn_lab.rundir import atomic_file

__all__ = ["for_vocabulary", "read_arpa", "write_arpa"]

LINES_AT_ONCE = 100_000


def write_arpa(
  model: NGram, words: Sequence[str], path: str | os.PathLike
) -> None:
  """Writes a model as an ARPA file, atomically.

  Args:
    model: a model with back-off: of estimator "kneser_ney" or "arpa".
    words: the word of each id; their names in the file are as above.
    path: the path of the file.

  Raises:
    FieldError: the model has no back-off, two words would have the same name
      in the file, or the file cannot be written.
  """
  if model.estimator not in BACKING_OFF:
    raise FieldError(
      "estimator",
      "{field} must be one that backs off, such as kneser_ney, to be written "
      f"as an ARPA file, got {model.estimator!r}",
    )
  path = local_path("arpa_file", path)
  names = names_of(model, words)
  try:
    with atomic_file(path) as file:
      for lines in _blocks(model, names):
        file.write(("\n".join(lines) + "\n").encode("utf-8"))
  except OSError as error:
    raise FieldError(
      "arpa_file",
      f"{{field}} {os.fspath(path)!r} cannot be written ({error.strerror})",
    ) from error


def _blocks(model: NGram, names: Sequence[str]) -> Iterator[list[str]]:
  """Yields the lines of the file, some at a time."""
  rows_1 = np.flatnonzero(_is_listed(model))
  sizes = [len(rows_1), *map(len, model.keys[1:])]
  # Unbroken text has no `</s>` of its own: it is added to the words.
  unbroken = model.eos is None
  sizes[0] += unbroken
  heads = [f"ngram {k}={size}" for k, size in enumerate(sizes, 1)]
  yield ["\\data\\", *heads, ""]
  for k in range(1, model.order + 1):
    yield [f"\\{k}-grams:"]
    if k == 1 and unbroken:
      yield [f"{LOG_ZERO:g}\t{END}" + "\t0" * (model.order > 1)]
    rows = ngrams(model.keys, model.vocabulary_size, k)
    # Rounding can make a probability exceed 1, which tools reject.
    columns = [_base_10(np.minimum(model.log_probs[k - 1], 0.0))]
    if k < model.order:
      columns.append(_base_10(model.log_backoffs[k - 1]))
    if k == 1:
      rows, columns = rows[rows_1], [column[rows_1] for column in columns]
    for first in range(0, len(rows), LINES_AT_ONCE):
      part = slice(first, first + LINES_AT_ONCE)
      ids: list[list[int]] = rows[part].tolist()
      texts = [" ".join([names[i] for i in row]) for row in ids]
      numbers = [[f"{x:.9g}" for x in column[part]] for column in columns]
      yield ["\t".join(line) for line in zip(numbers[0], texts, *numbers[1:])]
    yield [""]
  yield ["\\end\\"]


def _is_listed(model: NGram) -> np.ndarray:
  """Returns bool `[V + 1]`: which words the file has, `<s>` among them."""
  is_own = model.words_read == np.arange(model.vocabulary_size)
  is_listed = is_own & (model.log_probs[0][:-1] != LOG_UNKNOWN)
  return np.append(is_listed, True)


def _base_10(values: np.ndarray) -> np.ndarray:
  """Converts natural logarithms to base 10, no less than that of zero."""
  return np.maximum(values / LOG_10, LOG_ZERO) + 0.0
