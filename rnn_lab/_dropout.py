"""Dropout of features, and of rows of recurrent kernels."""

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.types import Array, Key, Params


def dropout(key: Key, rate: float, x_TBD: Array, variational: bool) -> Array:
  """Zeros numbers at the rate `rate`, and divides the others by 1 - rate.

  Args:
    key: the key of the mask.
    rate: in [0, 1).
    x_TBD: the numbers.
    variational: drop the same features of a sequence at every step.
  """
  shape = x_TBD.shape[1:] if variational else x_TBD.shape
  kept = jax.random.bernoulli(key, 1.0 - rate, shape)
  kept = jnp.broadcast_to(kept, x_TBD.shape)
  return jnp.where(kept, x_TBD / (1.0 - rate), 0.0)


def drop_rows(cell: Cell, params: Params, key: Key, rate: float) -> Params:
  """Drops rows of the recurrent kernel: hidden units that it does not read.

  The state itself is not dropped: a cell that also passes it on directly, as
  a GRU does, keeps it. All sequences of a batch have the same mask.
  """
  if not hasattr(params, "recurrent_kernel"):
    raise ValueError(
      f"{cell.kind}: variational dropout needs parameters with a field "
      f"`recurrent_kernel`, got {type(params).__name__}"
    )
  kernel = params.recurrent_kernel
  mask = dropout(key, rate, jnp.ones_like(kernel[:, :1]), variational=False)
  return params._replace(recurrent_kernel=kernel * mask)
