"""The one error that a user's input can cause, and the checks that raise it.

A `FieldError` says in one line which field is wrong, what it was and what it
may be. Factories raise it with the bare name of their argument; the border
that read the argument from a config adds the section with `in_section`.
"""

import contextlib
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

FLOAT32_MAX = 3.4028234e38


class FieldError(ValueError):
  """A value from outside that cannot be used: `field` was `value`, not `may`.

  Attributes:
    field: the name of the field, dotted from the root of the config.
    value: what it was.
    may: what it may be, as words that complete "it may be ...".
    problem: what is wrong with it, where that is not its value: words that
      complete "<field> is ...".
  """

  def __init__(
    self, field: str, value: Any, may: str, problem: str | None = None
  ):
    super().__init__(f"{field} is {problem or repr(value)}; it may be {may}")
    self.field = field
    self.value = value
    self.may = may
    self.problem = problem


@contextlib.contextmanager
def in_section(section: str) -> Iterator[None]:
  """Adds `section.` in front of the field of any FieldError raised inside."""
  try:
    yield
  except FieldError as error:
    raise FieldError(
      f"{section}.{error.field}", error.value, error.may, error.problem
    ) from error


def one_of(names: Iterable[str]) -> str:
  """The words "one of a, b, c" for a FieldError."""
  return "one of " + ", ".join(sorted(names))


def check_fields(
  section: Mapping[str, Any], known: Iterable[str], required: Iterable[str] = ()
) -> None:
  """Raises FieldError for a field of `section` that is unknown or missing."""
  known = tuple(known)
  for field, value in section.items():
    if field not in known:
      raise FieldError(field, value, one_of(known), "not a field that exists")
  for field in required:
    if field not in section:
      raise FieldError(field, None, "left out nowhere", "missing")


def check_choice(field: str, value: Any, choices: Iterable[str]) -> None:
  """Raises FieldError unless `value` is among `choices`."""
  choices = tuple(choices)
  if value not in choices:
    raise FieldError(field, value, one_of(choices))


def check_bool(field: str, value: Any) -> None:
  """Raises FieldError unless `value` is True or False."""
  if not isinstance(value, bool):
    raise FieldError(field, value, "true or false")


def check_int(
  field: str, value: Any, low: int, high: int | None = None
) -> None:
  """Raises FieldError unless `value` is an integer in [low, high]."""
  is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
  if not is_int or value < low or (high is not None and value > high):
    bound = f"from {low}" + (" up" if high is None else f" to {high}")
    raise FieldError(field, value, f"an integer {bound}")


def check_float(
  field: str,
  value: Any,
  low: float = -math.inf,
  high: float = math.inf,
  *,
  above: bool = False,
  below: bool = False,
) -> None:
  """Raises FieldError unless `value` is a finite number in [low, high].

  Finite as a float32, which is what programs compute with.

  Args:
    field: the name to report.
    value: the value to check; an int counts as a number.
    low: the smallest value allowed.
    high: the largest value allowed.
    above: the value must be greater than `low`, not equal to it.
    below: the value must be smaller than `high`, not equal to it.
  """
  is_number = isinstance(value, int | float) and not isinstance(value, bool)
  if (
    not is_number
    or not math.isfinite(value)
    or abs(value) > FLOAT32_MAX
    or not low <= value <= high
    or (above and value == low)
    or (below and value == high)
  ):
    words = "a finite number"
    if low > -math.inf:
      words += f" {'above' if above else 'from'} {low:g}"
    if high < math.inf:
      words += f" {'below' if below else 'up to'} {high:g}"
    raise FieldError(field, value, words)
