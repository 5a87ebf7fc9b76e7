"""The one metric that a report compares trials by, and its chance level."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rnn_lab.reports.details import details_of, floor
from rnn_lab.reports.load import Trial

# Metrics that live in [0, 1] and are read as a share of something.
_SHARES = ("accuracy", "f1", "error_rate", "fraction")

# A ratio of one and a half decades: more than that is lost on a linear axis.
WIDE = 10**1.5
# Perplexities are read as ratios, and the good ones lie close together.
_WIDE_PERPLEXITY = 3.0


class Headline(NamedTuple):
  """The metric of a report: "accuracy", and whether more of it is better."""

  metric: str
  maximize: bool


def headline_of(trials: Sequence[Trial]) -> Headline | None:
  """The headline of the first trial that ended, or else a guess.

  Without a result the first validation metric that is not the loss stands in,
  so that the curves of a sweep that has just begun can be drawn. None if
  nothing was measured at all.
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
  """Whether a metric lives in [0, 1], by its name."""
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
  """Mean, std and values over seeds of a test metric; None if not there."""
  if trial is None or trial.result is None:
    return None
  return trial.result["metrics"].get(f"test/{metric}")


def chance(trial: Trial | None, metric: str) -> float | None:
  """What a guesser gets on the trial's task; None where it is not known."""
  if trial is None or trial.result is None:
    return None
  return (trial.result.get("baselines") or {}).get(metric)


def reference(
  trial: Trial | None, metric: str, split: str = "test"
) -> float | None:
  """The level that a number is to be seen against.

  Of a language model whose text's distribution is known: the best possible.
  Of any other language model: none, as the uniform guess is far from all that
  learnt anything. Otherwise chance.
  """
  if details_of(trial) is None:
    return chance(trial, metric)
  return floor(trial, metric, split)


def reference_name(trials: Iterable[Trial | None], split: str = "test") -> str:
  """What `reference` is the level of, in words."""
  if all(details_of(trial) is None for trial in trials):
    return "chance"
  return "best possible" if split == "test" else "best possible on average"
