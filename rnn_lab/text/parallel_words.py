"""Pairs of sentences in two languages, split into words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import FieldError
from rnn_lab.text import parallel
from rnn_lab.text.tokenization import words


class Sentences(NamedTuple):
  """N pairs of sentences.

  Attributes:
    sources: the tokens of each sentence.
    targets: the tokens of its translation.
    references: the translations as they were read.
  """

  sources: list[list[str]]
  targets: list[list[str]]
  references: list[str]

  def shorter_than(self, length: int) -> "Sentences":
    """Returns the pairs with fewer tokens on both sides."""
    sizes = [max(len(s), len(t)) for s, t, _ in zip(*self)]
    return self.at([n for n, size in enumerate(sizes) if size < length])

  def at(self, places: Sequence[int]) -> "Sentences":
    """Returns the pairs at some places."""
    return Sentences(
      [self.sources[n] for n in places],
      [self.targets[n] for n in places],
      [self.references[n] for n in places],
    )


class Shares(NamedTuple):
  """How the pairs of two files are divided at random into three splits.

  Attributes:
    valid_fraction: share of the different pairs for validation.
    test_fraction: share of them for the test.
    split_seed: random seed of the division.
  """

  valid_fraction: float = 0.1
  test_fraction: float = 0.1
  split_seed: int = 0


class Corpus(NamedTuple):
  """Pairs of sentences in three splits.

  Attributes:
    splits: "train", "valid" and "test".
    hashes: `{file: sha256}`.
    empty: number of pairs left out as one of them had no word.
  """

  splits: Mapping[str, Sentences]
  hashes: Mapping[str, str]
  empty: int


@cached
def read_words(
  source_language: str,
  target_language: str,
  data_dir: str | None,
  paths: tuple[str | None, ...],
  lowercase: bool,
  shares: Shares | None = None,
) -> Corpus:
  """Reads pairs of sentences and splits them into words; see `parallel`.

  Args:
    source_language: as in `parallel.read`; likewise the next two.
    target_language: see there.
    data_dir: see there.
    paths: the files of `parallel.read_files` instead: source and target of
      training, of validation and of the test; of only two files the pairs are
      divided, see `divide`; () for none.
    lowercase: whether to convert all letters to lower case.
    shares: of two files, those of the splits; None for the defaults.

  Returns:
    The corpus; equal arguments give the same object.

  Raises:
    FieldError: as `parallel.read`, `parallel.read_files` and `divide`.
  """
  if len(paths) == 2:
    pairs, hashes = parallel.read_split("train", paths, lowercase)
    splits = divide(_sentences(pairs), shares or Shares())
    return Corpus(splits, hashes, pairs.dropped)
  if paths:
    pairs = zip(paths[::2], paths[1::2])
    files = {split: pair for split, pair in zip(parallel.SPLITS, pairs)}
    read = parallel.read_files(files, lowercase)
  else:
    read = parallel.read(source_language, target_language, data_dir, lowercase)
  pairs = {split: getattr(read, split) for split in parallel.SPLITS}
  return Corpus(
    {split: _sentences(pairs[split]) for split in pairs},
    read.hashes,
    sum(split.dropped for split in pairs.values()),
  )


def divide(sentences: Sentences, shares: Shares) -> dict[str, Sentences]:
  """Divides pairs at random into "train", "valid" and "test".

  Pairs with the same tokens on both sides are in the same split, so that none
  of the test was seen in training; the shares are of the different pairs. In a
  split the pairs have the order of the file.

  Raises:
    FieldError: a split would have no pair.
  """
  numbers: dict[tuple, int] = {}
  number_of = [
    numbers.setdefault((*map(tuple, pair),), len(numbers))
    for pair in zip(sentences.sources, sentences.targets)
  ]
  total = len(numbers)
  valid, test = [max(1, round(total * share)) for share in shares[:2]]
  if valid + test >= total:
    raise FieldError(
      "valid_fraction",
      f"{{field}} {shares.valid_fraction:g} and test_fraction "
      f"{shares.test_fraction:g} leave none of the files' {total} different "
      "pairs for one of the splits",
    )
  # RandomState, not default_rng: numpy guarantees that its numbers are fixed.
  order = np.random.RandomState(shares.split_seed).permutation(total)
  split_of = np.zeros(total, int)
  split_of[order[:valid]] = 1
  split_of[order[valid : valid + test]] = 2
  split_of = split_of[number_of]
  return {
    split: sentences.at(np.flatnonzero(split_of == n).tolist())
    for n, split in enumerate(parallel.SPLITS)
  }


def _sentences(pairs: parallel.Pairs) -> Sentences:
  return Sentences(
    [words(line) for line in pairs.sources],
    [words(line) for line in pairs.targets],
    pairs.targets,
  )
