"""The handwritten digits of scikit-learn: real images without a download."""

import functools
import hashlib
import types
from typing import cast

import numpy as np

from rnn_lab.tasks.base import Task
from rnn_lab.tasks.images import Corpus, Images, Source, image_task

# Fixed splits, so that results are comparable.
SPLIT_SEED = 1797
TRAIN, VALID, TEST = 1257, 180, 360


def digits(
  batch_size: int, order: str = "row", gap: int = 0, gap_fill: str = "noise"
) -> Task:
  """Makes the task of classifying digits of 8 x 8 pixels as sequences.

  1,797 images of ten classes: 1,257 for training, 180 for validation and 360
  for the test, in one fixed random split. The sequences and the baselines are
  described in `images.image_task`.

  Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
  Learning Repository, 1998: the part included in scikit-learn.

  Args:
    batch_size: B, at most 1,257.
    order: "row" (8 steps of 8 pixels), "pixel" (64 steps of one), or
      "permuted" (the same 64 in one fixed random order).
    gap: number of steps after the image, at least 0.
    gap_fill: the inputs of the gap: "noise", uniform in [0, 1), or "zeros".

  Returns:
    The task: inputs `[B, 8 + gap, 8]` or `[B, 64 + gap, 1]`, targets `[B]`.

  Raises:
    FieldError: an argument is out of range.
  """
  source = Source("digits", read_digits)
  return image_task(source, batch_size, order, gap, gap_fill)


@functools.cache
def read_digits() -> Corpus:
  """Reads the images, values 0 to 16, in their three splits."""
  # Imported here: scikit-learn takes long to import.
  from sklearn.datasets import load_digits
  from sklearn.utils import Bunch

  bunch = cast(Bunch, load_digits())
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
