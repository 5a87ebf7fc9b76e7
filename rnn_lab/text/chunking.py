"""Sentences with part-of-speech tags and chunks: CoNLL-2000 and its format.

Tjong Kim Sang & Buchholz, "Introduction to the CoNLL-2000 Shared Task:
Chunking", 2000: sections 15 to 18 of the Wall Street Journal for training,
section 20 for the test.
"""

import collections
import os
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from rnn_lab.downloads import find_files
from rnn_lab.errors import FieldError
from rnn_lab.text.files import (
  bad_file,
  decode,
  path_or_none,
  read_members,
  read_text,
)
from rnn_lab.text.splitting import split_lines

MEMBERS = {"train": "conll2000/train.txt", "test": "conll2000/test.txt"}
# One training sentence in this many is for validation.
VALID_SHARE = 10
# Outside of chunks, at the first word of one, or at a later word.
CHUNK_TAG = re.compile("O|[BI]-.+")
# Not every white space of Unicode, which a word can contain.
SEPARATOR = re.compile("[ \t]+")
FORMAT = "a file of lines with a word, its part-of-speech tag and its chunk tag"


class Token(NamedTuple):
  """A word, its part-of-speech tag, and its chunk tag: O, B-type or I-type."""

  word: str
  pos: str
  chunk: str


Sentences = list[list[Token]]


class Tagged(NamedTuple):
  """Tagged sentences in three splits.

  Attributes:
    train: the training sentences.
    valid: the validation sentences.
    test: the test sentences.
    hashes: `{file: sha256}` of what was read.
  """

  train: Sentences
  valid: Sentences
  test: Sentences
  hashes: Mapping[str, str]


def read(data_dir: str | None = None) -> Tagged:
  """Reads the sentences of CoNLL-2000.

  There is no published validation split: it is the last tenth, 893, of the
  8,936 training sentences. The test has 2,012.

  Args:
    data_dir: a folder that holds conll2000.zip; `None` downloads it.

  Raises:
    FieldError: the archive is missing or damaged, or lacks a file; a file is
      not in the format; a download failed.
  """
  data_dir = path_or_none("data_dir", data_dir)
  path = find_files("conll2000", data_dir)["all"]
  members, sha256 = read_members("data_dir", path, [*MEMBERS.values()])
  parts = {}
  for part, name in MEMBERS.items():
    # As if the archive was a folder.
    inner = path / name
    text = decode("data_dir", inner, members[name])
    parts[part] = _parse("data_dir", inner, text)
  train, valid = _split("data_dir", path, parts["train"])
  return Tagged(train, valid, parts["test"], {path.name: sha256})


def read_files(
  train_path: str | os.PathLike | None,
  test_path: str | os.PathLike | None,
  valid_path: str | os.PathLike | None = None,
) -> Tagged:
  """Reads tagged sentences of the user's files.

  Args:
    train_path: a text file, gzipped or not. Each line has a word, its
      part-of-speech tag and its chunk tag, separated by spaces or tabs; an
      empty line ends a sentence.
    test_path: that of the test.
    valid_path: that of the validation split; if `None`, it is the last tenth
      of the training sentences.

  Raises:
    FieldError: the training file or that of the test is `None`; a file cannot
      be read, is empty, is not in UTF-8 or not in the format, or has too few
      sentences to split.
  """
  paths = {"train_path": train_path, "test_path": test_path}
  if valid_path is not None:
    paths["valid_path"] = valid_path
  files, sentences, hashes = {}, {}, {}
  for field, given in paths.items():
    path = path_or_none(field, given)
    if path is None:
      raise FieldError(field, f"{{field}} must be the path of {FORMAT}")
    text, sha256 = read_text(field, path)
    files[field], hashes[path] = path, sha256
    sentences[field] = _parse(field, path, text)
  train, valid = sentences["train_path"], sentences.get("valid_path")
  if valid is None:
    train, valid = _split("train_path", files["train_path"], train)
  return Tagged(train, valid, sentences["test_path"], hashes)


def chunk_tags(sentences: Sentences) -> tuple[str, ...]:
  """Returns O, then B-type and I-type of every type in these sentences.

  Both, also if only one is used: the test of CoNLL-2000 has an I-LST, and its
  training sentences have none.
  """
  types = {token.chunk[2:] for sentence in sentences for token in sentence}
  names = sorted(types - {""})
  return ("O", *(f"{place}-{name}" for name in names for place in "BI"))


def pos_baseline(
  sentences: Sentences,
) -> Callable[[Sentences], list[list[str]]]:
  """Counts the chunk tags of each part of speech, the task's own baseline.

  Of equally frequent tags the first by code point is taken; an unknown part of
  speech is O. Trained on all 8,936 sentences of CoNLL-2000, its F1 on the test
  is the published 77.07 %.

  Returns:
    A function from sentences to the most frequent chunk tag of each token.
  """
  counts = collections.defaultdict(collections.Counter)
  for sentence in sentences:
    for token in sentence:
      counts[token.pos][token.chunk] += 1
  # The first of the largest counts.
  tags = {pos: max(sorted(c), key=c.__getitem__) for pos, c in counts.items()}

  def predict(sentences: Sentences) -> list[list[str]]:
    return [[tags.get(t.pos, "O") for t in sentence] for sentence in sentences]

  return predict


def _parse(field: str, path: str | os.PathLike, text: str) -> Sentences:
  """Parses the sentences of a text that is not empty."""
  sentences = [[]]
  for number, line in enumerate(split_lines(text), 1):
    line = line.strip(" \t\r")
    if not line:
      if sentences[-1]:
        sentences.append([])
      continue
    columns = SEPARATOR.split(line)
    if len(columns) != 3:
      words = f"has {len(columns)} columns in line {number}, not 3"
      raise bad_file(field, path, FORMAT, words)
    token = Token(*columns)
    if not CHUNK_TAG.fullmatch(token.chunk):
      words = (
        f"has the chunk tag {token.chunk[:40]!r} in line {number}, not O, "
        "B-type or I-type"
      )
      raise bad_file(field, path, FORMAT, words)
    sentences[-1].append(token)
  return sentences if sentences[-1] else sentences[:-1]


def _split(
  field: str, path: str | os.PathLike, sentences: Sentences
) -> tuple[Sentences, Sentences]:
  """Splits off the last tenth of the training sentences for validation."""
  valid = len(sentences) // VALID_SHARE
  if not valid:
    words = (
      f"has {len(sentences)} sentences, fewer than the {VALID_SHARE} of which "
      "one is for validation"
    )
    raise bad_file(field, path, FORMAT, words)
  return sentences[:-valid], sentences[-valid:]
