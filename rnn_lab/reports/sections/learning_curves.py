"""Validation metrics while training."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from rnn_lab.reports import charts, style
from rnn_lab.reports.metrics import (
  is_wide,
  reference,
  reference_label,
  reference_name,
)
from rnn_lab.reports.parts import Part
from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section


def learning_curves_section(results: Results) -> Section | None:
  """Shows the headline metric on the validation split; None without rows."""
  figures = [f for part in results.parts for f in draw_learning_curves(part)]
  if not figures:
    return None
  caption = "Validation metric against step"
  content = [Figures("learning_curves", caption, figures)]
  return Section("Learning curves", content)


def draw_learning_curves(part: Part) -> Iterator[Figure]:
  """Draws the validation metric by step: a panel an x, a line a series.

  Of a search the best trials are drawn, and of series that have few x in common
  the best of each.
  """
  headline, best = part.headline, ""
  if headline is None:
    return
  if part.is_search or part.is_scattered:
    part, best = _best(part)
  metric, key = part.metric, f"valid/{part.metric}"
  data = charts.table(
    part,
    lambda trial: [
      (row["step"], row[key])
      for row in (trial.metrics if trial.takes_steps else ())
      if key in row
    ],
  )
  levels: dict[str, set[float]] = {}
  for _, x, trial in part.cells:
    level = reference(trial, metric, "valid")
    if level is not None:
      levels.setdefault(part.at(x), set()).add(level)
  name = reference_name(part.trials, "valid")
  every = [level for several in levels.values() for level in several]
  means = data.groupby(["panel", "series", "at"]).value.mean().dropna()
  wide = is_wide(means, headline)
  seeds = max((len(t.seeds) for t in part.trials), default=0) > 1
  words = ": mean over seeds, band min to max" if seeds else ""
  yield from charts.lines(
    part,
    data,
    "training step",
    f"validation {metric}",
    f"Validation {metric} while training{best}{words}",
    levels={panel: sorted(several) for panel, several in levels.items()},
    level=reference_label(every, metric, name),
    decorate=lambda ax, _: style.set_log(ax.yaxis, metric) if wide else None,
  )


def _best(part: Part) -> tuple[Part, str]:
  """The best trials by validation, eight or one of each series, in words."""
  names = {trial.name: name for name, _, trial in part.cells}
  order = [one.trial for one in ranked(part)]
  if part.is_search:
    chosen = order[: style.MOST_LINES]
    series = {
      f"{rank}: {names[trial.name]}": {None: trial}
      for rank, trial in enumerate(chosen, 1)
    }
    words = f" of the best {len(chosen)} of {len(part.trials)} trials"
  else:
    series = {
      name: {None: best}
      for name, line in part.series.items()
      for best in [t for t in order if any(t is o for o in line.values())][:1]
    }
    words = " of the best trial of each series"
  return part._replace(x=None, xs=[None], series=series), words
