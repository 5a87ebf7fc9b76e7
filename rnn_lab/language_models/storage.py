"""The storage of n-gram models, and the share of unseen n-grams in a test."""

import math
from typing import NamedTuple

import numpy as np

from rnn_lab.language_models.counts import Counts, sentences
from rnn_lab.language_models.ngram import NGram, lookup, take

# Bytes of a key, of a log probability and of a log back-off weight.
KEY, LOG_PROB, LOG_BACKOFF = 8, 8, 8


class StorageRow(NamedTuple):
  """One order of an n-gram model.

  Attributes:
    order: k.
    ngrams: number of distinct k-grams in the training text. `<s>` is not
      counted as a 1-gram, but longer k-grams can begin with it.
    bytes: size of the model's arrays of this order. The longest order has no
      back-off weights; the first has all words and `<s>`, seen or not.
    unseen: share of the k-gram occurrences of the test that are not in the
      training text, within sentences (`<s>` included); nan if the test has no
      k-gram.
  """

  order: int
  ngrams: int
  bytes: int
  unseen: float


def storage_table(counts: Counts, test_tokens: np.ndarray) -> list[StorageRow]:
  """Returns one row for each order of a model from these counts.

  Args:
    counts: the counts of the training text.
    test_tokens: ids `[N]` of another text.
  """
  size = counts.vocabulary_size
  words, positions = sentences(test_tokens, size, counts.eos)
  rows, prefixes = [], np.zeros_like(words)
  for k in range(1, counts.order + 1):
    ids = lookup(counts.keys[k - 1], prefixes, words, size)
    is_kgram = (positions >= k - 1) & (words < size)
    # Not `ids >= 0`: unseen words have an id too.
    seen = take(counts.counts[k - 1], ids, 0) > 0
    prefixes = np.append(-1, ids[:-1])
    width = KEY + LOG_PROB + (LOG_BACKOFF if k < counts.order else 0)
    rows.append(
      StorageRow(
        order=k,
        ngrams=int(np.count_nonzero(counts.counts[k - 1])),
        bytes=width * len(counts.keys[k - 1]),
        unseen=float(np.mean(~seen[is_kgram])) if is_kgram.any() else math.nan,
      )
    )
  return rows


def stored_bytes(model: NGram) -> int:
  """Returns the size of all arrays of a model in bytes."""
  arrays = (*model.keys, *model.log_probs, *model.log_backoffs)
  return sum(array.nbytes for array in arrays)
