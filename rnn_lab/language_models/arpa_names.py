"""Converts between words and their names in ARPA files."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.ngram import NGram
from rnn_lab.text.vocabulary import EOS, UNK

BEGIN, END = "<s>", "</s>"
# An `<unk>` of the training text, and another name for out-of-vocabulary words.
WRITTEN_UNKNOWN, UPPER_UNKNOWN = "<unknown>", "<UNK>"
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
  taken = {BEGIN, UPPER_UNKNOWN, ""}
  if model.eos is None:
    taken.add(END)
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
  present = set(names)
  candidates = (UNK, WRITTEN_UNKNOWN, UPPER_UNKNOWN)
  unknown = next((name for name in candidates if name in present), UNK)
  words = [UNK if n == unknown else n.translate(LETTERS) for n in names]
  if eos is not None:
    words[eos] = EOS
  return tuple(words)


def _has_ngrams(model: NGram, word: int) -> bool:
  """Returns whether a word was in the text, that is, in any 2-gram."""
  pairs = [
    np.divmod(keys, model.vocabulary_size + 1) for keys in model.keys[1:2]
  ]
  return any(np.any((a == word) | (b == word)) for a, b in pairs)


def for_vocabulary(
  model: NGram, words: Sequence[str], vocabulary: Sequence[str], eos: int | None
) -> NGram:
  """Converts a model from a file to the ids of a vocabulary.

  If the file has both `<unknown>` and `<unk>`, the corpus's `<unk>` is the
  former. N-grams with words outside the vocabulary are removed together with
  their probability mass.

  Args:
    model: the model as read.
    words: the word of each of its ids.
    vocabulary: the word of each new id.
    eos: the new id that ends a sentence; `None` for unbroken text.

  Raises:
    FieldError: the file lacks a word, or only one of the model and the
      vocabulary has sentence ends.
  """
  if (model.eos is None) != (eos is None):
    has = "no sentence ends" if model.eos is None else "sentence ends"
    raise FieldError(
      "arpa_file",
      "{field} must hold a model of a text in the same unit as the "
      f"vocabulary, got a model with {has}",
    )
  ids = {word: i for i, word in enumerate(words)}
  if WRITTEN_UNKNOWN in ids and WRITTEN_UNKNOWN not in vocabulary:
    ids[UNK] = ids.pop(WRITTEN_UNKNOWN)
  missing = [word for word in vocabulary if word not in ids]
  if missing:
    raise FieldError(
      "arpa_file",
      "{field} must have every word of the vocabulary, but lacks "
      f"{len(missing)}, such as {missing[0]!r}",
    )
  old_size, size = model.vocabulary_size, len(vocabulary)
  new_ids = np.full(old_size + 1, -1)
  new_ids[[ids[word] for word in vocabulary]] = np.arange(size)
  new_ids[old_size] = size
  prefixes = np.zeros(1, np.int64)
  keys, columns = [], {"log_probs": [], "log_backoffs": []}
  for k in range(1, model.order + 1):
    prefix, last = np.divmod(model.keys[k - 1], old_size + 1)
    prefix, last = prefixes[prefix], new_ids[last]
    kept = np.flatnonzero((prefix >= 0) & (last >= 0))
    key = prefix[kept] * (size + 1) + last[kept]
    order = np.argsort(key)
    keys.append(key[order])
    prefixes = np.full(len(prefix), -1)
    prefixes[kept[order]] = np.arange(len(kept))
    for name, arrays in columns.items():
      arrays.extend(x[kept[order]] for x in getattr(model, name)[k - 1 : k])
  arrays = {name: tuple(arrays) for name, arrays in columns.items()}
  return dataclasses.replace(
    model, vocabulary_size=size, eos=eos, keys=tuple(keys), **arrays
  )
