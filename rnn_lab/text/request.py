"""What can be asked of a corpus, and the checks of it."""

import os
from typing import Any, NamedTuple

from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_float,
  check_int,
)
from rnn_lab.text.vocabulary import UNITS

LARGEST = 2**31 - 1
# What one machine can be asked for by mistake: about a minute, and a gigabyte.
MOST_TOKENS = 20_000_000


class Request(NamedTuple):
  """Which corpus, and how it is read.

  Attributes:
    name: a key of `corpora.CORPORA`.
    unit: what a token is: "word", "character" or "bpe".
    min_count: as in `vocabulary_training.train_vocabulary`, which gets the
      training split, all of it.
    max_vocabulary: as there; 0 for no bound.
    size: tokens of the grammar's training split, counted in words, `<eos>`
      included. Validation and test have a tenth of it each, from 1,000 to
      100,000.
    seed: which of the grammar's texts.
    fraction: the share of the training split that is kept, from its
      beginning: of its lines, or of the grammar's tokens.
    data_dir: a folder with the corpus' files; `None` downloads them.
    train_path: the training split of "text", or all of it.
    valid_path: its validation split; `None` if all is in the first.
    test_path: its test split; `None` if all is in the first.
    valid_fraction: where the text is one, the share of its lines between
      training and test that is the validation split.
    test_fraction: the share of its last lines, which are the test split.
    pretokenized: the words of "text" are what white space separates; if not,
      punctuation is cut off them, too.
  """

  name: str
  unit: str = "word"
  min_count: int = 1
  max_vocabulary: int = 0
  size: int = 1_000_000
  seed: int = 0
  fraction: float = 1.0
  data_dir: str | None = None
  train_path: str | None = None
  valid_path: str | None = None
  test_path: str | None = None
  valid_fraction: float = 0.1
  test_fraction: float = 0.1
  pretokenized: bool = False


# Of the arguments that only some corpora have a use for, which each one has;
# but `size` and `seed`, which always have a value, are the grammar's alone.
SHARES = ("valid_fraction", "test_fraction")
PATHS = ("train_path", "valid_path", "test_path")
USES = {
  "grammar": (),
  "python_docs": SHARES,
  "tiny_shakespeare": ("data_dir", *SHARES),
  "ptb": ("data_dir",),
  "wikitext2": ("data_dir",),
  "text": (*PATHS, *SHARES, "pretokenized"),
}


def checked(request: Request) -> Request:
  """The request with its paths as strings.

  Raises:
    FieldError: an argument is wrong, or this corpus has no use for it.
  """
  paths = {f: _path(f, getattr(request, f)) for f in (*PATHS, "data_dir")}
  request = request._replace(**paths)
  check_choice("unit", request.unit, UNITS)
  check_int("min_count", request.min_count, 1, LARGEST)
  check_int("max_vocabulary", request.max_vocabulary, 0, LARGEST)
  check_int("size", request.size, 1, MOST_TOKENS)
  check_int("seed", request.seed, 0, LARGEST)
  check_float("fraction", request.fraction, 0, 1, above=True)
  check_bool("pretokenized", request.pretokenized)
  for field in SHARES:
    check_float(field, getattr(request, field), 0, 1, above=True, below=True)
  left = 1 - request.valid_fraction
  if request.test_fraction >= left:
    raise FieldError(
      "test_fraction",
      f"{{field}} must be below 1 - valid_fraction = {left:g}, got "
      f"{request.test_fraction!r}",
    )
  _check_uses(request)
  return request


def _check_uses(request: Request) -> None:
  """Raises FieldError for an argument that is set to no purpose."""
  useless = set().union(*USES.values()) - set(USES[request.name])
  if request.name == "grammar" and request.unit == "word":
    useless |= {"min_count", "max_vocabulary"}
  if request.valid_path is not None and request.test_path is not None:
    useless |= set(SHARES)
  for field, default in Request._field_defaults.items():
    value = getattr(request, field)
    if field in useless and value != default:
      raise FieldError(
        field,
        f"{{field}} must be left at {default!r}, got {value!r}: with these "
        f"arguments corpus {request.name!r} does not use it",
      )


def _path(field: str, value: Any) -> str | None:
  if not isinstance(value, str | os.PathLike | None):
    raise FieldError(field, f"{{field}} must be a path or None, got {value!r}")
  return None if value is None else os.fspath(value)
