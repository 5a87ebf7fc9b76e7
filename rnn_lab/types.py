"""Dimension letters, aliases, and the batch that tasks hand to models.

Array names carry their dimensions, one capital letter each, after an
underscore: `x_TBD` has time first, then batch, then features. Pytrees
(`params`, `carry`) carry none.

  S  seeds: independent copies of one run
  B  batch: sequences side by side
  T  time: steps of a sequence
  D  features that enter a cell at one step
  H  hidden units of a cell
  G  gates of a cell, their kernels side by side (width G * H)
  V  vocabulary: different words or symbols
  L  layers
  K  classes, or numbers predicted at one place
  N  examples of a data set
"""

from typing import Any, NamedTuple

import jax

Array = jax.Array
Key = jax.Array  # a typed key, as jax.random.key makes it
Params = Any  # a pytree of arrays
Carry = Any  # a pytree of arrays, leading dimensions the batch's
PyTree = Any


class Batch(NamedTuple):
  """Sequences, what to predict from them, and what each prediction weighs.

  Attributes:
    inputs: `[B, T, D]` floats, or `[B, T]` integers where they are words.
    input_lengths: `[B]` integers, the steps that hold data; the rest is
      padding and is never read. None where every sequence fills all T.
    targets: what the outputs are compared with: classes `[B]` or `[B, T]`
      (softmax), or numbers `[B, K]` or `[B, T, K]` (sigmoid, linear).
    weights: `[B]` or `[B, T]` floats, each target's weight in the cost.
      Outputs of weight zero are ignored: no gradient flows through them.
    fresh: of a stream, a scalar boolean: whether the state begins anew in
      front of this batch. None where every sequence stands alone.
  """

  inputs: Array
  input_lengths: Array | None
  targets: Array
  weights: Array
  fresh: Array | None = None
