"""An n-gram model: sorted arrays of n-grams, and how they score words."""

import dataclasses
import json
import os
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.rundir import atomic_file

# An n-gram that is not there is worth less than its shorter end by the weight
# of its context. The other estimators give each context a value of its own.
BACKING_OFF = ("arpa", "kneser_ney")


@dataclasses.dataclass(frozen=True, eq=False)
class NGram:
  """p(word | the n-1 words before it), as natural logarithms.

  The k-grams of each order and their ids are as in `counts.Counts`; `<s>` has
  the id V. Each tuple has one array an order, from k = 1.

  Attributes:
    order: n.
    vocabulary_size: V.
    eos: the word that ends a sentence; `None` for one unbroken text.
    estimator: a name in `estimators.ESTIMATORS`, or "arpa" for one from a file.
    keys: int64 `[M_k]`, sorted: the id of the (k-1)-gram that begins the
      k-gram, times V + 1, plus its last word.
    log_probs: float64 `[M_k]`, log p of the last word given those before it.
    log_backoffs: float64 `[M_k]` for k < n, of a k-gram as a context. Where
      the estimator is one of `BACKING_OFF`, the log of the weight of the
      shorter context's probabilities for words that never followed this one
      (0 where no word did); else the log of their probability itself.
    log_unseen_context: log p of each word after a context that is no k-gram,
      where the estimator is not one of `BACKING_OFF`.
    notes: lines that a report should show.
  """

  order: int
  vocabulary_size: int
  eos: int | None
  estimator: str
  keys: tuple[np.ndarray, ...]
  log_probs: tuple[np.ndarray, ...]
  log_backoffs: tuple[np.ndarray, ...]
  log_unseen_context: float = 0.0
  notes: tuple[str, ...] = ()


class Failures(NamedTuple):
  """Tokens that have probability zero, and those that have none at all."""

  zero: int
  undefined: int


def failures(log_p: np.ndarray) -> Failures:
  """Counts the two sparsity failures of maximum likelihood in what it scored.

  Zero (-inf): the word never followed its context. Undefined (nan): nothing
  ever followed the context.
  """
  return Failures(int(np.isneginf(log_p).sum()), int(np.isnan(log_p).sum()))


def initial_carry(model: NGram, tracks: int) -> np.ndarray:
  """The context of so many streams, int64 `[B, n-1]`: -1, nothing is known."""
  return np.full((tracks, model.order - 1), -1, np.int64)


