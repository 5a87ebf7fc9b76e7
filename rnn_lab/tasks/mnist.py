"""MNIST as sequences, read from a folder or downloaded."""

import functools
import hashlib
import os
import types
from pathlib import Path

import numpy as np

from rnn_lab.downloads import fetch
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.idx import parse_idx
from rnn_lab.tasks.images import CLASSES, Corpus, Images, Source, image_task
from rnn_lab.text.files import read_stored

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# The sha256 of each gzipped file of the mirror.
FILES = {
  "train-images-idx3-ubyte": (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
  ),
  "train-labels-idx1-ubyte": (
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
  ),
  "t10k-images-idx3-ubyte": (
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
  ),
  "t10k-labels-idx1-ubyte": (
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
  ),
}
# One training image in this many is for validation: 5,000 of the 60,000.
VALID_SHARE = 12


def mnist(
  batch_size: int,
  order: str = "row",
  gap: int = 0,
  gap_fill: str = "noise",
  data_dir: str | None = None,
) -> Task:
  """Makes the task of classifying digits of 28 x 28 pixels as sequences.

  70,000 images of ten classes: 55,000 for training, the last 5,000 of the
  original 60,000 for validation, and the original 10,000 for the test. The
  sequences and the baselines are described in `images.image_task`.

  LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to
  Document Recognition", 1998.

  Args:
    batch_size: B, at most 55,000.
    order: "row" (28 steps of 28 pixels), "pixel" (784 steps of one), or
      "permuted" (the same 784 in one fixed random order).
    gap: number of steps after the image, at least 0.
    gap_fill: the inputs of the gap: "noise", uniform in [0, 1), or "zeros".
    data_dir: a folder with the four idx files, gzipped or not; `None`
      downloads them once into the user's cache.

  Returns:
    The task: inputs `[B, 28 + gap, 28]` or `[B, 784 + gap, 1]`, targets
    `[B]`.

  Raises:
    FieldError: an argument is invalid, a file is missing or damaged, or a
      download failed.
  """
  if not isinstance(data_dir, str | os.PathLike | None):
    raise FieldError(
      "data_dir",
      f"{{field}} must be the path of a folder or None, got {data_dir!r}",
    )
  if data_dir is not None:
    data_dir = os.fspath(data_dir)
  source = Source("mnist", read_mnist, (data_dir,))
  return image_task(source, batch_size, order, gap, gap_fill)


@functools.cache
def read_mnist(data_dir: str | None) -> Corpus:
  """Reads the images, values 0 to 255, in their three splits.

  Args:
    data_dir: as in `mnist`.

  Raises:
    FieldError: a file is missing or damaged, or a download failed.
  """
  if data_dir is None:
    paths = {
      name: fetch(f"{MIRROR}{name}.gz", "mnist", sha256, _folder())
      for name, sha256 in FILES.items()
    }
  else:
    paths = {name: _find(data_dir, name) for name in FILES}

  def damaged(name, words):
    return FieldError(
      "data_dir",
      f"{{field}} must hold undamaged files; {str(paths[name])!r} {words}",
    )

  hashes = {}

  def images(part):
    arrays = []
    for kind, rank in ("images-idx3", 3), ("labels-idx1", 1):
      name = f"{part}-{kind}-ubyte"
      try:
        stored = read_stored(paths[name])
        arrays.append(parse_idx(stored, rank))
      except ValueError as error:
        raise damaged(name, error) from error
      hashes[paths[name].name] = hashlib.sha256(stored).hexdigest()
    pixels, labels = arrays
    if len(pixels) != len(labels):
      words = f"has {len(labels)} labels for {len(pixels)} images"
      raise damaged(f"{part}-labels-idx1-ubyte", words)
    if labels.size and labels.max() >= CLASSES:
      words = f"has the label {labels.max()}, not 0 to 9"
      raise damaged(f"{part}-labels-idx1-ubyte", words)
    return Images(pixels, labels)

  train, test = images("train"), images("t10k")
  for part, split, least in ("train", train, VALID_SHARE), ("t10k", test, 1):
    if len(split.labels) < least:
      words = f"has {len(split.labels)} images, fewer than {least}"
      raise damaged(f"{part}-images-idx3-ubyte", words)
  if train.pixels.shape[1:] != test.pixels.shape[1:]:
    sides = [" x ".join(map(str, x.pixels.shape[1:])) for x in (test, train)]
    words = f"has images of {sides[0]}, not {sides[1]} as in training"
    raise damaged("t10k-images-idx3-ubyte", words)
  return _corpus(train, test, hashes)


def _corpus(train: Images, test: Images, hashes: dict[str, str]) -> Corpus:
  """Makes the three splits."""
  cut = len(train.labels) - len(train.labels) // VALID_SHARE
  return Corpus(
    splits={
      "train": Images(train.pixels[:cut], train.labels[:cut]),
      "valid": Images(train.pixels[cut:], train.labels[cut:]),
      "test": test,
    },
    white=np.iinfo(np.uint8).max,
    hashes=types.MappingProxyType(hashes),
  )


def _find(data_dir: str, name: str) -> Path:
  """Finds a file by name: with a dot or a hyphen, gzipped or not."""
  dotted = name.replace("-idx", ".idx")
  folder = local_path("data_dir", data_dir)
  for candidate in (name, dotted, f"{name}.gz", f"{dotted}.gz"):
    path = folder / candidate
    if path.is_file():
      return path
  raise FieldError(
    "data_dir", f"{{field}} must be {_folder()}; {data_dir!r} has no {name}"
  )


def _folder() -> str:
  return f"a folder that holds {', '.join(FILES)}, each gzipped or not"
