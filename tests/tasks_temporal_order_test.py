"""Temporal order: each sequence is spelled out and classified by hand."""

import functools

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnn_lab.tasks import Spec, build
from rnn_lab.tasks.temporal_order import SHORTEST, windows

CLASSES = {
  2: ["XX", "XY", "YX", "YY"],
  3: ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"],
}
AT_100 = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}


@functools.cache
def made(num_relevant, length, n=1000):
  section = {
    "name": "temporal_order",
    "num_relevant": num_relevant,
    "length": length,
  }
  task = build(section, n)
  batch = jax.jit(task.batch)(task.data[0], jax.random.key(8), 3)
  return task, jax.tree.map(np.asarray, batch)


def spell(one_hot, length):
  """The word that a sequence spells; past its length it must be zero."""
  assert not one_hot[length:].any()
  assert_array_equal(np.sort(one_hot[:length])[:, -2:], [[0, 1]] * length)
  return "".join("EBabcdXY"[int(np.argmax(x))] for x in one_hot[:length])


@pytest.mark.parametrize(
  "num_relevant, length", [(2, 100), (3, 100), (3, SHORTEST)]
)
def test_class_is_the_order_of_x_and_y(num_relevant, length):
  task, batch = made(num_relevant, length)
  assert task.input_spec == Spec(length + length // 10, 8)
  assert task.output_spec == Spec(1, 2**num_relevant)
  places = [set() for _ in range(num_relevant)]
  lengths, classes, distractors = set(), set(), set()
  for one_hot, steps, target in zip(
    batch.inputs, batch.input_lengths, batch.targets
  ):
    word = spell(one_hot, int(steps))
    assert word[0] == "E" and word[-1] == "B"
    inner = word[1:-1]
    assert not set(inner) & set("EB")
    relevant = [t for t, symbol in enumerate(word) if symbol in "XY"]
    assert len(relevant) == num_relevant
    order = "".join(word[t] for t in relevant)
    assert CLASSES[num_relevant][target] == order
    for found, place in zip(places, relevant):
      found.add(place)
    lengths.add(int(steps))
    classes.add(order)
    distractors |= set(inner) - set("XY")
  # All that may occur does, and nothing else, in 1,000 sequences.
  assert lengths == set(range(length, length + length // 10 + 1))
  assert classes == set(CLASSES[num_relevant])
  assert distractors == set("abcd")
  for found, (low, high) in zip(places, AT_100[num_relevant]):
    low, high = low * length // 100, high * length // 100
    assert found == set(range(low, high + 1))


@pytest.mark.parametrize("num_relevant", [2, 3])
def test_windows_are_disjoint_and_inside_at_every_length(num_relevant):
  for length in range(SHORTEST, 1000):
    ends = [step for window in windows(num_relevant, length) for step in window]
    assert ends[0] > 0  # behind E
    assert ends[-1] < length - 1  # before B of the shortest sequence
    assert all(low <= high for low, high in zip(ends[::2], ends[1::2]))
    assert all(high < low for high, low in zip(ends[1::2], ends[2::2]))


def test_shortest_length_is_tight():
  assert windows(2, SHORTEST - 1)[0][0] == 0  # on top of E


@pytest.mark.parametrize("num_relevant", [2, 3])
def test_classes_are_equally_frequent(num_relevant):
  _, batch = made(num_relevant, 100)
  counts = np.bincount(batch.targets)
  expected = 1000 / 2**num_relevant
  assert (np.abs(counts - expected) < 4 * np.sqrt(expected)).all()
