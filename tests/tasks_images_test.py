"""The image tasks, on scikit-learn's digits: splits, orders, epochs, gaps."""

import functools
import hashlib

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from rnn_lab.tasks import Spec, build
from rnn_lab.tasks.digits import read_digits
from rnn_lab.tasks.images import pixel_permutation


@functools.cache
def compiled(batch_size, **arguments):
  task = build({"name": "digits", **arguments}, batch_size)
  return task, functools.partial(jax.jit(task.batch), task.data[0])


def held_out(task, split):
  """The batches of a split as one."""
  batches = task.eval_batches(split)
  return jax.tree.map(lambda *arrays: np.concatenate(arrays), *batches)


def lines(images, labels):
  """A sorted list of (pixels, label): the same set, whatever the order."""
  return sorted((x.tobytes(), int(y)) for x, y in zip(images, labels))


def whole():
  bunch = load_digits()
  return bunch.images.astype(np.uint8), bunch.target


def test_splits_are_disjoint_and_cover_everything():
  splits = read_digits().splits
  sizes = {split: len(part.labels) for split, part in splits.items()}
  assert sizes == {"train": 1257, "valid": 180, "test": 360}
  parts = [splits[name] for name in ("train", "valid", "test")]
  joined = [np.concatenate(x) for x in zip(*parts)]
  # As multisets: no image is lost, none is in two splits.
  assert lines(*joined) == lines(*whole())
  assert len(set(lines(*joined))) == 1797


def test_splits_are_fixed_for_ever():
  part = read_digits().splits["test"]
  digest = hashlib.sha256(part.pixels.tobytes() + part.labels.tobytes())
  assert digest.hexdigest()[:16] == "c54b6a96cbce07aa"
  assert min(np.bincount(part.labels)) >= 20  # each class occurs


def test_hash_is_of_the_data_read():
  images, labels = whole()
  digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes())
  task, _ = compiled(16)
  assert task.hashes == {"sklearn digits": digest.hexdigest()}


def test_an_epoch_shows_each_image_once():
  # 1,257 = 3 * 419: no remainder, so every image must turn up.
  _, batch = compiled(419)
  key = jax.random.key(3)
  train = read_digits().splits["train"]
  orders = []
  for epoch in range(2):
    steps = [batch(key, 3 * epoch + n) for n in range(3)]
    inputs = np.concatenate([np.asarray(s.inputs) for s in steps])
    labels = np.concatenate([np.asarray(s.targets) for s in steps])
    pixels = np.rint(inputs * 16).astype(np.uint8)
    assert lines(pixels, labels) == lines(*train)
    orders.append(labels.tobytes())
  assert orders[0] != orders[1]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_eval_batches_hold_the_split(split):
  held = held_out(compiled(16)[0], split)
  used = held.weights == 1
  pixels = np.rint(held.inputs[used] * 16).astype(np.uint8)
  part = read_digits().splits[split]
  assert lines(pixels, held.targets[used]) == lines(*part)


def test_orders_show_the_same_pixels():
  key = jax.random.key(0)
  by_row, by_pixel, permuted = (
    np.asarray(compiled(6, order=order)[1](key, 2).inputs)
    for order in ("row", "pixel", "permuted")
  )
  assert by_row.shape == (6, 8, 8)
  assert by_row.min() == 0 and by_row.max() == 1
  assert_array_equal(by_pixel, by_row.reshape(6, 64, 1))
  order = pixel_permutation(64)
  assert_array_equal(np.sort(order), np.arange(64))
  assert (np.diff(order) != 1).sum() > 50
  for step in range(64):
    row, column = divmod(int(order[step]), 8)
    assert_array_equal(permuted[:, step, 0], by_row[:, row, column])
  # Another batch size, another key, evaluation: the same permutation.
  task = compiled(7, order="permuted")[0]
  valid = held_out(task, "valid").inputs.reshape(180, 64)
  plain = read_digits().splits["valid"].pixels.reshape(180, 64)
  assert_array_equal(valid * 16, plain[:, order])


def test_noise_fills_the_gap():
  task, batch = compiled(6, gap=50)
  assert task.input_spec == Spec(58, 8)
  key = jax.random.key(0)
  made = np.asarray(batch(key, 0).inputs)
  assert_array_equal(made[:, :8], compiled(6)[1](key, 0).inputs)
  gap = made[:, 8:]
  assert gap.shape == (6, 50, 8)
  assert gap.min() >= 0 and gap.max() <= 1
  # 2,400 uniform numbers: mean 1/2 and standard deviation 0.289 / 49.
  assert abs(gap.mean() - 0.5) < 4 * 0.289 / 49
  assert len(np.unique(gap)) > 2390  # no two examples or steps share it
  others = [batch(key, n).inputs[:, 8:] for n in (1, 210)]
  others += [batch(jax.random.key(1), 0).inputs[:, 8:]]
  for other in others:
    assert not np.isin(np.asarray(other), gap).mean() > 0.01


def test_zeros_fill_the_gap():
  _, batch = compiled(6, gap=5, gap_fill="zeros", order="pixel")
  made = np.asarray(batch(jax.random.key(0), 0).inputs)
  assert made.shape == (6, 69, 1)
  assert_array_equal(made[:, 64:], np.zeros((6, 5, 1)))
  assert made[:, :64].max() == 1


def test_noise_of_the_eval_splits_differs():
  task = build({"name": "digits", "gap": 3}, 6)
  gaps = [
    np.asarray(task.eval_batches(split)[0].inputs)[0, 8:]
    for split in ("valid", "test")
  ]
  assert not np.isin(gaps[0], gaps[1]).any()
