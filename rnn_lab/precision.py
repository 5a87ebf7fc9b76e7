"""The precision of runs: float32, whatever JAX has been told."""

import functools
from collections.abc import Callable
from typing import Any

import jax


def in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
  """Returns `function`, run with JAX's option `jax_enable_x64` off.

  With the option on, numbers without a dtype are float64 and int64: a run would
  have other random draws, and a state of other dtypes than its checkpoints. All
  that makes, trains and opens runs is decorated, so that the numbers of a
  config are the same wherever it is run.
  """

  @functools.wraps(function)
  def wrapper(*args: Any, **kwargs: Any) -> Any:
    with jax.enable_x64(False):
      return function(*args, **kwargs)

  return wrapper
