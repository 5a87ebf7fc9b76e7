"""Pairs of sentences in two languages: Multi30k and line-aligned files.

Elliott, Frank, Sima'an & Specia, "Multi30K: Multilingual English-German Image
Descriptions", 2016.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from rnn_lab.downloads import find_files
from rnn_lab.errors import FieldError, check_bool, check_choice
from rnn_lab.text.files import bad_file, path_or_none, read_text
from rnn_lab.text.splitting import split_lines

LANGUAGES = ("de", "en")
SPLITS = ("train", "valid", "test")

_Named = tuple[str, str | os.PathLike]  # a field, and the path it holds


class Pairs(NamedTuple):
  """N pairs of a sentence and its translation.

  Attributes:
    sources: the N sentences, without white space at their ends.
    targets: their translations.
    dropped: number of pairs left out because one of the two lines, or both,
      had no word.
  """

  sources: list[str]
  targets: list[str]
  dropped: int


class Parallel(NamedTuple):
  """Pairs in three splits.

  Attributes:
    train: the training pairs.
    valid: the validation pairs.
    test: the test pairs.
    hashes: `{file: sha256}` of what was read.
  """

  train: Pairs
  valid: Pairs
  test: Pairs
  hashes: Mapping[str, str]


def read(
  source_language: str = "de",
  target_language: str = "en",
  data_dir: str | None = None,
  lowercase: bool = False,
) -> Parallel:
  """Reads Multi30k, task 1: 29,000 + 1,014 + 1,000 (Flickr, 2016) pairs.

  Args:
    source_language: "de" or "en".
    target_language: the other one.
    data_dir: a folder that holds the six files, gzipped or not; `None`
      downloads them.
    lowercase: whether to convert all letters to lower case.

  Raises:
    FieldError: an argument is invalid; a file is missing or damaged; two files
      differ in their number of lines; a download failed.
  """
  check_choice("source_language", source_language, LANGUAGES)
  check_choice("target_language", target_language, LANGUAGES)
  if source_language == target_language:
    raise FieldError(
      "target_language",
      f"{{field}} must differ from source_language, got {target_language!r}",
    )
  check_bool("lowercase", lowercase)
  files = find_files("multi30k", path_or_none("data_dir", data_dir))
  pairs, hashes = [], {}
  for split in SPLITS:
    paths = [files[f"{split}.{x}"] for x in (source_language, target_language)]
    named: list[_Named] = [("data_dir", path) for path in paths]
    read_pairs, sha256 = _read_pairs(named, lowercase)
    pairs.append(read_pairs)
    hashes |= zip([path.name for path in paths], sha256)
  train, valid, test = pairs
  return Parallel(train, valid, test, hashes)


def read_files(
  paths: Mapping[str, tuple[str | os.PathLike | None, ...]],
  lowercase: bool = False,
) -> Parallel:
  """Reads line-aligned files of the user: line n translates line n.

  Args:
    paths: `{split: (source file, target file)}` for the splits "train",
      "valid" and "test"; text files in UTF-8, gzipped or not.
    lowercase: whether to convert all letters to lower case.

  Raises:
    FieldError: a split is missing; a file cannot be read, is damaged, is not
      UTF-8 or is empty; two files differ in their number of lines, or have no
      pair of lines with words. The fields are `train_source_path`,
      `train_target_path`, and so on.
  """
  pairs, hashes = [], {}
  for split in SPLITS:
    files = paths.get(split, (None, None))
    read_pairs, sha256 = read_split(split, files, lowercase)
    pairs.append(read_pairs)
    hashes |= sha256
  train, valid, test = pairs
  return Parallel(train, valid, test, hashes)


def read_split(
  split: str,
  paths: tuple[str | os.PathLike | None, ...],
  lowercase: bool = False,
) -> tuple[Pairs, dict[str, str]]:
  """Reads two line-aligned files of the user; see `read_files`.

  Args:
    split: "train", "valid" or "test", for the names of fields in errors.
    paths: the source file and the target file.
    lowercase: whether to convert all letters to lower case.

  Returns:
    Their pairs, and `{file: sha256}`.

  Raises:
    FieldError: as `read_files`.
  """
  check_bool("lowercase", lowercase)
  named: list[_Named] = []
  for side, path in zip(("source", "target"), paths):
    field = f"{split}_{side}_path"
    if path is None or path_or_none(field, path) is None:
      raise FieldError(field, "{field} must be the path of a text file")
    named.append((field, path))
  pairs, sha256 = _read_pairs(named, lowercase)
  return pairs, dict(zip([os.fspath(path) for _, path in named], sha256))


def _read_pairs(
  named: list[_Named], lowercase: bool
) -> tuple[Pairs, list[str]]:
  """Reads two files, given as (field, path); returns their pairs and hashes."""
  sides, hashes = [], []
  for field, path in named:
    text, sha256 = read_text(field, path)
    text = text.lower() if lowercase else text
    sides.append([line.strip() for line in split_lines(text)])
    hashes.append(sha256)
  (_, source_path), (field, path) = named
  numbers = [len(lines) for lines in sides]
  kind = (
    f"a text file with one line for each line of {os.fspath(source_path)!r}"
  )
  if numbers[0] != numbers[1]:
    words = f"has {numbers[1]} lines, not {numbers[0]}"
    raise bad_file(field, path, kind, words)
  kept = [pair for pair in zip(*sides) if all(pair)]
  if not kept:
    words = "has no line with a word that translates a line with a word"
    raise bad_file(field, path, kind, words)
  sources, targets = map(list, zip(*kept))
  return Pairs(sources, targets, numbers[0] - len(kept)), hashes
