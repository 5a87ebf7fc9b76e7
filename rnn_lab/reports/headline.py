"""The metric that a report compares trials by, and its level of reference."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rnn_lab.reports.details import details_of, floor, is_of_text
from rnn_lab.reports.load import Trial

# Metrics that lie in [0, 1] and are read as shares.
_SHARES = ("accuracy", "exact_match", "f1", "error_rate", "fraction")

# A ratio of one and a half decades: more than that is lost on a linear axis.
WIDE = 10**1.5
# Perplexities are read as ratios, and the good ones lie close together.
_WIDE_PERPLEXITY = 3.0


class Headline(NamedTuple):
  """The metric of a report: "accuracy", and whether more of it is better."""

  metric: str
  maximize: bool


def headline_of(trials: Sequence[Trial]) -> Headline | None:
  """Returns the headline of the first trial that ended, or else a guess.

  Without a result it is the first validation metric that is not the loss, so
  that the curves of a sweep can be drawn before a trial ends. None if nothing
  was measured.
  """
  for trial in trials:
    if trial.result is not None:
      return Headline(trial.result["headline"], trial.result["maximize"])
  keys = dict.fromkeys(
    key.removeprefix("valid/")
    for trial in trials
    for row in trial.metrics
    for key in row
    if key.startswith("valid/")
  )
  names = [key for key in keys if key != "loss"] or list(keys)
  return Headline(names[0], is_share(names[0])) if names else None


def is_share(metric: str) -> bool:
  """Whether a metric lies in [0, 1], by its name."""
  return any(word in metric for word in _SHARES)


def is_wide(values: Iterable[float], headline: Headline) -> bool:
  """Whether the values of an error metric need a logarithmic axis."""
  several = list(values)
  return (
    not headline.maximize
    and min(several, default=0.0) > 0.0
    and max(several) / min(several)
    > (_WIDE_PERPLEXITY if headline.metric == "perplexity" else WIDE)
  )


def measured(trial: Trial | None, metric: str) -> dict[str, Any] | None:
  """Returns mean, std and values of a test metric; None without it."""
  if trial is None or trial.result is None:
    return None
  return trial.result["metrics"].get(f"test/{metric}")


def chance(trial: Trial | None, metric: str) -> float | None:
  """Returns the baseline of the trial's task; None where it is unknown."""
  if trial is None or trial.result is None:
    return None
  return (trial.result.get("baselines") or {}).get(metric)


def reference(
  trial: Trial | None, metric: str, split: str = "test"
) -> float | None:
  """Returns the level to compare a number with.

  For a text whose distribution is known, the best possible; for any other
  text none, as the uniform guess is far from every trained model; and chance
  otherwise.
  """
  if is_of_text(trial):
    return floor(trial, metric, split)
  return chance(trial, metric)


def reference_name(trials: Iterable[Trial | None], split: str = "test") -> str:
  """Names the level of `reference`."""
  several = list(trials)
  if any("forecasts" in details_of(trial) for trial in several):
    return "persistence"
  if not any(is_of_text(trial) for trial in several):
    return "chance"
  return "best possible" if split == "test" else "best possible on average"
