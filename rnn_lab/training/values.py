"""Values of a config as Python's own types, which JSON has."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
  """Converts numpy's and JAX's scalars and arrays, also within a section.

  A float of less precision than Python's becomes the shortest number that
  rounds to it: `np.float32(0.001)` is 0.001.

  Args:
    value: of a field, or a mapping of fields; what else it is stays as it is.
  """
  if isinstance(value, Mapping):
    return {name: plain(field) for name, field in value.items()}
  if isinstance(value, list):
    return [plain(item) for item in value]
  if isinstance(value, tuple):
    return tuple(plain(item) for item in value)
  if isinstance(value, np.floating):
    return float(str(value))
  if isinstance(value, np.generic):
    return value.item()
  if hasattr(value, "__array__") and not np.ndim(value):
    return plain(np.asarray(value)[()])
  if hasattr(value, "__array__"):
    return [plain(item) for item in np.asarray(value)]
  return value
