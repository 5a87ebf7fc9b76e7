"""Scikit-learn's handwritten digits: real images that need no network."""

import functools
import hashlib
import types

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.images import Corpus, Images, Layout, Source, image_task

# The splits, the same for ever: results are comparable only if they are.
SPLIT_SEED = 1797
TRAIN, VALID, TEST = 1257, 180, 360


@cached
def digits(
  batch_size: int, order: str = "row", gap: int = 0, gap_fill: str = "noise"
) -> Task:
  """The class of a handwritten digit of 8 x 8 pixels, read as a sequence.

  1,797 images of ten classes, 1,257 to train on, 180 for validation and 360
  for the test, in one fixed random split. How an image becomes a sequence, and
  what the baselines mean, is said in `images.image_task`.

  Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
  Learning Repository, 1998: the part of it that scikit-learn holds.

  Args:
    batch_size: B, at most 1,257.
    order: "row" (8 steps of 8 pixels), "pixel" (64 steps of one), or
      "permuted" (the same 64 in one fixed random order).
    gap: steps between the image and the question, from 0 up.
    gap_fill: what the gap shows: "noise", uniform in [0, 1), or "zeros".

  Returns:
    The task: inputs `[B, 8 + gap, 8]` or `[B, 64 + gap, 1]`, targets `[B]`.

  Raises:
    FieldError: an argument is not what it may be.
  """
  source = Source("digits", read_digits)
  return image_task(source, batch_size, Layout(order, gap, gap_fill))


@functools.cache
def read_digits() -> Corpus:
  """The images, values 0 to 16, in their three splits."""
  # Imported here: scikit-learn would double the time to import this package.
  from sklearn.datasets import load_digits

  bunch = load_digits()
  pixels = bunch.images.astype(np.uint8)
  labels = bunch.target.astype(np.uint8)
  order = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
  parts = np.split(order, [TRAIN, TRAIN + VALID])
  digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
  return Corpus(
    splits={
      split: Images(pixels[part], labels[part])
      for split, part in zip(("train", "valid", "test"), parts)
    },
    white=16,
    hashes=types.MappingProxyType({"sklearn digits": digest}),
  )
