"""Tasks whose answers are sequences of symbols, scored as a whole."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from rnn_lab.tasks.base import Task


class Score(Protocol):
  """Scores predicted symbols."""

  def __call__(
    self,
    split: str,
    sequences: Sequence[np.ndarray],
    places: np.ndarray | None = None,
  ) -> dict[str, float]:
    """Returns metrics of the predictions together, such as corpus BLEU.

    Args:
      split: "valid" or "test".
      sequences: the symbols predicted for each of N examples.
      places: `[N]`, which examples of the split these are, counted in the order
        of `eval_batches` without the repeated ones of weight zero; None if they
        are all.
    """
    ...


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ScoredTask(Task):
  """A task whose predicted symbols are scored over a whole split.

  Attributes:
    score: `(split, sequences, places=None) -> {metric: value}`; see `Score`.
    score_details: what result.json says of the scores, such as a signature.
  """

  score: Score
  score_details: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class WrittenTask(ScoredTask):
  """A task whose targets are written symbol by symbol.

  The targets of an example end with the end symbol; weights are zero after it.

  Attributes:
    start: the symbol that a decoder reads first.
    end: the symbol that ends a sequence.
  """

  start: int
  end: int


def written(
  sequences: Sequence[Sequence[int] | np.ndarray], end: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the targets and weights of sequences that are to be written.

  Args:
    sequences: the symbols of each of N examples, without the end symbol.
    end: the end symbol, which also fills up the shorter ones.

  Returns:
    Targets, int32 `[N, T]`, and weights, float32 `[N, T]`, ones up to and
    including the first end symbol. T is the longest sequence and one.
  """
  lengths = np.array([len(sequence) + 1 for sequence in sequences])
  targets = np.full((len(sequences), lengths.max()), end, np.int32)
  for row, sequence in zip(targets, sequences):
    row[: len(sequence)] = sequence
  weights = np.arange(lengths.max())[None] < lengths[:, None]
  return targets, weights.astype(np.float32)


def until_end(symbols: np.ndarray, end: int) -> list[int]:
  """Returns the symbols before the first end symbol; all without one."""
  ids: list[int] = np.asarray(symbols).tolist()
  return ids[: ids.index(end)] if end in ids else ids


def commonest(
  training: Sequence[Sequence], evaluated: Sequence[Sequence]
) -> float:
  """Returns the share of sequences that equal the commonest one in training.

  Args:
    training: strings or lists of symbols; of equally common ones the first
      counts.
    evaluated: likewise, at least one.
  """
  counts = collections.Counter(map(tuple, training))
  [(guess, _)] = counts.most_common(1)
  return sum(tuple(one) == guess for one in evaluated) / len(evaluated)
