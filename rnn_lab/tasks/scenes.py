"""Small images of one or two coloured shapes, and captions that name them."""

from typing import NamedTuple

import numpy as np

from rnn_lab.errors import check_bool, check_int
from rnn_lab.tasks.base import MOST_EXAMPLES
from rnn_lab.tasks.draws import integers, random_bytes, uniforms

SIDE = 24
# A shape lies within one of four quadrants.
QUADRANT = SIDE // 2
SIZES = {"small": 5, "large": 9}
SHAPES = ("square", "circle", "triangle", "cross")
# Which of the channels red, green and blue are bright.
COLOURS = {
  "red": (1, 0, 0),
  "green": (0, 1, 0),
  "blue": (0, 0, 1),
  "yellow": (1, 1, 0),
  "cyan": (0, 1, 1),
  "magenta": (1, 0, 1),
}
# Added to the noise of a bright channel; the noise is below NOISE.
BRIGHTNESS = 192
NOISE = 32
# Never in training: each colour is missing with one shape, and each shape with
# one or two colours, so that all are frequent in other combinations.
HELD_OUT = (
  ("red", "circle"),
  ("green", "square"),
  ("blue", "triangle"),
  ("yellow", "cross"),
  ("cyan", "circle"),
  ("magenta", "triangle"),
)
SHARE_OF_ONE_OBJECT = 0.25
# Every word of every caption.
WORDS = (
  *("a", "above", "and", "in", "left", "lower", "of", "right", "the", "upper"),
  *(*SIZES, *COLOURS, *SHAPES),
)
_PAIRS = [(colour, shape) for colour in COLOURS for shape in SHAPES]


class _Objects(NamedTuple):
  """One object of each of N scenes, every field `[N]` integers.

  Attributes:
    size: index into SIZES.
    pair: index into _PAIRS.
    row: of the quadrant, 0 for the upper ones.
    column: of the quadrant, 0 for the left ones.
    top: distance in pixels from the upper edge of the quadrant.
    left: distance in pixels from its left edge.
  """

  size: np.ndarray
  pair: np.ndarray
  row: np.ndarray
  column: np.ndarray
  top: np.ndarray
  left: np.ndarray


