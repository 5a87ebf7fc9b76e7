"""Reads text files, splits them, and encodes the splits."""

import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.text.base import Split
from rnn_lab.text.request import Request
from rnn_lab.text.vocabulary import EOS, UNK, Vocabulary, split_lines


class Texts(NamedTuple):
  """A corpus before it is tokenized.

  Attributes:
    train: the whole training text.
    valid: the validation text.
    test: the test text.
    hashes: `{file or data set: sha256}`.
    pretokenized: whether words are separated by white space alone.
    facts: what else determines the text.
  """

  train: str
  valid: str
  test: str
  hashes: Mapping[str, str]
  pretokenized: bool = False
  facts: Mapping[str, Any] = {}


def read_text(field: str, path: str) -> tuple[str, str]:
  """Reads a UTF-8 file and returns its text and sha256.

  Args:
    field: the argument to name in an error.
    path: the path of the file.

  Raises:
    FieldError: the file cannot be read, is empty, or is not UTF-8.
  """
  must = f"{{field}} must be the path of a text file in UTF-8; {path!r} "
  try:
    raw = pathlib.Path(path).expanduser().read_bytes()
    text = raw.decode("utf-8")
  except UnicodeDecodeError as error:
    reason = f"is not UTF-8 (at byte {error.start})"
    raise FieldError(field, must + reason) from error
  # A null byte in the path raises ValueError.
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or error
    raise FieldError(field, must + f"cannot be read ({reason})") from error
  # The byte order mark that some editors write is not part of the text.
  text = text.removeprefix("\ufeff")
  if not text or text.isspace():
    raise FieldError(field, must + "is empty")
  return text, hashlib.sha256(raw).hexdigest()


def split_in_three(text: str, request: Request) -> tuple[str, str, str]:
  """Splits a text by lines into training, validation and test, in order.

  Each of the request's fractions is a share of the lines, at least one line.

  Raises:
    FieldError: no line is left for training.
  """
  lines = split_lines(text, keep_ends=True)
  valid = max(1, round(len(lines) * request.valid_fraction))
  test = max(1, round(len(lines) * request.test_fraction))
  train = len(lines) - valid - test
  if train < 1:
    raise FieldError(
      "valid_fraction",
      f"{{field}} {request.valid_fraction:g} and test_fraction "
      f"{request.test_fraction:g} leave none of the text's {len(lines)} lines "
      "for training",
    )
  parts = lines[:train], lines[train : train + valid], lines[train + valid :]
  return tuple("".join(part) for part in parts)


def keep_first_lines(text: str, fraction: float) -> str:
  """Returns the given fraction of a text's lines, the first ones, at least one.

  Raises:
    FieldError: they hold only white space.
  """
  lines = split_lines(text, keep_ends=True)
  kept = "".join(lines[: max(1, round(len(lines) * fraction))])
  if not kept or kept.isspace():
    raise FieldError(
      "fraction",
      "{field} must keep at least one word of the training split, got "
      f"{fraction!r}",
    )
  return kept


def encode_split(
  vocabulary: Vocabulary, text: str, pretokenized: bool
) -> Split:
  """Encodes a text, and counts its characters and unknown tokens."""
  tokens = vocabulary.encode(text)
  # No token equals the None that a vocabulary without `<unk>` has.
  unknown = int(np.count_nonzero(tokens == vocabulary.unk))
  if vocabulary.unit != "word":
    return Split(tokens, len(text), unknown)
  lines = [line for line in split_lines(text) if UNK in line]
  unknown -= sum(vocabulary.split_words(line).count(UNK) for line in lines)
  characters = None
  # An <eos> written in the text decodes to a newline, one character.
  if pretokenized and not unknown and EOS not in text:
    characters = len(vocabulary.decode(tokens))
  return Split(tokens, characters, unknown)
