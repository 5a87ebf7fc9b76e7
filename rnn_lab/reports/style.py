"""How every figure of a report looks: colours, fonts, panels and legends."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from rnn_lab.rundir import atomic_file

if TYPE_CHECKING:
  from matplotlib.typing import RcKeyType  # newer than the oldest matplotlib

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

# Okabe and Ito's colours, which colour-blind readers distinguish; grey in the
# place of their yellow, which is too faint on white.
_COLOURS = (
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#000000",
  "#777777",
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Marks of equal weight to the eye, not of equal width.
_SIZES = (6.0, 5.8, 7.0, 6.2, 7.0, 8.0, 8.0, 10.0)
_DASHES = (
  "-",
  (0, (6, 1.5)),
  (0, (4, 1.5, 1, 1.5)),
  (0, (1.5, 1)),
  (0, (8, 2, 2, 2)),
  (0, (3, 1, 1, 1, 1, 1)),
  "-",
  (0, (6, 1.5)),
)
# The line that chance is drawn as.
CHANCE = {"color": "#444444", "linestyle": (0, (8, 5)), "linewidth": 1.2}

# Set in full, so that a reader's own matplotlibrc does not change a report.
_RC: "dict[RcKeyType, Any]" = {
  "font.family": "DejaVu Sans",
  "font.size": 11.0,
  "axes.titlesize": 12.0,
  "axes.labelsize": 11.0,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.grid": True,
  "grid.color": "#e4e4e4",
  "grid.linewidth": 0.8,
  "axes.axisbelow": True,
  "figure.titlesize": 13.0,
  "legend.fontsize": 10.5,
  "legend.frameon": False,
  "text.usetex": False,
  # Names in an SVG that do not change from one drawing to the next, and text
  # in a PDF as letters of its font.
  "svg.hashsalt": _SOURCE,
  "pdf.fonttype": 42,
}


def in_style() -> Any:
  """Returns the context in which figures are made and saved."""
  return matplotlib.rc_context(_RC)


def line_style(index: int) -> dict[str, Any]:
  """Returns the look of the line at this place in its figure."""
  return {
    "color": _COLOURS[index],
    "marker": _MARKERS[index],
    "linestyle": _DASHES[index],
    "linewidth": 1.8,
    "markersize": _SIZES[index],
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
  }


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
  axes = [
    [grid[i // columns * bands + band][i % columns] for i in range(count)]
    for band in range(bands)
  ]
  for i in range(count, columns * folds):
    for band in range(bands):
      grid[i // columns * bands + band][i % columns].set_axis_off()
  for row in grid:
    row[0].set_ylabel(plain(y))
  return figure, axes


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
  for handle in handles:
    label = str(handle.get_label())
    handle.set_label(textwrap.fill(label, _LEGEND_WIDTH))
  longest = max(
    len(line)
    for handle in handles
    for line in str(handle.get_label()).split("\n")
  )
  room = figure.get_size_inches()[0] / (0.085 * longest + 0.8)
  columns = max(1, min(len(handles), 4, int(room)))
  figure.legend(
    handles=handles,
    loc="outside lower center",
    ncols=columns,
    handlelength=3.2,
  )


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
