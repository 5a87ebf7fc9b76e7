"""Forecasts of a series from origins in a split, for all seeds."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from rnn_lab.caching import lru_cached
from rnn_lab.errors import FieldError
from rnn_lab.evaluators.batches import Batches, outputs_program
from rnn_lab.evaluators.examples import LONGEST_PICTURE, picture, rounded
from rnn_lab.models.base import Model
from rnn_lab.models.forecasts import free_forecast
from rnn_lab.rundir import finite_or_null
from rnn_lab.tasks.base import VECTORS, Task
from rnn_lab.tasks.forecast_baselines import (
  autoregression,
  climatology_curve,
  error_curve,
  persistence_curve,
)
from rnn_lab.tasks.forecast_task import ForecastTask
from rnn_lab.types import Array, Batch, Params


class Forecasts(Batches[ForecastTask]):
  """Evaluates the task's metrics, and the error of forecasts by horizon.

  From each origin of a split a model reads the last `warmup` true values and
  then its own predictions. The error h steps after the origin is the
  normalised root mean squared error, "nrmse_<h>":

    sqrt(mean over origins and columns of ((forecast - truth) / std)^2)

  with the standard deviation of each column in the training part.
  """

  def __init__(
    self, model: Model, task: ForecastTask, settings: Any, population: Any
  ):
    super().__init__(model, task, settings, population)
    self._forecast = _forecast_program(self._model, task, population)

  @staticmethod
  def check(section: Mapping[str, Any] | None) -> None:
    """Raises FieldError for options, as there are none."""
    if section:
      raise FieldError("forecasts", "{field} has no fields")

  @staticmethod
  def check_model(model: Model, task: Task) -> None:
    """Raises FieldError for a model that cannot read its own predictions."""
    del task
    if type(model).stepper is Model.stepper:
      raise FieldError(
        "model.kind",
        "{field} must be one with a method `stepper`, as a forecast reads its "
        "own predictions",
      )
    stack = getattr(model, "stack", None)
    if stack is not None and stack.backward:
      raise FieldError(
        "model.bidirectional",
        "{field} must be false, as a forecast cannot read the future, got True",
      )

  def evaluate(self, params: Params, split: str) -> dict[str, np.ndarray]:
    """Returns the task's metrics and "nrmse_<h>", `[S]` float32 each.

    Args:
      params: with leading dimension S, as the population lays them out.
      split: "valid" or "test".
    """
    metrics = super().evaluate(params, split)
    curve_SH = self._curve(params, split)
    return metrics | {
      f"nrmse_{h}": curve_SH[:, h - 1].astype(np.float32)
      for h in self._task.horizons
    }

  def details(self, params: Params) -> dict[str, Any]:
    """Returns the errors on the test split at every horizon, from 1 up.

    Those of each seed, and of forecasts without a network from the same
    origins.
    """
    task, warmup = self._task, self._task.cut.warmup
    windows = task.parts.windows["test"]
    linear = autoregression(task)
    curves = {
      "persistence": persistence_curve(windows, warmup),
      "linear_autoregression": linear.curve,
      "mean": climatology_curve(windows, warmup),
    }
    return {
      "forecasts": {
        "series": task.title,
        "origins": len(windows),
        "warmup": warmup,
        "autoregression_order": linear.order,
        "nrmse": [_numbers(curve) for curve in self._curve(params, "test")],
        **{name: _numbers(curve) for name, curve in curves.items()},
      }
    }

  def examples(
    self, params: Params, seed_index: int, count: int
  ) -> dict[str, Any]:
    """Returns forecasts from some origins of the test split, in its units.

    See `Batches.examples`; the picture is of predictions of the next value.
    """
    task, params = self._task, self._of_seed(params, seed_index)
    scaling, warmup = task.columns.scaling, task.cut.warmup
    windows = task.parts.windows["test"]
    places = np.linspace(0, len(windows) - 1, min(count, len(windows)))
    several = windows[places.astype(int)]
    read_BTK = several[:, :warmup].astype(np.float32)
    forecast = functools.partial(
      free_forecast, self._model, task, task.cut.horizon
    )
    outputs = np.asarray(jax.jit(forecast)(params, read_BTK), np.float64)
    rows = [
      {
        "reads": _values(scaling.undo(read)),
        "output": rounded(scaling.undo(output)),
        "target": rounded(scaling.undo(true)),
        "right": None,
      }
      for read, output, true in zip(read_BTK, outputs, several[:, warmup:])
    ]
    x_1TK = read_BTK[:1, -LONGEST_PICTURE:]
    one = Batch(x_1TK, None, np.zeros_like(x_1TK), np.ones(x_1TK.shape[:2]))
    after = outputs_program(self._model)(params, one)[0]
    next_TK = scaling.undo(np.asarray(task.next_values(x_1TK[0], after)))
    reads = _values(scaling.undo(x_1TK[0]))
    shown = picture(self._model, params, one, reads, rounded(next_TK))
    return {"examples": rows, "picture": shown}

  def _curve(self, params: Params, split: str) -> np.ndarray:
    """Returns the errors of all horizons, `[S, horizon]` float64."""
    batches = self.batches(split)
    forecasts = [
      self._population.get(self._forecast(batch, params)) for batch in batches
    ]
    windows = self._task.parts.windows[split]
    # The last batch is filled up with examples that are none.
    forecasts_SNHK = np.concatenate(forecasts, axis=1)[:, : len(windows)]
    return error_curve(forecasts_SNHK, windows)


@lru_cached(maxsize=16)
def _forecast_program(model: Model, task: ForecastTask, population: Any) -> Any:
  forecast = functools.partial(free_forecast, model, task, task.cut.horizon)

  def of_batch(batch: Batch, params: Params) -> Array:
    return forecast(params, batch.inputs[:, : task.cut.warmup])

  return population.map(of_batch)


def _values(values: np.ndarray) -> dict[str, Any]:
  return {"form": VECTORS, "values": rounded(values)}


def _numbers(values: np.ndarray) -> list[float | None]:
  return [finite_or_null(value) for value in values]
