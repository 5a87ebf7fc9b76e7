"""N-gram models as ARPA files, the text format that all tools read.

Each line has the base-10 logarithm of a probability, the n-gram, and that of
the back-off weight; -99 stands for zero. What the words are called:

| ours                       | in the file    |
|----------------------------|----------------|
| the token that ends a line | `</s>`         |
| the beginning of a line    | `<s>`          |
| `<unk>`, in the text       | `<unknown>`    |
| `<unk>`, not in the text   | `<unk>`        |
| white space in a character | its picture, such as U+2420 for a space |

A `<unk>` that the corpus has is a word as any other, with n-grams of its own;
tools give the name `<unk>` (and `<UNK>`) to words that they do not know, so it
is called otherwise in the file, which then has no `<unk>`. Where the text has
no `<unk>`, the model's is just what the tools mean by it. A model of unbroken
text has no sentence ends; the tools want them in the file, so that `<s>` and
`</s>` are there with probability zero: score with neither.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.arpa_names import END, for_vocabulary, names_of
from rnn_lab.language_models.arpa_reader import LOG_10, LOG_ZERO, read_arpa
from rnn_lab.language_models.counts import ngrams
from rnn_lab.language_models.ngram import BACKING_OFF, NGram
from rnn_lab.rundir import atomic_file

__all__ = ["for_vocabulary", "read_arpa", "write_arpa"]

LINES_AT_ONCE = 100_000


def write_arpa(
  model: NGram, words: Sequence[str], path: str | os.PathLike
) -> None:
  """Writes a model as an ARPA file, all of it or nothing.

  Args:
    model: one that backs off: "kneser_ney", or "arpa".
    words: the word of each id; see above for what the file calls them.
    path: of the file.

  Raises:
    FieldError: the estimator's probabilities have no such form, or two words
      would have the same name in the file.
  """
  if model.estimator not in BACKING_OFF:
    raise FieldError(
      "estimator",
      "{field} must be one that backs off, such as kneser_ney, to be written "
      f"as an ARPA file, got {model.estimator!r}",
    )
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
  """The lines of the file, some at a time."""
  sizes = [len(keys) for keys in model.keys]
  # An unbroken text's `</s>` comes on top of its words.
  endless = model.eos is None
  sizes[0] += endless
  heads = [f"ngram {k}={size}" for k, size in enumerate(sizes, 1)]
  yield ["\\data\\", *heads, ""]
  for k in range(1, model.order + 1):
    yield [f"\\{k}-grams:"]
    if k == 1 and endless:
      yield [f"{LOG_ZERO:g}\t{END}" + "\t0" * (model.order > 1)]
    rows = ngrams(model.keys, model.vocabulary_size, k)
    # Rounding can take a probability of 1 past it, which no tool reads.
    columns = [_base_10(np.minimum(model.log_probs[k - 1], 0.0))]
    if k < model.order:
      columns.append(_base_10(model.log_backoffs[k - 1]))
    for first in range(0, len(rows), LINES_AT_ONCE):
      part = slice(first, first + LINES_AT_ONCE)
      texts = [" ".join([names[i] for i in row]) for row in rows[part].tolist()]
      numbers = [[f"{x:.9g}" for x in column[part]] for column in columns]
      yield ["\t".join(line) for line in zip(numbers[0], texts, *numbers[1:])]
    yield [""]
  yield ["\\end\\"]


def _base_10(values: np.ndarray) -> np.ndarray:
  """Base-10 logarithms, no smaller than the file's zero."""
  return np.maximum(values / LOG_10, LOG_ZERO) + 0.0
