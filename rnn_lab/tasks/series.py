"""Series to forecast: splits in time, scaling, the error, and baselines.

A series is an array `[N, K]`: N times, K numbers at each of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.errors import FieldError, check_float, check_int


class Scaling(NamedTuple):
  """A shift and a scale of each column.

  Attributes:
    mean: float64 `[K]`.
    std: float64 `[K]`, above 0.
  """

  mean: np.ndarray
  std: np.ndarray

  def apply(self, values: np.ndarray) -> np.ndarray:
    """Returns `(values - mean) / std`, shape `[..., K]`."""
    return (values - self.mean) / self.std

  def undo(self, values: np.ndarray) -> np.ndarray:
    """Returns `values * std + mean`, the inverse of `apply`."""
    return values * self.std + self.mean


def fit_scaling(train: np.ndarray, names: Sequence[str]) -> Scaling:
  """Computes the mean and standard deviation of the training part.

  Args:
    train: `[N, K]`, the training part alone: the others must not influence it.
    names: the names of the K columns, for errors.

  Returns:
    The scaling that gives the training part mean 0 and variance 1.

  Raises:
    FieldError: a column is constant in the training part.
  """
  constant = (train == train[0]).all(axis=0)
  if constant.any():
    k = int(np.argmax(constant))
    raise FieldError(
      "columns",
      "{field} must be columns that vary; "
      f"{names[k]!r} is {train[0, k]:g} in the whole training part",
    )
  return Scaling(train.mean(axis=0), train.std(axis=0))


def split_in_time(
  values: np.ndarray, valid_fraction: float, test_fraction: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Splits a series into training, validation and test, in this order.

  Args:
    values: `[N, ...]`.
    valid_fraction: share of the times for validation, above 0, below 1; the
      number of times is rounded, and at least 1.
    test_fraction: share of the last times, for the test.

  Returns:
    The three parts.

  Raises:
    FieldError: a fraction is out of range, or no training part is left.
  """
  fractions = {"valid_fraction": valid_fraction, "test_fraction": test_fraction}
  for field, fraction in fractions.items():
    check_float(field, fraction, 0, 1, above=True, below=True)
  valid, test = (max(1, round(len(values) * f)) for f in fractions.values())
  train = len(values) - valid - test
  if train < 1:
    raise FieldError(
      "valid_fraction",
      f"{{field}} {valid_fraction:g} and test_fraction {test_fraction:g} leave "
      f"none of the series' {len(values)} times for training",
    )
  return values[:train], values[train : train + valid], values[train + valid :]


def normalised_error(
  predictions: np.ndarray, targets: np.ndarray, variance: np.ndarray
) -> float:
  """Computes the normalised root mean squared error (NRMSE).

    sqrt(mean((predictions - targets)^2 / variance))

  It is 1 for a constant prediction of the series' mean, and 0 for the truth.

  Args:
    predictions: `[..., K]`.
    targets: of the same shape.
    variance: `[K]`, the variance of each column of the series.

  Raises:
    ValueError: the shapes do not fit.
  """
  shapes = predictions.shape, targets.shape, variance.shape
  if shapes[0] != shapes[1] or shapes[2] != shapes[0][-1:]:
    raise ValueError(f"shapes do not fit: {shapes}")
  return float(np.sqrt(np.mean((predictions - targets) ** 2 / variance)))


def persistence_error(
  train: np.ndarray, series: np.ndarray, horizons: Sequence[int]
) -> np.ndarray:
  """Computes the error of the forecast that nothing changes.

  Args:
    train: `[N, K]`, whose variance normalises the error.
    series: `[M, K]`, the series to forecast.
    horizons: steps into the future, each from 1 to M - 1.

  Returns:
    float64 `[len(horizons)]`: the NRMSE of series[t] as the forecast of
    series[t + h], over all t for which both exist.

  Raises:
    FieldError: a horizon is out of range.
  """
  variance = train.var(axis=0)
  for h in horizons:
    check_int("horizons", h, 1, len(series) - 1)
  return np.array(
    [normalised_error(series[:-h], series[h:], variance) for h in horizons]
  )


def linear_autoregression(train: np.ndarray, order: int) -> np.ndarray:
  """Fits a linear forecast of the next values from the last ones.

    x_t = c_0 + x_{t-1} C_1 + ... + x_{t-order} C_order

  by least squares over all t of the training part. If several coefficients
  are optimal, then those of the smallest norm.

  Args:
    train: `[N, K]`.
    order: number of past times, at least 1.

  Returns:
    float64 `[1 + order * K, K]`: c_0, C_1 (K rows), ..., C_order.

  Raises:
    FieldError: the training part has fewer equations than coefficients.
  """
  size, width = train.shape
  # size - order equations for 1 + order * width coefficients of each column.
  check_int("order", order, 1, (size - 1) // (width + 1))
  past = np.lib.stride_tricks.sliding_window_view(train[:-1], order, axis=0)
  coefficients, *_ = np.linalg.lstsq(_regressors(past), train[order:])
  return coefficients


def free_run(
  coefficients: np.ndarray, history: np.ndarray, steps: int
) -> np.ndarray:
  """Forecasts by a linear autoregression that reads its own forecasts.

  Args:
    coefficients: `[1 + order * K, K]`, of `linear_autoregression`.
    history: `[..., T, K]`, T at least the order, of which the last `order`
      times are read.
    steps: number of times to forecast.

  Returns:
    float64 `[..., steps, K]`. An unstable regression can diverge, to numbers
    that are not finite.

  Raises:
    ValueError: the history is shorter than the order.
  """
  width = coefficients.shape[1]
  order = (len(coefficients) - 1) // width
  if history.shape[-2] < order:
    raise ValueError(f"needs {order} past times, got {history.shape[-2]}")
  past = np.moveaxis(history[..., history.shape[-2] - order :, :], -2, -1)
  forecasts = []
  with np.errstate(over="ignore", invalid="ignore"):
    for _ in range(steps):
      forecasts.append(_regressors(past) @ coefficients)
      newest = forecasts[-1][..., None]
      past = np.concatenate([past[..., 1:], newest], axis=-1)
  return np.stack(forecasts, axis=-2)


def _regressors(past: np.ndarray) -> np.ndarray:
  """Lays out `past`, `[..., K, order]`, as 1 and the times, newest first."""
  newest_first = np.moveaxis(past[..., ::-1], -1, -2)
  flat = newest_first.reshape(*past.shape[:-2], -1)
  return np.concatenate([np.ones((*flat.shape[:-1], 1)), flat], axis=-1)
