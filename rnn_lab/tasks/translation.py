"""Translation of sentences, word by word: Multi30k, or files of the user."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_bool,
  check_float,
  check_int,
)
from rnn_lab.rundir import SOURCE_VOCABULARY, TARGET_VOCABULARY
from rnn_lab.tasks.base import LONGEST
from rnn_lab.tasks.text_pairs import SymbolPairs, Texts, TextTask, text_task
from rnn_lab.text.files import path_or_none
from rnn_lab.text.parallel import SPLITS
from rnn_lab.text.parallel_words import Shares, read_words
from rnn_lab.text.scores import bleu
from rnn_lab.text.splitting import check_shares
from rnn_lab.text.tokenization import detokenize, words
from rnn_lab.text.words import BOS, EOS, UNK, WordIds, word_ids

SOURCE_SPECIALS = (UNK,)
TARGET_SPECIALS = (UNK, BOS, EOS)
PATHS = tuple(f"{s}_{x}_path" for s in SPLITS for x in ("source", "target"))
# What is left at its default where the files are given by path.
OF_MULTI30K = {
  "source_language": "de",
  "target_language": "en",
  "data_dir": None,
}


def translation(
  batch_size: int,
  source_language: str = "de",
  target_language: str = "en",
  data_dir: str | None = None,
  train_source_path: str | None = None,
  train_target_path: str | None = None,
  valid_source_path: str | None = None,
  valid_target_path: str | None = None,
  test_source_path: str | None = None,
  test_target_path: str | None = None,
  valid_fraction: float = 0.1,
  test_fraction: float = 0.1,
  split_seed: int = 0,
  lowercase: bool = True,
  min_count: int = 2,
  max_vocabulary: int = 0,
  max_length: int = 50,
  max_padding: float = 0.25,
) -> TextTask:
  """Makes the task of translating sentences, word by word.

  Multi30k, task 1, or files of the user, in which line n of one translates line
  n of the other. A token is a word or a punctuation mark. What is written is
  joined with the usual spaces and scored by BLEU against the translations as
  they were read; see `rnn_lab.text.scores.bleu`.

  Elliott, Frank, Sima'an & Specia, "Multi30K: Multilingual English-German Image
  Descriptions", 2016.

  Args:
    batch_size: B, at most the number of training pairs.
    source_language: "de" or "en".
    target_language: the other one.
    data_dir: a folder that holds the six files of Multi30k, gzipped or not;
      `None` downloads them.
    train_source_path: a text file of sentences to be translated. With it the
      three arguments above must be left at their defaults.
    train_target_path: their translations.
    valid_source_path: as the first, for validation; the next three are given
      with it or not at all.
    valid_target_path: their translations.
    test_source_path: as the first, for the test.
    test_target_path: their translations.
    valid_fraction: of two files alone, the share of their different pairs for
      validation, drawn at random; equal pairs are in one split.
    test_fraction: the share for the test.
    split_seed: random seed of this division; not a run's seed.
    lowercase: whether to convert all letters to lower case.
    min_count: the smallest count of a word in training to be known, on its
      side.
    max_vocabulary: the largest number of symbols on a side, the special ones
      included; 0 for no bound.
    max_length: training pairs with more tokens on a side are left out, and no
      translation becomes longer.
    max_padding: the share of an epoch's steps that may be padding, from 0 to 1;
      a smaller share needs batches of more different lengths, for each of which
      a program is compiled.

  Returns:
    The task: inputs `[B, S]` and targets `[B, T]` of words, in buckets of
    lengths. Its loss is that of a token, the end symbol included.

  Raises:
    FieldError: an argument is invalid; a file is missing or damaged; two files
      differ in their number of lines, or have too few to be divided; a
      download failed; no training pair is short enough, or fewer than a batch.
  """
  check_bool("lowercase", lowercase)
  check_int("min_count", min_count, 1)
  check_int("max_vocabulary", max_vocabulary, 0, INT32_MAX)
  if 0 < max_vocabulary <= len(TARGET_SPECIALS):
    raise FieldError(
      "max_vocabulary",
      f"{{field}} must be at least {len(TARGET_SPECIALS) + 1} (or 0 for no "
      f"bound), got {max_vocabulary!r}",
    )
  check_int("max_length", max_length, 1, LONGEST)
  check_float("max_padding", max_padding, 0.0, 1.0)
  paths = (train_source_path, train_target_path, valid_source_path)
  paths += (valid_target_path, test_source_path, test_target_path)
  paths = tuple(map(path_or_none, PATHS, paths))
  shares = Shares(valid_fraction, test_fraction, split_seed)
  files = paths if any(path is not None for path in paths[2:]) else paths[:2]
  is_given = any(path is not None for path in files)
  _check_shares(shares, is_used=is_given and len(files) == 2)
  data_dir = path_or_none("data_dir", data_dir)
  if is_given:
    values = (source_language, target_language, data_dir)
    for (field, default), value in zip(OF_MULTI30K.items(), values):
      if value != default:
        raise FieldError(
          field,
          f"{{field}} must be left at {default!r}, got {value!r}: the files "
          "are given by their paths",
        )
    source = ("", "", None, files, lowercase, shares)
  else:
    source = (source_language, target_language, data_dir, (), lowercase)
  limits = Limits(min_count, max_vocabulary, max_length, float(max_padding))
  return _translation(batch_size, source, limits)


def _check_shares(shares: Shares, is_used: bool) -> None:
  """Raises FieldError unless the shares are right, and used if they are set."""
  check_shares(shares.valid_fraction, shares.test_fraction)
  check_int("split_seed", shares.split_seed, 0, 2**32 - 1)
  for field, default in Shares._field_defaults.items():
    value = getattr(shares, field)
    if value != default and not is_used:
      raise FieldError(
        field,
        f"{{field}} must be left at {default!r}, got {value!r}: only two files "
        "without others, train_source_path and train_target_path, are divided",
      )


class Limits(NamedTuple):
  """Arguments of `translation`."""

  min_count: int
  max_vocabulary: int
  max_length: int
  max_padding: float


@cached
def _translation(batch_size: int, source: tuple, limits: Limits) -> TextTask:
  """Makes the task of a corpus; `source` are the arguments of `read_words`."""
  corpus, lowercase = read_words(*source), source[4]
  train = corpus.splits["train"].shorter_than(limits.max_length + 1)
  if not train.sources:
    shortest = min(
      max(len(s), len(t)) for s, t, _ in zip(*corpus.splits["train"])
    )
    raise FieldError(
      "max_length",
      f"{{field}} must be at least {shortest}, the tokens of the shortest "
      f"training pair, got {limits.max_length}",
    )
  bounds = (limits.min_count, limits.max_vocabulary)
  texts = _texts(
    word_ids(train.sources, *bounds, specials=SOURCE_SPECIALS),
    word_ids(train.targets, *bounds, specials=TARGET_SPECIALS),
    lowercase,
  )
  splits = {**corpus.splits, "train": train}
  left_out = len(corpus.splits["train"].sources) - len(train.sources)
  sizes = {split: len(splits[split].sources) for split in splits}
  pairs = {
    split: SymbolPairs(
      [texts.source.encode(tokens) for tokens in sentences.sources],
      [texts.target.encode(tokens) for tokens in sentences.targets],
    )
    for split, sentences in splits.items()
  }
  unknown = [
    np.mean(np.concatenate(side) == vocabulary.unk)
    for side, vocabulary in zip(pairs["test"], texts[:2])
  ]
  return _task(
    batch_size,
    texts,
    pairs,
    {split: splits[split].references for split in splits},
    limits,
    lowercase,
    corpus.hashes,
    summary=f"{sizes['train']:,} pairs for training ({left_out:,} longer than "
    f"{limits.max_length} tokens and {corpus.empty:,} without words left out), "
    f"{sizes['valid']:,} for validation, {sizes['test']:,} for the test; "
    f"vocabularies of {texts.source.size:,} and {texts.target.size:,}; unknown "
    f"in the test: {unknown[0]:.1%} and {unknown[1]:.1%}",
  )


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> TextTask:
  """Returns the task of a run that saved its vocabularies.

  See `tasks.without_data`.
  """
  del batch_size
  lowercase = section["lowercase"]
  source = WordIds.load(workdir / SOURCE_VOCABULARY)
  target = WordIds.load(workdir / TARGET_VOCABULARY)
  pair = SymbolPairs([np.zeros(1, np.int32)], [np.zeros(1, np.int32)])
  return _task(
    1,
    _texts(source, target, lowercase),
    dict.fromkeys(SPLITS, pair),
    dict.fromkeys(SPLITS, [""]),
    Limits(1, 0, section["max_length"], 0.0),
    lowercase,
    {},
    summary="no data",
  )


def _texts(source: WordIds, target: WordIds, lowercase: bool) -> Texts:
  return Texts(source, target, _lower_words if lowercase else words, detokenize)


def _lower_words(text: str) -> list[str]:
  return words(text.lower())


def _task(
  batch_size: int,
  texts: Texts,
  pairs: Mapping[str, SymbolPairs],
  references: Mapping[str, list[str]],
  limits: Limits,
  lowercase: bool,
  hashes: Mapping[str, str],
  summary: str,
) -> TextTask:
  def measure(
    split: str, predicted: list[list[int]], examples: np.ndarray
  ) -> dict[str, float]:
    hypotheses = [texts.join(texts.target.decode(ids)) for ids in predicted]
    true = [references[split][n] for n in examples]
    return {"bleu": bleu(hypotheses, true, lowercase).score}

  return text_task(
    "translation",
    batch_size,
    texts,
    pairs,
    measure,
    longest=limits.max_length + 1,
    max_padding=limits.max_padding,
    headline="bleu",
    summary=summary,
    hashes=hashes,
    # Of any sentences: it says how BLEU is computed.
    score_details={"bleu_signature": bleu(["a"], ["a"], lowercase).signature},
  )
