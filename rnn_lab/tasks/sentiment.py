"""Sentiment of film reviews: a sentence in, favourable or not out."""

import dataclasses
import functools
import math
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import check_int
from rnn_lab.rundir import VOCABULARY
from rnn_lab.tasks import buckets, losses
from rnn_lab.tasks.base import (
  SEQUENCE_TO_VECTOR,
  SYMBOLS,
  Spec,
  Task,
)
from rnn_lab.text import polarity
from rnn_lab.text.words import PAD, UNK, WordIds, word_ids
from rnn_lab.types import Batch

SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SentimentTask(Task):
  """Classifies sentences into `rnn_lab.text.polarity.CLASSES`.

  Attributes:
    words: the vocabulary.
    summary: a line on the data.
  """

  words: WordIds
  summary: str

  @property
  def input_names(self) -> tuple[str, ...]:
    """The words."""
    return self.words.words

  @property
  def output_names(self) -> tuple[str, ...]:
    """The classes."""
    return polarity.CLASSES

  def describe(self) -> str:
    """Returns a line with the sizes of the splits and of the vocabulary."""
    return self.summary

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes the vocabulary."""
    self.words.save(workdir / VOCABULARY)

  def inputs_of(self, sentences: Sequence[str]) -> Batch:
    """Returns sentences as a batch to predict the classes of.

    Raises:
      FieldError: a sentence has no known word.
    """
    rows = [
      self.words.encode_input(sentence, tokens)
      for sentence, tokens in zip(sentences, self.tokens_of(sentences))
    ]
    return _batch(rows, np.zeros(len(rows), np.int32))

  def tokens_of(self, sentences: Sequence[str]) -> list[list[str]]:
    """Returns the words that a sentence consists of."""
    return [polarity.tokenize(sentence) for sentence in sentences]


@cached
def sentiment(
  batch_size: int,
  fold: int = 0,
  num_folds: int = 10,
  fold_seed: int = 0,
  min_count: int = 2,
  data_dir: str | None = None,
) -> SentimentTask:
  """The sentence polarity data of Pang and Lee 2005, one fold of it.

  Every sentence is in the test part of one fold; published results are means
  over ten folds. Rarer words than `min_count` in the training part are one
  unknown word.

  Args:
    batch_size: sentences of a training batch.
    fold: which fold, from 0 up.
    num_folds: into how many parts the data is split.
    fold_seed: random seed of the split; not a run's seed.
    min_count: how often a word of the vocabulary occurs in the training part.
    data_dir: the folder of the data; None downloads it.

  Raises:
    FieldError: an argument is out of range, or the data cannot be read.
  """
  check_int("fold_seed", fold_seed, 0, 2**32 - 1)
  data = polarity.read(data_dir)
  folds = polarity.folds(data.labels, num_folds, fold_seed)
  check_int("fold", fold, 0, num_folds - 1)
  tokens = [polarity.tokenize(line) for line in data.sentences]
  chosen = folds[fold]
  check_int("batch_size", batch_size, 1, len(chosen.train))
  words = word_ids(
    [tokens[n] for n in chosen.train], min_count, specials=(PAD, UNK)
  )
  splits = {}
  for split in SPLITS:
    index = getattr(chosen, split)
    rows = [words.encode(tokens[n]) for n in index]
    splits[split] = _batch(rows, data.labels[index])
  summary = f"fold {fold} of {num_folds}"
  task = _task(batch_size, words, splits, data.hashes, summary)
  references = functools.partial(_references, data, chosen)
  return dataclasses.replace(task, references=references)


def _references(
  data: polarity.Polarity, fold: polarity.Fold
) -> dict[str, dict[str, float]]:
  """Returns the test accuracy of naive Bayes; see `Task.references`."""
  train = [data.sentences[n] for n in fold.train]
  test = [data.sentences[n] for n in fold.test]
  predict = polarity.naive_bayes(train, data.labels[fold.train])
  accuracy = float(np.mean(predict(test) == data.labels[fold.test]))
  return {"naive Bayes": {"accuracy": accuracy}}


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> SentimentTask:
  """Returns the task of a run that saved its vocabulary.

  See `tasks.without_data`.
  """
  del section, batch_size
  words = WordIds.load(workdir / VOCABULARY)
  nothing = _batch([np.zeros(1, np.int32)], np.zeros(1, np.int32))
  return _task(1, words, dict.fromkeys(SPLITS, nothing), {}, "no data")


def _task(
  batch_size: int,
  words: WordIds,
  splits: Mapping[str, Batch],
  hashes: Mapping[str, str],
  summary: str,
) -> SentimentTask:
  train = splits["train"]
  lengths = {split: buckets.lengths_of(splits[split]) for split in SPLITS}
  in_buckets = buckets.make_buckets(lengths["train"], batch_size)
  epochs = buckets.epochs(train, in_buckets, batch_size)
  batches = {
    split: buckets.eval_batches(splits[split], lengths[split])[0]
    for split in ("valid", "test")
  }
  padding = buckets.padding(lengths["train"], in_buckets)
  sizes = ", ".join(f"{len(splits[s].weights):,} {s}" for s in SPLITS)

  return SentimentTask(
    name="sentiment",
    pattern=SEQUENCE_TO_VECTOR,
    input_spec=Spec(train.inputs.shape[1], words.size, SYMBOLS),
    output_spec=Spec(1, len(polarity.CLASSES)),
    output="softmax",
    **epochs._asdict(),
    eval_batches=batches.__getitem__,
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="accuracy",
    maximize=True,
    baselines=types.MappingProxyType({"accuracy": 0.5, "loss": math.log(2)}),
    hashes=hashes,
    predictor="classes",
    words=words,
    summary=(
      f"{summary}: {sizes} sentences; a vocabulary of "
      f"{words.size:,}; {len(in_buckets)} buckets, {padding:.0%} padding"
    ),
  )


def _batch(rows: Sequence[np.ndarray], labels: np.ndarray) -> Batch:
  inputs, lengths = buckets.padded(rows)
  weights = np.ones(len(rows), np.float32)
  return Batch(inputs, lengths, labels.astype(np.int32), weights)
