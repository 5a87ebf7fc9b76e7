"""Forecasts without a network, to compare those of a network with.

All are made at the origins of a `ForecastTask`, and measured there alike.
"""

import functools
from typing import NamedTuple

import numpy as np

from rnn_lab.tasks.forecast_task import ForecastTask
from rnn_lab.tasks.series import free_run, linear_autoregression


class Autoregression(NamedTuple):
  """A linear autoregression of a task's training part.

  Attributes:
    order: the past times that it reads.
    curve: float64 `[horizon]`, its error on the test split.
  """

  order: int
  curve: np.ndarray


def error_curve(forecasts: np.ndarray, windows: np.ndarray) -> np.ndarray:
  """Computes the normalised root mean squared error at each horizon.

  The mean is over origins and columns; scaled values are normalised already.

  Args:
    forecasts: `[..., O, H, K]`, scaled.
    windows: `[O, warmup + H, K]`: what was read and what followed, scaled.

  Returns:
    float64 `[..., H]`; not finite where a forecast is not.
  """
  horizon = forecasts.shape[-2]
  future = windows[:, windows.shape[1] - horizon :]
  with np.errstate(over="ignore", invalid="ignore"):
    errors = (forecasts.astype(np.float64) - future) ** 2
    return np.sqrt(errors.mean(axis=(-3, -1)))


def persistence_curve(windows: np.ndarray, warmup: int) -> np.ndarray:
  """Computes the error, `[horizon]`, of the forecast that nothing changes."""
  last = windows[:, warmup - 1 : warmup]
  return error_curve(np.repeat(last, windows.shape[1] - warmup, 1), windows)


def climatology_curve(windows: np.ndarray, warmup: int) -> np.ndarray:
  """Computes the error, `[horizon]`, of the mean of the training part.

  It is about 1 where the series goes on as in its training part.
  """
  return error_curve(np.zeros_like(windows[:, warmup:]), windows)


@functools.cache
def autoregression(task: ForecastTask) -> Autoregression:
  """Fits linear autoregressions, and chooses the order on validation.

  Orders are 1, 2, 3, 4, 6, 8, 12, 16, 24, ... and the longest one, which reads
  as many values as the model's warm-up has, if the training part is long
  enough. The best one has the smallest error at the last horizon. A training
  part that is too short for order 1 leaves order 0, which forecasts its mean.

  Args:
    task: the task, with its series.
  """
  train, windows = task.parts
  size, width = train.shape
  longest = min(task.cut.warmup, (size - 1) // (width + 1))
  fitted = []
  for order in _orders(longest):
    coefficients = linear_autoregression(train, order)
    curves = {
      split: error_curve(
        free_run(coefficients, w[:, : task.cut.warmup], task.cut.horizon), w
      )
      for split, w in windows.items()
    }
    error = np.nan_to_num(curves["valid"][-1], nan=np.inf)
    fitted.append((error, Autoregression(order, curves["test"])))
  if not fitted:
    mean = climatology_curve(windows["test"], task.cut.warmup)
    return Autoregression(0, mean)
  # Of equal errors that of the lowest order.
  return min(fitted, key=lambda fit: fit[0])[1]


def _orders(longest: int) -> list[int]:
  """Returns 1, 2, 3, 4, 6, 8, 12, ... and the longest order; [] for 0."""
  if not longest:
    return []
  several = {f * 2**n for n in range(longest.bit_length()) for f in (2, 3)}
  return sorted({1, longest} | {n for n in several if n < longest})
