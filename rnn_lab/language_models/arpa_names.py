"""Converts between words and their names in ARPA files."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.ngram import NGram, take
from rnn_lab.text.vocabulary import EOS, UNK

BEGIN, END = "<s>", "</s>"
# An `<unk>` of the training text, and another name for out-of-vocabulary words.
WRITTEN_UNKNOWN, UPPER_UNKNOWN = "<unknown>", "<UNK>"
# Log p of unknown words in a file without `<unk>`: 1e-100, as in kenlm.
LOG_UNKNOWN = -100 * math.log(10)
# Characters that tools cannot read inside a word, and the picture of each.
PICTURES = {ord(c): chr(0x2400 + ord(c)) for c in "\0\t\n\v\f\r "}
LETTERS = {ord(picture): chr(code) for code, picture in PICTURES.items()}


def names_of(model: NGram, words: Sequence[str]) -> list[str]:
  """Returns the name of each word in the file, and `<s>` last.

  Raises:
    FieldError: there is not one word for each id, or a name would be read as
      another word.
  """
  size = model.vocabulary_size
  if len(words) != size:
    raise FieldError(
      "words", f"{{field}} must be {size}, one for each id, got {len(words)}"
    )
  names = [word.translate(PICTURES) for word in words]
  if model.eos is not None:
    names[model.eos] = END
  if UNK in words and _has_ngrams(model, words.index(UNK)):
    names[words.index(UNK)] = WRITTEN_UNKNOWN
  taken = {BEGIN, UPPER_UNKNOWN, "", *([END] if model.eos is None else [])}
  for i, read in enumerate(words_of(names, model.eos)):
    if names[i] in taken or (i != model.eos and read != words[i]):
      raise FieldError(
        "words",
        f"{{field}} has {words[i]!r}, which an ARPA file cannot distinguish "
        "from another word or name",
      )
    taken.add(names[i])
  return [*names, BEGIN]


def words_of(names: Sequence[str], eos: int | None) -> tuple[str, ...]:
  """Returns the words of a file's names; `eos` is the id of `</s>`."""
  candidates = (UNK, WRITTEN_UNKNOWN, UPPER_UNKNOWN)
  unknown = next((name for name in candidates if name in names), UNK)
  words = [UNK if n == unknown else n.translate(LETTERS) for n in names]
  if eos is not None:
    words[eos] = EOS
  return tuple(words)


def _has_ngrams(model: NGram, word: int) -> bool:
  """Returns whether a word was in the text, that is, in any 2-gram."""
  pairs = [np.divmod(k, model.vocabulary_size + 1) for k in model.keys[1:2]]
  return bool(np.any(np.array(pairs) == word))


