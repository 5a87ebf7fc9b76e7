"""A search over fields: who is best on the validation split, and where."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_lab.reports import style
from rnn_lab.reports.formats import reference_label
from rnn_lab.reports.headline import (
  Headline,
  is_share,
  is_wide,
  reference,
  reference_name,
)
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.searches import (
  Found,
  is_search,
  ranked,
  search_grid,
  searched_fields,
)
from rnn_lab.reports.section import Figures, Section
from rnn_lab.reports.sections.headline import scale_x
from rnn_lab.reports.series import titled, value_of

_BEST = {"marker": "*", "markersize": 15.0, "color": "#D55E00"}


def search_section(results: Results) -> Section | None:
  """Shows the best trials and the metric against each field; None without."""
  figures, grids = [], []
  for part in results.parts:
    if part.headline is None or not is_search(part.layout):
      continue
    found = ranked(part.trials, part.headline)
    if found:
      figures.append(draw_search(part, part.headline, found))
      grids.append(search_grid(part.layout, part.headline))
  if not figures:
    return None
  caption = "Validation metric of every trial against each field searched"
  return Section("Results", [Figures("search", caption, figures), *grids])


def draw_search(
  part: Part, headline: Headline, found: Sequence[Found]
) -> Figure:
  """Draws the validation metric against each field, a point a trial."""
  metric = headline.metric
  fields = searched_fields(part.trials)
  figure, [axes] = style.panels(len(fields), y=f"validation {metric}")
  level = reference(found[0].trial, metric, "valid")
  for ax, field in zip(axes, fields):
    _draw_field(ax, field, found)
    if level is not None:
      style.draw_chance(ax, level)
  values = [one.value for one in found]
  if is_wide(values, headline):
    style.set_log(axes[0].yaxis, metric)
  elif is_share(metric):
    axes[0].set_ylim(-0.03, 1.03)
  words = f"Validation {metric} of each trial, mean over seeds"
  figure.suptitle(style.plain(titled(part.layout.task, words)))
  levels = [] if level is None else [level]
  name = reference_name(part.trials, "valid")
  others = [_mark("the best trial", **_BEST), _mark("ended", **_dot(True))]
  if any(one.trial.result is None for one in found):
    others.append(_mark("stopped early, or not ended", **_dot(False)))
  chance = reference_label(levels, metric, name)
  style.legend_below(figure, [], [], chance, others)
  return figure


def _draw_field(ax: Axes, field: str, found: Sequence[Found]) -> None:
  values = [value_of(one.trial, field) for one in found]
  numeric = all(
    isinstance(value, int | float) and not isinstance(value, bool)
    for value in values
  )
  if numeric:
    places = values
    scale_x(ax, sorted({*values}))
  else:
    words = sorted({str(value) for value in values})
    places = [words.index(str(value)) for value in values]
    ax.set_xticks(range(len(words)), [style.plain(word) for word in words])
    ax.set_xlim(-0.5, len(words) - 0.5)
  for place, one in zip(places, found):
    ax.plot([place], [one.value], **_dot(one.trial.result is not None))
  ax.plot([places[0]], [found[0].value], zorder=3, **_BEST)
  ax.set_xlabel(style.plain(field))


def _dot(has_ended: bool) -> dict:
  colour = style.line_style(0)["color"]
  face = colour if has_ended else "none"
  return {
    "marker": "o",
    "markersize": 5.0,
    "color": colour,
    "markerfacecolor": face,
    "alpha": 0.6,
    "linestyle": "",
  }


def _mark(label: str, **look: object) -> Line2D:
  return Line2D([], [], label=label, **{"linestyle": "", **look})
