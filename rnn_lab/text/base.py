"""What a corpus is: three streams of tokens and the vocabulary they are in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.text.vocabulary import Vocabulary


class Split(NamedTuple):
  """One stream of N tokens.

  Attributes:
    tokens: int32 `[N]`, ids into the vocabulary.
    characters: how many characters of text the tokens stand for, for bits per
      character; `None` where that is not known. Characters and BPE stand for
      the whole text as it was read. Words do where they were given apart by
      white space and all of them are known: the text is then each line's
      words with one space between them, and a newline. (A `<unk>` written in
      the corpus is five characters of its text, as the other units read it.)
    unknown: how many tokens were replaced by `<unk>`, not counting a `<unk>`
      that is written in the corpus itself.
    log_probs: float64 `[N]`, the natural log of each token's true probability
      given all before it; `None` but for the grammar's words.
    kinds: int8 `[N]`, what each token depends on, an index into
      `Corpus.kinds`; `None` but for the grammar's words.
    distances: int32 `[N]`, how many tokens back the word stands that decides
      this one, 0 where none does; `None` but for the grammar's words.
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
    name: its name in `corpora.CORPORA`.
    vocabulary: what its ids mean, made from the whole training split.
    train: the tokens to train on.
    valid: the tokens to choose by.
    test: the tokens to judge by.
    entropy_rate: nats per token of the source itself, the least that any
      model can reach; `None` but for the grammar's words.
    kinds: the names that `Split.kinds` counts; empty but for the grammar's
      words.
    hashes: `{file or data set: sha256}` of what was read.
    facts: what else decides the text, by name, such as the version of Python.
  """

  name: str
  vocabulary: Vocabulary
  train: Split
  valid: Split
  test: Split
  entropy_rate: float | None
  kinds: tuple[str, ...]
  hashes: Mapping[str, str]
  facts: Mapping[str, Any]
