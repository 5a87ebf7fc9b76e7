"""A cache of what factories return, by their arguments."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from rnn_lab.errors import FieldError

F = TypeVar("F", bound=Callable[..., Any])


def lru_cached(maxsize: int) -> Callable[[F], F]:
  """Returns `functools.lru_cache(maxsize)` as a decorator that keeps types.

  That of the standard library forgets those of the arguments, and takes none of
  a dataclass for hashable.
  """

  def decorate(function: F) -> F:
    return functools.lru_cache(maxsize)(function)  # pyright: ignore[reportReturnType] - called alike

  return decorate


def cached(function: Callable[..., Any]) -> Callable[..., Any]:
  """Returns `function`, which then gives the same result for equal arguments.

  2 and 2.0 are equal arguments. The function is nevertheless called for each
  type of a number, since its checks may refuse one of them, as they do True,
  which equals 1.

  Raises:
    TypeError: the function has `*args`, `**kwargs` or positional-only
      arguments.
  """
  signature = inspect.signature(function)
  kinds = {parameter.kind for parameter in signature.parameters.values()}
  named = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
  )
  if not kinds.issubset(named):
    raise TypeError(f"{function.__name__}: every argument must have a name")
  results = {}

  @functools.lru_cache(maxsize=None, typed=True)
  def call(**arguments: Any) -> Any:
    key = tuple((a, isinstance(a, bool)) for a in arguments.values())
    return results.setdefault(key, function(**arguments))

  @functools.wraps(function)
  def wrapper(*args: Any, **kwargs: Any) -> Any:
    try:
      bound = signature.bind(*args, **kwargs)
    except TypeError as error:
      raise TypeError(f"{function.__name__}: {error}") from None
    bound.apply_defaults()
    for name, value in bound.arguments.items():
      if not _is_hashable(value):
        function(**bound.arguments)  # Its checks have the better messages.
        raise FieldError(name, f"{{field}} must be hashable, got {value!r}")
    return call(**bound.arguments)

  return wrapper


def _is_hashable(value: Any) -> bool:
  try:
    hash(value)
  except TypeError:
    return False
  return True
