"""Predicted sequences of symbols, scored over a whole split."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from rnn_lab.caching import lru_cached
from rnn_lab.decoding import WIDEST_BEAM
from rnn_lab.errors import (
  FieldError,
  check_fields,
  check_float,
  check_int,
  in_section,
)
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.examples import Answer, named
from rnn_lab.evaluators.lengths import scores_by_length
from rnn_lab.models.base import Model
from rnn_lab.tasks.written import ScoredTask, until_end
from rnn_lab.types import Array, Batch, Params


class SequenceSettings(NamedTuple):
  """`config.eval.sequences`: how the models that write are decoded.

  Attributes:
    valid_beam: the beam size on the validation split; 1 is greedy decoding.
    test_beam: the same of the test split.
    length_penalty: see `rnn_lab.decoding.beam_search`.
  """

  valid_beam: int = 1
  test_beam: int = 1
  length_penalty: float = 1.0


class Sequences(Batches[ScoredTask]):
  """Evaluates the task's metrics, and its score of the predicted symbols.

  A model that writes is decoded, by greedy decoding or beam search; of any
  other model the most probable symbol of each output is taken.
  """

  def __init__(
    self, model: Model, task: ScoredTask, settings: Any, population: Any
  ):
    super().__init__(model, task, settings, population)
    section = settings.options.get("sequences", {})
    self._settings = SequenceSettings(**section)
    # What was decoded for the test's metrics serves its details.
    self._last: tuple[Params, list[list[np.ndarray]]] | None = None

  @staticmethod
  def check(section: Mapping[str, Any] | None) -> None:
    """Raises FieldError for a field that is unknown or out of its range."""
    with in_section("sequences"):
      fields = SequenceSettings._fields
      section = {} if section is None else section
      check_fields(section, fields, required=fields if section else ())
      settings = SequenceSettings(**section)
      check_int("valid_beam", settings.valid_beam, 1, WIDEST_BEAM)
      check_int("test_beam", settings.test_beam, 1, WIDEST_BEAM)
      check_float("length_penalty", settings.length_penalty, 0.0)

  @staticmethod
  def check_model(model: Model, task: Any) -> None:
    """Raises FieldError unless the task scores sequences.

    The headline may be one of these scores.
    """
    del model
    if not hasattr(task, "score"):
      raise FieldError(
        "task.name",
        f"task {task.name!r} has no `score`, of which its evaluator makes "
        "metrics",
      )

  def evaluate(self, params: Params, split: str) -> dict[str, np.ndarray]:
    """Returns the task's metrics and scores, `[S]` float32 each.

    Args:
      params: with leading dimension S, as the population lays them out.
      split: "valid" or "test".
    """
    metrics = super().evaluate(params, split)
    predicted = self._predicted(params, split)
    scores = [self._task.score(split, sequences) for sequences in predicted]
    return metrics | {
      name: np.array([score[name] for score in scores], np.float32)
      for name in scores[0]
    }

  def details(self, params: Params) -> dict[str, Any]:
    """Returns how the test split was decoded, and what the task says.

    Where the inputs have several lengths, also `scores_by_length`, a list of
    what `lengths.scores_by_length` returns.
    """
    details = super().details(params)
    details |= {"decoding": self._settings._asdict()}
    details |= self._task.score_details
    predicted = self._predicted(params, "test")
    rows = scores_by_length(self._task, self.batches("test"), predicted)
    return details | ({"scores_by_length": rows} if rows else {})

  def _predicted(self, params: Params, split: str) -> list[list[np.ndarray]]:
    """Returns for each seed the symbols predicted for each example."""
    if self._last is not None and self._last[0] is params and split == "test":
      return self._last[1]
    beam_size = getattr(self._settings, f"{split}_beam")
    options = ()
    if beam_size > 1:
      penalty = self._settings.length_penalty
      options = (("beam_size", beam_size), ("length_penalty", penalty))
    program = _decode_program(self._model, self._population, options)
    batches = self.batches(split)
    per_batch = [self._population.get(program(b, params)) for b in batches]
    weights = [np.asarray(batch.weights) for batch in batches]
    predicted = [
      predicted_sequences([symbols[s] for symbols in per_batch], weights)
      for s in range(self._population.num_seeds)
    ]
    if split == "test":
      self._last = (params, predicted)
    return predicted

  def _answers(
    self, params: Params, seed_index: int, batch: Batch
  ) -> list[Answer]:
    end = getattr(self._task, "end", None)
    if end is None:
      return super()._answers(params, seed_index, batch)
    # Those of the first batch come first.
    predicted = self._predicted(params, "test")[seed_index]
    targets = batch.targets[batch.weights.any(axis=1)]
    answers = []
    for symbols, target in zip(predicted, targets):
      written = until_end(symbols, end)
      kept = symbols[: len(written) + 1]
      answers.append(named(self._task, written, until_end(target, end), kept))
    return answers


def predicted_sequences(
  per_batch: list[np.ndarray], weights: list[np.ndarray]
) -> list[np.ndarray]:
  """Returns the symbols of each example, those that fill up a batch left out.

  Args:
    per_batch: the symbols of each batch, `[B, ...]`.
    weights: of the targets, `[B, ...]`; zeros throughout mark an example that
      fills up a batch.
  """
  return [
    symbols
    for predicted, weight in zip(per_batch, weights)
    for symbols, w in zip(predicted, weight)
    if w.any()
  ]


@lru_cached(maxsize=16)
def _decode_program(model: Model, population: Any, options: tuple) -> Any:
  def decode(batch: Batch, params: Params) -> Array:
    variables = {"params": params}
    symbols = model.apply(variables, batch, method="decode", **dict(options))
    return cast(Array, symbols)

  return population.map(decode)