def for_vocabulary(
  model: NGram, words: Sequence[str], vocabulary: Sequence[str], eos: int | None
) -> NGram:
  """Converts a model from a file to the ids of a vocabulary.

  If the file has both `<unknown>` and `<unk>`, the corpus's `<unk>` is the
  former. N-grams with words outside the vocabulary are removed together with
  their probability mass. Words of the vocabulary that the file does not have
  are read as its `<unk>`, as kenlm does: each of them has the whole probability
  of `<unk>`, which is 1e-100 if the file has none, and a note says so.

  Args:
    model: the model as read.
    words: the word of each of its ids.
    vocabulary: the word of each new id.
    eos: the new id that ends a sentence; `None` for unbroken text.

  Raises:
    FieldError: the file has no word of the vocabulary, or only one of the model
      and the vocabulary has sentence ends.
  """
  if (model.eos is None) != (eos is None):
    has = "no sentence ends" if model.eos is None else "sentence ends"
    raise FieldError(
      "arpa_file",
      "{field} must hold a model of a text in the same unit as the "
      f"vocabulary, got a model with {has}",
    )
  ids = {word: i for i, word in enumerate(words)}
  unknown = ids.get(UNK)
  if WRITTEN_UNKNOWN in ids and WRITTEN_UNKNOWN not in vocabulary:
    ids[UNK] = ids.pop(WRITTEN_UNKNOWN)
  listed = [
    (new, ids[word]) for new, word in enumerate(vocabulary) if word in ids
  ]
  missing = [new for new, word in enumerate(vocabulary) if word not in ids]
  if all(vocabulary[new] in (UNK, EOS) for new, _ in listed):
    raise FieldError(
      "arpa_file",
      "{field} must have words of the vocabulary, but has none of its "
      f"{len(vocabulary)}, such as {vocabulary[-1]!r}",
    )
  size = len(vocabulary)
  new_ids = np.full(model.vocabulary_size + 1, -1)
  new_ids[[old for _, old in listed]] = [new for new, _ in listed]
  new_ids[model.vocabulary_size] = size
  longer, sources = _renumber(
    model.keys[1:], new_ids, model.vocabulary_size, size
  )
  # The unigram that each word has: its own, that of `<unk>`, or none.
  old_ids = np.full(size + 1, -1 if unknown is None else unknown)
  old_ids[[new for new, _ in listed]] = [old for _, old in listed]
  old_ids[size] = model.vocabulary_size
  log_p = take(model.log_probs[0], old_ids, LOG_UNKNOWN)
  backoffs = [x[i] for x, i in zip(model.log_backoffs[1:], sources)]
  if model.order > 1:
    backoffs.insert(0, take(model.log_backoffs[0], old_ids, 0.0))
  return dataclasses.replace(
    model,
    vocabulary_size=size,
    eos=eos,
    keys=(np.arange(size + 1), *longer),
    log_probs=(log_p, *(x[i] for x, i in zip(model.log_probs[1:], sources))),
    log_backoffs=tuple(backoffs),
    read_as=_read_as(vocabulary, missing, ids.get(UNK) == unknown),
    notes=model.notes + _notes(vocabulary, missing, unknown is not None),
  )


def _renumber(
  keys: Sequence[np.ndarray], new_ids: np.ndarray, old_size: int, size: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
  """Converts the keys of orders 2 .. n to other ids of words.

  Returns:
    For each order the new keys, sorted, and which old ones they are: without
    those that have a word whose new id is -1.
  """
  prefixes = new_ids
  new_keys, sources = [], []
  for old_keys in keys:
    prefix, last = np.divmod(old_keys, old_size + 1)
    prefix, last = prefixes[prefix], new_ids[last]
    kept = np.flatnonzero((prefix >= 0) & (last >= 0))
    key = prefix[kept] * (size + 1) + last[kept]
    order = np.argsort(key)
    new_keys.append(key[order])
    sources.append(kept[order])
    prefixes = np.full(len(prefix), -1)
    prefixes[kept[order]] = np.arange(len(kept))
  return new_keys, sources


def _read_as(
  vocabulary: Sequence[str], missing: Sequence[int], same_unknown: bool
) -> tuple[int, ...]:
  """Returns `NGram.read_as`: missing words are the vocabulary's `<unk>`.

  They are words of their own where that is no `<unk>` of the file.
  """
  if not missing or UNK not in vocabulary or not same_unknown:
    return ()
  read_as = [*range(len(vocabulary))]
  for word in missing:
    read_as[word] = vocabulary.index(UNK)
  return tuple(read_as)


def _notes(
  vocabulary: Sequence[str], missing: Sequence[int], has_unknown: bool
) -> tuple[str, ...]:
  """Returns what to say about words that a file does not have."""
  words = [vocabulary[word] for word in missing if vocabulary[word] != UNK]
  notes = []
  if words:
    notes.append(
      f"the ARPA file lacks {len(words)} of the {len(vocabulary)} words of the "
      f"vocabulary, such as {words[0]!r}: each has the probability of its <unk>"
    )
  if missing and not has_unknown:
    notes.append(
      "the ARPA file has no <unk>: unknown words have the probability 1e-100, "
      "as in kenlm"
    )
  return tuple(notes)
