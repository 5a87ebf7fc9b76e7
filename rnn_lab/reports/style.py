"""How every figure of a report looks: colours, fonts, panels and legends."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from rnn_lab.rundir import atomic_file

# A derivative or a value at a time step, whose index is a subscript.
INDEXED = re.compile(r"\b(d?[hcsJ])_([tk])\b")
# More lines than this in one plot cannot be distinguished.
MOST_LINES = 8
_MOST_COLUMNS = 6
# Letters of a line of a label in a legend.
_LEGEND_WIDTH = 60
DPI = 130
# What distinguishes a report's images from others in the same folder.
_SOURCE = "rnn_lab.reports"

# Of each line its colour, mark, dashes and the size of the mark: Okabe and
# Ito's colours, which colour-blind readers distinguish, with grey in the place
# of their yellow, which is too faint on white; and marks of equal weight to the
# eye, not of equal width.
_LOOKS: Sequence[tuple[str, str, Any, float]] = (
  ("#0072B2", "o", "-", 6.0),
  ("#D55E00", "s", (0, (6, 1.5)), 5.8),
  ("#009E73", "^", (0, (4, 1.5, 1, 1.5)), 7.0),
  ("#CC79A7", "D", (0, (1.5, 1)), 6.2),
  ("#E69F00", "v", (0, (8, 2, 2, 2)), 7.0),
  ("#56B4E9", "P", (0, (3, 1, 1, 1, 1, 1)), 8.0),
  ("#000000", "X", "-", 8.0),
  ("#777777", "*", (0, (6, 1.5)), 10.0),
)
# The line that chance is drawn as.
CHANCE = {"color": "#444444", "linestyle": (0, (8, 5)), "linewidth": 1.2}


def in_style() -> Any:
  """Returns the context in which figures are made and saved."""
  path = Path(__file__).with_name("report.mplstyle")
  own = matplotlib.rc_params_from_file(path, use_default_template=False)
  return matplotlib.rc_context(own)


def line_style(index: int) -> dict[str, Any]:
  """Returns the look of the line at this place in its figure."""
  names = ("color", "marker", "linestyle", "markersize")
  edge = {"markeredgecolor": "white", "markeredgewidth": 0.6}
  return {**dict(zip(names, _LOOKS[index])), **edge, "linewidth": 1.8}


def plain(text: Any) -> str:
  """Escapes text so that matplotlib draws it as it is, and never hides it.

  The index of dh_t, or of another of `INDEXED`, is set as a subscript.
  """
  shown = str(text).replace("$", r"\$")
  shown = INDEXED.sub(r"$\\mathregular{\1_\2}$", shown)
  # A label that begins with an underscore is left out of every legend.
  return f" {shown}" if shown.startswith("_") else shown


def panels(
  count: int, bands: int = 1, height: float = 3.0, *, y: str
) -> tuple[Figure, list[list[Axes]]]:
  """Makes a figure with `bands` rows of `count` panels that share a y-axis.

  Rows of more than six panels are folded: all bands of the first panels, then
  all bands of the next.

  Args:
    count: panels in a row.
    bands: rows.
    height: of a panel, in inches.
    y: the label of the y-axis.

  Returns:
    The figure, and its axes as [band][panel].
  """
  columns = min(count, _MOST_COLUMNS)
  folds = math.ceil(count / columns)
  size = (max(8.5, 3.4 * columns), height * bands * folds + 1.1)
  figure = Figure(figsize=size, dpi=DPI, layout="constrained")
  grid = figure.subplots(bands * folds, columns, sharey=True, squeeze=False)
  for ax in grid[:, 0]:
    ax.set_ylabel(plain(y))
  by_band = grid.reshape(folds, bands, columns).swapaxes(0, 1)
  axes = by_band.reshape(bands, folds * columns)
  for ax in axes[:, count:].flat:
    ax.set_axis_off()
  return figure, axes[:, :count].tolist()


def set_log(axis: XAxis | YAxis, metric: str) -> None:
  """Sets a logarithmic axis; perplexities are written 20, not 2 x 10^1."""
  axis.axes.set(**{f"{axis.axis_name}scale": "log"})
  if metric == "perplexity":
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def draw_chance(ax: Axes, level: float) -> None:
  """Draws a dashed line at the level of chance."""
  ax.axhline(level, zorder=1.5, **CHANCE)


def legend_below(
  figure: Figure,
  names: Iterable[str],
  index: Sequence[str],
  chance: str = "",
  others: Sequence[Line2D] = (),
) -> None:
  """Draws a legend under the panels, where it covers no data.

  Args:
    figure: gets the legend.
    names: the series that were drawn.
    index: the series of this figure in order, which gives their styles.
    chance: the words for the dashed line; empty if none was drawn.
    others: further lines with their labels.
  """
  drawn = set(names)
  handles = [
    Line2D([], [], label=plain(name), **line_style(i))
    for i, name in enumerate(index)
    if name in drawn
  ]
  if chance:
    handles.append(Line2D([], [], label=plain(chance), **CHANCE))
  handles += others
  if not handles:
    return
  longest = 0
  for handle in handles:
    lines = textwrap.wrap(str(handle.get_label()), _LEGEND_WIDTH)
    handle.set_label("\n".join(lines))
    longest = max([longest, *map(len, lines)])
  room = figure.get_size_inches()[0] / (0.085 * longest + 0.8)
  columns = max(1, min(len(handles), 4, int(room)))
  place = "outside lower center"
  figure.legend(handles=handles, loc=place, ncols=columns, handlelength=3.2)


def save(figure: Figure, path: Path) -> None:
  """Writes an image without date or version: equal data, equal bytes.

  Its format is that of the path's suffix: PNG, SVG or PDF.
  """
  metadata: dict[str, str | None] = {
    ".png": {"Software": None, "Source": _SOURCE},
    ".svg": {"Creator": _SOURCE, "Date": None},
    ".pdf": {"Creator": _SOURCE, "Producer": None, "CreationDate": None},
  }[path.suffix]
  with atomic_file(path) as file:
    figure.savefig(file, format=path.suffix[1:], metadata=metadata)


def is_saved(path: Path) -> bool:
  """Whether `save` wrote a file."""
  if path.suffix not in (".png", ".svg", ".pdf"):
    return False
  content = path.read_bytes()
  # At the beginning of a PNG or SVG, at the end of a PDF.
  return _SOURCE.encode() in content[:2048] + content[-4096:]
