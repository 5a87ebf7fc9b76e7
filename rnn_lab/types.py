"""Dimension letters, type aliases, and the batch that models read.

Names of arrays end in their dimensions, one capital letter each: `x_TBD` has
time first, then batch, then features. Names of pytrees (`params`, `carry`) do
not.

  S  seeds: independent repetitions of a run
  B  batch: independent sequences
  T  time: steps of a sequence
  D  input features of a cell
  H  hidden units of a cell
  G  gates of a cell, their kernels concatenated (width G * H)
  V  vocabulary: distinct words or symbols
  L  layers
  K  classes, or numbers that are predicted at once
  N  examples of a data set
"""

from typing import Any, NamedTuple

import jax
import numpy as np

Array = jax.Array
Key = jax.Array  # a typed key, as of jax.random.key
Params = Any  # a pytree of arrays
Carry = Any  # a pytree of arrays whose leading dimensions are the batch's
PyTree = Any


class Batch(NamedTuple):
  """Sequences with their targets and the weights of these.

  Attributes:
    inputs: `[B, T, D]` floats, `[B, T]` integers for symbols, or what else the
      task's `input_spec` says.
    input_lengths: `[B]` integers, the number of valid steps; the others are
      padding and are never read. None if all T steps of all are valid.
    targets: classes `[B]` or `[B, T]` (softmax), or numbers `[B, K]` or
      `[B, T, K]` (sigmoid, linear). T is that of the outputs.
    weights: `[B]` or `[B, T]` floats, the weight of each target in the cost.
      Outputs of weight zero are ignored: no gradient flows through them.
    fresh: for a stream a scalar boolean, whether the carry is reset before
      this batch. None if the sequences are independent.
    input_mask: `[B, T]` booleans, False at further steps that are skipped,
      wherever they stand; None for none.
  """

  inputs: PyTree
  input_lengths: Array | np.ndarray | None
  targets: Array | np.ndarray
  weights: Array | np.ndarray
  fresh: Array | np.ndarray | None = None
  input_mask: Array | np.ndarray | None = None
