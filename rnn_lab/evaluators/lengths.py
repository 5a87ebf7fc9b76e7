"""Scores of predicted sequences by the length of what was read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnn_lab.rundir import finite_or_null
from rnn_lab.tasks.written import ScoredTask
from rnn_lab.types import Batch

MOST_BINS = 6


def scores_by_length(
  task: ScoredTask,
  batches: Sequence[Batch],
  predicted: Sequence[Sequence[np.ndarray]],
) -> list[dict[str, Any]]:
  """Scores the examples of the test split in bins of their inputs' lengths.

  A bin is scored as a whole, as the split is: its BLEU is that of a corpus.

  Args:
    task: what scores.
    batches: of the test split.
    predicted: for each of S seeds the symbols of each of N examples, in the
      order of the batches, without those that fill up a batch.

  Returns:
    For each bin of `length_bins` the "shortest" and the "longest" length, the
    "mean_length", the number of "examples", and "scores", of each metric `[S]`.
    [] where the inputs have one length, or none.
  """
  lengths_N = input_lengths(batches)
  if lengths_N is None:
    return []
  rows = []
  for places in length_bins(lengths_N):
    chosen = [[sequences[n] for n in places] for sequences in predicted]
    scores = [task.score("test", sequences, places) for sequences in chosen]
    lengths = lengths_N[places]
    row = {
      "shortest": int(lengths.min()),
      "longest": int(lengths.max()),
      "mean_length": float(lengths.mean()),
      "examples": len(places),
      "scores": {
        name: [finite_or_null(score[name]) for score in scores]
        for name in scores[0]
      },
    }
    rows.append(row)
  return rows


def input_lengths(batches: Sequence[Batch]) -> np.ndarray | None:
  """Returns the lengths of the examples' inputs, `[N]`.

  In the order of the batches, without the examples of weight zero that fill up
  a batch; None where inputs have no lengths.
  """
  if any(batch.input_lengths is None for batch in batches):
    return None
  lengths = []
  for batch in batches:
    weights = np.asarray(batch.weights)
    is_real = weights.reshape(len(weights), -1).any(axis=1)
    lengths.append(np.asarray(batch.input_lengths)[is_real])
  return np.concatenate(lengths)


def length_bins(lengths_N: np.ndarray) -> list[np.ndarray]:
  """Divides examples into bins of lengths with about as many examples each.

  The borders lie as near as possible to the sixths of the examples in the order
  of their lengths; examples of one length are in one bin.

  Args:
    lengths_N: at least one.

  Returns:
    The places of the examples of each bin, those of the shortest first: 2 to
    MOST_BINS bins, or none where there is one length.
  """
  values, value_N, counts = np.unique(
    lengths_N, return_inverse=True, return_counts=True
  )
  if len(values) == 1:
    return []
  # A border may lie behind any length but the longest.
  behind = np.cumsum(counts)[:-1]
  wanted = len(lengths_N) * np.arange(1, MOST_BINS) / MOST_BINS
  borders = np.unique([np.argmin(np.abs(behind - n)) for n in wanted])
  bin_N = np.searchsorted(borders, value_N)
  return [np.flatnonzero(bin_N == b) for b in range(len(borders) + 1)]
