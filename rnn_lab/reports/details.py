"""What the run of a language model says about it, beside its metrics."""

import math
import statistics
from collections.abc import Iterable
from typing import Any

from rnn_lab.reports.load import Trial

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
)


def details_of(trial: Trial | None) -> dict[str, Any] | None:
  """The details in a trial's result; None but for a language model's."""
  if trial is None or trial.result is None:
    return None
  return trial.result.get("details") or None


def main_numbers(trial: Trial) -> dict[str, Any]:
  """The details that summary.json holds; {} if there are none."""
  details = details_of(trial) or {}
  return {key: details[key] for key in _MAIN if key in details}


def is_counted(trial: Trial) -> bool:
  """Whether a trial is an n-gram model, which no step trains."""
  model = trial.config.get("model", {})
  return trial.overrides.get("model.kind", model.get("kind")) == "ngram"


def finite(value: Any) -> Any:
  """A number, or a list of them, with None for what is not finite."""
  if isinstance(value, list):
    return [finite(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def mean(values: Iterable[float | None]) -> float | None:
  """Over the seeds with a finite number; None if there are none."""
  known = [v for v in values if v is not None and math.isfinite(v)]
  return statistics.fmean(known) if known else None


def perplexity(trial: Trial) -> float | None:
  """On the test split, mean over seeds; None where it is not finite."""
  if trial.result is None:
    return None
  entry = trial.result["metrics"].get("test/perplexity")
  return mean(entry["values"]) if entry else None


def levels(values: Iterable[float | None]) -> list[float]:
  """Numbers in ascending order, each once but for rounding."""
  apart: list[float] = []
  for value in sorted(v for v in values if v is not None):
    if not apart or not math.isclose(value, apart[-1], rel_tol=1e-6):
      apart.append(value)
  return apart


def floors(trials: Iterable[Trial | None]) -> list[float]:
  """The best possible test perplexity: one, unless texts differ."""
  found = [details_of(trial) for trial in trials]
  return levels(d.get("floor_perplexity") for d in found if d)


def floor(trial: Trial | None, metric: str, split: str) -> float | None:
  """The metric of the true distribution of a language model's text.

  Args:
    trial: the run.
    metric: "perplexity", "loss" (nats) or "bits_per_token".
    split: "test", for which it was computed, or "valid": then it is the
      average over all texts from the same source, by its entropy rate.

  Returns:
    The level that no model can beat; None where nobody knows it.
  """
  details = details_of(trial) or {}
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
  """Why a metric of a run that did not diverge is no finite number."""
  details = details_of(trial)
  if details is None or metric != "perplexity":
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


def share(value: float) -> str:
  """A share as percents: 0.4%, 12%."""
  percent = 100 * value
  if 0 < percent < 0.1:
    return "under 0.1%"
  return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def significant(value: float, digits: int) -> str:
  """So many significant digits, and 12345 rather than 1.23e+04."""
  if abs(value) >= 10**digits:
    return f"{value:.0f}"
  return f"{value:#.{digits}g}".rstrip(".")


def training_seconds(trial: Trial) -> float | None:
  """Counting an n-gram model, or all sessions of a network's run together.

  Each session of a run that was interrupted counts from its start to its last
  row; so do its evaluations and its compilation.
  """
  counted = [row for row in trial.timing if row.get("event") == "counted"]
  if counted:
    return counted[-1]["seconds"]
  began, last, total = None, None, 0.0
  for row in trial.timing:
    if "time" not in row:
      continue
    if row.get("event") == "start":
      if began is not None:
        total += last - began
      began = row["time"]
    last = row["time"]
  if began is None or last == began:
    return trial.seconds
  return total + last - began


def tokens_per_second(trial: Trial) -> float | None:
  """Training tokens a second, of all seeds together; None if not known.

  Of a network: the median between evaluations.
  """
  counted = [row for row in trial.timing if "tokens_per_second" in row]
  if counted:
    return counted[-1]["tokens_per_second"]
  rates = [
    row["steps_per_second"] for row in trial.timing if "steps_per_second" in row
  ]
  config = trial.config
  if not rates or "window" not in config.get("task", {}):
    return None
  tokens = config["train"]["batch_size"] * config["task"]["window"]
  return statistics.median(rates) * tokens * config["num_seeds"]
