"""Results as words."""

from collections.abc import Iterable
from typing import Any

from rnn_lab.reports.details import infinite_words
from rnn_lab.reports.headline import is_share, measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite, significant

# Of a value that does not exist.
NONE = "–"


def format_value(value: float | None, metric: str) -> str:
  """Formats 0.972 for a share, 7.974 for perplexity or bits, else 1.38."""
  if value is None or not finite(value):
    return NONE
  if is_share(metric):
    return f"{value:.3f}"
  digits = 4 if metric == "perplexity" or metric.startswith("bits_") else 3
  return significant(value, digits)


def format_measured(trial: Trial, metric: str) -> str:
  """Formats as `format_entry`, or says why a number is infinite.

  `NONE` where the trial was not evaluated on the metric.
  """
  entry = measured(trial, metric)
  if entry is None:
    return NONE
  if finite(entry["values"]):
    return format_entry(entry, metric)
  if all(seed["status"] == "diverged" for seed in trial.seeds):
    return "diverged"
  return infinite_words(trial, metric)


def format_entry(entry: dict[str, Any], metric: str) -> str:
  """Formats "0.930 ± 0.020 (2 of 3 seeds)"; "diverged" if no seed is left."""
  total = len(entry["values"])
  alive = len(finite(entry["values"]))
  if not alive:
    return "diverged"
  words = format_value(entry["mean"], metric)
  for std in finite(entry["std"]):
    words += f" ± {std:.3f}" if is_share(metric) else f" ± {std:.2g}"
  return words if alive == total else f"{words} ({alive} of {total} seeds)"


def reference_label(levels: Iterable[float], metric: str, name: str) -> str:
  """Formats "chance (0.100)" for a legend; empty if there is no level."""
  several = sorted(set(levels))
  words = list(dict.fromkeys(format_value(v, metric) for v in several))
  if not words:
    return ""
  return f"{name} ({' to '.join(dict.fromkeys((words[0], words[-1])))})"
