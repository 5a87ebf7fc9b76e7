"""N-gram models as sorted arrays, and how they score words."""

import dataclasses
import functools
import json
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.npz import read_array
from rnn_lab.paths import local_path
from rnn_lab.rundir import atomic_file
from rnn_lab.text.ids import check_ids

# These score an unseen n-gram by its last n - 1 words and the back-off weight
# of its context. The others have one probability of unseen words per context.
BACKING_OFF = ("arpa", "kneser_ney")


@dataclasses.dataclass(frozen=True, eq=False)
class NGram:
  """p(word | the n-1 words before it), as natural logarithms.

  The k-grams of each order and their ids are as in `counts.Counts`; `<s>` has
  the id V. Each tuple has one array per order, from k = 1.

  Attributes:
    order: n.
    vocabulary_size: V.
    eos: the word that ends a sentence; `None` for one unbroken text.
    estimator: a name in `estimators.ESTIMATORS`, or "arpa" for one from a file.
    keys: int64 `[M_k]`, sorted: the id of the first k - 1 words, times V + 1,
      plus the last word.
    log_probs: float64 `[M_k]`, log p of the last word given those before it.
    log_backoffs: float64 `[M_k]` for k < n, of a k-gram as a context. If the
      estimator is one of `BACKING_OFF`, the log of the back-off weight, which
      multiplies the shorter context's probability of a word that never
      followed this one (0 if none ever did); else the log of that word's
      probability itself.
    log_unseen_context: log p of each word after a context that was not seen,
      unless the estimator is one of `BACKING_OFF`.
    notes: remarks to show in a report.
    read_as: the word that each of the V words is read as, where a file did not
      have all of them; `()` if each is a word of its own. Words that are read
      as the same one have its probability each.
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
  read_as: tuple[int, ...] = ()

  @functools.cached_property
  def words_read(self) -> np.ndarray:
    """The word that each word is read as, int64 `[V]`."""
    return np.array(self.read_as or range(self.vocabulary_size), np.int64)


class Failures(NamedTuple):
  """The numbers of tokens with probability zero and with none defined."""

  zero: int
  undefined: int


def failures(log_p: np.ndarray) -> Failures:
  """Counts the two sparsity failures of maximum likelihood.

  Zero (-inf): the word never followed its context. Undefined (nan): no word
  ever followed the context.
  """
  return Failures(int(np.isneginf(log_p).sum()), int(np.isnan(log_p).sum()))


def initial_carry(model: NGram, tracks: int) -> np.ndarray:
  """Returns the initial context of B streams, int64 `[B, n-1]`: -1, unknown."""
  return np.full((tracks, model.order - 1), -1, np.int64)


def score(
  model: NGram,
  carry: np.ndarray,
  inputs_BT: np.ndarray,
  targets_BT: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Computes log p of each target, given the inputs so far and the carry.

  An input `eos` starts a sentence: the context is then `<s>` alone. A context
  consists of its known words, up to n-1; unknown ones are -1.

  Args:
    model: the model.
    carry: int64 `[B, n-1]`, the words before the first input.
    inputs_BT: the word before each target.
    targets_BT: ids from 0 to V - 1.

  Returns:
    The carry after the last input, and log p float64 `[B, T]`, in nats: -inf
    for probability 0, nan if undefined (maximum likelihood).

  Raises:
    FieldError: an input is not an id from -1, or a target not from 0, to V - 1.
  """
  inputs_BT = check_ids("inputs_BT", inputs_BT, model.vocabulary_size, -1)
  targets_BT = check_ids("targets_BT", targets_BT, model.vocabulary_size)
  tokens = np.concatenate([carry, inputs_BT], axis=1)
  first = carry.shape[1]
  lengths, *contexts = (ids[:, first:] for ids in _contexts(model, tokens))
  log_p = _log_p(model, contexts, lengths, targets_BT)
  return tokens[:, tokens.shape[1] - first :], log_p


def next_distribution(
  model: NGram, context: Sequence[int] | np.ndarray
) -> np.ndarray:
  """Computes the probability of each next word, float64 `[V]`.

  Args:
    model: the model.
    context: any number of ids, oldest first; -1 for an unknown word.

  Returns:
    Probabilities that sum to 1 (more with `NGram.read_as`), or nan if undefined
    (maximum likelihood).

  Raises:
    FieldError: an id is not an integer from -1 to V - 1.
  """
  ids = check_ids("context", context, model.vocabulary_size, -1)
  known = ids.reshape(1, -1)
  known = known[:, max(0, known.shape[1] - model.order + 1) :]
  # Preceded by an unknown word, so that there is a last one.
  tokens = np.pad(known, ((0, 0), (1, 0)), constant_values=-1)
  length, *before = (a[0, -1:] for a in _contexts(model, tokens))
  words = np.arange(model.vocabulary_size)
  return np.exp(_log_p(model, before, length, words))


