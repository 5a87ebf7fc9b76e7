"""The metric that trials are compared by, and its values as words."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rnn_lab.reports.details import (
  best_possible,
  infinite_words,
  is_of_text,
)
from rnn_lab.reports.intervals import mean_interval
from rnn_lab.reports.numbers import finite, significant
from rnn_lab.reports.trial import Trial

# Metrics that lie in [0, 1] and are read as shares.
_SHARES = ("accuracy", "exact_match", "f1", "error_rate", "fraction")
# A ratio of one and a half decades: more than that is lost on a linear axis.
WIDE = 10**1.5
# Perplexities are read as ratios, and the good ones lie close together.
_WIDE_PERPLEXITY = 3.0
# Of a value that does not exist.
NONE = "–"


class Headline(NamedTuple):
  """The metric of a report: "accuracy", and whether more of it is better."""

  metric: str
  maximize: bool

  @property
  def sign(self) -> int:
    """What a value is multiplied by so that more is better."""
    return 1 if self.maximize else -1


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
  most = _WIDE_PERPLEXITY if headline.metric == "perplexity" else WIDE
  low = min(several, default=0.0)
  return not headline.maximize and low > 0.0 and max(several) / low > most


def spaced(metric: str) -> str:
  """Returns a metric's name in words: "exact match"."""
  return metric.replace("_", " ")


def reference(trial: Trial, metric: str, split: str = "test") -> float | None:
  """Returns the level to compare a number with.

  For a text whose distribution is known, the best possible; for any other
  text none, as the uniform guess is far from every trained model; and the
  baseline of the task, chance, otherwise.
  """
  if is_of_text(trial):
    return best_possible(trial, metric, split)
  return ((trial.result or {}).get("baselines") or {}).get(metric)


def reference_name(trials: Sequence[Trial], split: str = "test") -> str:
  """Names the level of `reference`."""
  if any("forecasts" in trial.details for trial in trials):
    return "persistence"
  if not any(map(is_of_text, trials)):
    return "chance"
  return "best possible" if split == "test" else "best possible on average"


def reference_label(levels: Iterable[float], metric: str, name: str) -> str:
  """Formats "chance (0.100)" for a legend; empty if there is no level."""
  words = dict.fromkeys(format_value(v, metric) for v in sorted({*levels}))
  ends = dict.fromkeys([*words][:1] + [*words][-1:])
  return f"{name} ({' to '.join(ends)})" if words else ""


def format_value(value: float | None, metric: str) -> str:
  """Formats 0.972 for a share, 7.974 for perplexity or bits, else 1.38."""
  if value is None or not finite(value):
    return NONE
  if is_share(metric):
    return f"{value:.3f}"
  digits = 4 if metric == "perplexity" or metric.startswith("bits_") else 3
  return significant(value, digits)


def format_interval(values: Sequence[float | None], metric: str) -> str:
  """Formats "0.930 [0.910, 0.951] (2 of 3 seeds)", mean and 95% interval.

  Of one finite value it is that value alone, and without any "diverged".
  """
  known = finite([*values])
  if not known:
    return "diverged"
  centre, low, high = mean_interval(known)
  words = format_value(centre, metric)
  if len(known) > 1:
    words += f" [{format_value(low, metric)}, {format_value(high, metric)}]"
  few = len(known) < len(values)
  return f"{words} ({len(known)} of {len(values)} seeds)" if few else words


def format_measured(trial: Trial, metric: str) -> str:
  """Formats as `format_interval`, or says why a number is missing.

  `NONE` where a trial that ended was not evaluated on the metric, and the
  status of one that did not end.
  """
  entry = trial.entry(metric)
  if entry is None:
    return trial.status if trial.result is None else NONE
  if finite(entry["values"]) or not trial.alive(entry["values"]):
    return format_interval(entry["values"], metric)
  return infinite_words(trial, metric)


def interval_words(trials: Sequence[Trial]) -> str:
  """Says what `format_interval` shows of these trials."""
  counts = sorted({len(trial.seeds) for trial in trials if trial.seeds})
  if not counts or counts[-1] < 2:
    return "one seed each" if counts else ""
  seeds = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
  words = (
    f"mean over {seeds} seeds and, in brackets, its bootstrapped 95% interval"
  )
  few = "; with fewer than five seeds this interval is too narrow"
  return words + few if counts[0] < 5 else words
