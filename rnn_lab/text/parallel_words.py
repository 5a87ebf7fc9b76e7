"""Pairs of sentences in two languages, split into words."""

from collections.abc import Mapping
from typing import NamedTuple

from rnn_lab.caching import cached
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
    kept = [row for row in zip(*self) if max(len(row[0]), len(row[1])) < length]
    return Sentences(*map(list, zip(*kept))) if kept else Sentences([], [], [])


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
) -> Corpus:
  """Reads pairs of sentences and splits them into words; see `parallel`.

  Args:
    source_language: as in `parallel.read`; likewise the next two.
    target_language: see there.
    data_dir: see there.
    paths: the files of `parallel.read_files` instead: source and target of
      training, of validation and of the test; () for none.
    lowercase: whether to convert all letters to lower case.

  Returns:
    The corpus; equal arguments give the same object.

  Raises:
    FieldError: as `parallel.read` and `parallel.read_files`.
  """
  if paths:
    pairs = zip(paths[::2], paths[1::2])
    files = {split: pair for split, pair in zip(parallel.SPLITS, pairs)}
    read = parallel.read_files(files, lowercase)
  else:
    read = parallel.read(source_language, target_language, data_dir, lowercase)
  splits, empty = {}, 0
  for split in parallel.SPLITS:
    sources, targets, dropped = getattr(read, split)
    splits[split] = Sentences(
      [words(line) for line in sources],
      [words(line) for line in targets],
      targets,
    )
    empty += dropped
  return Corpus(splits, read.hashes, empty)
