"""The details of a result: what a run says of its model beside its metrics.

A model of a text has them: the sizes of the model and of the text, perplexity
by kind of word and by length of context, and what the text's own distribution
would get, where that is known; so have predicted sequences: their scores by
length of the input, and forecasts: their errors by horizon.
"""

import math
import statistics
from collections.abc import Iterable
from typing import Any

from rnn_lab.reports.numbers import finite, levels, mean, share
from rnn_lab.reports.trial import Trial

# Forecasts without a network: their keys in the details of forecasts.
FORECAST_BASELINES = ("linear_autoregression", "persistence", "mean")
# Rates in rows of timing.jsonl.
_TOKENS, _STEPS = "tokens_per_second", "steps_per_second"
# What summary.json takes from the details of a run.
_MAIN = (
  "order",
  "ngrams",
  "parameters",
  "bytes",
  "floor_perplexity",
  "probability_zero",
  "probability_undefined",
  "perplexity_by_context",
  "perplexity_by_kind",
  "scores_by_length",
)


def main_numbers(trial: Trial) -> dict[str, Any]:
  """Returns the details that summary.json holds; {} if there are none."""
  return {key: trial.details[key] for key in _MAIN if key in trial.details}


def horizons_lost(trial: Trial) -> set[int]:
  """Returns the horizons at which forecasts do not beat every baseline.

  Their mean error over the seeds that did not diverge must be below those of
  FORECAST_BASELINES; if that of one seed is not finite, the mean is not.
  """
  forecasts = trial.details["forecasts"]
  several = trial.alive(forecasts["nrmse"])
  baselines = zip(*[forecasts[name] for name in FORECAST_BASELINES])
  lost = set()
  for h, others in enumerate(baselines, 1):
    known = finite([errors[h - 1] for errors in several])
    best = min(finite([*others]), default=math.inf)
    is_finite = 0 < len(known) == len(several)
    if not (is_finite and statistics.fmean(known) < best):
      lost.add(h)
  return lost


def is_of_text(trial: Trial) -> bool:
  """Whether the details of a trial tell on which text it was evaluated."""
  return "tokens" in trial.details


def floors(trials: Iterable[Trial], kind: str = "") -> list[float]:
  """Returns the best possible test perplexities, one unless texts differ.

  Args:
    trials: those of other tasks have none.
    kind: a kind of word; "" for all words.
  """
  if not kind:
    return levels(trial.details.get("floor_perplexity") for trial in trials)
  kinds = [trial.details.get("perplexity_by_kind", {}) for trial in trials]
  return levels(row[kind]["floor"] for row in kinds if kind in row)


def best_possible(trial: Trial, metric: str, split: str) -> float | None:
  """Returns the metric of the true distribution of a trial's text.

  Args:
    trial: the run.
    metric: "perplexity", "loss" (nats) or "bits_per_token".
    split: "test", for which it was computed, or "valid": then it is the
      average over all texts from the same source, by its entropy rate.

  Returns:
    The level that no model can beat; None where it is unknown.
  """
  if split == "test":
    best = trial.details.get("floor_perplexity")
    nats = None if best is None else math.log(best)
  else:
    nats = trial.details.get("entropy_rate")
  if nats is None:
    return None
  return {
    "perplexity": math.exp(nats),
    "loss": nats,
    "bits_per_token": nats / math.log(2),
  }.get(metric)


def infinite_words(trial: Trial, metric: str) -> str:
  """Says why a metric of a run that did not diverge is not finite."""
  if metric != "perplexity" or not trial.details:
    return "infinite"
  unit = trial.field("task.unit") or "word"
  words = "words" if unit == "word" else "tokens"
  zero = mean(trial.details.get("probability_zero", ())) or 0.0
  undefined = mean(trial.details.get("probability_undefined", ())) or 0.0
  if undefined and not zero:
    return f"undefined: {share(undefined)} of the test {words} have none"
  also = f", {share(undefined)} undefined" if undefined else ""
  return (
    f"infinite: {share(zero)} of the test {words} have probability zero{also}"
  )


def training_seconds(trial: Trial) -> float | None:
  """Returns how long training took, all sessions of a run together.

  A row "counted" of timing.jsonl gives the seconds itself. Otherwise they are
  those of the run, with its evaluations and its compilation.
  """
  counted = [row for row in trial.timing if row.get("event") == "counted"]
  return counted[-1]["seconds"] if counted else trial.seconds


def tokens_per_second(trial: Trial) -> float | None:
  """Returns training tokens a second, all seeds together; None if unknown.

  The rate that timing.jsonl gives, or else the median between evaluations.
  """
  rates = [r[_TOKENS] for r in trial.timing if _TOKENS in r]
  if rates:
    return rates[-1]
  rates = [r[_STEPS] for r in trial.timing if _STEPS in r]
  window = trial.field("task.window")
  if not rates or window is None:
    return None
  tokens = trial.config["train"]["batch_size"] * window
  return statistics.median(rates) * tokens * trial.config["num_seeds"]
