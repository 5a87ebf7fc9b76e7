"""Checks ids of tokens."""

from typing import Any

import numpy as np

from rnn_lab.errors import FieldError


def check_ids(field: str, ids: Any, size: int, least: int = 0) -> np.ndarray:
  """Returns ids as int64.

  Raises:
    FieldError: one is not an integer from `least` to `size` - 1.
  """
  array = np.asarray(ids)
  if array.size == 0:
    return array.astype(np.int64)
  if array.dtype.kind in "iu":
    array = array.astype(np.int64)
    wrong = array[(array < least) | (array >= size)]
    if wrong.size == 0:
      return array
  else:
    # Of numbers, those with a fraction come first.
    wrong = sorted(array.ravel().tolist(), key=_is_whole)
  raise FieldError(
    field,
    f"{{field}} must be integers from {least} to {size - 1}, got {wrong[0]}",
  )


def _is_whole(value: Any) -> bool:
  return isinstance(value, float) and value.is_integer()
