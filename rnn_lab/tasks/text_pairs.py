"""Tasks of reading one text and writing another."""

import dataclasses
import math
import pathlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.rundir import SOURCE_VOCABULARY, TARGET_VOCABULARY
from rnn_lab.tasks import buckets, losses
from rnn_lab.tasks.base import ENCODER_DECODER, SYMBOLS, Spec
from rnn_lab.tasks.batches import EVAL_SEEDS
from rnn_lab.tasks.written import WrittenTask, until_end, written
from rnn_lab.text.words import WordIds
from rnn_lab.types import Batch

# From a split, the symbols written for some of its examples, without the end
# symbol, and the places of these examples in the data, to metrics.
Measure = Callable[[str, list[list[int]], np.ndarray], dict[str, float]]


class SymbolPairs(NamedTuple):
  """N pairs of sequences of symbols.

  Attributes:
    sources: what is read, at least one symbol each.
    targets: what is to be written, without the end symbol.
  """

  sources: Sequence[np.ndarray]
  targets: Sequence[np.ndarray]

  @property
  def lengths(self) -> np.ndarray:
    """`[N, 2]`: of the sources, and of the targets with the end symbol."""
    pairs = zip(self.sources, self.targets)
    return np.array([(len(s), len(t) + 1) for s, t in pairs], np.int32)


