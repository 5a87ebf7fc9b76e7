"""What an n-gram model stores, and how much of a test it has never seen."""

from typing import NamedTuple

import numpy as np

from rnn_lab.language_models.counts import Counts, sentences
from rnn_lab.language_models.ngram import NGram, lookup, take

# A key, the logarithm of a probability, and of a back-off weight, in bytes.
KEY, LOG_PROB, LOG_BACKOFF = 8, 8, 8


class StorageRow(NamedTuple):
  """One order of an n-gram model.

  Attributes:
    order: k.
    ngrams: distinct k-grams in the training text. `<s>` alone is none, but
      longer ones begin with it.
    bytes: of the model's arrays of this order. The longest order has no
      back-off weights; the first has all words and `<s>`, seen or not.
    unseen: the share of the test's k-grams that the training text does not
      have, each place counted, not each kind; k-grams reach back to `<s>`
      and no further. nan where the test is too short to have any.
  """

  order: int
  ngrams: int
  bytes: int
  unseen: float


def storage_table(counts: Counts, test_tokens: np.ndarray) -> list[StorageRow]:
  """One row for each order of a model from these counts.

  Args:
    counts: of the training text.
    test_tokens: ids `[N]` of another text.
  """
  size = counts.vocabulary_size
  words, places = sentences(test_tokens, size, counts.eos)
  rows, before = [], np.zeros_like(words)
  for k in range(1, counts.order + 1):
    ids = lookup(counts.keys[k - 1], before, words, size)
    here = (places >= k - 1) & (words < size)
    # All words have an id, seen or not.
    seen = take(counts.counts[k - 1], ids, 0) > 0
    before = np.append(-1, ids[:-1])
    width = KEY + LOG_PROB + (LOG_BACKOFF if k < counts.order else 0)
    rows.append(
      StorageRow(
        order=k,
        ngrams=int(np.count_nonzero(counts.counts[k - 1])),
        bytes=width * len(counts.keys[k - 1]),
        unseen=float(np.mean(~seen[here])) if here.any() else float("nan"),
      )
    )
  return rows


def stored_bytes(model: NGram) -> int:
  """The bytes of all arrays of a model."""
  arrays = (*model.keys, *model.log_probs, *model.log_backoffs)
  return sum(array.nbytes for array in arrays)
