"""Ids of words, characters or tags that are given as lists of tokens.

`vocabulary` is for running text, which its tokenizer splits, and has no
padding and no start of a sequence; here sentences have been split already, and
any strings can be tokens.
"""

import collections
import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rnn_lab.errors import FieldError, check_int
from rnn_lab.paths import local_path
from rnn_lab.rundir import unsealed, write_sealed
from rnn_lab.text.ids import check_ids
from rnn_lab.text.vocabulary import EOS, UNK

PAD = "<pad>"
BOS = "<bos>"
# What fills up short sequences, a word that is not known, the start of a
# sequence that is to be generated, and its end; their ids are 0 to 3.
SPECIALS = (PAD, UNK, BOS, EOS)


@dataclasses.dataclass(frozen=True)
class WordIds:
  """V tokens, numbered from 0.

  Attributes:
    words: the token of each id, all different.
    specials: the first of them, which are no words of a text: any of
      SPECIALS, such as none for tags.
  """

  words: tuple[str, ...]
  specials: tuple[str, ...] = SPECIALS

  def __post_init__(self):
    _check(self)

  @property
  def size(self) -> int:
    """V, the number of tokens."""
    return len(self.words)

  @property
  def pad(self) -> int | None:
    """The id of `<pad>`, or `None` without it."""
    return self._special(PAD)

  @property
  def unk(self) -> int | None:
    """The id of `<unk>`, or `None` without it."""
    return self._special(UNK)

  @property
  def bos(self) -> int | None:
    """The id of `<bos>`, or `None` without it."""
    return self._special(BOS)

  @property
  def eos(self) -> int | None:
    """The id of `<eos>`, or `None` without it."""
    return self._special(EOS)

  def start_and_end(self) -> tuple[int, int]:
    """Returns the ids of `<bos>` and `<eos>`, which writing needs.

    Raises:
      FieldError: one of them is not among the specials.
    """
    start, end = self.bos, self.eos
    if start is None or end is None:
      known = ", ".join(self.specials) or "none"
      raise FieldError(
        "specials",
        f"{{field}} must hold {BOS} and {EOS} for what is written, got {known}",
      )
    return start, end

  def encode(self, tokens: Sequence[str]) -> np.ndarray:
    """Returns the ids of tokens, int32 `[n]`; of a string, its characters'.

    A token that is not known is `<unk>`, and so is one that is written like a
    special token.

    Raises:
      FieldError: a token is not known, and `<unk>` is not among the specials.
    """
    ids = [self._known.get(token, self.unk) for token in tokens]
    if None in ids:
      raise FieldError(
        "tokens",
        f"{{field}} must be among the {self.size} known ones, got "
        f"{tokens[ids.index(None)]!r}",
      )
    return np.asarray(ids, np.int32)

  def encode_input(self, text: str, tokens: Sequence[str]) -> np.ndarray:
    """Returns the ids of a user's text; see `encode`.

    Args:
      text: the text.
      tokens: its tokens.

    Raises:
      FieldError: `input`, if no token is known.
    """
    ids = self.encode(tokens)
    if (ids == self.unk).all():
      raise FieldError(
        "input", f"{{field}} must have at least one known word, got {text!r}"
      )
    return ids

  def decode(self, ids: Sequence[int] | np.ndarray) -> list[str]:
    """Returns the tokens before the first `<eos>`, without `<pad>`, `<bos>`.

    Raises:
      FieldError: one is not an id from 0 to V - 1.
    """
    known: list[int] = check_ids("ids", ids, self.size).tolist()
    if self.eos in known:
      known = known[: known.index(self.eos)]
    return [self.words[i] for i in known if i not in (self.pad, self.bos)]

  def save(self, path: str | os.PathLike) -> None:
    """Writes the tokens as JSON, atomically."""
    path = local_path("path", path)
    write_sealed(path, {"specials": self.specials, "words": self.words})

  @classmethod
  def load(cls, path: str | os.PathLike, *keys: str) -> "WordIds":
    """Reads what `save` wrote.

    Args:
      path: the file.
      *keys: where in its object the tokens are; none for the object itself.

    Raises:
      FieldError: the file is missing or damaged.
    """
    path = local_path("path", path)
    try:
      value = unsealed(json.loads(path.read_text(encoding="utf-8")))
      for key in keys:
        value = value[key]
      lists = [value["words"], value["specials"]]
      if not all(isinstance(entry, list) for entry in lists):
        raise TypeError("not lists")
      return cls(*map(tuple, lists))
    # A recursion error is raised for JSON that is nested too deep.
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
      reason = getattr(error, "strerror", None) or type(error).__name__
      raise FieldError(
        "path",
        "{field} must hold the words that a run wrote; "
        f"{os.fspath(path)!r} cannot be read ({reason})",
      ) from error

  @functools.cached_property
  def _known(self) -> Mapping[str, int]:
    """The id of each token that a text can have."""
    first = len(self.specials)
    return {word: i for i, word in enumerate(self.words[first:], first)}

  def _special(self, name: str) -> int | None:
    return self.specials.index(name) if name in self.specials else None


def word_ids(
  sentences: Iterable[Iterable[str]],
  min_count: int = 1,
  max_size: int = 0,
  specials: tuple[str, ...] = SPECIALS,
) -> WordIds:
  """Numbers the tokens of sentences by decreasing count, equal ones by code.

  Args:
    sentences: sequences of tokens, such as the words of sentences or the
      characters of words.
    min_count: the smallest count of a token to be kept.
    max_size: the largest number of tokens, the specials included; 0 for no
      bound.
    specials: the tokens that come first, of SPECIALS.

  Raises:
    FieldError: an argument is out of range, or no token reaches `min_count`.
  """
  check_int("min_count", min_count, 1)
  check_int("max_size", max_size, 0)
  if 0 < max_size <= len(specials):
    raise FieldError(
      "max_size",
      f"{{field}} must be at least {len(specials) + 1} (or 0 for no bound), "
      f"got {max_size!r}",
    )
  counts = collections.Counter(t for tokens in sentences for t in tokens)
  for special in specials:
    counts.pop(special, None)
  kept = most_frequent(counts, min_count, max_size and max_size - len(specials))
  return WordIds((*specials, *kept), tuple(specials))


def most_frequent(
  counts: Mapping[str, int], min_count: int, max_size: int
) -> list[str]:
  """Returns words by decreasing count, equal ones by code point.

  Args:
    counts: the count of each word.
    min_count: the smallest count of a word to be kept.
    max_size: the largest number of words; 0 for no bound.

  Raises:
    FieldError: no word reaches `min_count`.
  """
  words = sorted(counts, key=lambda word: (-counts[word], word))
  frequent = [word for word in words if counts[word] >= min_count]
  if not frequent:
    raise FieldError(
      "min_count",
      f"{{field}} must be at most {max(counts.values(), default=0)}, the count "
      f"of the most frequent token, got {min_count!r}",
    )
  return frequent[: max_size or None]


def _check(value: WordIds) -> None:
  """Raises FieldError unless words are different strings, specials first."""
  words, specials = value.words, value.specials
  if not all(isinstance(word, str) for word in words):
    raise FieldError("words", "{field} must be strings")
  if len(set(words)) != len(words):
    double = collections.Counter(words).most_common(1)[0][0]
    raise FieldError("words", f"{{field}} must differ, got {double!r} twice")
  if words[: len(specials)] != specials or not {*specials} <= {*SPECIALS}:
    raise FieldError(
      "specials",
      f"{{field}} must be the first of the words, and among "
      f"{', '.join(SPECIALS)}; got {specials!r}",
    )
