"""What follows a series."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.models.forecasts import forecast
from rnn_lab.predictors.base import Predictor
from rnn_lab.tasks.csv_series import read_csv
from rnn_lab.tasks.forecast_task import ForecastTask
from rnn_lab.types import Params


def predict(
  model: Model,
  params: Params,
  task: ForecastTask,
  inputs: Sequence[Any],
  options: Mapping[str, Any],
) -> list[dict[str, Any]]:
  """Forecasts what follows each input; see `rnn_lab.predictors.predict`.

  Args:
    model, params, task: see there.
    inputs: each is a series as `ForecastTask.inputs_of` takes it, or the path
      of a CSV file with the columns that the task's file has.
    options: "horizon", steps to forecast; that of the task if it is left out.

  Returns:
    For each input "columns", their names, "read", the series, `[N][K]`, and
    "prediction", what follows it, `[horizon][K]`, in the units of the series.
  """
  horizon = options.get("horizon", task.cut.horizon)
  rows = []
  for given in inputs:
    is_path = isinstance(given, str | os.PathLike)
    values = _read(given, task)
    forecast_HK = forecast(model, params, task, values, horizon)
    rows.append(
      {
        "input": os.fspath(given) if is_path else given,
        "columns": list(task.columns.names),
        "read": np.reshape(values, (-1, forecast_HK.shape[1])).tolist(),
        "prediction": forecast_HK.tolist(),
      }
    )
  return rows


def check(task: ForecastTask, given: Any) -> None:
  """Checks that a series can be read.

  Raises:
    FieldError: it cannot.
  """
  known = task.inputs_of(_read(given, task)).inputs.shape[1]
  if known < task.cut.warmup:
    warnings.warn(
      f"input: a forecast from {known} values; the model was trained to "
      f"forecast from {task.cut.warmup} or more",
      stacklevel=2,
    )


PREDICTOR = Predictor(check=check, predict=predict, options={"horizon": ""})


def _read(given: Any, task: ForecastTask) -> Any:
  """Returns a series; `given` is one, or the path of a file with one."""
  if not isinstance(given, str | os.PathLike):
    return given
  try:
    return read_csv(given, task.columns.chosen)[1]
  except FieldError as error:
    raise FieldError("input", error.message) from error
