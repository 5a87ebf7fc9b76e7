"""The n-grams of a stream of tokens, counted."""

import dataclasses

import numpy as np

from rnn_lab.errors import FieldError, check_int

MOST_ORDER = 7


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
  """How often each k-gram occurs, for k = 1 .. n.

  The unigrams are all V words and, with id V, `<s>`, so that a unigram's id is
  its word's. The k-grams of a longer order are the M_k that occur, in the
  order of their keys: the id of the (k-1)-gram that begins it, times V + 1,
  plus its last word. Each tuple has one array an order, from k = 1.

  Attributes:
    order: n.
    vocabulary_size: V.
    eos: the word that ends a sentence; `None` for one unbroken text.
    keys: int64 `[M_k]`, sorted.
    counts: int64 `[M_k]`. `<s>` is never predicted: its count is 0.
    suffixes: int64 `[M_k]`, the id of the (k-1)-gram that ends it; 0 for k = 1.
    at_start: bool `[M_k]`, whether it begins with `<s>`, or, in an unbroken
      text, whether it stands at its very beginning.
    last: ids of one k-gram for each k < n, as far as there are any: see
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
  `eos`; no k-gram reaches over its ends, and `<s>` only ever begins one. A
  last sentence without `eos` is counted as far as it goes. Without `eos` the
  text is one unbroken sequence.

  Args:
    tokens: ids `[N]` in 0 .. V - 1.
    vocabulary_size: V.
    order: n, from 1 to 7.
    eos: the id that ends a sentence, or `None`.

  Raises:
    FieldError: the order is out of range, or there is no token.
  """
  check_int("order", order, 1, MOST_ORDER)
  tokens = np.asarray(tokens)
  if tokens.size == 0:
    raise FieldError("tokens", "{field} must hold at least one token")
  if tokens.min() < 0 or tokens.max() >= vocabulary_size:
    worst = int(tokens.min() if tokens.min() < 0 else tokens.max())
    raise FieldError(
      "tokens",
      f"{{field}} must be ids from 0 to {vocabulary_size - 1}, got {worst}",
    )

  words, places = sentences(tokens, vocabulary_size, eos)
  lasts = _last_in_suffix_order(words, places, order, vocabulary_size, eos)
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
    ends = np.flatnonzero(places >= k - 1)
    key, index, inverse, number = np.unique(
      ids[ends - 1] * (vocabulary_size + 1) + words[ends],
      return_index=True,
      return_inverse=True,
      return_counts=True,
    )
    keys.append(key)
    counts.append(number)
    suffixes.append(ids[ends[index]])
    # The index is that of the first occurrence, which the beginning is.
    at_start.append(places[ends[index]] == k - 1)
    ids = np.full(len(words), -1)
    ids[ends] = inverse
  return Counts(
    order=order,
    vocabulary_size=vocabulary_size,
    eos=None if eos is None else int(eos),
    keys=tuple(keys),
    counts=tuple(counts),
    suffixes=tuple(suffixes),
    at_start=tuple(at_start),
    last=tuple(last),
  )


def sentences(
  tokens: np.ndarray, vocabulary_size: int, eos: int | None
) -> tuple[np.ndarray, np.ndarray]:
  """The stream with `<s>`, id V, in front of each sentence.

  Returns:
    The stream, int64, and how many words stand before each of its own in the
    same sentence, `<s>` included.
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
  """The words of all n-grams of one order, int64 `[M, order]`; `<s>` is V."""
  columns = []
  rows = np.arange(len(keys[order - 1]))
  for k in range(order, 0, -1):
    rows, word = np.divmod(keys[k - 1][rows], vocabulary_size + 1)
    columns.append(word)
  return np.stack(columns[::-1], axis=1)


def adjusted(counts: Counts, k: int) -> np.ndarray:
  """The counts that Kneser-Ney estimates k-grams from, int64 `[M_k]`.

  For k = n the counts; below, the number of different words that stand in
  front of the k-gram. Nothing stands in front of `<s>`: k-grams that begin
  with it keep their counts. In an unbroken text its beginning counts as a
  word in front of what stands there, or that would have none at all.
  """
  own = counts.counts[k - 1]
  if k == counts.order:
    return own
  extensions = np.bincount(counts.suffixes[k], minlength=len(own))
  at_start = counts.at_start[k - 1]
  if counts.eos is None:
    return extensions + at_start
  return np.where(at_start, own, extensions)


def _last_in_suffix_order(
  words: np.ndarray,
  places: np.ndarray,
  order: int,
  vocabulary_size: int,
  eos: int | None,
) -> list[int]:
  """Where the k-grams that sort last end, for k = 1 .. order - 1.

  The order is by the last word, then by the one before it and so on, words
  being ranked by their first appearance. `lmplz` takes the count of these, one
  an order, for their adjusted count when it counts the counts, which shows on
  a small text; to agree with it the estimator has to know them. In an unbroken
  text, which that tool does not know, there are none.
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
    ends = ends[places[ends] >= k - 1]
    if len(ends) == 0:
      break
    before = rank[words[ends - (k - 1)]]
    ends = ends[before == before.max()]
    lasts.append(int(ends[0]))
  return lasts