def lookup(
  keys: np.ndarray, prefixes: np.ndarray, words: np.ndarray, size: int
) -> np.ndarray:
  """Returns the ids of k-grams, -1 for those that do not occur.

  Args:
    keys: the keys of all k-grams.
    prefixes: ids of their first k - 1 words; -1 for none.
    words: ids of their last words; -1 for none.
    size: V.
  """
  wanted = prefixes * (size + 1) + words
  if len(keys) == 0:
    return np.full(wanted.shape, -1)
  ids = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
  # An unknown part gives no valid key: a negative one, or one ending in `<s>`.
  return np.where(keys[ids] == wanted, ids, -1)


def take(
  values: np.ndarray, ids: np.ndarray, absent: np.ndarray | float
) -> np.ndarray:
  """Returns `values[ids]`, or `absent` where the id is -1."""
  if len(values) == 0:
    return np.broadcast_to(absent, ids.shape)
  return np.where(ids >= 0, values[ids], absent)


def _contexts(model: NGram, tokens: np.ndarray) -> list[np.ndarray]:
  """Finds the context of the next word at each position of `tokens` `[B, L]`.

  Returns:
    `[B, L]` each: the number of known words, at most n-1; and for k = 0 .. n-1
    the id of the k-gram that ends there, -1 if the model has none.
  """
  size = model.vocabulary_size
  words = np.where(tokens < 0, -1, model.words_read[tokens])
  if model.eos is not None:
    words = np.where(words == model.eos, size, words)
  index = np.arange(words.shape[1])
  starts = np.where(words == -1, index + 1, np.where(words == size, index, 0))
  lengths = index + 1 - np.maximum.accumulate(starts, axis=1)
  ids = [np.zeros_like(words)]
  for k in range(1, model.order):
    prefixes = ids[-1]
    if k > 1:
      prefixes = np.pad(prefixes[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    ids.append(lookup(model.keys[k - 1], prefixes, words, size))
  return [np.minimum(lengths, model.order - 1), *ids]


def _log_p(
  model: NGram,
  contexts: Sequence[np.ndarray],
  lengths: np.ndarray,
  targets: np.ndarray,
) -> np.ndarray:
  """Computes log p of targets after contexts from `_contexts`."""
  targets = model.words_read[targets]
  log_p = model.log_probs[0][targets]
  for k in range(2, model.order + 1):
    context = contexts[k - 1]
    ids = lookup(model.keys[k - 1], context, targets, model.vocabulary_size)
    if model.estimator in BACKING_OFF:
      # From the shortest context to the longest.
      unseen = log_p + take(model.log_backoffs[k - 2], context, 0.0)
      log_p = take(model.log_probs[k - 1], ids, unseen)
    else:
      backoffs = model.log_backoffs[k - 2]
      unseen = take(backoffs, context, model.log_unseen_context)
      longer = take(model.log_probs[k - 1], ids, unseen)
      log_p = np.where(lengths >= k - 1, longer, log_p)
  return log_p


ARRAYS = ("keys", "log_probs", "log_backoffs")
# The errors that a damaged file raises.
UNREADABLE = (
  BadZipFile,
  EOFError,
  KeyError,
  OSError,
  RuntimeError,
  TypeError,
  ValueError,
  struct.error,
)


def save(model: NGram, path: str | os.PathLike) -> None:
  """Writes the model as a numpy archive, atomically."""
  facts = dataclasses.asdict(
    dataclasses.replace(model, **dict.fromkeys(ARRAYS, ()))
  )
  # Not in the JSON, which has no nan, its value for maximum likelihood.
  unseen = facts.pop("log_unseen_context")
  arrays = {
    f"{name}_{k}": array
    for name in ARRAYS
    for k, array in enumerate(getattr(model, name), 1)
  }
  with atomic_file(local_path("ngram_file", path)) as file:
    np.savez(file, facts=json.dumps(facts), log_unseen_context=unseen, **arrays)


def load(path: str | os.PathLike) -> NGram:
  """Reads what `save` wrote.

  Raises:
    FieldError: the file is missing or damaged.
  """
  path = local_path("ngram_file", path)
  try:
    # Opened here: numpy does not close a file that it cannot read.
    with open(path, "rb") as raw, ZipFile(raw) as archive:
      facts = json.loads(str(read_array(archive, "facts")))
      for name in ARRAYS:
        number = facts["order"] - (name == "log_backoffs")
        facts[name] = tuple(
          read_array(archive, f"{name}_{k + 1}") for k in range(number)
        )
      for name in ("notes", "read_as"):
        facts[name] = tuple(facts.get(name, ()))
      unseen = read_array(archive, "log_unseen_context")
      return NGram(log_unseen_context=float(unseen), **facts)
  except UNREADABLE as error:
    raise FieldError(
      "ngram_file",
      f"{{field}} must be a file that a run wrote; {os.fspath(path)!r} cannot "
      f"be read ({type(error).__name__})",
    ) from error
