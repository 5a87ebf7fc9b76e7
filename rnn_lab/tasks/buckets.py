"""Buckets: batches of sequences of about equal length, with little padding."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.tasks.batches import in_batches, permuted_index
from rnn_lab.types import Array, Batch, Key, PyTree

# The order in which an epoch visits the buckets, the same for every run.
ORDER_SEED = 58_303


class Bucket(NamedTuple):
  """The lengths that the sequences of a bucket are padded to.

  Attributes:
    lengths: of the inputs, or of inputs and targets.
    examples: the places of its examples in the data set.
  """

  lengths: tuple[int, ...]
  examples: np.ndarray


def padded(
  rows: Sequence[np.ndarray], shape: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
  """Stacks sequences of unequal lengths, with zeros behind them.

  Args:
    rows: N arrays `[t, ...]`, at least one.
    shape: the sizes of the dimensions after the first one, where they differ.

  Returns:
    `[N, T, ...]` in the dtype of the rows, T being the longest length, and the
    lengths `[N]`, int32.
  """
  lengths = np.array([len(row) for row in rows], np.int32)
  shape = shape or rows[0].shape[1:]
  stacked = np.zeros((len(rows), lengths.max(), *shape), rows[0].dtype)
  for place, row in zip(stacked, rows):
    place[tuple(slice(n) for n in row.shape)] = row
  return stacked, lengths


def make_buckets(
  lengths: np.ndarray, batch_size: int, max_padding: float = 0.25
) -> tuple[Bucket, ...]:
  """Divides examples into the fewest buckets that keep the padding small.

  Examples are ordered by their total length and cut into ranges; of all ways
  to cut them into as many ranges, the one with the least padding is chosen by
  dynamic programming.

  Args:
    lengths: `[N]`, or `[N, 2]` for the lengths of inputs and targets.
    batch_size: the least number of examples in a bucket.
    max_padding: the largest share of all steps, inputs and targets, that may
      be padding; where the batch size does not allow it, the least possible.

  Returns:
    The buckets, those of short sequences first. With fewer than `batch_size`
    examples there is one.
  """
  lengths = np.asarray(lengths).reshape(len(lengths), -1)
  order = np.argsort(lengths.sum(axis=1), kind="stable")
  totals, starts = np.unique(lengths.sum(axis=1)[order], return_index=True)
  borders = [*starts, len(order)]
  groups = len(totals)
  longest = np.maximum.reduceat(lengths[order], starts)
  fewest = min(batch_size, len(order))

  # cost[i, j]: the steps computed if groups i to j - 1 are one bucket.
  cost = np.full((groups + 1, groups + 1), np.inf)
  for i in range(groups):
    sizes = np.subtract(borders[i + 1 :], borders[i])
    steps = sizes * np.maximum.accumulate(longest[i:]).sum(axis=1)
    cost[i, i + 1 :] = np.where(sizes < fewest, np.inf, steps)

  # best[j]: the least steps for groups 0 to j - 1, in so many buckets as the
  # outer loop has come to; `cuts` remembers where the last bucket begins.
  used = lengths.sum()
  best, cuts = cost[0], [np.zeros(groups + 1, int)]
  while best[groups] * (1.0 - max_padding) > used:
    through = best[:, None] + cost
    if through.min(axis=0)[groups] >= best[groups]:
      break
    cuts.append(through.argmin(axis=0))
    best = through.min(axis=0)

  buckets, j = [], groups
  for cut in reversed(cuts):
    chosen = order[borders[cut[j]] : borders[j]]
    padded_to = tuple(int(n) for n in lengths[chosen].max(axis=0))
    buckets.append(Bucket(padded_to, np.sort(chosen)))
    j = cut[j]
  return tuple(reversed(buckets))


def padding(lengths: np.ndarray, buckets: tuple[Bucket, ...]) -> float:
  """Returns the share of an epoch's steps that is padding."""
  used = np.asarray(lengths).sum()
  return 1.0 - used / sum(sum(b.lengths) * len(b.examples) for b in buckets)