def score(
  model: NGram,
  carry: np.ndarray,
  inputs_BT: np.ndarray,
  targets_BT: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """log p of each target, given the inputs up to its place and the carry.

  An input that is `eos` begins a sentence: what was before it is forgotten,
  and the context is `<s>` alone. Of a context that is not known as far as n-1
  words back (-1), the words that are known count.

  Args:
    model: the model.
    carry: int64 `[B, n-1]`, the words before the first input.
    inputs_BT: the word just before each target.
    targets_BT: ids from 0 to V - 1.

  Returns:
    The carry after the last input, and log p float64 `[B, T]`, in nats: -inf
    for probability 0, nan where maximum likelihood has none.
  """
  tokens = np.concatenate([carry, np.asarray(inputs_BT, np.int64)], axis=1)
  contexts, lengths = _contexts(model, tokens)
  first = carry.shape[1]
  log_p = _log_p(
    model,
    [ids[:, first:] for ids in contexts],
    lengths[:, first:],
    np.asarray(targets_BT, np.int64),
  )
  return tokens[:, tokens.shape[1] - first :], log_p


def next_distribution(
  model: NGram, context: Sequence[int] | np.ndarray
) -> np.ndarray:
  """p of each word of the vocabulary after these, float64 `[V]`.

  Args:
    model: the model.
    context: ids, oldest first, of any number; -1 for one that is not known.

  Returns:
    Probabilities that sum to 1, or nan where maximum likelihood has none.
  """
  known = np.asarray(context, np.int64).reshape(1, -1)
  known = known[:, max(0, known.shape[1] - model.order + 1) :]
  # One unknown word in front, that there be a last one.
  tokens = np.pad(known, ((0, 0), (1, 0)), constant_values=-1)
  contexts, lengths = _contexts(model, tokens)
  words = np.arange(model.vocabulary_size)
  last = [ids[0, -1:] for ids in contexts]
  return np.exp(_log_p(model, last, lengths[0, -1:], words))


def lookup(
  keys: np.ndarray, prefixes: np.ndarray, words: np.ndarray, size: int
) -> np.ndarray:
  """The ids of the k-grams that `words` end, -1 for those that are not there.

  Args:
    keys: of the k-grams.
    prefixes: the ids of the (k-1)-grams in front; -1 for none.
    words: ids; -1 for none.
    size: V.
  """
  wanted = prefixes * (size + 1) + words
  if len(keys) == 0:
    return np.full(wanted.shape, -1)
  ids = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
  # What is not known makes no key: less than 0, or one that ends in `<s>`.
  return np.where(keys[ids] == wanted, ids, -1)


def take(
  values: np.ndarray, ids: np.ndarray, absent: np.ndarray | float
) -> np.ndarray:
  """`values[ids]`, and `absent` where the id is -1."""
  if len(values) == 0:
    return np.broadcast_to(absent, ids.shape)
  return np.where(ids >= 0, values[ids], absent)


def _contexts(
  model: NGram, tokens: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
  """What stands before the next word, at each place of `tokens` `[B, L]`.

  Returns:
    For k = 0 .. n-1 the id of the k-gram that ends here, `[B, L]`, -1 where
    the model has none; and how many words are known, n-1 at most, `[B, L]`.
  """
  size = model.vocabulary_size
  words = np.where((tokens < 0) | (tokens >= size), -1, tokens)
  if model.eos is not None:
    words = np.where(words == model.eos, size, words)
  index = np.arange(words.shape[1])
  begun = np.where(words == -1, index + 1, np.where(words == size, index, 0))
  lengths = index + 1 - np.maximum.accumulate(begun, axis=1)
  ids = [np.zeros_like(words)]
  for k in range(1, model.order):
    before = ids[-1]
    if k > 1:
      before = np.pad(before[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    ids.append(lookup(model.keys[k - 1], before, words, size))
  return ids, np.minimum(lengths, model.order - 1)


def _log_p(
  model: NGram,
  contexts: Sequence[np.ndarray],
  lengths: np.ndarray,
  targets: np.ndarray,
) -> np.ndarray:
  """log p of targets after contexts as `_contexts` gives them."""
  backs_off = model.estimator in BACKING_OFF
  log_p = model.log_probs[0][targets]
  for k in range(2, model.order + 1):
    context = contexts[k - 1]
    ids = lookup(model.keys[k - 1], context, targets, model.vocabulary_size)
    if backs_off:
      # From the shortest context to the longest, one weight after the other.
      unseen = log_p + take(model.log_backoffs[k - 2], context, 0.0)
      log_p = take(model.log_probs[k - 1], ids, unseen)
    else:
      unseen = model.log_unseen_context
      unseen = take(model.log_backoffs[k - 2], context, unseen)
      longer = take(model.log_probs[k - 1], ids, unseen)
      log_p = np.where(lengths >= k - 1, longer, log_p)
  return log_p


ARRAYS = ("keys", "log_probs", "log_backoffs")
# What numpy and this module raise on a file that is not what it should be.
UNREADABLE = (
  EOFError,
  KeyError,
  OSError,
  TypeError,
  ValueError,
  zipfile.BadZipFile,
)


def save(model: NGram, path: str | os.PathLike) -> None:
  """Writes the model as a numpy archive, all of it or nothing."""
  facts = dataclasses.asdict(
    dataclasses.replace(model, **dict.fromkeys(ARRAYS, ()))
  )
  # JSON knows no nan, which is what maximum likelihood has here.
  unseen = facts.pop("log_unseen_context")
  arrays = {
    f"{name}_{k}": array
    for name in ARRAYS
    for k, array in enumerate(getattr(model, name), 1)
  }
  with atomic_file(path) as file:
    np.savez(file, facts=json.dumps(facts), log_unseen_context=unseen, **arrays)


def load(path: str | os.PathLike) -> NGram:
  """Reads what `save` wrote.

  Raises:
    FieldError: the file is missing or damaged.
  """
  try:
    # Opened here: numpy leaves open what it cannot read.
    with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
      facts = json.loads(str(file["facts"]))
      order = facts["order"]
      sizes = {"keys": order, "log_probs": order, "log_backoffs": order - 1}
      for name, number in sizes.items():
        facts[name] = tuple(file[f"{name}_{k}"] for k in range(1, number + 1))
      facts["notes"] = tuple(facts["notes"])
      facts["log_unseen_context"] = float(file["log_unseen_context"])
      return NGram(**facts)
  except UNREADABLE as error:
    raise FieldError(
      "ngram_file",
      f"{{field}} must be a file that a run wrote; {os.fspath(path)!r} cannot "
      f"be read ({type(error).__name__})",
    ) from error
