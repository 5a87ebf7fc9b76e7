"""Tasks whose answers are sequences of symbols, scored as a whole."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnn_lab.tasks.base import Task

Score = Callable[[str, Sequence[np.ndarray]], dict[str, float]]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ScoredTask(Task):
  """A task whose predicted symbols are scored over a whole split.

  Attributes:
    score: `(split, sequences) -> {metric: value}`: of the symbols predicted
      for each example, in the order of `eval_batches`, without the repeated
      examples of weight zero.
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
