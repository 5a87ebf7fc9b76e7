"""Texts before they are tokens: reading files, and cutting them in splits."""

import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.text.base import Split
from rnn_lab.text.vocabulary import EOS, UNK, Vocabulary, lines_of


class Texts(NamedTuple):
  """A corpus as it was read.

  Attributes:
    train: the text to train on, all of it.
    valid: the text to choose by.
    test: the text to judge by.
    hashes: `{file or data set: sha256}`.
    pretokenized: words are what white space separates.
    facts: what else decides the text.
  """

  train: str
  valid: str
  test: str
  hashes: Mapping[str, str]
  pretokenized: bool = False
  facts: Mapping[str, Any] = {}


def read_text(field: str, path: str) -> tuple[str, str]:
  """The text of a file in UTF-8, and its sha256.

  Args:
    field: the argument to name in an error.
    path: where the file is.

  Raises:
    FieldError: it is missing, a folder, unreadable, empty, or not UTF-8.
  """
  must = "{field} must be the path of a text file in UTF-8; "
  try:
    raw = pathlib.Path(path).expanduser().read_bytes()
  # A path with a null byte is a ValueError.
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or error
    problem = f"{path!r} cannot be read ({reason})"
    raise FieldError(field, must + problem) from error
  try:
    text = raw.decode("utf-8")
  except UnicodeDecodeError as error:
    problem = f"{path!r} is not UTF-8 (at byte {error.start})"
    raise FieldError(field, must + problem) from error
  # The mark that some editors put first is no character of the text.
  text = text.removeprefix("\ufeff")
  if not text or text.isspace():
    raise FieldError(field, must + f"{path!r} is empty")
  return text, hashlib.sha256(raw).hexdigest()


def in_three(
  text: str, valid_fraction: float, test_fraction: float
) -> tuple[str, str, str]:
  """The first lines for training, then those for validation, then the test.

  Each fraction is a share of the lines, at least one line.

  Raises:
    FieldError: there are fewer lines than that.
  """
  lines = lines_of(text, keep_ends=True)
  valid = max(1, round(len(lines) * valid_fraction))
  test = max(1, round(len(lines) * test_fraction))
  train = len(lines) - valid - test
  if train < 1:
    raise FieldError(
      "valid_fraction",
      f"{{field}} {valid_fraction:g} and test_fraction {test_fraction:g} leave "
      f"none of the text's {len(lines)} lines for training",
    )
  parts = lines[:train], lines[train : train + valid], lines[train + valid :]
  return tuple("".join(part) for part in parts)


def first_lines(text: str, fraction: float) -> str:
  """The first lines of a text, that share of them, at least one.

  Raises:
    FieldError: there is nothing but white space in them.
  """
  lines = lines_of(text, keep_ends=True)
  kept = "".join(lines[: max(1, round(len(lines) * fraction))])
  if not kept or kept.isspace():
    raise FieldError(
      "fraction",
      "{field} must keep at least one word of the training split, got "
      f"{fraction!r}",
    )
  return kept


def split_of(vocabulary: Vocabulary, text: str, pretokenized: bool) -> Split:
  """The tokens of a text, and what is known of them."""
  tokens = vocabulary.encode(text)
  unknown = 0
  if vocabulary.unk is not None:
    unknown = int(np.count_nonzero(tokens == vocabulary.unk))
  if vocabulary.unit != "word":
    return Split(tokens, len(text), unknown)
  lines = [line for line in lines_of(text) if UNK in line]
  unknown -= sum(vocabulary.cut(line).count(UNK) for line in lines)
  characters = None
  # A written <eos> would be taken for a newline of one character.
  if pretokenized and not unknown and EOS not in text:
    characters = len(vocabulary.decode(tokens))
  return Split(tokens, characters, unknown)
