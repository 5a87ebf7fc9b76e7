"""MNIST, read as a sequence: from a folder, or downloaded by name."""

import functools
import hashlib
import os
import types
from pathlib import Path

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import FieldError
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.idx import parse_idx
from rnn_lab.tasks.images import (
  CLASSES,
  Corpus,
  Images,
  Layout,
  Source,
  image_task,
)

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# The sha256 of each file as the mirror has it, gzipped.
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
# One training image in so many is for validation: 5,000 of the 60,000.
VALID_SHARE = 12


@cached
def mnist(
  batch_size: int,
  order: str = "row",
  gap: int = 0,
  gap_fill: str = "noise",
  data_dir: str | None = None,
) -> Task:
  """The class of a handwritten digit of 28 x 28 pixels, read as a sequence.

  70,000 images of ten classes: 55,000 to train on, the last 5,000 of the
  original 60,000 for validation, and the original 10,000 for the test. How an
  image becomes a sequence, and what the baselines mean, is said in
  `images.image_task`.

  LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to
  Document Recognition", 1998.

  Args:
    batch_size: B, at most 55,000.
    order: "row" (28 steps of 28 pixels), "pixel" (784 steps of one), or
      "permuted" (the same 784 in one fixed random order).
    gap: steps between the image and the question, from 0 up.
    gap_fill: what the gap shows: "noise", uniform in [0, 1), or "zeros".
    data_dir: a folder with the four idx files, as published or unpacked;
      `None` downloads them once into the user's cache.

  Returns:
    The task: inputs `[B, 28 + gap, 28]` or `[B, 784 + gap, 1]`, targets
    `[B]`.

  Raises:
    FieldError: an argument is not what it may be, a file is missing or
      damaged, or there is no network.
  """
  if not isinstance(data_dir, str | os.PathLike | None):
    raise FieldError(
      "data_dir",
      f"{{field}} must be the path of a folder or None, got {data_dir!r}",
    )
  if data_dir is not None:
    data_dir = os.fspath(data_dir)
  source = Source("mnist", read_mnist, (data_dir,))
  return image_task(source, batch_size, Layout(order, gap, gap_fill))


@functools.cache
def read_mnist(data_dir: str | None) -> Corpus:
  """The images, values 0 to 255, in their three splits.

  Args:
    data_dir: as in `mnist`.

  Raises:
    FieldError: a file is missing or damaged, or there is no network.
  """
  if data_dir is None:
    paths = _download()
  else:
    paths = {name: _find(data_dir, name) for name in FILES}
  raw = {name: path.read_bytes() for name, path in paths.items()}

  def damaged(name, words):
    return FieldError(
      "data_dir",
      f"{{field}} must hold undamaged files; {str(paths[name])!r} {words}",
    )

  def images(part):
    arrays = []
    for name, rank in (f"{part}-images-idx3", 3), (f"{part}-labels-idx1", 1):
      try:
        arrays.append(parse_idx(raw[f"{name}-ubyte"], rank))
      except ValueError as error:
        raise damaged(f"{name}-ubyte", error) from error
    pixels, labels = arrays
    if len(pixels) != len(labels):
      words = f"has {len(labels)} labels for {len(pixels)} images"
      raise damaged(f"{part}-labels-idx1-ubyte", words)
    if labels.size and labels.max() >= CLASSES:
      words = f"has the label {labels.max()}, not 0 to 9"
      raise damaged(f"{part}-labels-idx1-ubyte", words)
    return Images(pixels, labels)

  train, test = images("train"), images("t10k")
  for part, found, least in ("train", train, VALID_SHARE), ("t10k", test, 1):
    if len(found.labels) < least:
      words = f"has {len(found.labels)} images, fewer than {least}"
      raise damaged(f"{part}-images-idx3-ubyte", words)
  if train.pixels.shape[1:] != test.pixels.shape[1:]:
    sides = [" x ".join(map(str, x.pixels.shape[1:])) for x in (test, train)]
    words = f"has images of {sides[0]}, not {sides[1]} as in training"
    raise damaged("t10k-images-idx3-ubyte", words)
  return _corpus(train, test, paths, raw)


def _corpus(
  train: Images, test: Images, paths: dict[str, Path], raw: dict[str, bytes]
) -> Corpus:
  """The three splits, and the hashes of the files that were read."""
  cut = len(train.labels) - len(train.labels) // VALID_SHARE
  hashes = {
    paths[name].name: hashlib.sha256(raw[name]).hexdigest() for name in FILES
  }
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
  """The file of that name: with a dot or a hyphen, gzipped or not."""
  dotted = name.replace("-idx", ".idx")
  for candidate in (name, dotted, f"{name}.gz", f"{dotted}.gz"):
    path = Path(data_dir).expanduser() / candidate
    if path.is_file():
      return path
  raise FieldError(
    "data_dir", f"{{field}} must be {_folder()}; {data_dir!r} has no {name}"
  )


def _download() -> dict[str, Path]:
  """The four files in the user's cache, downloaded and verified if need be."""
  # Imported here: it brings an HTTP client that no other task needs.
  import pooch

  # Its notices of each file would surround the one line of an error.
  pooch.get_logger().setLevel("WARNING")
  paths = {}
  for name, sha256 in FILES.items():
    try:
      path = pooch.retrieve(
        url=f"{MIRROR}{name}.gz",
        known_hash=f"sha256:{sha256}",
        fname=f"{name}.gz",
        path=pooch.os_cache("rnn_lab") / "mnist",
      )
    except (OSError, ValueError) as error:
      # No network, no place to write (OSError), or another hash (ValueError).
      raise FieldError(
        "data_dir",
        f"{{field}} must be set to {_folder()}: the download from {MIRROR} "
        f"failed ({type(error).__name__})",
      ) from error
    paths[name] = Path(path)
  return paths


def _folder() -> str:
  return f"a folder that holds {', '.join(FILES)}, each as it is or as .gz"
