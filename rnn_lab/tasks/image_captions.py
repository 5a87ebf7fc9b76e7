"""Tasks of describing images in letters or words."""

import collections
import dataclasses
import math
import os
import pathlib
import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.rundir import TARGET_VOCABULARY
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import IMAGES, VECTOR_TO_SEQUENCE, Spec
from rnn_lab.tasks.batches import EVAL_SEEDS, epoch_indices, in_batches
from rnn_lab.tasks.pictures import read_picture
from rnn_lab.tasks.written import WrittenTask, commonest, until_end, written
from rnn_lab.text.scores import exact_match
from rnn_lab.text.words import WordIds
from rnn_lab.types import Array, Batch, Key

Metrics = Callable[[Array, Batch], dict[str, tuple[Array, Array]]]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class CaptioningTask(WrittenTask):
  """A task whose inputs are images and whose targets are their captions.

  Attributes:
    vocabulary: the letters or words of captions, with `<bos>` and `<eos>`.
    joint: what stands between two of them in a caption.
    summary: the line of `describe`.
  """

  vocabulary: WordIds
  joint: str
  summary: str

  def describe(self) -> str:
    """Returns a line with the numbers of images and symbols."""
    return self.summary

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes the vocabulary."""
    self.vocabulary.save(workdir / TARGET_VOCABULARY)

  @property
  def output_names(self) -> tuple[str, ...]:
    """The letters or words that are written, and the special ones."""
    return self.vocabulary.words

  def inputs_of(
    self, images: Sequence[np.ndarray | str | os.PathLike]
  ) -> Batch:
    """Returns a batch of images to be described; its targets are zeros.

    Args:
      images: N of them, `[rows, columns, channels]`, or `[rows, columns]` with
        a single channel, numbers in [0, 1]; or the path of an image file; or
        the place of one in a split, as "valid:0" or "test:17".

    Raises:
      FieldError: there are none, one has another shape or other values, a
        file cannot be read, or there is no such place. The field is `input`.
    """
    if not len(images):
      raise FieldError("input", "{field} must be at least one image, got none")
    spec = self.input_spec
    assert isinstance(spec, Spec)  # an image is the only input
    rows, columns = spec.shape
    shape = (rows, columns, spec.size)
    inputs = np.stack(
      [
        self._image_at(os.fspath(image), shape)
        if isinstance(image, str | os.PathLike)
        else _checked_image(image, shape)
        for image in images
      ]
    )
    size, length = len(inputs), self.output_spec.length
    targets = np.zeros((size, length), np.int32)
    return Batch(inputs, None, targets, np.ones((size, length), np.float32))

  def text_of(self, symbols: np.ndarray) -> str:
    """Returns the caption that symbols spell, up to the end symbol."""
    return self.joint.join(self.vocabulary.decode(symbols))

  def _image_at(self, place: str, shape: tuple[int, int, int]) -> np.ndarray:
    split, _, number = place.partition(":")
    if split in EVAL_SEEDS and re.fullmatch("[0-9]{1,9}", number):
      batches = self.eval_batches(split)
      weights = np.concatenate([batch.weights for batch in batches])
      size = int(weights.any(axis=1).sum())
      if int(number) < size:
        return np.concatenate([b.inputs for b in batches])[int(number)]
      raise FieldError(
        "input",
        f"{{field}} must be from {split}:0 to {split}:{size - 1}, got "
        f"{place!r}",
      )
    return read_picture(place, shape)


class Captioned(NamedTuple):
  """N images, uint8 `[N, rows, columns, channels]`, and their captions.

  Attributes:
    pixels: the images.
    captions: the letters or words of each caption.
  """

  pixels: np.ndarray
  captions: Sequence[Sequence[str]]


def captioning_task(
  name: str,
  batch_size: int,
  splits: Mapping[str, Captioned],
  vocabulary: WordIds,
  *,
  white: int,
  summary: str,
  joint: str = "",
  hashes: Mapping[str, str] = types.MappingProxyType({}),
  held_out: Captioned | None = None,
  metrics: Metrics = losses.class_metrics,
) -> CaptioningTask:
  """Makes a task of images and captions.

  Args:
    name, batch_size, hashes, metrics: see `Task`.
    splits: "train", "valid" and "test".
    vocabulary, joint, summary: see `CaptioningTask`.
    white: the pixel value that inputs have as 1.
    held_out: images that are added to the test split.

  Raises:
    FieldError: the batch size is larger than the number of training images, or
      the vocabulary lacks `<bos>` or `<eos>`.
  """
  size = len(splits["train"].captions)
  if batch_size > size:
    raise FieldError(
      "batch_size",
      f"{{field}} must be at most {size}, the images of the training split, "
      f"got {batch_size}",
    )
  start, end = vocabulary.start_and_end()
  data = _examples(splits["train"], vocabulary)
  evaluated = {split: [splits[split]] for split in EVAL_SEEDS}
  if held_out is not None:
    evaluated["test"].append(held_out)
  held = {
    split: in_batches(_as_floats(_examples(_joined(parts), vocabulary), white))
    for split, parts in evaluated.items()
  }
  # The metric that each example counts for, and its caption.
  references = {
    split: [
      (metric, vocabulary.encode(caption).tolist())
      for metric, part in zip(("exact_match", "exact_match_held_out"), parts)
      for caption in part.captions
    ]
    for split, parts in evaluated.items()
  }

  def batch(data: Batch, key: Key, step: Array) -> Batch:
    size = data.weights.shape[0]
    index_B = epoch_indices(key, step, batch_size, size)
    chosen = jax.tree.map(lambda a: jnp.asarray(a)[index_B], data)
    return _as_floats(chosen, white)

  def eval_batches(split: str) -> Sequence[Batch]:
    check_choice("split", split, EVAL_SEEDS)
    return held[split]

  def score(
    split: str,
    sequences: Sequence[np.ndarray],
    places: np.ndarray | None = None,
  ) -> dict[str, float]:
    check_choice("split", split, EVAL_SEEDS)
    known = references[split]
    known = known if places is None else [known[n] for n in places]
    pairs = collections.defaultdict(list)
    for symbols, (metric, caption) in zip(sequences, known, strict=True):
      pairs[metric].append((until_end(symbols, end), caption))
    return {metric: exact_match(*zip(*of)) for metric, of in pairs.items()}

  longest = max(len(c) for p in splits.values() for c in p.captions) + 1
  guess = commonest(splits["train"].captions, splits["test"].captions)
  rows, columns, channels = data.inputs.shape[1:]
  return CaptioningTask(
    name=name,
    pattern=VECTOR_TO_SEQUENCE,
    input_spec=Spec(1, channels, IMAGES, (rows, columns)),
    output_spec=Spec(longest, vocabulary.size),
    output="softmax",
    data=(data,),
    batch=batch,
    eval_batches=eval_batches,
    loss=losses.cross_entropy,
    metrics=metrics,
    headline="exact_match",
    maximize=True,
    baselines=types.MappingProxyType(
      {"exact_match": guess, "loss": math.log(vocabulary.size)}
    ),
    hashes=hashes,
    evaluator="sequences",
    predictor="written",
    reads_files=True,
    steps_per_epoch=size // batch_size,
    score=score,
    start=start,
    end=end,
    vocabulary=vocabulary,
    joint=joint,
    summary=summary,
  )


def _joined(parts: Sequence[Captioned]) -> Captioned:
  return Captioned(
    np.concatenate([part.pixels for part in parts]),
    [caption for part in parts for caption in part.captions],
  )


def _examples(captioned: Captioned, vocabulary: WordIds) -> Batch:
  """Returns all of a split as one batch, its images still integers."""
  symbols = [vocabulary.encode(caption) for caption in captioned.captions]
  _, end = vocabulary.start_and_end()
  targets, weights = written(symbols, end)
  return Batch(captioned.pixels, None, targets, weights)


def _as_floats(batch: Batch, white: int) -> Batch:
  """Scales images to [0, 1]; arrays of numpy stay numpy's."""
  return batch._replace(inputs=batch.inputs.astype(np.float32) / white)


def _checked_image(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  try:
    image = np.asarray(image, np.float32)
  except (TypeError, ValueError) as error:
    raise FieldError(
      "input", "{field} must be images, arrays of numbers"
    ) from error
  if shape[-1] == 1 and image.shape == shape[:-1]:
    image = image[..., None]
  if image.shape != shape:
    raise FieldError(
      "input",
      f"{{field}} must be images of shape {shape}, got {image.shape}",
    )
  # Written so that it is not true of nan.
  if not (image.min() >= 0.0 and image.max() <= 1.0):
    raise FieldError(
      "input",
      "{field} must be images of numbers from 0 to 1, got numbers from "
      f"{image.min():g} to {image.max():g}",
    )
  return image
