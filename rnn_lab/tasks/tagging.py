"""Tagging: a chunk tag, or a part of speech, for each word of a sentence."""

import dataclasses
import math
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.rundir import VOCABULARY, write_sealed
from rnn_lab.tasks import buckets, losses
from rnn_lab.tasks.base import (
  SEQUENCE_TO_SEQUENCE,
  SPELLINGS,
  SYMBOLS,
  Spec,
)
from rnn_lab.tasks.written import ScoredTask
from rnn_lab.text import chunking, scores
from rnn_lab.text.words import PAD, UNK, WordIds, word_ids
from rnn_lab.types import Batch

SPLITS = ("train", "valid", "test")
TARGETS = ("chunks", "parts_of_speech")
# Of longer words the beginning and the end are read.
LONGEST_WORD = 20


@dataclasses.dataclass(frozen=True)
class Vocabularies:
  """The ids of lower-cased words, characters, parts of speech, and tags."""

  words: WordIds
  characters: WordIds
  parts_of_speech: WordIds
  tags: WordIds


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TaggingTask(ScoredTask):
  """Tags the words of sentences.

  Attributes:
    vocabularies: of inputs and tags.
    reads_parts_of_speech: whether these are an input.
    summary: a line on the data.
  """

  vocabularies: Vocabularies
  reads_parts_of_speech: bool
  summary: str

  def describe(self) -> str:
    """Returns a line with the sizes of splits and vocabularies."""
    return self.summary

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes the vocabularies."""
    fields = dataclasses.asdict(self.vocabularies)
    write_sealed(workdir / VOCABULARY, fields)

  @property
  def input_names(self) -> tuple[str, ...]:
    """The words, in lower case."""
    return self.vocabularies.words.words

  @property
  def output_names(self) -> tuple[str, ...]:
    """The tags."""
    return self.vocabularies.tags.words

  def inputs_of(self, sentences: Sequence[str]) -> Batch:
    """Returns sentences as a batch to be tagged.

    Args:
      sentences: words separated by spaces; where parts of speech are read,
        each word is followed by a slash and its own, as in "The/DT cat/NN".
        A word may have slashes itself: the last one counts.

    Raises:
      FieldError: a sentence has no word, or a word no part of speech.
    """
    tokens = [self._parse(sentence) for sentence in sentences]
    tags = [[self.output_names[0]] * len(sentence) for sentence in tokens]
    return _batch(tokens, tags, self.vocabularies, self.reads_parts_of_speech)

  def tokens_of(self, sentences: Sequence[str]) -> list[list[str]]:
    """Returns the words of sentences; see `inputs_of`."""
    return [[t.word for t in self._parse(sentence)] for sentence in sentences]

  def _parse(self, sentence: str) -> list[chunking.Token]:
    words = sentence.split()
    if not words:
      raise FieldError("input", "{field} must have at least one word, got none")
    if not self.reads_parts_of_speech:
      return [chunking.Token(word, "", "O") for word in words]
    pairs = [word.rsplit("/", 1) for word in words]
    known = self.vocabularies.parts_of_speech.words
    for word, pair in zip(words, pairs):
      if len(pair) != 2 or not pair[0] or pair[1] not in known:
        raise FieldError(
          "input",
          "each word of {field} must be followed by a slash and its part of "
          f"speech, as in cat/NN, got {word!r}",
        )
    return [chunking.Token(word, part, "O") for word, part in pairs]


@cached
def tagging(
  batch_size: int,
  target: str = "chunks",
  min_count: int = 2,
  data_dir: str | None = None,
  train_path: str | None = None,
  valid_path: str | None = None,
  test_path: str | None = None,
) -> TaggingTask:
  """CoNLL-2000, or any file in its format of three columns.

  The inputs are lower-cased words, their spellings and, for chunks, the
  parts of speech of the file, which are a tagger's output. Rarer words than
  `min_count` in the training sentences are one unknown word. A sentence to be
  tagged is written as words with spaces between them, for chunks each with a
  slash and its part of speech: "The/DT cat/NN slept/VBD".

  Args:
    batch_size: sentences of a training batch.
    target: "chunks" (scored by F1) or "parts_of_speech" (scored by accuracy).
    min_count: how often a word of the vocabulary occurs in training.
    data_dir: the folder of conll2000.zip; None downloads it.
    train_path: a file of training sentences to read instead, together with
      `test_path`; each line has a word, its part of speech and its chunk tag,
      and an empty line ends a sentence.
    valid_path: such a file for validation; None takes the last tenth of the
      training sentences.
    test_path: such a file for the test.

  Raises:
    FieldError: an argument is out of range, or the data cannot be read.
  """
  check_choice("target", target, TARGETS)
  if any(path is not None for path in (train_path, valid_path, test_path)):
    if data_dir is not None:
      raise FieldError(
        "data_dir",
        f"{{field}} must be left at None, got {data_dir!r}: the files are "
        "given by their paths",
      )
    data = chunking.read_files(train_path, test_path, valid_path)
  else:
    data = chunking.read(data_dir)
  check_int("batch_size", batch_size, 1, len(data.train))
  is_chunks = target == TARGETS[0]
  tags = {s: _tags(getattr(data, s), is_chunks) for s in SPLITS}
  vocabularies = _vocabularies(data, tags, is_chunks, min_count)
  sentences = {s: getattr(data, s) for s in SPLITS}
  return _task(
    batch_size, vocabularies, sentences, tags, is_chunks, data.hashes
  )


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> TaggingTask:
  """Returns the task of a run that saved its vocabularies.

  See `tasks.without_data`.
  """
  del batch_size
  vocabularies = Vocabularies(
    *[
      WordIds.load(workdir / VOCABULARY, field.name)
      for field in dataclasses.fields(Vocabularies)
    ]
  )
  nothing = chunking.Token("", "", "")
  sentences: dict[str, chunking.Sentences] = {s: [[nothing]] for s in SPLITS}
  tags = {s: [[vocabularies.tags.words[0]]] for s in SPLITS}
  is_chunks = section["target"] == TARGETS[0]
  return _task(1, vocabularies, sentences, tags, is_chunks, {})


def _task(
  batch_size: int,
  vocabularies: Vocabularies,
  sentences: Mapping[str, chunking.Sentences],
  tags: Mapping[str, list[list[str]]],
  is_chunks: bool,
  hashes: Mapping[str, str],
) -> TaggingTask:
  splits = {
    s: _batch(sentences[s], tags[s], vocabularies, is_chunks) for s in SPLITS
  }
  train = splits["train"]
  lengths = {split: buckets.lengths_of(splits[split]) for split in SPLITS}
  in_buckets = buckets.make_buckets(lengths["train"], batch_size)
  epochs = buckets.epochs(train, in_buckets, batch_size)
  batches, orders = {}, {}
  for split in ("valid", "test"):
    batches[split], orders[split] = buckets.eval_batches(
      splits[split], lengths[split]
    )

  def score(
    split: str,
    sequences: Sequence[np.ndarray],
    places: np.ndarray | None = None,
  ) -> dict[str, float]:
    order = orders[split] if places is None else orders[split][places]
    true = [tags[split][n] for n in order]
    names = vocabularies.tags.words
    predicted = [
      [names[i] for i in symbols[: len(sentence)]]
      for symbols, sentence in zip(sequences, true)
    ]
    return scores.chunk_f1(predicted, true)

  padding = buckets.padding(lengths["train"], in_buckets)
  sizes = ", ".join(f"{len(splits[s].weights):,} {s}" for s in SPLITS)
  frequency = np.bincount(
    train.targets[train.weights > 0], minlength=vocabularies.tags.size
  )
  return TaggingTask(
    name="tagging",
    pattern=SEQUENCE_TO_SEQUENCE,
    input_spec=_specs(vocabularies, train.weights.shape[1], is_chunks),
    output_spec=Spec(train.weights.shape[1], vocabularies.tags.size),
    output="softmax",
    **epochs._asdict(),
    eval_batches=batches.__getitem__,
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="f1" if is_chunks else "accuracy",
    maximize=True,
    baselines=types.MappingProxyType(
      {
        "loss": math.log(vocabularies.tags.size),
        "accuracy": float(frequency.max() / frequency.sum()),
      }
      | ({"f1": 0.0} if is_chunks else {})
    ),
    hashes=hashes,
    evaluator="sequences" if is_chunks else "batches",
    predictor="tags",
    score=score,
    vocabularies=vocabularies,
    reads_parts_of_speech=is_chunks,
    summary=(
      f"{sizes} sentences; {vocabularies.words.size:,} words, "
      f"{vocabularies.tags.size} tags; {len(in_buckets)} buckets, "
      f"{padding:.0%} padding"
    ),
  )


def _tags(sentences: chunking.Sentences, is_chunks: bool) -> list[list[str]]:
  return [[t.chunk if is_chunks else t.pos for t in s] for s in sentences]


def _vocabularies(
  data: chunking.Tagged,
  tags: dict[str, list[list[str]]],
  is_chunks: bool,
  min_count: int,
) -> Vocabularies:
  words = [[t.word.lower() for t in sentence] for sentence in data.train]
  characters = [t.word for sentence in data.train for t in sentence]
  parts = [[t.pos for t in sentence] for sentence in data.train]
  specials = (PAD, UNK)
  if is_chunks:
    # The test has a tag that no training sentence has.
    every = [*data.train, *data.valid, *data.test]
    of_tags = WordIds(chunking.chunk_tags(every), ())
  else:
    every = {tag for split in tags.values() for row in split for tag in row}
    of_tags = WordIds(tuple(sorted(every)), ())
  return Vocabularies(
    words=word_ids(words, min_count, specials=specials),
    characters=word_ids(characters, specials=specials),
    parts_of_speech=word_ids(parts, specials=specials),
    tags=of_tags,
  )


def _specs(
  vocabularies: Vocabularies, length: int, is_chunks: bool
) -> types.MappingProxyType:
  specs = {
    "words": Spec(length, vocabularies.words.size, SYMBOLS),
    "spellings": Spec(
      length, vocabularies.characters.size, SPELLINGS, (LONGEST_WORD,)
    ),
  }
  if is_chunks:
    size = vocabularies.parts_of_speech.size
    specs["parts_of_speech"] = Spec(length, size, SYMBOLS)
  return types.MappingProxyType(specs)


def _batch(
  sentences: chunking.Sentences,
  tags: Sequence[Sequence[str]],
  vocabularies: Vocabularies,
  reads_parts_of_speech: bool,
) -> Batch:
  words, lengths = buckets.padded(
    [vocabularies.words.encode([t.word.lower() for t in s]) for s in sentences]
  )
  inputs = {"words": words}
  spellings = {}
  for word in {t.word for sentence in sentences for t in sentence}:
    row = np.zeros(LONGEST_WORD, np.int32)
    ids = vocabularies.characters.encode(_shortened(word))
    row[: len(ids)] = ids
    spellings[word] = row
  inputs["spellings"], _ = buckets.padded(
    [np.stack([spellings[t.word] for t in s]) for s in sentences]
  )
  if reads_parts_of_speech:
    inputs["parts_of_speech"], _ = buckets.padded(
      [
        vocabularies.parts_of_speech.encode([t.pos for t in s])
        for s in sentences
      ]
    )
  targets, _ = buckets.padded([vocabularies.tags.encode(row) for row in tags])
  weights = np.arange(targets.shape[1])[None] < lengths[:, None]
  return Batch(inputs, lengths, targets, weights.astype(np.float32))


def _shortened(word: str) -> str:
  half = LONGEST_WORD // 2
  return word if len(word) <= LONGEST_WORD else word[:half] + word[-half:]
