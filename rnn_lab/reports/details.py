"""The details of a result: what a run says of its model beside its metrics.

A model of a text has them: the sizes of the model and of the text, perplexity
by kind of word and by length of context, and what the text's own distribution
would get, where that is known; so have predicted sequences: their scores by
length of the input, and forecasts: their errors by horizon.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite, levels, mean, share

# Forecasts without a network: their keys in the details of forecasts.
FORECAST_BASELINES = ("linear_autoregression", "persistence", "mean")
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


def details_of(trial: Trial | None) -> dict[str, Any]:
  """Returns the details in a trial's result, {} without."""
  if trial is None or trial.result is None:
    return {}
  return trial.result.get("details") or {}


def references_of(trial: Trial | None) -> dict[str, dict[str, float]]:
  """Returns the test metrics of other methods by name, as the task says."""
  return details_of(trial).get("references", {})


def forecasts_of(trial: Trial | None) -> dict[str, Any]:
  """Returns the errors of a trial's forecasts by horizon, {} without."""
  return details_of(trial).get("forecasts", {})


def forecast_errors(trial: Trial) -> list[list[float | None]]:
  """Returns the errors by horizon of each seed that did not diverge."""
  return [
    errors
    for errors, seed in zip(forecasts_of(trial)["nrmse"], trial.seeds)
    if seed["status"] != "diverged"
  ]


def horizons_lost(trial: Trial) -> set[int]:
  """Returns the horizons at which forecasts do not beat every baseline.

  Their mean error over the seeds that did not diverge must be below those of
  FORECAST_BASELINES; if that of one seed is not finite, the mean is not.
  """
  forecasts, several = forecasts_of(trial), forecast_errors(trial)
  baselines = zip(*[forecasts[name] for name in FORECAST_BASELINES])
  lost = set()
  for h, others in enumerate(baselines, 1):
    known = finite([errors[h - 1] for errors in several])
    best = min(finite([*others]), default=math.inf)
    is_finite = 0 < len(known) == len(several)
    if not (is_finite and statistics.fmean(known) < best):
      lost.add(h)
  return lost


def is_of_text(trial: Trial | None) -> bool:
  """Whether the details of a trial tell on which text it was evaluated."""
  return "tokens" in details_of(trial)


def main_numbers(trial: Trial) -> dict[str, Any]:
  """Returns the details that summary.json holds; {} if there are none."""
  details = details_of(trial)
  return {key: details[key] for key in _MAIN if key in details}


def perplexity(trial: Trial) -> float | None:
  """Returns the test perplexity, mean over seeds; None unless finite."""
  if trial.result is None:
    return None
  entry = trial.result["metrics"].get("test/perplexity")
  return mean(entry["values"]) if entry else None


def floors(trials: Iterable[Trial | None]) -> list[float]:
  """Returns the best possible test perplexities, one unless texts differ."""
  return levels(details_of(trial).get("floor_perplexity") for trial in trials)


def kind_floors(trials: Sequence[Trial], kind: str) -> list[float]:
  """As `floors`, on one kind of word."""
  kinds = [perplexity_by_kind(trial).get(kind) for trial in trials]
  return levels(row["floor"] for row in kinds if row)


def perplexity_by_kind(trial: Trial | None) -> dict[str, dict[str, Any]]:
  """Returns by kind of word {"tokens", "floor", "perplexity": [S]}."""
  return details_of(trial).get("perplexity_by_kind", {})


def floor(trial: Trial | None, metric: str, split: str) -> float | None:
  """Returns the metric of the true distribution of a trial's text.

  Args:
    trial: the run.
    metric: "perplexity", "loss" (nats) or "bits_per_token".
    split: "test", for which it was computed, or "valid": then it is the
      average over all texts from the same source, by its entropy rate.

  Returns:
    The level that no model can beat; None where it is
    unknown.
  """
  details = details_of(trial)
  if split == "test":
    best = details.get("floor_perplexity")
    nats = None if best is None else math.log(best)
  else:
    nats = details.get("entropy_rate")
  if nats is None:
    return None
  return {
    "perplexity": math.exp(nats),
    "loss": nats,
    "bits_per_token": nats / math.log(2),
  }.get(metric)


def infinite_words(trial: Trial, metric: str) -> str:
  """Says why a metric of a run that did not diverge is not finite."""
  details = details_of(trial)
  if metric != "perplexity" or not details:
    return "infinite"
  unit = trial.config.get("task", {}).get("unit", "word")
  words = "words" if unit == "word" else "tokens"
  zero = mean(details.get("probability_zero", ())) or 0.0
  undefined = mean(details.get("probability_undefined", ())) or 0.0
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
  if counted:
    return counted[-1]["seconds"]
  return trial.seconds


def tokens_per_second(trial: Trial) -> float | None:
  """Returns training tokens a second, all seeds together; None if unknown.

  The rate that timing.jsonl gives, or else the median between evaluations.
  """
  rates = [
    row["tokens_per_second"]
    for row in trial.timing
    if "tokens_per_second" in row
  ]
  if rates:
    return rates[-1]
  rates = [
    row["steps_per_second"] for row in trial.timing if "steps_per_second" in row
  ]
  config = trial.config
  if not rates or "window" not in config.get("task", {}):
    return None
  tokens = config["train"]["batch_size"] * config["task"]["window"]
  return statistics.median(rates) * tokens * config["num_seeds"]