class Texts(NamedTuple):
  """How texts become symbols, and symbols texts.

  Attributes:
    source: the symbols that are read.
    target: the symbols that are written, with `<bos>` and `<eos>`.
    split: from a text to its tokens.
    join: from tokens to a text.
  """

  source: WordIds
  target: WordIds
  split: Callable[[str], list[str]]
  join: Callable[[Sequence[str]], str]

  def read(self, pairs: Sequence[tuple[str, str]]) -> SymbolPairs:
    """Returns pairs of texts as symbols."""
    return SymbolPairs(
      [self.source.encode(self.split(source)) for source, _ in pairs],
      [self.target.encode(self.split(target)) for _, target in pairs],
    )


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TextTask(WrittenTask):
  """A task whose inputs and targets are texts.

  Attributes:
    texts: how texts become symbols.
    summary: the line of `describe`.
  """

  texts: Texts
  summary: str

  def describe(self) -> str:
    """Returns a line with the numbers of pairs and symbols."""
    return self.summary

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes the vocabularies."""
    self.texts.source.save(workdir / SOURCE_VOCABULARY)
    self.texts.target.save(workdir / TARGET_VOCABULARY)

  def inputs_of(self, texts: Sequence[str]) -> Batch:
    """Returns a batch of texts to be read; its targets are zeros.

    Args:
      texts: N of them.

    Raises:
      FieldError: there are none, one is no text, has no token, none that is
        known, or one that is not known without a symbol for those. The field
        is `input`.
    """
    tokens = self.tokens_of(texts)
    sources = [self._encode(text, row) for text, row in zip(texts, tokens)]
    inputs, lengths = buckets.padded(sources)
    shape = len(texts), self.output_spec.length
    targets = np.zeros(shape, np.int32)
    return Batch(inputs, lengths, targets, np.ones(shape, np.float32))

  def tokens_of(self, texts: Sequence[str]) -> list[list[str]]:
    """Returns the tokens that texts consist of; see `inputs_of`."""
    if isinstance(texts, str) or not len(texts):
      raise FieldError("input", f"{{field}} must be texts, got {texts!r}")
    for text in texts:
      if not isinstance(text, str):
        raise FieldError("input", f"{{field}} must be texts, got {text!r}")
      if not self.texts.split(text):
        raise FieldError("input", f"{{field}} must not be empty, got {text!r}")
    return [self.texts.split(text) for text in texts]

  def text_of(self, symbols: np.ndarray) -> str:
    """Returns the text that symbols stand for, up to the end symbol."""
    return self.texts.join(self.texts.target.decode(symbols))

  @property
  def input_names(self) -> tuple[str, ...]:
    """The tokens that are read, and the special ones."""
    return self.texts.source.words

  @property
  def output_names(self) -> tuple[str, ...]:
    """The tokens that are written, and the special ones."""
    return self.texts.target.words

  def _encode(self, text: str, tokens: list[str]) -> np.ndarray:
    vocabulary = self.texts.source
    for token in tokens:
      if vocabulary.unk is None and token not in vocabulary.words:
        known = "".join(vocabulary.words)
        raise FieldError(
          "input", f"{{field}} must consist of {known!r}, got {token!r}"
        )
    return vocabulary.encode_input(text, tokens)


def text_task(
  name: str,
  batch_size: int,
  texts: Texts,
  pairs: Mapping[str, SymbolPairs],
  measure: Measure,
  *,
  longest: int,
  max_padding: float,
  headline: str,
  summary: str,
  baselines: Mapping[str, float] = types.MappingProxyType({}),
  hashes: Mapping[str, str] = types.MappingProxyType({}),
  score_details: Mapping[str, Any] = types.MappingProxyType({}),
) -> TextTask:
  """Makes a task of pairs of texts, in buckets of about equal lengths.

  Args:
    name, headline, hashes: see `Task`; more of the headline is better.
    batch_size: B, at most the number of training pairs.
    texts: how texts become symbols.
    pairs: of "train", "valid" and "test".
    measure: what scores what was written.
    longest: the most symbols that are written, the end symbol included.
    max_padding: see `buckets.make_buckets`.
    summary: what `describe` says beside the buckets.
    baselines: see `Task`, beside that of the loss, a uniform guess.
    score_details: see `ScoredTask`.

  Raises:
    FieldError: the batch size is larger than the number of training pairs, or
      `texts.target` lacks `<bos>` or `<eos>`.
  """
  lengths = {split: pairs[split].lengths for split in pairs}
  size = len(lengths["train"])
  if batch_size > size:
    raise FieldError(
      "batch_size",
      f"{{field}} must be at most {size}, the pairs of the training split, "
      f"got {batch_size}",
    )
  start, end = texts.target.start_and_end()
  examples = {s: _examples(pairs[s], end) for s in pairs}
  parts = buckets.make_buckets(lengths["train"], batch_size, max_padding)
  training = buckets.epochs(examples["train"], parts, batch_size)
  held = {s: buckets.eval_batches(examples[s], lengths[s]) for s in EVAL_SEEDS}

  def batches_of(split: str) -> Sequence[Batch]:
    check_choice("split", split, EVAL_SEEDS)
    return held[split][0]

  def score(
    split: str,
    sequences: Sequence[np.ndarray],
    places: np.ndarray | None = None,
  ) -> dict[str, float]:
    check_choice("split", split, EVAL_SEEDS)
    _, order = held[split]
    predicted = [until_end(symbols, end) for symbols in sequences]
    return measure(split, predicted, order if places is None else order[places])

  return TextTask(
    name=name,
    pattern=ENCODER_DECODER,
    input_spec=Spec(
      max(int(lengths[split][:, 0].max()) for split in lengths),
      texts.source.size,
      SYMBOLS,
    ),
    output_spec=Spec(longest, texts.target.size),
    output="softmax",
    **training._asdict(),
    eval_batches=batches_of,
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline=headline,
    maximize=True,
    baselines=types.MappingProxyType(
      {"loss": math.log(texts.target.size), **baselines}
    ),
    hashes=hashes,
    evaluator="sequences",
    predictor="written",
    score=score,
    score_details=dict(score_details),
    start=start,
    end=end,
    texts=texts,
    summary=f"{summary}; buckets: {len(parts)}; padding: "
    f"{buckets.padding(lengths['train'], parts):.0%}",
  )


def _examples(pairs: SymbolPairs, end: int) -> Batch:
  """Returns all of a split as one batch."""
  sources, lengths = buckets.padded(pairs.sources)
  targets, weights = written(pairs.targets, end)
  return Batch(sources, lengths, targets, weights)
