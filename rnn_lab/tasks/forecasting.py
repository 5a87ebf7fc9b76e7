"""Forecasting: the next value of a series, at every place of it."""

import functools
import os
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.errors import FieldError, check_choice, check_float, check_int
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import (
  LONGEST,
  MOST_EXAMPLES,
  SEQUENCE_TO_SEQUENCE,
  Spec,
)
from rnn_lab.tasks.batches import EVAL_SEEDS
from rnn_lab.tasks.forecast_baselines import persistence_curve
from rnn_lab.tasks.forecast_series import Series, Source, load_series
from rnn_lab.tasks.forecast_task import (
  PREDICT,
  Columns,
  Cut,
  ForecastTask,
  Parts,
  read_columns,
)
from rnn_lab.tasks.forecast_windows import (
  eval_batches,
  metrics,
  training_batch,
  windows_of,
)
from rnn_lab.tasks.series import fit_scaling, split_in_time


def forecasting(
  batch_size: int,
  series: str = "mackey_glass",
  tau: int = 17,
  size: int = 10_000,
  seed: int = 0,
  path: str | os.PathLike | None = None,
  columns: Sequence[str | int] = (),
  window: int = 200,
  horizon: int = 84,
  warmup: int = 100,
  predict: str = "change",
  noise: float = 0.0,
  valid_fraction: float = 0.1,
  test_fraction: float = 0.2,
  eval_size: int = 200,
) -> ForecastTask:
  """Makes the task of predicting the next value of a series from all before.

  The series is split in time, and scaled by the mean and standard deviation
  of its training part. A training batch is B windows at places drawn with
  replacement, so that there are no epochs. Predictions made after fewer than
  `warmup` values of a window have weight zero: too few to know the state of
  the series, whose large errors would hide those of all other predictions.

  A split is evaluated on forecasts from origins evenly spaced over it. A model
  reads the last `warmup` values up to an origin, of which the first ones may
  belong to the part before, and then its own predictions; the values to
  predict all lie in the split. The headline metric is the normalised root
  mean squared error `horizon` steps after the origin, which
  `rnn_lab.evaluators.forecasts` computes.

  Args:
    batch_size: B.
    series: "mackey_glass" or "lorenz", computed by `rnn_lab.tasks.chaos`, or
      "csv", the user's file.
    tau: the delay of the Mackey-Glass equation.
    size: number of values of a series that is computed.
    seed: decides where a series that is computed begins; not a run's seed.
    path: the CSV file.
    columns: the K columns to read; see `csv_series.read_csv`.
    window: T, steps of a training window, fewer than the training part has.
    horizon: steps of a forecast.
    warmup: values to read before the first prediction that counts, at most
      `window`.
    predict: what a model's outputs mean: the next "value", or the "change" to
      it, in units of the root mean square change of the training part.
    noise: standard deviation of normal noise that is added to the inputs of
      training batches, and not to what is predicted, in that of the series. A
      model that has learnt to correct it also corrects its own errors when it
      reads its own predictions.
    valid_fraction: share of the times for validation.
    test_fraction: share of the last times, for the test.
    eval_size: origins in each split, at the most.

  Returns:
    The task: inputs and targets `[B, T, K]`.

  Raises:
    FieldError: an argument is out of range, the file cannot be read, or a part
      of the series is too short.
  """
  check_int("window", window, 1, LONGEST)
  check_int("horizon", horizon, 1, LONGEST)
  check_int("warmup", warmup, 1, window)
  check_choice("predict", predict, PREDICT)
  check_float("noise", noise, 0.0)
  check_int("eval_size", eval_size, 1, MOST_EXAMPLES)
  for field, fraction in (
    ("valid_fraction", valid_fraction),
    ("test_fraction", test_fraction),
  ):
    check_float(field, fraction, 0.0, 1.0, above=True, below=True)
  loaded = load_series(Source(series, tau, size, seed, path, columns))
  cut = Cut(window, horizon, warmup, predict, noise, eval_size)
  return _of_series(loaded, batch_size, cut, valid_fraction, test_fraction)


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> ForecastTask:
  """Returns the task of a run that saved its columns and their scaling.

  See `tasks.without_data`.
  """
  title, columns = read_columns(workdir)
  cut = Cut(**{field: section[field] for field in Cut._fields})
  nothing = Parts(np.zeros((cut.window + 1, len(columns.names))), {})
  return _of_parts(title, columns, nothing, batch_size, cut, {})


@functools.cache
def _of_series(
  series: Series,
  batch_size: int,
  cut: Cut,
  valid_fraction: float,
  test_fraction: float,
) -> ForecastTask:
  parts = split_in_time(series.values, valid_fraction, test_fraction)
  sizes = dict(zip(("training", *EVAL_SEEDS), map(len, parts)))
  train = sizes.pop("training")
  if train <= cut.window:
    raise FieldError(
      "window",
      f"{{field}} must be below {train}, the times of the training part, got "
      f"{cut.window}",
    )
  for split, size in sizes.items():
    if size < cut.horizon:
      raise FieldError(
        "horizon",
        f"{{field}} must be at most {size}, the times of the {split} part, got "
        f"{cut.horizon}",
      )
  scaling = fit_scaling(parts[0], series.names)
  scaled_NK = scaling.apply(series.values)
  train_NK, *_ = np.split(scaled_NK, [train])
  changes_NK = np.diff(train_NK, axis=0)
  change_scale = np.sqrt(np.mean(changes_NK**2, axis=0))
  valid_end = train + sizes["valid"]
  windows = {
    "valid": windows_of(scaled_NK[:valid_end], sizes["valid"], cut),
    "test": windows_of(scaled_NK, sizes["test"], cut),
  }
  return _of_parts(
    series.title,
    Columns(series.names, scaling, change_scale, series.chosen),
    Parts(train_NK, windows),
    batch_size,
    cut,
    series.hashes,
  )


def _of_parts(
  title: str,
  columns: Columns,
  parts: Parts,
  batch_size: int,
  cut: Cut,
  hashes: Mapping[str, str],
) -> ForecastTask:
  width = len(columns.names)
  length = max(cut.window, cut.warmup + cut.horizon - 1)
  headline = f"nrmse_{cut.horizon}"
  baselines = {}
  if "test" in parts.windows:
    curve = persistence_curve(parts.windows["test"], cut.warmup)
    baselines[headline] = float(curve[-1])
  change_scale = columns.change_scale.astype(np.float32)
  data = parts.train.astype(np.float32), change_scale
  return ForecastTask(
    name="forecasting",
    pattern=SEQUENCE_TO_SEQUENCE,
    input_spec=Spec(length, width),
    output_spec=Spec(length, width),
    output="linear",
    data=(data,),
    batch=functools.partial(training_batch, batch_size, cut),
    eval_batches=functools.partial(eval_batches, cut, columns, parts),
    loss=losses.squared_error,
    metrics=functools.partial(metrics, cut, tuple(change_scale.tolist())),
    headline=headline,
    maximize=False,
    baselines=types.MappingProxyType(baselines),
    hashes=hashes,
    evaluator="forecasts",
    predictor="forecasts",
    reads_files=True,
    title=title,
    columns=columns,
    cut=cut,
    parts=parts,
  )
