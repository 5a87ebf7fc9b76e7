"""The error for wrong input from a user, and the checks that raise it."""

import contextlib
import difflib
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

FLOAT32_MAX = 3.4028234e38
# What is counted on the devices is int32.
INT32_MAX = 2**31 - 1
# More units or features than any machine has memory for a square kernel of.
LARGEST_SIZE = 2**20


class FieldError(ValueError):
  """Raised for a field, argument or file that cannot be used.

  Factories raise it with the bare name of their argument; `in_section` adds
  the section of the config that the argument was read from.

  Attributes:
    field: the name of the field, dotted from the root of the config.
    message: one sentence that says what is wrong, with which value, and what
      is allowed. "{field}" stands for the name of the field.
  """

  def __init__(self, field: str, message: str):
    super().__init__(field, message)
    self.field = field
    self.message = message

  def __str__(self) -> str:
    return self.message.replace("{field}", self.field)


class StorageError(OSError):
  """Raised where a run cannot write, or somebody else wrote, its files.

  Its text is one sentence. The directory is as a kill would have left it.
  """


@contextlib.contextmanager
def in_section(section: str) -> Iterator[None]:
  """Prefixes the field of any FieldError raised inside with `section.`."""
  try:
    yield
  except FieldError as error:
    raise FieldError(f"{section}.{error.field}", error.message) from error


def suggestion(name: Any, known: Iterable[str]) -> str:
  """Returns "; did you mean 'x'?" for the closest known name, or ""."""
  close = difflib.get_close_matches(str(name), [*known], n=1)
  return f"; did you mean {close[0]!r}?" if close else ""


def check_fields(
  section: Mapping[str, Any], known: Iterable[str], required: Iterable[str] = ()
) -> None:
  """Raises FieldError for a field of `section` that is unknown or missing."""
  known = sorted(known)
  for field in section:
    if field not in known:
      hint = suggestion(field, known) or f"; it may be {', '.join(known)}"
      raise FieldError(field, "{field} is not a known field" + hint)
  for field in required:
    if field not in section:
      raise FieldError(field, "{field} is required")


def check_choice(field: str, value: Any, choices: Iterable[str]) -> None:
  """Raises FieldError unless `value` is among `choices`."""
  choices = sorted(choices)
  if value not in choices:
    raise FieldError(
      field,
      f"{{field}} must be one of {', '.join(choices)}, got {value!r}"
      + suggestion(value, choices),
    )


def check_text(field: str, value: Any) -> None:
  """Raises FieldError unless `value` is a text that is not empty."""
  if not isinstance(value, str) or not value:
    raise FieldError(
      field, f"{{field}} must be a text that is not empty, got {value!r}"
    )


def check_bool(field: str, value: Any) -> None:
  """Raises FieldError unless `value` is True or False, or numpy's."""
  if not isinstance(value, bool | np.bool_):
    raise FieldError(field, f"{{field}} must be true or false, got {value!r}")


def _is_number(value: Any, kind: type) -> bool:
  return isinstance(value, kind) and not isinstance(value, bool)


def check_int(
  field: str, value: Any, low: int, high: int | None = None
) -> None:
  """Raises FieldError unless `value` is an integer in [low, high]."""
  if (
    not _is_number(value, numbers.Integral)
    or value < low
    or (high is not None and value > high)
  ):
    bound = f"of at least {low}" if high is None else f"from {low} to {high}"
    raise FieldError(
      field, f"{{field}} must be an integer {bound}, got {value!r}"
    )


def check_size(field: str, value: Any) -> None:
  """Raises FieldError unless `value` is a number of units or features."""
  check_int(field, value, 1, LARGEST_SIZE)


def check_float(
  field: str,
  value: Any,
  low: float = -math.inf,
  high: float = math.inf,
  *,
  above: bool = False,
  below: bool = False,
) -> None:
  """Raises FieldError unless `value` is a number in [low, high].

  The number must be finite in float32, in which programs compute.

  Args:
    field: the name to report.
    value: the value to check; integers and numpy's scalars are accepted.
    low: the smallest value allowed.
    high: the largest value allowed.
    above: exclude `low` itself.
    below: exclude `high` itself.
  """
  if (
    not _is_number(value, numbers.Real)
    or not math.isfinite(value)
    or abs(value) > FLOAT32_MAX
    or not low <= value <= high
    or (above and value == low)
    or (below and value == high)
  ):
    bounds = []
    if low > -math.inf:
      bounds.append(f"{'above' if above else 'of at least'} {low:g}")
    if high < math.inf:
      bounds.append(f"{'below' if below else 'at most'} {high:g}")
    words = " ".join(["a finite number", " and ".join(bounds)]).strip()
    raise FieldError(field, f"{{field}} must be {words}, got {value!r}")
