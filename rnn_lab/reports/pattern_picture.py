"""The picture of a design pattern: a model unrolled over one example."""

from collections.abc import Mapping, Sequence
from typing import Any

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
INCH = 0.6
NARROWEST = 8.5
# Vectors of fewer numbers are written out.
STRIP = 4
# Letters of a word that has room above or below its step.
LONGEST_WORD = 5
COLOURS = {"inputs": "#0072B2", "targets": "#D55E00"}
UNITS_MAP = "RdBu_r"
START, END, MORE = "(start)", "(end)", "…"


def draw_pattern(picture: Mapping[str, Any], title: str) -> Figure:
  """Draws every step as a box, with what it reads below and writes above.

  The stripes of a box are the outputs of single units at that step. Below an
  encoder stand the attention weights, a row for each symbol that is written.

  Args:
    picture: as `rnn_lab.evaluators.examples.picture` returns it.
    title: of the figure.
  """
  parts = [_part(picture, r) for r in picture["recurrences"]]
  starts, x = [], _image_width(picture)
  for part in parts:
    starts.append(x)
    x += len(part["outputs"][0]) + GAP
  attention = picture.get("attention") or []
  lanes = max(len(part["outputs"]) for part in parts)
  below = max(_height(label) for part in parts for label in part["reads"])
  above = max(_height(label) for part in parts for label in part["writes"])
  bottom = -0.6 - below
  low = bottom - 0.2 - ROW * len(attention)
  high = lanes * LANE + above + 0.5
  size = max((x + 0.4) * INCH, NARROWEST), (high - low) * INCH + 1.2
  figure = Figure(figsize=size, dpi=style.DPI, layout="constrained")
  ax = figure.add_subplot()
  scale = max(1.0, *(np.abs(p["outputs"]).max() for p in parts))
  for start, part in zip(starts, parts):
    _draw_part(ax, part, start, scale)
  for start, part, after in zip(starts, parts, starts[1:]):
    end = start + len(part["outputs"][0]) - 1 + WIDTH / 2
    _arrow(ax, (end, HEIGHT / 2), (after - WIDTH / 2, HEIGHT / 2))
  _draw_image(ax, picture, starts[0])
  if attention:
    _draw_attention(ax, picture, parts, starts[0], bottom)
  # A short drawing stands in the middle of the figure.
  room = max(0.0, NARROWEST / INCH - x - 0.4) / 2
  ax.set_xlim(-0.7 - room, x - GAP + 0.5 + room)
  ax.set_ylim(low, high)
  ax.set_aspect("equal")
  ax.set_axis_off()
  figure.suptitle(style.plain(title))
  colours = ScalarMappable(Normalize(-scale, scale), UNITS_MAP)
  figure.colorbar(
    colours,
    ax=ax,
    orientation="horizontal",
    shrink=0.3,
    aspect=30,
    label="output of a unit (a stripe) at a step (a box)",
  )
  return figure


def _part(
  picture: Mapping[str, Any], recurrence: Mapping[str, Any]
) -> dict[str, Any]:
  """Returns outputs `[direction][T][units]`, and a label or None each step."""
  outputs = np.asarray(recurrence["outputs"], float)[:, :MOST_STEPS]
  several, count = outputs.shape[1], len(recurrence["outputs"][0])
  writes: list[Any] = [None] * count
  if recurrence["reads"] == "targets":
    names = [*picture["output"]]
    reads, writes = [START, *names][:count], [*names, END][:count]
  else:
    reads = list((picture["reads"] or {"values": []})["values"])
    reads = reads[::-1] if picture["reversed"] else reads
    if recurrence["writes"] == "every_step":
      writes = list(picture["output"])
    if recurrence["writes"] == "last":
      writes[-1] = picture["output"]
  if several < count:
    reads, writes = reads[:several], [*writes[: several - 1], writes[-1]]
    if recurrence["writes"] == "every_step":
      writes[-1] = MORE
    reads[-1:] = [MORE]
  return {
    "name": recurrence["name"],
    "colour": COLOURS[recurrence["reads"]],
    "outputs": outputs,
    "reads": reads,
    "writes": writes,
  }


def _draw_part(
  ax: Axes, part: Mapping[str, Any], start: float, scale: float
) -> None:
  lanes, steps, _ = part["outputs"].shape
  top = lanes * LANE - (LANE - HEIGHT)
  for lane, outputs_TU in enumerate(part["outputs"]):
    low = lane * LANE
    for t, units in enumerate(outputs_TU):
      _draw_box(ax, start + t, low, units, scale, part["colour"])
      if t:
        ends = [start + t - 1 + WIDTH / 2, start + t - WIDTH / 2]
        ends = ends[::-1] if lane else ends
        _arrow(ax, *((end, low + HEIGHT / 2) for end in ends))
  for t, (read, written) in enumerate(zip(part["reads"], part["writes"])):
    x = start + t
    _draw_read(ax, x, read)
    if written is not None:
      _arrow(ax, (x, top), (x, top + 0.4))
      ax.text(x, top + 0.45, _label(written), **_text(written, "bottom"))
  words = part["name"] if lanes == 1 else f"{part['name']}, both directions"
  words = "" if words == "stack" else words
  ax.text(
    start - WIDTH / 2,
    top + 0.5 + max(map(_height, part["writes"])),
    words,
    color=part["colour"],
    fontweight="bold",
    va="bottom",
  )