def scenes(
  count: int, seed: int, held_out: bool = False
) -> tuple[np.ndarray, list[str]]:
  """Draws scenes with captions that follow from the image alone.

  A quarter of the scenes has one object, "a large green triangle in the upper
  left", the others two in different quadrants, of which the upper one is named
  first, or if they are side by side the left one: "a small red square above a
  large blue circle"; "left of", "above and left of" and "above and right of"
  are the other relations. Quadrants, sizes and the places within a quadrant are
  uniform, and so are the combinations of colour and shape among those allowed.
  All pixels have noise, and no two objects touch.

  Args:
    count: N, the number of scenes, from 1 up.
    seed: from 0 to 2^32 - 1; fewer scenes are the beginning of more.
    held_out: whether exactly one object of each scene has a combination of
      HELD_OUT; otherwise none has.

  Returns:
    Images, uint8 `[N, 24, 24, 3]`, red, green and blue; and N captions, of
    WORDS separated by blanks.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("count", count, 1, MOST_EXAMPLES)
  check_bool("held_out", held_out)
  stream = 2 * int(held_out)
  drawn = uniforms(seed, stream, (count, 11))
  is_single = drawn[:, 0] < SHARE_OF_ONE_OBJECT
  # The second quadrant is 1, 2 or 3 after the first, in a circle of four.
  quadrant_1 = integers(drawn[:, 1], 4)
  quadrant_2 = (quadrant_1 + 1 + integers(drawn[:, 2], 3)) % 4
  objects = [
    _draw_objects(
      # The first one drawn may be named first or second.
      drawn[:, 3 + 4 * n : 7 + 4 * n],
      quadrant,
      held_out and n == 0,
    )
    for n, quadrant in enumerate((quadrant_1, quadrant_2))
  ]
  images = random_bytes(seed, stream + 1, count * SIDE * SIDE * 3)
  images = images.reshape(count, SIDE, SIDE, 3) % np.uint8(NOISE)
  _render(images, objects[0], np.ones(count, bool))
  _render(images, objects[1], ~is_single)
  return images, _captions(objects[0], objects[1], is_single)


def _draw_objects(
  drawn_N4: np.ndarray, quadrant: np.ndarray, is_held_out: bool
) -> _Objects:
  """Makes objects from uniform numbers; `quadrant` `[N]` counts in rows."""
  size = integers(drawn_N4[:, 0], len(SIZES))
  allowed = np.array(
    [n for n, p in enumerate(_PAIRS) if (p in HELD_OUT) == is_held_out]
  )
  # The last row and column stay dark: no two objects touch.
  free = QUADRANT - np.array([*SIZES.values()])[size]
  return _Objects(
    size=size,
    pair=allowed[integers(drawn_N4[:, 1], len(allowed))],
    row=quadrant // 2,
    column=quadrant % 2,
    top=integers(drawn_N4[:, 2], free),
    left=integers(drawn_N4[:, 3], free),
  )


def _shape_mask(shape: str, side: int) -> np.ndarray:
  """Returns the pixels of a shape, booleans `[side, side]`, side odd."""
  centre = side // 2
  y, x = np.mgrid[:side, :side] - centre
  if shape == "square":
    return np.ones((side, side), bool)
  if shape == "circle":
    return x * x + y * y <= (side / 2) ** 2
  if shape == "triangle":
    return 2 * np.abs(x) <= y + centre
  thickness = side // 6
  return (np.abs(x) <= thickness) | (np.abs(y) <= thickness)


def _render(
  images: np.ndarray, objects: _Objects, is_shown: np.ndarray
) -> None:
  """Adds the objects that are shown to the images `[N, SIDE, SIDE, 3]`."""
  # Each shape with a margin, so that a window of it is a shifted shape.
  wide = np.zeros((len(SIZES), len(SHAPES), 2 * QUADRANT, 2 * QUADRANT), bool)
  for n, side in enumerate(SIZES.values()):
    inside = slice(QUADRANT, QUADRANT + side)
    for m, shape in enumerate(SHAPES):
      wide[n, m, inside, inside] = _shape_mask(shape, side)
  windows = np.lib.stride_tricks.sliding_window_view(
    wide, (QUADRANT, QUADRANT), axis=(2, 3)
  )
  mask_NYX = windows[
    objects.size,
    objects.pair % len(SHAPES),
    QUADRANT - objects.top,
    QUADRANT - objects.left,
  ]
  bright = np.array([*COLOURS.values()], np.uint8) * np.uint8(BRIGHTNESS)
  colour_N3 = bright[objects.pair // len(SHAPES)] * is_shown[:, None].astype(
    np.uint8
  )
  quadrants = images.reshape(-1, 2, QUADRANT, 2, QUADRANT, 3)
  n = np.arange(len(images))
  quadrants[n, objects.row, :, objects.column] += (
    mask_NYX[..., None] * colour_N3[:, None, None]
  )


def _captions(
  objects_1: _Objects, objects_2: _Objects, is_single: np.ndarray
) -> list[str]:
  """Writes the captions."""
  phrases = [
    f"a {size} {colour} {shape}" for size in SIZES for colour, shape in _PAIRS
  ]
  names, corners = [], []
  for objects in objects_1, objects_2:
    names.append((objects.size * len(_PAIRS) + objects.pair).tolist())
    corners.append(zip(objects.row.tolist(), objects.column.tolist()))
  captions = []
  for alone, *named, corner_1, corner_2 in zip(
    is_single.tolist(), *names, *corners
  ):
    first, second = (phrases[name] for name in named)
    if alone:
      row, column = corner_1
      corner = f"{('upper', 'lower')[row]} {('left', 'right')[column]}"
      captions.append(f"{first} in the {corner}")
      continue
    if corner_2 < corner_1:
      first, second = second, first
      corner_1, corner_2 = corner_2, corner_1
    captions.append(f"{first} {_relation(corner_1, corner_2)} {second}")
  return captions


def _relation(first: tuple[int, int], second: tuple[int, int]) -> str:
  """Names the relation of two quadrants (row, column), first < second."""
  if first[0] == second[0]:
    return "left of"
  if first[1] == second[1]:
    return "above"
  return "above and left of" if first[1] < second[1] else "above and right of"
