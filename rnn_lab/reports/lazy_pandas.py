"""pandas, imported when it is used, since that takes a second."""

import importlib.util
import sys
from types import ModuleType

# What pandas uses where it is installed.
_OPTIONAL = ("bottleneck", "numexpr")


def load() -> ModuleType:
  """Returns the module pandas.

  A directory in the current one with the name of an optional package, such as
  that of a sweep of configs/bottleneck.py, does not count as that package.
  """
  for name in _OPTIONAL:
    if name not in sys.modules:
      spec = importlib.util.find_spec(name)
      if spec is not None and spec.origin is None:
        # The import system's way to say that there is no such module.
        sys.modules[name] = None  # type: ignore[assignment]
  import pandas

  return pandas
