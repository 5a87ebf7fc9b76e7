"""Which steps of a batch hold data, and where a sequence begins.

Lengths, masks and resets may be arrays of any library, lists or tuples. Their
shapes and dtypes are always checked; their values are if they are known, which
they are not while a program is traced.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rnn_lab.errors import FieldError
from rnn_lab.types import Array


def as_lengths(
  lengths_B: Any, num_steps: int, batch_shape: tuple[int, ...]
) -> Array:
  """Returns the lengths of sequences as int32.

  Args:
    lengths_B: integers in [0, T], or floats with integer values.
    num_steps: T.
    batch_shape: their shape.

  Raises:
    FieldError: they have another shape or are not numbers, or one of them is
      not an integer in [0, T].
  """
  field = "lengths_B"
  lengths_B = _as_array(field, lengths_B, batch_shape, "iuf")
  if not isinstance(lengths_B, np.ndarray):
    return jnp.ceil(lengths_B).astype(jnp.int32)
  wrong = ~((lengths_B >= 0) & (lengths_B <= num_steps))
  wrong |= lengths_B != np.round(lengths_B)
  if wrong.any():
    raise FieldError(
      field,
      f"{{field}} must hold integers from 0 to the number of steps {num_steps},"
      f" got {lengths_B[wrong][0]}",
    )
  return jnp.asarray(lengths_B.astype(np.int32))


def as_flags(field: str, flags_TB: Any, shape: tuple[int, ...]) -> Array:
  """Returns booleans; a number counts as True unless it is zero.

  Raises:
    FieldError: they have another shape or are not numbers, or one is nan.
  """
  flags_TB = _as_array(field, flags_TB, shape, "biuf")
  if isinstance(flags_TB, np.ndarray) and (flags_TB != flags_TB).any():
    raise FieldError(field, "{field} must hold booleans, got nan")
  return jnp.asarray(flags_TB.astype(bool))


def before_length(lengths_B: Array, num_steps: int) -> Array:
  """Returns booleans `[T, B]`: whether step t comes before the length."""
  t_T = jnp.arange(num_steps).reshape(-1, *[1] * lengths_B.ndim)
  return t_T < lengths_B[None]


def resets_between(reset_TB: Array, valid_TB: Array, reverse: bool) -> Array:
  """Returns whether the carry is reset before each valid step is computed.

  A reset counts if it lies between the step and the valid step computed before
  it, so that one in a gap of the mask is not lost.
  """
  # Resets number the sequences, from 0: two steps of different numbers have a
  # reset between them.
  number_TB = jnp.cumsum(reset_TB, axis=0, dtype=jnp.int32)
  if not reverse:
    seen_TB = jax.lax.cummax(jnp.where(valid_TB, number_TB, 0))
    seen_TB = jnp.concatenate([jnp.zeros_like(seen_TB[:1]), seen_TB[:-1]])
    return seen_TB < number_TB
  none = jnp.iinfo(jnp.int32).max
  seen_TB = jnp.where(valid_TB, number_TB, none)
  seen_TB = jax.lax.cummin(seen_TB, reverse=True)
  seen_TB = jnp.concatenate([seen_TB[1:], jnp.full_like(seen_TB[:1], none)])
  return (seen_TB > number_TB) & (seen_TB < none)


def _as_array(
  field: str, values: Any, shape: tuple[int, ...], kinds: str
) -> np.ndarray | Array:
  """Returns a numpy array, or a JAX array if the values are traced."""
  traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))
  try:
    array = jnp.asarray(values) if traced else np.asarray(values)
  except (TypeError, ValueError):
    raise FieldError(
      field, f"{{field}} must have shape {shape}, got rows of different lengths"
    ) from None
  if array.shape != shape:
    raise FieldError(
      field, f"{{field}} must have shape {shape}, got {array.shape}"
    )
  # A dtype such as bfloat16 is of no kind of numpy's.
  known = array.dtype.kind in kinds
  if not known and not jnp.issubdtype(array.dtype, jnp.floating):
    what = "booleans" if "b" in kinds else "integers"
    raise FieldError(
      field, f"{{field}} must hold {what}, got the dtype {array.dtype.name}"
    )
  return array
