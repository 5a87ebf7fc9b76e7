"""Scenes, whose captions are written again from the pixels by counting."""

import collections
import functools
import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks.scenes import COLOURS, HELD_OUT, SHAPES, WORDS, scenes

COUNT = 1_000
# From the height and the number of pixels, counted by hand.
SHAPE_OF = {
  (5, 25): "small square",
  (5, 21): "small circle",
  (5, 13): "small triangle",
  (5, 9): "small cross",
  (9, 81): "large square",
  (9, 69): "large circle",
  (9, 41): "large triangle",
  (9, 45): "large cross",
}
COLOUR_OF = {
  (1, 0, 0): "red",
  (0, 1, 0): "green",
  (0, 0, 1): "blue",
  (1, 1, 0): "yellow",
  (0, 1, 1): "cyan",
  (1, 0, 1): "magenta",
}
CORNERS = ["upper left", "upper right", "lower left", "lower right"]
RELATIONS = {
  (0, 1): "left of",
  (2, 3): "left of",
  (0, 2): "above",
  (1, 3): "above",
  (0, 3): "above and left of",
  (1, 2): "above and right of",
}


def describe(image):
  """Writes the caption of an image."""
  found = {}
  for n, (row, column) in enumerate(itertools.product((0, 12), (0, 12))):
    bright = image[row : row + 12, column : column + 12] > 127
    places = np.argwhere(bright.any(axis=-1))
    if len(places) == 0:
      continue
    height, width = np.ptp(places, axis=0) + 1
    assert height == width
    # Every pixel has the same colour.
    [colour] = np.unique(bright[tuple(places.T)], axis=0)
    size, shape = SHAPE_OF[height, len(places)].split()
    colour = COLOUR_OF[tuple(colour.astype(int).tolist())]
    found[n] = f"a {size} {colour} {shape}"
  phrases = [*found.values()]
  if len(found) == 1:
    return f"{phrases[0]} in the {CORNERS[min(found)]}"
  return f"{phrases[0]} {RELATIONS[tuple(found)]} {phrases[1]}"


made = functools.cache(lambda held_out: scenes(COUNT, 7, held_out))
both = pytest.mark.parametrize("held_out", [False, True])


@both
def test_captions_follow_from_the_pixels(held_out):
  images, captions = made(held_out)
  assert images.shape == (COUNT, 24, 24, 3) and images.dtype == np.uint8
  assert [describe(image) for image in images] == captions


def test_masks_of_shapes():
  """Each shape once, where it is alone and small."""
  images, captions = made(False)
  expected = {
    "circle": [".###.", "#####", "#####", "#####", ".###."],
    "triangle": ["..#..", "..#..", ".###.", ".###.", "#####"],
    "cross": ["..#..", "..#..", "#####", "..#..", "..#.."],
  }
  for shape, rows in expected.items():
    n = next(
      n
      for n, caption in enumerate(captions)
      if caption.startswith("a small") and f"{shape} in the" in caption
    )
    bright = (images[n] > 127).any(axis=-1)
    (top, left), (bottom, right) = (
      bound(np.argwhere(bright), axis=0) for bound in (np.min, np.max)
    )
    box = bright[top : bottom + 1, left : right + 1]
    assert ["".join(".#"[int(p)] for p in row) for row in box] == rows


def pairs_of(caption):
  """The combinations of colour and shape that a caption names."""
  words = caption.split()
  return [
    (words[n - 1], word) for n, word in enumerate(words) if word in SHAPES
  ]


def test_held_out_combinations():
  """One in each scene, never in training; all occur, and all parts of them."""
  training = collections.Counter()
  for caption in made(False)[1]:
    training.update(pairs_of(caption))
  assert not training.keys() & {*HELD_OUT}
  assert len(training) == len(COLOURS) * len(SHAPES) - len(HELD_OUT) == 18
  total = sum(training.values())
  # Each is near its share of 1/18.
  assert min(training.values()) > 0.7 * total / 18
  for colour in COLOURS:
    assert sum(n for (c, _), n in training.items() if c == colour) > total / 10
  for shape in SHAPES:
    assert sum(n for (_, s), n in training.items() if s == shape) > total / 6
  held, other = collections.Counter(), collections.Counter()
  for caption in made(True)[1]:
    pairs = pairs_of(caption)
    assert sum(pair in HELD_OUT for pair in pairs) == 1
    held.update(pair for pair in pairs if pair in HELD_OUT)
    other.update(pair for pair in pairs if pair not in HELD_OUT)
  assert {*held} == {*HELD_OUT} and {*other} == {*training}
  assert min(held.values()) > 0.7 * COUNT / 6


def test_either_object_may_be_the_held_out_one():
  first = [pairs_of(c)[0] in HELD_OUT for c in made(True)[1] if "the" not in c]
  assert 0.4 < np.mean(first) < 0.6


@both
def test_relations_and_words(held_out):
  captions = made(held_out)[1]
  assert {word for caption in captions for word in caption.split()} == {*WORDS}
  assert len(WORDS) == len({*WORDS})
  alone = [caption for caption in captions if " in the " in caption]
  assert 0.2 < len(alone) / COUNT < 0.3
  for corner in CORNERS:
    share = np.mean([caption.endswith(corner) for caption in alone])
    assert 0.15 < share < 0.35
  # Of 6 pairs of quadrants 2 are side by side, 2 above each other.
  pairs = COUNT - len(alone)
  counts = collections.Counter(
    " ".join(caption.split()[4:-4])
    for caption in captions
    if " in the " not in caption
  )
  expected = {
    "left of": 1 / 3,
    "above": 1 / 3,
    "above and left of": 1 / 6,
    "above and right of": 1 / 6,
  }
  assert counts.keys() == expected.keys()
  for relation, share in expected.items():
    assert abs(counts[relation] / pairs - share) < 0.06


def test_objects_are_everywhere_but_never_touch():
  images, captions = made(False)
  bright = (images > 127).any(axis=-1)
  seen = bright.any(axis=0)
  dark = np.isin(np.arange(24), (11, 23))
  assert_array_equal(seen, ~dark[:, None] & ~dark[None])
  noise = images[~bright]
  assert noise.min() == 0 and noise.max() == 31
  assert (np.bincount(noise.ravel(), minlength=32) > 0).all()
  bright_values = images[images > 127]
  assert bright_values.min() == 192 and bright_values.max() == 223
  assert not np.array_equal(images[0] % 32, images[1] % 32)


@both
def test_fewer_scenes_are_the_beginning_of_more(held_out):
  images, captions = made(held_out)
  fewer, first = scenes(123, 7, held_out)
  assert_array_equal(fewer, images[:123])
  assert first == captions[:123]
  other, _ = scenes(5, 8, held_out)
  assert not any(np.array_equal(a, b) for a, b in zip(other, images))


def test_held_out_scenes_are_drawn_on_their_own():
  images, other = made(False)[0][:20], made(True)[0][:20]
  assert all((a % 32 != b % 32).mean() > 0.9 for a, b in zip(images, other))


@pytest.mark.parametrize(
  "arguments, words",
  [
    ((0, 1), "count must be an integer from 1 to 100000, got 0"),
    ((5, -1), "seed must be an integer from 0 to"),
    ((5, 1, "valid"), "held_out must be true or false, got 'valid'"),
  ],
)
def test_bad_arguments(arguments, words):
  with pytest.raises(FieldError, match=f"^{words}"):
    scenes(*arguments)