def lengths_of(examples: Batch) -> np.ndarray:
  """Returns the lengths of the inputs, `[N]`, of padded sequences."""
  assert examples.input_lengths is not None  # `padded` returned them
  return np.asarray(examples.input_lengths)


def cut(examples: Batch, index: np.ndarray, lengths: tuple[int, ...]) -> Batch:
  """Returns some examples, cut to the lengths of their bucket.

  Args:
    examples: padded sequences; arrays without a dimension T stay as they are.
    index: which examples.
    lengths: of the inputs, or of inputs and targets; with one of them the
      targets of every step are cut to it, too.
  """
  inputs, targets = lengths[0], lengths[-1]
  every_step = examples.weights.ndim == 2
  mask = examples.input_mask

  def of_targets(a: Array | np.ndarray) -> Array | np.ndarray:
    return a[index][:, :targets] if every_step else a[index]

  return examples._replace(
    inputs=jax.tree.map(lambda a: a[index][:, :inputs], examples.inputs),
    input_lengths=lengths_of(examples)[index],
    targets=of_targets(examples.targets),
    weights=of_targets(examples.weights),
    input_mask=None if mask is None else mask[index][:, :inputs],
  )


class Epochs(NamedTuple):
  """What a `Task` needs to train in buckets; see its attributes."""

  data: tuple[PyTree, ...]
  batch: Callable[[PyTree, Key, Array], Batch]
  bucket: Callable[[int], tuple[int, int]]
  steps_per_epoch: int


def epochs(
  examples: Batch, buckets: tuple[Bucket, ...], batch_size: int
) -> Epochs:
  """Returns the training batches of examples in buckets.

  Each epoch visits the buckets in one fixed random order, a batch at a time.
  Which examples of a bucket come together is drawn by the run's seed, anew in
  each epoch; the examples left over in a bucket, fewer than a batch, are others
  in every epoch. A batch is a function of the seed and the step alone.

  Args:
    examples: all of them, padded.
    buckets: of `make_buckets`.
    batch_size: B, at most the number of examples.
  """
  counts = [len(bucket.examples) // batch_size for bucket in buckets]
  order = np.repeat(np.arange(len(buckets)), counts)
  np.random.default_rng(ORDER_SEED).shuffle(order)
  data = []
  for which, bucket in enumerate(buckets):
    of_bucket = cut(examples, bucket.examples, bucket.lengths)
    # Before a step, so many batches of this bucket have come in its epoch.
    number = np.cumsum(order == which) - (order == which)
    data.append((of_bucket, number.astype(np.int32)))

  # The first step at which the bucket is another one, or the epoch has ended.
  changes = np.append(np.flatnonzero(np.diff(order)) + 1, len(order))

  def bucket_of(step: int) -> tuple[int, int]:
    epoch, place = divmod(step, len(order))
    until = changes[np.searchsorted(changes, place, side="right")]
    return int(order[place]), epoch * len(order) + int(until)

  def batch(data: PyTree, key: Key, step: Array) -> Batch:
    of_bucket, number = data
    steps = number.shape[0]
    place_B = number[step % steps] * batch_size + jnp.arange(batch_size)
    key = jax.random.fold_in(key, step // steps)
    index_B = permuted_index(key, place_B, of_bucket.weights.shape[0])
    return jax.tree.map(lambda a: jnp.asarray(a)[index_B], of_bucket)

  return Epochs(tuple(data), batch, bucket_of, len(order))


def eval_batches(
  examples: Batch, lengths: np.ndarray, at_most: int = 256
) -> tuple[tuple[Batch, ...], np.ndarray]:
  """Returns batches to evaluate on, and the order in which examples come.

  Args:
    examples: all of them, padded.
    lengths: as for `make_buckets`.
    at_most: the largest batch.

  Returns:
    The batches, of different shapes, and `[N]`: the place in `examples` of
    each example of the batches. Examples of weight zero, which fill up a
    batch, are not counted.
  """
  buckets = make_buckets(lengths, at_most)
  batches = []
  for bucket in buckets:
    of_bucket = cut(examples, bucket.examples, bucket.lengths)
    batches += in_batches(of_bucket, at_most)
  return tuple(batches), np.concatenate([b.examples for b in buckets])
