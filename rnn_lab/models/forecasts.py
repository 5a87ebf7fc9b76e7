"""Forecasts by a model that reads its own predictions."""

import functools
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.caching import lru_cached
from rnn_lab.decoding import free_run
from rnn_lab.errors import check_int
from rnn_lab.models.base import Model, Stepper, program_model
from rnn_lab.tasks.base import LONGEST
from rnn_lab.tasks.forecast_task import ForecastTask
from rnn_lab.types import Array, Batch, Carry, Params


def forecast(
  model: Model, params: Params, task: ForecastTask, values: Any, horizon: int
) -> np.ndarray:
  """Forecasts what follows some values.

  Args:
    model: of the task.
    params: of the model.
    task: scales the values as it did in training.
    values: `[N, K]`, or `[N]` where K is 1: all that is known, in the units
      of the series. The model reads them from its initial state on; it was
      trained to predict after `task.cut.warmup` values or more.
    horizon: H, steps to forecast.

  Returns:
    float64 `[H, K]`, in the units of the series.

  Raises:
    FieldError: `input`, if the values are not such an array, or `horizon` is
      out of range.
  """
  check_int("horizon", horizon, 1, LONGEST)
  batch = task.inputs_of(values)
  program = _program(program_model(model), task, horizon)
  scaled_BTK = np.asarray(program(params, batch.inputs), np.float64)
  return task.columns.scaling.undo(scaled_BTK[0])


def free_forecast(
  model: Model,
  task: ForecastTask,
  num_steps: int,
  params: Params,
  history_BTK: Array,
) -> Array:
  """Forecasts scaled series; jittable.

  A model reads true values up to the origin, one by one, and then what it has
  predicted.

  Args:
    model: has a `stepper` that reads vectors.
    task: of the model.
    num_steps: H.
    params: of the model.
    history_BTK: the values up to the origin, T at least 1.

  Returns:
    `[B, H, K]`.
  """
  unread = jnp.zeros_like(history_BTK)  # the targets
  batch = Batch(history_BTK, None, unread, history_BTK[:, 0, 0])
  stepper = cast(
    Stepper, model.apply({"params": params}, batch, method="stepper")
  )

  def step(carry: Carry, x_BK: Array) -> tuple[Carry, Array]:
    carry, outputs_BK = stepper.step(carry, x_BK)
    return carry, task.next_values(x_BK, outputs_BK)

  history_TBK = history_BTK.swapaxes(0, 1)
  carry, _ = jax.lax.scan(step, stepper.initial, history_TBK[:-1])
  return free_run(step, carry, history_TBK[-1], num_steps=num_steps)


@lru_cached(maxsize=16)
def _program(model: Model, task: ForecastTask, num_steps: int) -> Any:
  return jax.jit(functools.partial(free_forecast, model, task, num_steps))
