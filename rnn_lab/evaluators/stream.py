"""Language models on an unbroken stream of tokens, for all seeds of a run."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from rnn_lab.caching import lru_cached
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_fields,
  check_int,
  in_section,
)
from rnn_lab.evaluators import log_probs
from rnn_lab.evaluators.log_probs import Scorer
from rnn_lab.models.base import Model, program_model
from rnn_lab.rundir import finite_or_null
from rnn_lab.types import Array, Params, PyTree

SPLITS = ("train", "valid", "test")
# Each track reads its own warm-up: together they are held in memory.
MOST_TRACKS = 1000
LONGEST_WARMUP = 100_000


class StreamSettings(NamedTuple):
  """`config.eval.stream`.

  Attributes:
    window: tokens of a track in one call.
    tracks: parts of the test split read side by side; with 1 it is one
      unbroken stream.
    valid_tracks: the same of the validation split.
    warmup: tokens of context in front of each of several parts.
    context_targets: tokens for which perplexity is measured as a function of
      the context's length; 0 measures nothing.
  """

  window: int
  tracks: int
  valid_tracks: int
  warmup: int
  context_targets: int


class StreamEvaluation:
  """Evaluates a scorer on the splits of a language task."""

  def __init__(self, task: Any, settings: Any):
    self._corpus = task.corpus
    self._settings = StreamSettings(**settings.options["stream"])

  @staticmethod
  def check(section: Mapping[str, Any] | None) -> None:
    """Raises FieldError for a field that is missing or out of its range."""
    with in_section("stream"):
      fields = StreamSettings._fields
      if section is None:
        raise FieldError("window", "{field} is required")
      check_fields(section, fields, required=fields)
      for field in ("tracks", "valid_tracks"):
        check_int(field, section[field], 1, MOST_TRACKS)
      check_int("window", section["window"], 1, INT32_MAX)
      check_int("warmup", section["warmup"], 0, LONGEST_WARMUP)
      check_int("context_targets", section["context_targets"], 0, INT32_MAX)

  def log_probs(self, scorer: Scorer, split: str) -> np.ndarray:
    """Returns `[S, N]`: log p of each token of a split."""
    return log_probs.stream_log_probs(
      scorer,
      getattr(self._corpus, split).tokens,
      self._corpus.vocabulary.start,
      window=self._settings.window,
      tracks=self._tracks(split),
      warmup=self._settings.warmup,
    )

  def metrics(self, log_p: np.ndarray, split: str) -> dict[str, np.ndarray]:
    """Returns `log_probs.metrics` in float32, as the train state keeps them."""
    values = log_probs.metrics(log_p, getattr(self._corpus, split))
    return {name: value.astype(np.float32) for name, value in values.items()}

  def details(
    self, scorer: Scorer, log_p: np.ndarray, size: Mapping[str, Any]
  ) -> dict[str, Any]:
    """Returns what `result.json` says about a language model.

    Args:
      scorer: the model.
      log_p: `[S, N]`, of the test split.
      size: what the model consists of: parameters, or n-grams, and bytes.
    """
    corpus = self._corpus
    curve = log_probs.loss_by_context(
      scorer, corpus.test.tokens, self._settings.context_targets
    )
    kinds = log_probs.by_kind(log_p, corpus.test, corpus)
    splits = {name: getattr(corpus, name) for name in SPLITS}
    details = {
      "evaluated_on": self._how("test"),
      "validated_on": self._how("valid"),
      "vocabulary": corpus.vocabulary.size,
      "tokens": {name: len(split.tokens) for name, split in splits.items()},
      "unknown": {name: split.unknown for name, split in splits.items()},
      "corpus": dict(corpus.facts),
      **size,
      "probability_zero": _values(np.mean(np.isneginf(log_p), axis=-1)),
      "probability_undefined": _values(np.mean(np.isnan(log_p), axis=-1)),
      "perplexity_by_context": {
        str(length): _values(np.exp(loss)) for length, loss in curve.items()
      },
      "perplexity_by_kind": {
        kind: {**row, "perplexity": _values(row["perplexity"])}
        for kind, row in kinds.items()
      },
    }
    if corpus.entropy_rate is None:
      return details
    return details | self._floors(log_p)

  def _floors(self, log_p: np.ndarray) -> dict[str, Any]:
    """Returns what the true distribution reaches, and the distance to it."""
    true_log_p = self._corpus.test.log_probs
    floor = -float(np.mean(true_log_p))
    floors = {
      "entropy_rate": self._corpus.entropy_rate,
      "floor_perplexity": float(np.exp(floor)),
      "nats_above_floor": _values(-np.mean(log_p, axis=-1) - floor),
    }
    places = log_probs.context_places(
      len(true_log_p), self._settings.context_targets
    )
    if len(places):
      mean = float(np.mean(true_log_p[places]))
      floors["context_floor_perplexity"] = float(np.exp(-mean))
    return floors

  def _tracks(self, split: str) -> int:
    settings = self._settings
    return settings.valid_tracks if split == "valid" else settings.tracks

  def _how(self, split: str) -> str:
    """Returns how a split is read, in words."""
    count = len(getattr(self._corpus, split).tokens)
    tracks, warmup = log_probs.parts(
      count, self._tracks(split), self._settings.warmup
    )
    if tracks == 1:
      return "one unbroken stream"
    return (
      f"{tracks} parts side by side, {warmup} tokens of context in front of "
      "each"
    )


class Stream(StreamEvaluation):
  """Evaluates a language model of all seeds.

  The model has, beside `Model`'s methods, `score(inputs_BT, targets_BT, carry)
  -> (carry, log_p_BT)`; see `rnn_lab.language_models.recurrent`.
  """

  def __init__(self, model: Model, task: Any, settings: Any, population: Any):
    super().__init__(task, settings)
    self._model = program_model(model)
    self._population = population
    self._score = _score_program(self._model, population)
    # The test's log probabilities serve its metrics and its details.
    self._last: tuple[Params, np.ndarray] | None = None

  @staticmethod
  def check_model(model: Model, task: Any) -> None:
    """Raises FieldError for a model that is no language model."""
    del task
    if not hasattr(model, "score"):
      raise FieldError(
        "model.kind",
        "{field} must be a language model's, with a method `score`, as those "
        "of 'recurrent' and 'window'",
      )

  def evaluate(self, params: Params, split: str) -> dict[str, np.ndarray]:
    """Returns perplexity and the like, `[S]` float32 each.

    Args:
      params: with leading dimension S, as the population lays them out.
      split: "valid" or "test".
    """
    return self.metrics(self._log_probs(params, split), split)

  def details(self, params: Params) -> dict[str, Any]:
    """Returns what `result.json` says about the model beside its metrics."""
    leaves = jax.tree.leaves(params)
    size = {
      "parameters": sum(leaf.size // len(leaf) for leaf in leaves),
      "bytes": sum(leaf.nbytes // len(leaf) for leaf in leaves),
      **self._model.details(),
    }
    log_p = self._log_probs(params, "test")
    return super().details(self._scorer(params), log_p, size)

  def _log_probs(self, params: Params, split: str) -> np.ndarray:
    if self._last is not None and self._last[0] is params and split == "test":
      return self._last[1]
    log_p = self.log_probs(self._scorer(params), split)
    if split == "test":
      self._last = (params, log_p)
    return log_p

  def _scorer(self, params: Params) -> Scorer:
    population = self._population

    def initial(tracks: int) -> PyTree:
      return _carry_program(self._model, tracks, population)(None, params)

    def score(
      carry: PyTree, inputs_BT: np.ndarray, targets_BT: np.ndarray
    ) -> tuple[PyTree, np.ndarray]:
      tokens = population.share((inputs_BT, targets_BT))
      carry, log_p = self._score(tokens, (carry, params))
      return carry, population.get(log_p)

    return Scorer(initial, score)


def _score(
  model: Model,
  tokens: tuple[Array, Array],
  per_seed: tuple[PyTree, Params],
) -> tuple[PyTree, Array]:
  """Returns a model's carry after some tokens, and log p of the next ones.

  Args:
    model: the model.
    tokens: (tokens read `[B, T]`, tokens that follow `[B, T']`).
    per_seed: (carry, parameters).
  """
  carry, params = per_seed
  scored = model.apply({"params": params}, *tokens, carry, method="score")
  return cast(tuple[PyTree, Array], scored)


@lru_cached(maxsize=16)
def _carry_program(model: Model, tracks: int, population: Any) -> Any:
  return population.map(
    lambda _, params: model.apply(
      {"params": params}, tracks, method="initial_carry"
    )
  )


@lru_cached(maxsize=16)
def _score_program(model: Model, population: Any) -> Any:
  return population.map(functools.partial(_score, model))


def _values(values: np.ndarray) -> list[float | None]:
  return [finite_or_null(value) for value in np.atleast_1d(values)]
