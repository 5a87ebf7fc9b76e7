"""Counts the n-grams of a stream of tokens."""

import dataclasses

import numpy as np

from rnn_lab.errors import FieldError, check_int

MAX_ORDER = 7


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
  """The number of occurrences of each k-gram, for k = 1 .. n.

  The unigrams are all V words and, with id V, `<s>`, so that the id of a
  unigram is that of its word. For longer orders only the M_k k-grams that
  occur are stored, in the order of their keys. The key of a k-gram is the id
  of its first k - 1 words, times V + 1, plus its last word. Each tuple has one
  array per order, from k = 1.

  Attributes:
    order: n.
    vocabulary_size: V.
    eos: the word that ends a sentence; `None` for one unbroken text.
    keys: int64 `[M_k]`, sorted.
    counts: int64 `[M_k]`. `<s>` is never predicted: its count is 0.
    suffixes: int64 `[M_k]`, the id of its last k - 1 words; 0 for k = 1.
    at_start: bool `[M_k]`, whether it begins with `<s>`, or, in an unbroken
      text, whether it begins the text.
    last: ids of one k-gram for each k < n, if any: see
      `_last_in_suffix_order`.
  """

  order: int
  vocabulary_size: int
  eos: int | None
  keys: tuple[np.ndarray, ...]
  counts: tuple[np.ndarray, ...]
  suffixes: tuple[np.ndarray, ...]
  at_start: tuple[np.ndarray, ...]
  last: tuple[int, ...]


def count(
  tokens: np.ndarray, vocabulary_size: int, order: int, eos: int | None = None
) -> Counts:
  """Counts all k-grams with k = 1 .. order.

  With `eos` a sentence is `<s> w_1 .. w_m </s>`, where `</s>` is the token
  `eos`; no k-gram spans two sentences, and `<s>` occurs only as its first
  word. The last sentence can be incomplete. Without `eos` the text is one
  unbroken sequence.

  Args:
    tokens: ids `[N]` in 0 .. V - 1.
    vocabulary_size: V.
    order: n, from 1 to 7.
    eos: the id that ends a sentence, or `None`.

  Raises:
    FieldError: the order or an id is out of range, or there are no tokens.
  """
  check_int("order", order, 1, MAX_ORDER)
  tokens = np.asarray(tokens)
  if tokens.size == 0:
    raise FieldError("tokens", "{field} must hold at least one token")
  if tokens.min() < 0 or tokens.max() >= vocabulary_size:
    worst = int(tokens.min() if tokens.min() < 0 else tokens.max())
    raise FieldError(
      "tokens",
      f"{{field}} must be ids from 0 to {vocabulary_size - 1}, got {worst}",
    )

  words, positions = sentences(tokens, vocabulary_size, eos)
  lasts = _last_in_suffix_order(words, positions, order, vocabulary_size, eos)
  single = np.bincount(words, minlength=vocabulary_size + 1)
  single[vocabulary_size] = 0
  first = np.zeros(vocabulary_size + 1, bool)
  first[words[0]] = True
  keys, counts = [np.arange(vocabulary_size + 1)], [single]
  suffixes, at_start = [np.zeros_like(keys[0])], [first]
  last = []
  ids = words
  for k in range(2, order + 1):
    last.extend(int(ids[end]) for end in lasts[k - 2 : k - 1])
    ends = np.flatnonzero(positions >= k - 1)
    key, index, inverse, number = np.unique(
      ids[ends - 1] * (vocabulary_size + 1) + words[ends],
      return_index=True,
      return_inverse=True,
      return_counts=True,
    )
    keys.append(key)
    counts.append(number)
    suffixes.append(ids[ends[index]])
    # The index is that of the first occurrence, which a start of text is.
    at_start.append(positions[ends[index]] == k - 1)
    ids = np.full(len(words), -1)
    ids[ends] = inverse
  return Counts(
    order,
    vocabulary_size,
    None if eos is None else int(eos),
    tuple(keys),
    tuple(counts),
    tuple(suffixes),
    tuple(at_start),
    tuple(last),
  )


def sentences(
  tokens: np.ndarray, vocabulary_size: int, eos: int | None
) -> tuple[np.ndarray, np.ndarray]:
  """Inserts `<s>`, id V, before each sentence of a stream.

  Returns:
    The new stream, int64, and the position of each word in its sentence,
    counted from 0, with `<s>`.
  """
  tokens = np.asarray(tokens, np.int64)
  if eos is None:
    return tokens, np.arange(len(tokens))
  starts = np.append(0, np.flatnonzero(tokens[:-1] == eos) + 1)
  words = np.insert(tokens, starts, vocabulary_size)
  index = np.arange(len(words))
  begun = np.where(words == vocabulary_size, index, 0)
  return words, index - np.maximum.accumulate(begun)


def ngrams(
  keys: tuple[np.ndarray, ...], vocabulary_size: int, order: int
) -> np.ndarray:
  """Returns the words of all n-grams of one order, `[M, order]`; `<s>` is V."""
  columns = []
  rows = np.arange(len(keys[order - 1]))
  for k in range(order, 0, -1):
    rows, word = np.divmod(keys[k - 1][rows], vocabulary_size + 1)
    columns.append(word)
  return np.stack(columns[::-1], axis=1)


def adjusted(counts: Counts, k: int) -> np.ndarray:
  """Computes the adjusted counts of Kneser-Ney smoothing, int64 `[M_k]`.

  They are the counts for k = n, and otherwise the number of distinct words
  that precede the k-gram. k-grams that begin with `<s>`, which nothing
  precedes, keep their counts. The beginning of an unbroken text counts as a
  word that precedes it; else its first k-gram could have an adjusted count of
  zero.
  """
  occurrences = counts.counts[k - 1]
  if k == counts.order:
    return occurrences
  preceding = np.bincount(counts.suffixes[k], minlength=len(occurrences))
  at_start = counts.at_start[k - 1]
  if counts.eos is None:
    return preceding + at_start
  return np.where(at_start, occurrences, preceding)


def _last_in_suffix_order(
  words: np.ndarray,
  positions: np.ndarray,
  order: int,
  vocabulary_size: int,
  eos: int | None,
) -> list[int]:
  """Finds where the k-grams that sort last end, for k = 1 .. order - 1.

  They are sorted by the last word, then by the one before it and so on, words
  being ranked by first appearance. When `lmplz` counts the counts, it uses the
  count of this one k-gram per order instead of its adjusted count, which
  matters on a small text; the estimator needs them to give the same numbers.
  There are none in an unbroken text, which that tool does not support.
  """
  if eos is None or order == 1:
    return []
  rank = np.full(vocabulary_size + 1, -1)
  seen, index = np.unique(words, return_index=True)
  rank[seen] = index
  rank[[eos, vocabulary_size]] = -1
  ends = np.flatnonzero(words == rank.argmax())
  lasts = [int(ends[0])] if len(ends) else []
  for k in range(2, order):
    ends = ends[positions[ends] >= k - 1]
    if len(ends) == 0:
      break
    before = rank[words[ends - (k - 1)]]
    ends = ends[before == before.max()]
    lasts.append(int(ends[0]))
  return lasts