def _draw_box(
  ax: Axes, x: float, low: float, units: np.ndarray, scale: float, colour: str
) -> None:
  edges = (x - WIDTH / 2, x + WIDTH / 2, low, low + HEIGHT)
  ax.imshow(
    units[:, None],
    extent=edges,
    cmap=UNITS_MAP,
    vmin=-scale,
    vmax=scale,
    aspect="auto",
    interpolation="nearest",
  )
  xs = [edges[0], edges[1], edges[1], edges[0], edges[0]]
  ys = [edges[2], edges[2], edges[3], edges[3], edges[2]]
  ax.plot(xs, ys, color=colour, linewidth=1.6)


def _draw_read(ax: Axes, x: float, read: Any) -> None:
  if read is None:
    return
  if _is_strip(read):
    ax.imshow(
      np.asarray(read, float)[:, None],
      extent=(x - 0.2, x + 0.2, -1.35, -0.4),
      cmap="Greys",
      aspect="auto",
      interpolation="nearest",
    )
    _arrow(ax, (x, -0.37), (x, 0.0))
    return
  _arrow(ax, (x, -0.4), (x, 0.0))
  ax.text(x, -0.45, _label(read), **_text(read, "top"))


def _draw_image(ax: Axes, picture: Mapping[str, Any], start: float) -> None:
  """Draws the image that a vector is made of, in front of the first box."""
  width = _image_width(picture)
  if not width:
    return
  image = np.asarray(picture["reads"]["values"], float)
  colours = {}
  if image.shape[-1] == 1:
    image, colours = image[..., 0], {"cmap": "Greys", "vmin": 0.0, "vmax": 1.0}
  low = HEIGHT / 2 - 1.0
  ax.imshow(image.clip(0.0, 1.0), extent=(-0.3, 1.7, low, low + 2.0), **colours)
  _arrow(ax, (1.8, HEIGHT / 2), (start - WIDTH / 2, HEIGHT / 2))
  ax.text(0.7, low - 0.15, "image, as a vector", ha="center", va="top")


def _image_width(picture: Mapping[str, Any]) -> float:
  reads = picture["reads"]
  return 3.0 if reads and reads["form"] == "images" else 0.0


def _draw_attention(
  ax: Axes,
  picture: Mapping[str, Any],
  parts: Sequence[Mapping[str, Any]],
  start: float,
  bottom: float,
) -> None:
  """Draws a row of weights for each symbol, under the encoder's steps."""
  steps = parts[0]["outputs"].shape[1]
  weights = np.asarray(picture["attention"], float)[:, :steps]
  low = bottom - ROW * len(weights)
  edges = (start - 0.5, start + steps - 0.5, low, bottom)
  ax.imshow(
    weights, extent=edges, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto"
  )
  symbols = [*picture["output"], END][: len(weights)]
  for n, symbol in enumerate(symbols):
    y = bottom - ROW * (n + 0.5)
    ax.text(edges[1] + 0.15, y, style.plain(symbol), va="center", fontsize=9)
  ax.text(
    edges[1] + 1.6,
    (low + bottom) / 2,
    "attention: from where each written\nsymbol reads (dark: weight 1)",
    va="center",
  )


def _is_strip(label: Any) -> bool:
  return isinstance(label, list) and len(label) >= STRIP


def _height(label: Any) -> float:
  """Returns the room that a label needs below or above its step."""
  if label is None:
    return 0.0
  if _is_strip(label):
    return 0.95
  if isinstance(label, list):
    return 0.25 * len(label)
  is_long = len(label) > LONGEST_WORD and label not in (START, END)
  return 0.1 + 0.13 * len(label) if is_long else 0.4


def _arrow(
  ax: Axes, start: tuple[float, float], end: tuple[float, float]
) -> None:
  look = {"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.0}
  look |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
  ax.annotate("", xy=end, xytext=start, arrowprops=look)


def _label(value: Any) -> str:
  if isinstance(value, list):
    return "\n".join(f"{number:.2f}" for number in value)
  return style.plain("␣" if value == " " else value)


def _text(value: Any, va: str) -> dict[str, Any]:
  """Returns the look of a label; long words stand upright."""
  is_mark = value in (START, END, MORE)
  look = {"ha": "center", "va": va, "fontsize": 12}
  if is_mark or isinstance(value, list):
    look["fontsize"] = 8
  elif len(value) > LONGEST_WORD:
    look |= {"rotation": 90, "fontsize": 10}
  return look | {"color": "#666666" if is_mark else "black"}
