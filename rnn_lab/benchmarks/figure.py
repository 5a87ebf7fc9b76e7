"""The results of `layers` and `networks` as a picture: times over rnn_lab's."""

import pathlib
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from rnn_lab.reports import style


def draw(result: Mapping[str, Any]) -> Figure:
  """Draws for each pass and library the mean over rows, and their range.

  Args:
    result: of `layers.measure` or `networks.measure`.
  """
  means = result["means"]
  passes = list(dict.fromkeys(mean["pass"] for mean in means))
  cells = list(dict.fromkeys(mean["cell"] for mean in means))
  mean = {(of["pass"], of["cell"]): of["times"] for of in means}
  timed = {name for mean in means for name in mean["times"]}
  names = [name for name in result["libraries"] if name in timed]
  size = (max(8.5, 5.5 * len(passes)), 0.42 * len(names) + 2.0)
  figure = Figure(figsize=size, dpi=style.DPI, layout="constrained")
  [axes] = figure.subplots(
    1, len(passes), sharex=True, sharey=True, squeeze=False
  )
  for ax, pass_ in zip(axes, passes):
    for n, cell in enumerate(cells):
      look = _mark(n)
      # Beside each other, so that none covers another.
      shift = 0.22 * (n - (len(cells) - 1) / 2)
      for y, name in enumerate(names):
        ratios = [
          row["ms"][name]["median"] / row["ms"]["rnn_lab"]["median"]
          for row in result["rows"]
          if (row["pass"], row["shape"]["cell"]) == (pass_, cell)
          and name in row["ms"]
        ]
        if not ratios:
          continue
        ax.plot(
          [min(ratios), max(ratios)],
          [y + shift] * 2,
          color=look["color"],
          linewidth=1.2,
          alpha=0.5,
        )
        ax.plot(mean[pass_, cell][name], y + shift, **look)
    ax.axvline(1.0, zorder=1.5, **style.CHANCE)
    ax.set_xscale("log", base=10)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_title(style.plain(pass_))
    ax.set_xlabel("time over rnn_lab's: mean, and range over rows")
  axes[0].set_yticks(range(len(names)), [style.plain(n) for n in names])
  axes[0].invert_yaxis()
  marks = [
    Line2D([], [], label=cell, **_mark(n)) for n, cell in enumerate(cells)
  ]
  style.legend_below(figure, (), (), "as fast as rnn_lab", marks)
  return figure


def _mark(n: int) -> dict[str, Any]:
  return style.line_style(n) | {"linestyle": ""}


def write(result: Mapping[str, Any], path: pathlib.Path) -> None:
  """Saves the picture as a PNG."""
  with style.in_style():
    style.save(draw(result), path)
