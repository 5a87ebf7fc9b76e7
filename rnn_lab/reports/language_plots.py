"""The figures of a report on language models, but for the one it opens with."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, PercentFormatter

from rnn_lab.reports import style
from rnn_lab.reports.details import (
  details_of,
  floors,
  is_counted,
  levels,
  perplexity,
  share,
  significant,
)
from rnn_lab.reports.headline import Headline, is_wide
from rnn_lab.reports.language import at_last, kinds_by_size, last
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout, groups
from rnn_lab.reports.storage import stored, window_parameters
from rnn_lab.reports.tables import reference_label

_PERPLEXITY = Headline("perplexity", maximize=False)
_KIND_COLUMNS = 3
_BEST = "best possible"


def draw_context(layout: Layout, headline: Headline) -> list[Figure]:
  """Perplexity against how many tokens were read since a reset.

  The headline metric plays no part.
  """
  del headline
  trials = last(layout)
  curves = {
    name: curve for name, t in trials.items() if len(curve := _context(t)) > 1
  }
  parts = [
    part
    for part in groups(layout, style.MOST_LINES)
    if any(name in curves for name in part)
  ]
  if not parts:
    return []
  best = levels(
    details_of(t).get("context_floor_perplexity") for t in trials.values()
  )
  sample = bool(best)
  best = best or floors(trials.values())
  figure, [row] = style.panels(
    len(parts), height=4.4, y="perplexity of the next token"
  )
  for ax, part in zip(row, parts):
    for i, name in enumerate(part):
      if name in curves:
        _context_line(ax, curves[name], style.line_style(i), name)
    for level in best:
      style.draw_chance(ax, level)
    ax.set_xscale("log", base=2)
    lengths = sorted({length for curve in curves.values() for length in curve})
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("tokens read since the memory was emptied")
    if len(parts) > 1:
      ax.set_title(_group_title(trials, part), loc="left")
    # Under its own panel, where the lines have other looks than next door.
    handles, names = ax.get_legend_handles_labels()
    ax.legend(
      handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2
    )
  values = [v for curve in curves.values() for vs in curve.values() for v in vs]
  if is_wide([*values, *best], _PERPLEXITY):
    style.set_log(row[0].yaxis, "perplexity")
  name = _BEST if sample else f"{_BEST} on the whole test text"
  label = reference_label(best, "perplexity", name)
  figure.suptitle(
    style.plain(
      "How much of the text before a word does each model use?"
      f"{at_last(layout)}"
    )
  )
  style.legend_below(figure, [], [], label)
  return [figure]


def draw_kinds(layout: Layout, headline: Headline) -> list[Figure]:
  """Perplexity by kind of word: a panel a kind, a row a model."""
  del headline
  trials = {n: t for n, t in last(layout).items() if perplexity(t) is not None}
  shares = kinds_by_size(trials.values())
  if not shares:
    return []
  columns = min(len(shares), _KIND_COLUMNS)
  bands = -(-len(shares) // columns)
  figure = Figure(
    figsize=(max(8.5, 3.6 * columns), (1.3 + 0.29 * len(trials)) * bands + 0.6),
    dpi=style.DPI,
    layout="constrained",
  )
  # Room for the numbers beside each panel.
  figure.get_layout_engine().set(wspace=0.06)
  grid = figure.subplots(
    bands, columns, sharex=True, sharey=True, squeeze=False
  )
  panels = list(grid.flat)
  for ax, (kind, part) in zip(panels, shares.items()):
    _kind_panel(ax, trials, kind)
    ax.set_title(
      style.plain(f"{kind}\n({share(part)} of the words)"),
      loc="left",
      fontsize=11,
    )
  for ax in panels[len(shares) :]:
    ax.set_axis_off()
  for ax in panels[max(0, len(shares) - columns) : len(shares)]:
    ax.tick_params(labelbottom=True)
    ax.set_xlabel("perplexity on these words")
  style.set_log(panels[0].xaxis, "perplexity")
  panels[0].xaxis.set_major_locator(LogLocator())
  rows = [*(style.plain(name) for name in trials), _BEST]
  panels[0].set_yticks(range(len(rows)), rows)
  panels[0].set_ylim(len(rows) - 0.5, -0.5)
  figure.suptitle(
    style.plain(
      "Which words does each model find hard? Perplexity by what decides a "
      f"word{at_last(layout)}"
    )
  )
  return [figure]


def draw_storage(layout: Layout, headline: Headline) -> list[Figure]:
  """Numbers stored as n grows, and how much of a test is never seen."""
  del headline
  rows = stored(layout)
  if len(rows) < 2:
    return []
  orders = [row["order"] for row in rows]
  totals = list(itertools.accumulate(row["ngrams"] for row in rows))
  figure = Figure(figsize=(8.5, 4.6), dpi=style.DPI, layout="constrained")
  left, right = figure.subplots(1, 2)
  names = ["n-gram model: distinct n-grams, of all orders up to n"]
  left.plot(orders, totals, **style.line_style(0))
  found = window_parameters(list(last(layout).values()), orders)
  if found:
    names.append("window network that reads n-1 words: parameters")
    left.plot(list(found[0]), list(found[0].values()), **style.line_style(1))
  left.set_yscale("log")
  left.set_ylabel("numbers stored")
  left.set_title("What grows with n", loc="left")
  known = {row["order"]: row["unseen"] for row in rows}
  known = {n: value for n, value in known.items() if value is not None}
  right.plot(list(known), list(known.values()), **style.line_style(0))
  right.set_ylim(bottom=0.0)
  right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
  right.set_ylabel("of the test's n-grams")
  right.set_title("Never seen in the training text", loc="left")
  for ax in (left, right):
    ax.set_xticks(orders)
    ax.set_xlabel("n")
  figure.suptitle(style.plain(f"What an n-gram model stores{at_last(layout)}"))
  style.legend_below(figure, names, names)
  return [figure]


def _context(trial: Trial) -> dict[int, list[float]]:
  """Perplexities of the seeds by length of context; {} where not finite."""
  if perplexity(trial) is None:
    return {}
  told = details_of(trial).get("perplexity_by_context", {})
  by_length = {int(k): style.numbers(values) for k, values in told.items()}
  return {k: values for k, values in sorted(by_length.items()) if values}


def _context_line(
  ax: Axes, curve: Mapping[int, list[float]], look: dict[str, Any], name: str
) -> None:
  lengths, several = list(curve), list(curve.values())
  low, high = [min(v) for v in several], [max(v) for v in several]
  ax.fill_between(lengths, low, high, color=look["color"], alpha=0.15, lw=0)
  means = [sum(v) / len(v) for v in several]
  ax.plot(lengths, means, label=style.plain(name), **look)


def _group_title(trials: Mapping[str, Trial], names: Sequence[str]) -> str:
  counted = {is_counted(trials[name]) for name in names if name in trials}
  return {True: "n-gram models", False: "networks"}[min(counted)]


def _kind_panel(ax: Axes, trials: Mapping[str, Trial], kind: str) -> None:
  best = []
  for row, trial in enumerate(trials.values()):
    told = details_of(trial).get("perplexity_by_kind", {}).get(kind)
    seeds = style.numbers(told["perplexity"]) if told else []
    if not seeds:
      continue
    best.append(told["floor"])
    middle = sum(seeds) / len(seeds)
    look = style.line_style(0) | {"marker": "D", "markersize": 6.0}
    ax.hlines(row, min(seeds), max(seeds), color=look["color"], linewidth=1.5)
    ax.plot([middle], [row], **look)
    _beside(ax, row, middle, "#1a1a1a")
  ax.tick_params(left=False)
  for level in levels(best):
    ax.axvline(level, zorder=1.5, **style.CHANCE)
    _beside(ax, len(trials), level, style.CHANCE["color"])


def _beside(ax: Axes, row: float, value: float, colour: str) -> None:
  """A number to the right of a row."""
  ax.text(
    1.02,
    row,
    significant(value, 3),
    transform=ax.get_yaxis_transform(),
    va="center",
    fontsize=9,
    color=colour,
  )
