"""How far back models of a text look: perplexity by length of context."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.details import details_of, floors, perplexity
from rnn_lab.reports.formats import reference_label
from rnn_lab.reports.headline import Headline, is_wide
from rnn_lab.reports.largest import at_largest, largest, left_out
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite, levels
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.series import Layout, groups, takes_steps

_PERPLEXITY = Headline("perplexity", maximize=False)
_BEST = "best possible"


def context_section(results: Results) -> Section | None:
  """Shows perplexity by length of context; None where it was not measured."""
  layouts = [part.layout for part in results.parts]
  figures = [figure for layout in layouts for figure in draw_context(layout)]
  if not figures:
    return None
  words = (
    "Each model reads so many tokens of the text from its initial state and "
    "then predicts the next one, the same tokens at every length. Where a line "
    "is level, the model gains nothing from what lies further back."
  )
  words += "".join(left_out(layout) for layout in layouts)
  caption = "Perplexity against length of context"
  content = [Text(words), Figures("context", caption, figures)]
  return Section("How far back each model looks", content)


def draw_context(layout: Layout) -> list[Figure]:
  """Draws perplexity against how many tokens were read since a reset."""
  trials = largest(layout)
  curves = {
    name: curve for name, t in trials.items() if len(curve := _context(t)) > 1
  }
  panels = [
    names
    for names in groups(layout, style.MOST_LINES)
    if any(name in curves for name in names)
  ]
  if not panels:
    return []
  best = levels(
    details_of(t).get("context_floor_perplexity") for t in trials.values()
  )
  sample = bool(best)
  best = best or floors(trials.values())
  figure, [row] = style.panels(
    len(panels), height=4.4, y="perplexity of the next token"
  )
  for ax, names in zip(row, panels):
    for i, name in enumerate(names):
      if name in curves:
        _context_line(ax, curves[name], style.line_style(i), name)
    for level in best:
      style.draw_chance(ax, level)
    ax.set_xscale("log", base=2)
    lengths = sorted({length for curve in curves.values() for length in curve})
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("tokens read since the initial state")
    if len(panels) > 1:
      ax.set_title(_panel_title(trials, names), loc="left")
    # Under its panel, since the looks of the lines are those of this panel.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
  values = [v for curve in curves.values() for vs in curve.values() for v in vs]
  if is_wide([*values, *best], _PERPLEXITY):
    style.set_log(row[0].yaxis, "perplexity")
  name = _BEST if sample else f"{_BEST} on the whole test text"
  label = reference_label(best, "perplexity", name)
  figure.suptitle(
    style.plain(
      "How much of the text before a word does each model use?"
      f"{at_largest(layout)}"
    )
  )
  style.legend_below(figure, [], [], label)
  return [figure]


def _context(trial: Trial) -> dict[int, list[float]]:
  """Perplexities of the seeds by length of context; {} where not finite."""
  if perplexity(trial) is None:
    return {}
  rows = details_of(trial).get("perplexity_by_context", {})
  by_length = {int(k): finite(values) for k, values in rows.items()}
  return {k: values for k, values in sorted(by_length.items()) if values}


def _context_line(
  ax: Axes, curve: Mapping[int, list[float]], look: dict[str, Any], name: str
) -> None:
  lengths, several = list(curve), list(curve.values())
  low, high = [min(v) for v in several], [max(v) for v in several]
  ax.fill_between(lengths, low, high, color=look["color"], alpha=0.15, lw=0)
  means = [sum(v) / len(v) for v in several]
  ax.plot(lengths, means, label=style.plain(name), **look)


def _panel_title(trials: Mapping[str, Trial], names: Sequence[str]) -> str:
  are_networks = any(takes_steps(trials[n]) for n in names if n in trials)
  return "networks" if are_networks else "n-gram models"
