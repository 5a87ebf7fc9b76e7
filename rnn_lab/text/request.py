"""The arguments of a corpus and their checks."""

from typing import NamedTuple

from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_float,
  check_int,
)
from rnn_lab.text.files import path_or_none
from rnn_lab.text.splitting import check_shares
from rnn_lab.text.vocabulary import UNITS

LARGEST = 2**31 - 1
# Bounds a mistaken request: about a minute and a gigabyte.
MAX_TOKENS = 20_000_000


class Request(NamedTuple):
  """Which corpus to load, and how to read it.

  Attributes:
    name: a key of `corpora.CORPORA`.
    unit: what a token is: "word", "character" or "bpe".
    min_count: the smallest count in the whole training split of a word (or
      character) to be known; see `vocabulary_training.train_vocabulary`.
    max_vocabulary: the largest number of tokens; 0 for no bound.
    size: number of tokens of the grammar's training split, counted in words
      and `<eos>`. Validation and test have a tenth of it each, but at least
      1,000 and at most 100,000.
    seed: random seed of the grammar's text.
    fraction: share of the training split to keep, from its beginning: of its
      lines (or characters, see `splitting.split_shares`), or of the grammar's
      tokens.
    data_dir: a folder with the corpus' files; `None` downloads them.
    train_path: the file of the training split of "text", or of all splits.
    valid_path: the file of its validation split, if not in `train_path`.
    test_path: the file of its test split, if not in `train_path`.
    valid_fraction: share of the lines of a single text for validation, which
      precede those of the test; of its characters if its lines are too uneven
      (`splitting.split_shares`).
    test_fraction: share of its last lines, for the test.
    pretokenized: whether the words of "text" are separated by white space of
      ASCII alone, as in kenlm; otherwise punctuation is separated from words
      too.
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


# Which corpus uses which of the arguments that not all corpora use. `size` and
# `seed` always have a value, and only the grammar uses them.
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


def check_request(request: Request) -> Request:
  """Checks a request and returns it with its paths as strings.

  Raises:
    FieldError: an argument is invalid, or is set but not used by this corpus.
  """
  paths = {
    f: path_or_none(f, getattr(request, f)) for f in (*PATHS, "data_dir")
  }
  request = request._replace(**paths)
  check_choice("unit", request.unit, UNITS)
  check_int("min_count", request.min_count, 1, LARGEST)
  check_int("max_vocabulary", request.max_vocabulary, 0, LARGEST)
  check_int("size", request.size, 1, MAX_TOKENS)
  check_int("seed", request.seed, 0, LARGEST)
  check_float("fraction", request.fraction, 0, 1, above=True)
  check_bool("pretokenized", request.pretokenized)
  check_shares(request.valid_fraction, request.test_fraction)
  unused = set().union(*USES.values()) - set(USES[request.name])
  if request.name == "grammar" and request.unit == "word":
    unused |= {"min_count", "max_vocabulary"}
  if request.valid_path is not None and request.test_path is not None:
    unused |= set(SHARES)
  for field, default in Request._field_defaults.items():
    value = getattr(request, field)
    if field in unused and value != default:
      raise FieldError(
        field,
        f"{{field}} must be left at {default!r}, got {value!r}: with these "
        f"arguments corpus {request.name!r} does not use it",
      )
  return request
