"""Tasks of classifying images read row by row or pixel by pixel."""

import functools
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import LONGEST, SEQUENCE_TO_VECTOR, Spec, Task
from rnn_lab.tasks.batches import EVAL_SEEDS, epoch_indices, in_batches
from rnn_lab.types import Array, Batch, Key

ORDERS = ("row", "pixel", "permuted")
GAP_FILLS = ("noise", "zeros")
CLASSES = 10
# The one permutation of the pixels, for every seed and every run.
PERMUTATION_SEED = 92916


class Images(NamedTuple):
  """Labelled images: `pixels` uint8, N first, and `labels` `[N]`, integers."""

  pixels: np.ndarray | Array
  labels: np.ndarray | Array


class Corpus(NamedTuple):
  """A data set of images.

  Attributes:
    splits: "train", "valid" and "test", pixels `[N, rows, columns]`.
    white: the largest pixel value; the smallest is 0.
    hashes: `{file or data set: sha256}`.
  """

  splits: Mapping[str, Images]
  white: int
  hashes: Mapping[str, str]


class Source(NamedTuple):
  """The source of a corpus, hashable so that caches can be keyed by it.

  Attributes:
    name: the name of the task.
    read: a cached function that returns the corpus.
    arguments: the arguments of `read`.
  """

  name: str
  read: Callable[..., Corpus]
  arguments: tuple = ()

  def corpus(self) -> Corpus:
    """Returns the data set, which is read once."""
    return self.read(*self.arguments)


@cached
def image_task(
  source: Source, batch_size: int, order: str, gap: int, gap_fill: str
) -> Task:
  """Makes the task of classifying images that are read as sequences.

  The steps are the rows of an image (order "row"), its pixels from the upper
  left ("pixel"), or its pixels in one fixed random order ("permuted"), scaled
  to [0, 1]. `gap` steps follow, of uniform noise in [0, 1), new at every
  training step (gap_fill "noise"), or of zeros. The class is predicted after
  the last step.

  Pixel by pixel and permuted: Le, Jaitly & Hinton, "A Simple Way to
  Initialize Recurrent Networks of Rectified Linear Units", 2015.

  Args:
    source: the source of the images.
    batch_size: B, at least 1; an epoch is N // B steps, each example at most
      once.
    order: a name in ORDERS.
    gap: steps between the image and the answer.
    gap_fill: a name in GAP_FILLS.

  Returns:
    The task: inputs `[B, T + gap, D]`, targets `[B]`; equal arguments return
    the same object. Its baselines are those of a uniform random guess: an
    accuracy of 1/10 and a loss of ln 10. (A constant guess has the frequency
    of its class in the split as accuracy.)

  Raises:
    FieldError: an argument is out of range, or the batch is larger than the
      training split.
  """
  check_choice("order", order, ORDERS)
  check_int("gap", gap, 0, LONGEST)
  check_choice("gap_fill", gap_fill, GAP_FILLS)
  size = len(source.corpus().splits["train"].labels)
  if batch_size > size:
    raise FieldError(
      "batch_size",
      f"{{field}} must be at most {size}, the images of the training split, "
      f"got {batch_size}",
    )
  corpus = source.corpus()
  data = _training_data(source, order)
  # Not `corpus` itself: arrays that a function closes over become constants of
  # the program.
  white = corpus.white
  steps, features = data.pixels.shape[1:]

  def batch(data: Images, key: Key, step: Array) -> Batch:
    order_key, noise_key = jax.random.split(key)
    size = data.labels.shape[0]
    index_B = epoch_indices(order_key, step, batch_size, size)
    gap_BTD = jnp.zeros((batch_size, gap, features))
    if gap_fill == "noise":
      step_key = jax.random.fold_in(noise_key, step)
      gap_BTD = jax.random.uniform(step_key, gap_BTD.shape)
    x_BTD = data.pixels[index_B].astype(jnp.float32) / white
    return Batch(
      inputs=jnp.concatenate([x_BTD, gap_BTD], axis=1),
      input_lengths=None,
      targets=data.labels[index_B].astype(jnp.int32),
      weights=jnp.ones((batch_size,)),
    )

  def eval_batches(split: str) -> Sequence[Batch]:
    check_choice("split", split, EVAL_SEEDS)
    images = _ordered(source.corpus().splits[split], order)
    size = len(images.labels)
    gap_NTD = np.zeros((size, gap, features), np.float32)
    if gap_fill == "noise":
      drawn = np.random.RandomState(EVAL_SEEDS[split])
      gap_NTD = drawn.random_sample(gap_NTD.shape).astype(np.float32)
    x_NTD = images.pixels.astype(np.float32) / np.float32(white)
    return in_batches(
      Batch(
        inputs=np.concatenate([x_NTD, gap_NTD], axis=1),
        input_lengths=None,
        targets=images.labels.astype(np.int32),
        weights=np.ones((size,), np.float32),
      )
    )

  guess = {"accuracy": 1 / CLASSES, "loss": math.log(CLASSES)}
  return Task(
    name=source.name,
    pattern=SEQUENCE_TO_VECTOR,
    input_spec=Spec(steps + gap, features),
    output_spec=Spec(1, CLASSES),
    output="softmax",
    data=(data,),
    batch=batch,
    eval_batches=eval_batches,
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="accuracy",
    maximize=True,
    baselines=types.MappingProxyType(guess),
    hashes=corpus.hashes,
    steps_per_epoch=len(data.labels) // batch_size,
  )


@functools.cache
def _training_data(source: Source, order: str) -> Images:
  """Puts the training split on the device, once for all tasks that share it."""
  images = _ordered(source.corpus().splits["train"], order)
  return Images(jnp.asarray(images.pixels), jnp.asarray(images.labels))


def _ordered(images: Images, order: str) -> Images:
  """Reshapes pixels `[N, rows, columns]` to steps and features `[N, T, D]`."""
  pixels_NTD = images.pixels
  if order != "row":
    pixels_NTD = pixels_NTD.reshape(len(pixels_NTD), -1, 1)
  if order == "permuted":
    pixels_NTD = pixels_NTD[:, pixel_permutation(pixels_NTD.shape[1])]
  return Images(pixels_NTD, images.labels)


def pixel_permutation(num_pixels: int) -> np.ndarray:
  """Returns the pixel that each step of the order "permuted" shows."""
  # RandomState, not default_rng: numpy guarantees that its numbers are fixed.
  return np.random.RandomState(PERMUTATION_SEED).permutation(num_pixels)
