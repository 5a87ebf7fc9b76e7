"""The picture of a design pattern: a model unrolled over one example."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnn_lab.reports import style

# Steps that are drawn of a longer sequence.
MOST_STEPS = 17
# In units of the drawing, of which one is the distance of two steps.
WIDTH, HEIGHT = 0.62, 1.5
LANE = HEIGHT + 0.45
GAP = 1.3
ROW = 0.3
IMAGE = 3.0
INCH = 0.6
NARROWEST = 8.5
# Vectors of fewer numbers are written out.
STRIP = 4
# Letters of a word that has room above or below its step.
LONGEST_WORD = 5
COLOURS = {"inputs": "#0072B2", "targets": "#D55E00"}
UNITS_MAP = "RdBu_r"
START, END, MORE = "(start)", "(end)", "…"
_ARROW = {"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.0}
_ARROW |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}


class _Part(NamedTuple):
  """A recurrence: outputs `[direction][T][units]`, and labels of its steps."""

  name: str
  colour: str
  start: float
  outputs: np.ndarray
  reads: list[Any]
  writes: list[Any]

  @property
  def end(self) -> float:
    """Where the last step stands."""
    return self.start + self.outputs.shape[1] - 1


def draw_pattern(picture: Mapping[str, Any], title: str) -> Figure:
  """Draws every step as a box, with what it reads below and writes above.

  The stripes of a box are the outputs of single units at that step. Below an
  encoder stand the attention weights, a row for each symbol that is written.

  Args:
    picture: as `rnn_lab.evaluators.examples.picture` returns it.
    title: of the figure.
  """
  parts: list[_Part] = []
  has_image = (picture["reads"] or {}).get("form") == "images"
  x = IMAGE if has_image else 0.0
  for recurrence in picture["recurrences"]:
    parts.append(_part(picture, recurrence, x))
    x = parts[-1].end + 1 + GAP
  weights = picture.get("attention") or []
  bottom = -0.6 - max(_room(part.reads) for part in parts)
  low = bottom - 0.2 - ROW * len(weights)
  high = max(len(part.outputs) for part in parts) * LANE + 0.5
  high += max(_room(part.writes) for part in parts)
  size = max((x + 0.4) * INCH, NARROWEST), (high - low) * INCH + 1.2
  figure = Figure(figsize=size, dpi=style.DPI, layout="constrained")
  ax = figure.add_subplot()
  largest = max(1.0, *(np.abs(part.outputs).max() for part in parts))
  scale = Normalize(-largest, largest)
  for part in parts:
    _draw_part(ax, part, scale)
  for part, after in itertools.pairwise(parts):
    _arrow(ax, part.end + WIDTH / 2, after.start - WIDTH / 2, HEIGHT / 2)
  if has_image:
    _draw_image(ax, picture["reads"]["values"], parts[0].start)
  if weights:
    _draw_attention(ax, picture, parts[0], bottom)
  # A short drawing stands in the middle of the figure.
  room = max(0.0, NARROWEST / INCH - x - 0.4) / 2
  ax.set(xlim=(-0.7 - room, x - GAP + 0.5 + room), ylim=(low, high))
  ax.set_aspect("equal")
  ax.set_axis_off()
  figure.suptitle(style.plain(title))
  colours = ScalarMappable(scale, UNITS_MAP)
  label = "output of a unit (a stripe) at a step (a box)"
  below = {"orientation": "horizontal", "shrink": 0.3, "aspect": 30}
  figure.colorbar(colours, ax=ax, label=label, **below)
  return figure


def image_of(values: Any) -> np.ndarray:
  """Returns an image as matplotlib draws it: `[H, W]` of grey, or colours."""
  image = np.asarray(values, float)
  return image[..., 0] if image.shape[-1] == 1 else image.clip(0.0, 1.0)


def _part(
  picture: Mapping[str, Any], recurrence: Mapping[str, Any], start: float
) -> _Part:
  outputs = np.asarray(recurrence["outputs"], float)
  count, output = outputs.shape[1], picture["output"]
  if recurrence["reads"] == "targets":
    reads, writes = [START, *output][:count], [*output, END][:count]
  else:
    reads = [*(picture["reads"] or {"values": []})["values"]]
    reads = reads[::-1] if picture["reversed"] else reads
    nothing = [None] * count
    writes = {"every_step": output, "last": [*nothing[1:], output]}.get(
      recurrence["writes"], nothing
    )
  if count > MOST_STEPS:
    last = MORE if recurrence["writes"] == "every_step" else writes[-1]
    reads = [*reads[: MOST_STEPS - 1], MORE]
    writes = [*writes[: MOST_STEPS - 1], last]
  name, colour = recurrence["name"], COLOURS[recurrence["reads"]]
  outputs = outputs[:, :MOST_STEPS]
  return _Part(name, colour, start, outputs, reads, writes)


def _draw_part(ax: Axes, part: _Part, scale: Normalize) -> None:
  """Draws the boxes of a recurrence, a lane a direction, with their labels."""
  lanes = len(part.outputs)
  top = lanes * LANE - (LANE - HEIGHT)
  xs = part.start + np.arange(part.outputs.shape[1])
  left, right = xs - WIDTH / 2, xs + WIDTH / 2
  for lane, outputs_TU in enumerate(part.outputs):
    low, high = lane * LANE, lane * LANE + HEIGHT
    for a, b, units in zip(left, right, outputs_TU):
      stripes, edges = units[:, None], (a, b, low, high)
      look = {"cmap": UNITS_MAP, "norm": scale, "interpolation": "nearest"}
      ax.imshow(stripes, extent=edges, **look)
      ys = [low, low, high, high, low]
      ax.plot([a, b, b, a, a], ys, color=part.colour, linewidth=1.6)
    for ends in zip(right, left[1:]):
      # The second direction reads from right to left.
      _arrow(ax, *(ends[::-1] if lane else ends), y=low + HEIGHT / 2)
  for x, read, written in zip(xs, part.reads, part.writes):
    _draw_read(ax, x, read)
    if written is not None:
      _, words, look = _label(written)
      _arrow(ax, x, x, top, 0.4)
      ax.text(x, top + 0.45, words, va="bottom", **look)
  words = part.name if lanes == 1 else f"{part.name}, both directions"
  words, y = "" if words == "stack" else words, top + 0.5 + _room(part.writes)
  ax.text(left[0], y, words, color=part.colour, weight="bold", va="bottom")


def _draw_read(ax: Axes, x: float, read: Any) -> None:
  """Draws what a step reads: a word, numbers or a strip of many numbers."""
  if not isinstance(read, list) or len(read) < STRIP:
    _, words, look = _label(read)
    _arrow(ax, x, x, -0.4, 0.4)
    ax.text(x, -0.45, words, va="top", **look)
    return
  strip, edges = np.array(read, float)[:, None], (x - 0.2, x + 0.2, -1.35, -0.4)
  ax.imshow(strip, extent=edges, cmap="Greys", interpolation="nearest")
  _arrow(ax, x, x, -0.37, 0.37)


def _draw_image(ax: Axes, values: Any, start: float) -> None:
  """Draws the image that a vector is made of, in front of the first box."""
  low = HEIGHT / 2 - 1.0
  edges = (-0.3, 1.7, low, low + 2.0)
  ax.imshow(image_of(values), extent=edges, cmap="Greys", vmin=0.0, vmax=1.0)
  _arrow(ax, 1.8, start - WIDTH / 2, HEIGHT / 2)
  ax.text(0.7, low - 0.15, "image, as a vector", ha="center", va="top")


def _draw_attention(
  ax: Axes, picture: Mapping[str, Any], part: _Part, bottom: float
) -> None:
  """Draws a row of weights for each symbol, under the encoder's steps."""
  weights = [row[: part.outputs.shape[1]] for row in picture["attention"]]
  low, right = bottom - ROW * len(weights), part.end + 0.5
  edges = (part.start - 0.5, right, low, bottom)
  ax.imshow(weights, extent=edges, cmap="Blues", vmin=0.0, vmax=1.0)
  symbols = [*picture["output"], END][: len(weights)]
  for n, symbol in enumerate(symbols):
    y = bottom - ROW * (n + 0.5)
    ax.text(right + 0.15, y, style.plain(symbol), va="center", fontsize=9)
  words = "attention: from where each written\nsymbol reads (dark: weight 1)"
  ax.text(right + 1.6, (low + bottom) / 2, words, va="center")


def _room(labels: Iterable[Any]) -> float:
  """Returns the room that labels need below or above their steps."""
  return max(_label(label)[0] for label in labels)


def _label(value: Any) -> tuple[float, str, dict[str, Any]]:
  """Returns the height, the words and the look of a label."""
  look: dict[str, Any] = {"ha": "center", "fontsize": 12, "color": "black"}
  if value is None:
    return 0.0, "", look
  if isinstance(value, list):
    height = 0.25 * len(value) if len(value) < STRIP else 0.95
    words = "\n".join(f"{number:.2f}" for number in value)
    return height, words, look | {"fontsize": 8}
  if value in (START, END, MORE):
    return 0.4, value, look | {"fontsize": 8, "color": "#666666"}
  if len(value) > LONGEST_WORD:
    look |= {"rotation": 90, "fontsize": 10}
    return 0.1 + 0.13 * len(value), style.plain(value), look
  return 0.4, style.plain("␣" if value == " " else value), look


def _arrow(ax: Axes, x: float, end_x: float, y: float, rise: float = 0) -> None:
  ax.annotate("", xy=(end_x, y + rise), xytext=(x, y), arrowprops=_ARROW)
