"""The steps of a batch's inputs: which are valid, and their order."""

import jax.numpy as jnp
import numpy as np

from rnn_lab.types import Array, Batch


def input_mask(batch: Batch) -> Array | None:
  """Returns `Batch.input_mask` with time first, `[T, B]`; None without one."""
  return None if batch.input_mask is None else jnp.asarray(batch.input_mask).T


def valid_steps(batch: Batch, num_steps: int) -> Array:
  """Returns `[T, B]`: whether each step of the inputs is valid."""
  valid_TB = jnp.ones((num_steps, batch.weights.shape[0]), bool)
  if batch.input_lengths is not None:
    t_T1 = jnp.arange(num_steps)[:, None]
    valid_TB = t_T1 < batch.input_lengths[None]
  mask_TB = input_mask(batch)
  return valid_TB if mask_TB is None else valid_TB & mask_TB


def reverse_sequences(x: Array, lengths_B: Array | np.ndarray | None) -> Array:
  """Reverses the valid steps of each sequence; padding stays at the end.

  Args:
    x: `[B, T, ...]`.
    lengths_B: the numbers of valid steps; None where all are valid.
  """
  if lengths_B is None:
    return x[:, ::-1]
  t_1T = jnp.arange(x.shape[1])[None]
  last_B1 = lengths_B[:, None] - 1
  place_BT = jnp.where(t_1T <= last_B1, last_B1 - t_1T, t_1T)
  index = place_BT.reshape(*place_BT.shape, *[1] * (x.ndim - 2))
  return jnp.take_along_axis(x, index, axis=1)
