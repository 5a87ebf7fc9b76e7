"""The types of a corpus: three streams of tokens and their vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.text.vocabulary import Vocabulary


class Split(NamedTuple):
  """One stream of N tokens.

  The last three fields are known for the words of the grammar only, and are
  `None` otherwise.

  Attributes:
    tokens: int32 `[N]`, ids into the vocabulary.
    characters: number of characters of text that the tokens stand for, used
      for bits per character; `None` if unknown. Characters and BPE tokens
      stand for the whole text as it was read. Words do if the text was
      separated by white space and no word is unknown: the text is then the
      words of each line with one space between them, and a newline. (A
      `<unk>` written in the corpus counts as five characters.)
    unknown: number of tokens replaced by `<unk>`, not counting an `<unk>`
      written in the corpus itself.
    log_probs: float64 `[N]`, natural log of the true probability of each
      token given all tokens before it.
    kinds: int8 `[N]`, what each token depends on: an index into
      `Corpus.kinds`.
    distances: int32 `[N]`, distance in tokens to the earlier word that
      determines this one; 0 if there is none.
  """

  tokens: np.ndarray
  characters: int | None
  unknown: int
  log_probs: np.ndarray | None = None
  kinds: np.ndarray | None = None
  distances: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
  """A text in three splits.

  Attributes:
    name: its key in `corpora.CORPORA`.
    vocabulary: the tokens of its ids, made from the whole training split.
    train: the training split.
    valid: the validation split.
    test: the test split.
    entropy_rate: entropy of the source in nats per token, a lower bound for
      any model; `None` except for the words of the grammar.
    kinds: the names that `Split.kinds` indexes; empty except for the words of
      the grammar.
    hashes: `{file or data set: sha256}` of what was read.
    facts: what else determines the text, such as the version of Python.
  """

  name: str
  vocabulary: Vocabulary
  train: Split
  valid: Split
  test: Split
  entropy_rate: float | None = None
  kinds: tuple[str, ...] = ()
  hashes: Mapping[str, str] = field(default_factory=dict)
  facts: Mapping[str, Any] = field(default_factory=dict)

  def __post_init__(self):
    # Read-only, as corpora are cached.
    for name in ("hashes", "facts"):
      object.__setattr__(self, name, MappingProxyType(getattr(self, name)))
