"""Judging a language model with the parameters of all seeds of a run."""

from typing import Any

import jax
import numpy as np

from rnn_lab.language_models import evaluator
from rnn_lab.tasks.base import Stream
from rnn_lab.text.base import Split
from rnn_lab.rundir import finite_or_null
from rnn_lab.training.programs import Programs
from rnn_lab.training.settings import EvalSettings
from rnn_lab.types import Params, PyTree


def scorer(programs: Programs, model: Any, params: Params) -> evaluator.Scorer:
  """The model with the parameters `[S, ...]` of all seeds."""
  population = programs.population

  def initial(tracks: int) -> PyTree:
    seeds = population.num_seeds
    return population.put(
      jax.tree.map(
        lambda a: np.broadcast_to(np.asarray(a)[None], (seeds, *a.shape)),
        model.initial_carry(tracks),
      )
    )

  def score(
    carry: PyTree, inputs_BT: np.ndarray, targets_BT: np.ndarray
  ) -> tuple[PyTree, np.ndarray]:
    words = population.share((inputs_BT, targets_BT))
    carry, log_p = programs.score(words, (carry, params))
    return carry, population.get(log_p)

  return evaluator.Scorer(initial, score)


def log_probs(
  scorer: evaluator.Scorer,
  stream: Stream,
  split: Split,
  settings: EvalSettings,
  tracks: int,
) -> np.ndarray:
  """`[S, N]`: log p of each token of a split, as `config.eval` wants it."""
  return evaluator.stream_log_probs(
    scorer,
    split.tokens,
    stream.corpus.vocabulary.start,
    window=settings.window,
    tracks=tracks,
    warmup=settings.warmup,
  )


def details(
  scorer: evaluator.Scorer,
  stream: Stream,
  log_p: np.ndarray,
  settings: EvalSettings,
  size: dict[str, Any],
) -> dict[str, Any]:
  """What `result.json` says about a language model beside its metrics.

  Args:
    scorer: the model.
    stream: its text.
    log_p: `[S, N]`, of the test split.
    settings: how it was judged.
    size: what the model is made of: parameters, or n-grams, and bytes.
  """
  corpus = stream.corpus
  test = corpus.test
  curve = evaluator.loss_by_context(
    scorer, test.tokens, settings.context_targets
  )
  kinds = evaluator.by_kind(log_p, test, corpus)
  zero = np.mean(np.isneginf(log_p), axis=-1)
  undefined = np.mean(np.isnan(log_p), axis=-1)
  answer = {
    "judged_on": _how(test, settings.tracks, settings),
    "validated_on": _how(corpus.valid, settings.valid_tracks, settings),
    "vocabulary": corpus.vocabulary.size,
    "tokens": {
      name: len(getattr(corpus, name).tokens)
      for name in ("train", "valid", "test")
    },
    "unknown": {
      name: getattr(corpus, name).unknown for name in ("train", "valid", "test")
    },
    "corpus": dict(corpus.facts),
    **size,
    "probability_zero": _listed(zero),
    "probability_undefined": _listed(undefined),
    "perplexity_by_context": {
      str(length): _listed(np.exp(loss)) for length, loss in curve.items()
    },
    "perplexity_by_kind": {
      kind: row | {"perplexity": _listed(row["perplexity"])}
      for kind, row in kinds.items()
    },
  }
  if corpus.entropy_rate is None:
    return answer
  return answer | _floors(stream, log_p, settings)


def _floors(
  stream: Stream, log_p: np.ndarray, settings: EvalSettings
) -> dict[str, Any]:
  """What the true distribution reaches, and how far above it the model is."""
  true_log_p = stream.corpus.test.log_probs
  floor = -float(np.mean(true_log_p))
  answer = {
    "entropy_rate": stream.corpus.entropy_rate,
    "floor_perplexity": float(np.exp(floor)),
    "nats_above_floor": _listed(-np.mean(log_p, axis=-1) - floor),
  }
  places = evaluator.context_places(len(true_log_p), settings.context_targets)
  if len(places):
    here = float(np.exp(-np.mean(true_log_p[places])))
    answer["context_floor_perplexity"] = here
  return answer


def metrics(log_p: np.ndarray, split: Split) -> dict[str, np.ndarray]:
  """`evaluator.metrics` in float32, as a train state keeps the best one."""
  values = evaluator.metrics(log_p, split)
  return {name: value.astype(np.float32) for name, value in values.items()}


def size_of(params: Params) -> dict[str, int]:
  """How many parameters a seed's network has, of those of all `[S, ...]`."""
  leaves = jax.tree.leaves(params)
  return {
    "parameters": sum(leaf.size // len(leaf) for leaf in leaves),
    "bytes": sum(leaf.nbytes // len(leaf) for leaf in leaves),
  }


def _how(split: Split, tracks: int, settings: EvalSettings) -> str:
  """How a split is read, in words."""
  tracks, warmup = evaluator.parts(len(split.tokens), tracks, settings.warmup)
  if tracks == 1:
    return "one unbroken stream"
  return (
    f"{tracks} parts side by side, {warmup} tokens of context in front of each"
  )


def about(stream: Stream) -> str:
  """A line for a person: the text, its vocabulary, what is not in that."""
  corpus = stream.corpus
  splits = {name: getattr(corpus, name) for name in ("train", "valid", "test")}
  tokens = ", ".join(f"{len(s.tokens):,} {name}" for name, s in splits.items())
  unknown = ", ".join(f"{s.unknown:,} {name}" for name, s in splits.items())
  return (
    f"{corpus.name}: {tokens} tokens; a vocabulary of "
    f"{corpus.vocabulary.size:,}; unknown: {unknown}"
  )


def _listed(values: np.ndarray) -> list[float | None]:
  return [finite_or_null(value) for value in np.atleast_1d(values)]
