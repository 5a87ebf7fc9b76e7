"""Predicted sequences of symbols, scored over a whole split."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from rnn_lab.errors import check_fields, check_float, check_int, in_section
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.examples import Answer, named
from rnn_lab.models.base import Model
from rnn_lab.tasks.written import until_end
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


class Sequences(Batches):
  """Evaluates the task's metrics, and its score of the predicted symbols.

  A model that writes is decoded, by greedy decoding or beam search; of any
  other model the most probable symbol of each output is taken.
  """

  def __init__(self, model: Model, task: Any, settings: Any, population: Any):
    super().__init__(model, task, settings, population)
    section = settings.options.get("sequences", {})
    self._settings = SequenceSettings(**section)

  @staticmethod
  def check(section: Mapping[str, Any] | None) -> None:
    """Raises FieldError for a field that is unknown or out of its range."""
    with in_section("sequences"):
      fields = SequenceSettings._fields
      section = {} if section is None else section
      check_fields(section, fields, required=fields if section else ())
      settings = SequenceSettings(**section)
      check_int("valid_beam", settings.valid_beam, 1)
      check_int("test_beam", settings.test_beam, 1)
      check_float("length_penalty", settings.length_penalty, 0.0)

  def evaluate(self, params: Params, split: str) -> dict[str, np.ndarray]:
    """Returns the task's metrics and scores, `[S]` float32 each.

    Args:
      params: with leading dimension S, as the population lays them out.
      split: "valid" or "test".
    """
    metrics = super().evaluate(params, split)
    beam_size = getattr(self._settings, f"{split}_beam")
    program = _decode_program(
      self._model,
      self._population,
      _options(beam_size, self._settings.length_penalty),
    )
    per_batch = [
      self._population.get(program(batch, params))
      for batch in self._splits[split]
    ]
    weights = [np.asarray(b.weights) for b in self._splits[split]]
    scores = [
      self._task.score(
        split, predicted_sequences([p[s] for p in per_batch], weights)
      )
      for s in range(self._population.num_seeds)
    ]
    return metrics | {
      name: np.array([score[name] for score in scores], np.float32)
      for name in scores[0]
    }

  def details(self, params: Params) -> dict[str, Any]:
    """Returns how the test split was decoded, and what the task says."""
    del params
    return {"decoding": self._settings._asdict(), **self._task.score_details}

  def _answers(self, params: Params, batch: Batch) -> list[Answer]:
    end = getattr(self._task, "end", None)
    if end is None:
      return super()._answers(params, batch)
    options = _options(self._settings.test_beam, self._settings.length_penalty)
    decoded = _decode_one_program(self._model, options)(params, batch)
    answers = []
    for symbols, target, weight in zip(
      np.asarray(decoded), batch.targets, batch.weights
    ):
      if weight.any():
        written = until_end(symbols, end)
        kept = symbols[: len(written) + 1]
        true = until_end(target, end)
        answers.append(named(self._task, written, true, kept))
    return answers


def _options(beam_size: int, length_penalty: float) -> tuple:
  """Returns the options of `model.decode`, hashable."""
  if beam_size == 1:
    return ()
  return (("beam_size", beam_size), ("length_penalty", length_penalty))


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


@functools.lru_cache(maxsize=16)
def _decode_program(model: Model, population: Any, options: tuple) -> Any:
  def decode(batch: Batch, params: Params) -> Array:
    return _decode(model, options, params, batch)

  return population.map(decode)


@functools.lru_cache(maxsize=16)
def _decode_one_program(model: Model, options: tuple) -> Any:
  return jax.jit(functools.partial(_decode, model, options))


def _decode(
  model: Model, options: tuple, params: Params, batch: Batch
) -> Array:
  variables = {"params": params}
  return model.apply(variables, batch, method="decode", **dict(options))
