"""What ARPA files call the words of a vocabulary, and back."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.ngram import NGram
from rnn_lab.text.vocabulary import EOS, UNK

BEGIN, END = "<s>", "</s>"
# A `<unk>` that is a word of the text, and another name for one that is not.
KNOWN_UNKNOWN, SHOUTED_UNKNOWN = "<unknown>", "<UNK>"
# What no tool can read inside a word, and the picture of each.
PICTURES = {ord(c): chr(0x2400 + ord(c)) for c in "\0\t\n\v\f\r "}
LETTERS = {ord(picture): chr(code) for code, picture in PICTURES.items()}


def names_of(model: NGram, words: Sequence[str]) -> list[str]:
  """What the file calls each word, and `<s>` last.

  Raises:
    FieldError: there is not one word for each id, or not one name for each
      word, or a name would be read as another word.
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
    names[words.index(UNK)] = KNOWN_UNKNOWN
  taken = {BEGIN, SHOUTED_UNKNOWN, ""}
  if model.eos is None:
    taken.add(END)
  for i, again in enumerate(words_of(names, model.eos)):
    if names[i] in taken or (i != model.eos and again != words[i]):
      raise FieldError(
        "words",
        f"{{field}} has {words[i]!r}, which an ARPA file cannot distinguish "
        "from another word or name",
      )
    taken.add(names[i])
  return [*names, BEGIN]


def words_of(names: Sequence[str], eos: int | None) -> tuple[str, ...]:
  """The words that a file's names mean; `eos` is the id of `</s>`."""
  # Of the names of what is not known, the first that is there.
  known = set(names)
  unknown = next(
    (n for n in (UNK, KNOWN_UNKNOWN, SHOUTED_UNKNOWN) if n in known), UNK
  )
  words = [UNK if n == unknown else n.translate(LETTERS) for n in names]
  if eos is not None:
    words[eos] = EOS
  return tuple(words)


def _has_ngrams(model: NGram, word: int) -> bool:
  """Whether a word was in the text: in any 2-gram."""
  pairs = [
    np.divmod(keys, model.vocabulary_size + 1) for keys in model.keys[1:2]
  ]
  return any(np.any((a == word) | (b == word)) for a, b in pairs)


def for_vocabulary(
  model: NGram, words: Sequence[str], vocabulary: Sequence[str], eos: int | None
) -> NGram:
  """A model that was read, with the ids of a vocabulary.

  A corpus's `<unk>` is the file's `<unknown>` where it has that and `<unk>`
  too. N-grams with words that the vocabulary does not have are left out, and
  their share of probability with them.

  Args:
    model: as read.
    words: the word of each of its ids.
    vocabulary: the word of each id that is wanted.
    eos: which of these ends a sentence; `None` for unbroken text.

  Raises:
    FieldError: the file lacks a word, or sentences where the vocabulary has
      them, or the other way round.
  """
  if (model.eos is None) != (eos is None):
    has = "no sentence ends" if model.eos is None else "sentence ends"
    raise FieldError(
      "arpa_file",
      "{field} must hold a model of a text in the same unit as the "
      f"vocabulary, got a model with {has}",
    )
  ids = {word: i for i, word in enumerate(words)}
  if KNOWN_UNKNOWN in ids and KNOWN_UNKNOWN not in vocabulary:
    ids[UNK] = ids.pop(KNOWN_UNKNOWN)
  missing = [word for word in vocabulary if word not in ids]
  if missing:
    raise FieldError(
      "arpa_file",
      "{field} must have every word of the vocabulary, but lacks "
      f"{len(missing)}, such as {missing[0]!r}",
    )
  old, size = model.vocabulary_size, len(vocabulary)
  renamed = np.full(old + 1, -1)
  renamed[[ids[word] for word in vocabulary]] = np.arange(size)
  renamed[old] = size
  prefixes = np.zeros(1, np.int64)
  keys, columns = [], {"log_probs": [], "log_backoffs": []}
  for k in range(1, model.order + 1):
    before, last = np.divmod(model.keys[k - 1], old + 1)
    before, last = prefixes[before], renamed[last]
    kept = np.flatnonzero((before >= 0) & (last >= 0))
    key = before[kept] * (size + 1) + last[kept]
    order = np.argsort(key)
    keys.append(key[order])
    prefixes = np.full(len(before), -1)
    prefixes[kept[order]] = np.arange(len(kept))
    for name, arrays in columns.items():
      arrays.extend(x[kept[order]] for x in getattr(model, name)[k - 1 : k])
  arrays = {name: tuple(arrays) for name, arrays in columns.items()}
  return dataclasses.replace(
    model, vocabulary_size=size, eos=eos, keys=tuple(keys), **arrays
  )
