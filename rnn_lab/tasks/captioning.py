"""Images described in words: the names of digits, captions of scenes."""

import functools

import jax.numpy as jnp
import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import check_int
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import MOST_EXAMPLES
from rnn_lab.tasks.batches import EVAL_SEEDS
from rnn_lab.tasks.digits import read_digits
from rnn_lab.tasks.image_captions import (
  Captioned,
  CaptioningTask,
  Metrics,
  captioning_task,
)
from rnn_lab.tasks.number_words import DIGIT_NAMES
from rnn_lab.tasks.scenes import HELD_OUT, WORDS
from rnn_lab.tasks.scenes import scenes as draw_scenes
from rnn_lab.text.words import BOS, EOS, WordIds
from rnn_lab.types import Array, Batch

# Below those of the evaluation splits, which are never drawn for training.
LARGEST_SEED = 1_000_000


@cached
def digit_names(batch_size: int) -> CaptioningTask:
  """Makes the task of naming handwritten digits, letter by letter.

  The images of `digits`, 1,257 for training, 180 for validation and 360 for the
  test, and "zero" to "nine".

  Args:
    batch_size: B, at most 1,257.

  Returns:
    The task: inputs `[B, 8, 8, 1]` in [0, 1], targets `[B, 6]`. The baseline of
    `exact_match` is the share of the test images that have the name which is
    commonest in training; the one of the loss is that of a uniform guess.

  Raises:
    FieldError: the batch size is out of range.
  """
  corpus = read_digits()
  splits = {
    split: Captioned(
      np.asarray(images.pixels)[..., None],
      [DIGIT_NAMES[k] for k in images.labels],
    )
    for split, images in corpus.splits.items()
  }
  letters = sorted(set("".join(DIGIT_NAMES)))
  sizes = [len(splits[split].captions) for split in ("train", "valid", "test")]
  return captioning_task(
    "digit_names",
    batch_size,
    splits,
    WordIds((BOS, EOS, *letters), (BOS, EOS)),
    white=corpus.white,
    hashes=corpus.hashes,
    summary="handwritten digits: {:,} images for training, {:,} for "
    "validation, {:,} for the test; {} letters".format(*sizes, len(letters)),
  )


@cached
def scenes(
  batch_size: int,
  train_size: int = 20_000,
  eval_size: int = 1000,
  seed: int = 0,
) -> CaptioningTask:
  """Makes the task of describing images of coloured shapes, word by word.

  Images and captions of `rnn_lab.tasks.scenes`. Some combinations of colour and
  shape, `HELD_OUT` there, are in no training scene. The metrics, which choose
  the parameters, are of scenes without them; the test split also has scenes
  with one each, of which `exact_match_held_out` alone speaks.

  Args:
    batch_size: B, at most `train_size`.
    train_size: number of training scenes.
    eval_size: number of scenes for validation, of those for the test, and of
      the test's with held-out combinations; always the same ones.
    seed: of the training scenes, from 0 to 1,000,000.

  Returns:
    The task: inputs `[B, 24, 24, 3]` in [0, 1], targets `[B, 13]`. The baseline
    of `exact_match` is the share of the test scenes that have the caption which
    is commonest in training; the one of the loss is that of a uniform guess.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("train_size", train_size, 1, MOST_EXAMPLES)
  check_int("eval_size", eval_size, 1, MOST_EXAMPLES)
  check_int("seed", seed, 0, LARGEST_SEED)
  splits = {
    "train": _scenes(train_size, seed),
    "valid": _scenes(eval_size, EVAL_SEEDS["valid"]),
    "test": _scenes(eval_size, EVAL_SEEDS["test"]),
  }
  held_out = _scenes(eval_size, EVAL_SEEDS["test"], held_out=True)
  vocabulary = WordIds((BOS, EOS, *WORDS), (BOS, EOS))
  pairs = [tuple(vocabulary.encode(pair).tolist()) for pair in HELD_OUT]
  return captioning_task(
    "scenes",
    batch_size,
    splits,
    vocabulary,
    white=np.iinfo(np.uint8).max,
    joint=" ",
    held_out=held_out,
    metrics=_metrics_without(tuple(pairs)),
    summary=f"scenes: {train_size:,} for training, {eval_size:,} for "
    f"validation, {eval_size:,} for the test and as many with held-out "
    f"combinations; {len(WORDS)} words",
  )


def _scenes(count: int, seed: int, held_out: bool = False) -> Captioned:
  images, captions = draw_scenes(count, seed, held_out)
  return Captioned(images, [caption.split() for caption in captions])


@functools.cache
def _metrics_without(pairs: tuple[tuple[int, int], ...]) -> Metrics:
  """Returns `losses.class_metrics` of the captions without some bigrams.

  Args:
    pairs: of words that follow each other; a caption with any is left out.
  """

  def metrics(outputs: Array, batch: Batch) -> dict[str, tuple[Array, Array]]:
    first_BT, second_BT = batch.targets[:, :-1], batch.targets[:, 1:]
    is_left_out_B = jnp.zeros(batch.targets.shape[0], bool)
    for first, second in pairs:
      is_pair_BT = (first_BT == first) & (second_BT == second)
      is_left_out_B |= is_pair_BT.any(axis=1)
    weights = jnp.where(is_left_out_B[:, None], 0.0, batch.weights)
    return losses.class_metrics(outputs, batch._replace(weights=weights))

  return metrics
