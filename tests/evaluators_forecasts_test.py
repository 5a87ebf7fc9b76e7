"""Forecasts against loops over origins and steps, in numpy, seed by seed."""

import functools

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import NUMPY_STEPS

from configs import common
from rnn_lab import models
from rnn_lab._stack import zero_initial
from rnn_lab.errors import FieldError
from rnn_lab.evaluators.forecasts import Forecasts
from rnn_lab.models.base import Model, init_params
from rnn_lab.models.forecasts import forecast
from rnn_lab.tasks.forecast_baselines import autoregression
from rnn_lab.tasks.forecasting import forecasting
from rnn_lab.training.population import population

SEEDS = 3  # over two devices: one of them has a seed that is padding
WARMUP, HORIZON = 5, 4
CASES = {
  # 401 origins: two batches, of which one is filled up.
  "elman": {"series": "lorenz", "predict": "change", "eval_size": 401},
  "lstm": {"series": "mackey_glass", "predict": "value", "eval_size": 9},
}


@functools.cache
def case(cell):
  """A task, its model, and parameters of each seed, all of them random."""
  task = forecasting(
    2,
    size=1500,
    window=8,
    warmup=WARMUP,
    horizon=HORIZON,
    test_fraction=0.4,
    **CASES[cell],
  )
  model = build(task, cell)
  shapes = jax.eval_shape(
    functools.partial(init_params, model, task), jax.random.key(0)
  )
  rng = np.random.default_rng(0)
  return (
    task,
    model,
    jax.tree.map(
      lambda a: rng.normal(size=(SEEDS, *a.shape)).astype(np.float32) * 0.5,
      shapes,
    ),
  )


def build(task, cell, **fields):
  config = common.default_config().model
  config.cell, config.hidden_size = cell, 3
  config.initial_state = "learned" if cell == "lstm" else "zeros"
  config.update(fields)
  return models.build(config.to_dict(), task)


def seed_of(params, seed):
  return jax.tree.map(lambda a: a[seed].astype(np.float64), params)


def by_hand(cell, params, history):
  """Reads a history `[T, K]`, then its own predictions: `[HORIZON, K]`."""
  task, model, _ = case(cell)
  initial = params.get("initial_state", zero_initial(model.stack))
  carry = jax.tree.map(np.float64, initial[0].forward)
  forecasts = []
  for t in range(len(history) + HORIZON - 1):
    x = history[t] if t < len(history) else forecasts[-1]
    carry, y = NUMPY_STEPS[cell](params["stack"][0].forward, carry, x)
    y = y @ params["readout"]["kernel"] + params["readout"]["bias"]
    if task.cut.predict == "change":
      y = x + y * task.columns.change_scale
    if t >= len(history) - 1:
      forecasts.append(y)
  return np.array(forecasts)


def errors_by_hand(cell, params, split):
  """The root mean squared error at each horizon, over origins and columns."""
  squares = []
  for window in case(cell)[0].parts.windows[split]:
    forecasts = by_hand(cell, params, window[:WARMUP])
    squares.append((forecasts - window[WARMUP:]) ** 2)
  return np.sqrt(np.mean(squares, axis=(0, 2)))


@pytest.mark.parametrize("cell", CASES)
def test_errors_equal_a_plain_loop(cell):
  task, model, params = case(cell)
  seeds = population(SEEDS)
  evaluator = Forecasts(model, task, None, seeds)
  want = [
    errors_by_hand(cell, seed_of(params, s), "test") for s in range(SEEDS)
  ]
  metrics = evaluator.evaluate(seeds.put(params), "test")
  assert set(metrics) == {
    "loss",
    "one_step_nmse",
    "nrmse_1",
    "nrmse_2",
    "nrmse_4",
  }
  for h in (1, 2, 4):
    values = metrics[f"nrmse_{h}"]
    assert values.shape == (SEEDS,) and values.dtype == np.float32
    assert_allclose(values, [curve[h - 1] for curve in want], rtol=1e-4)
  details = evaluator.details(seeds.put(params))["forecasts"]
  assert_allclose(details["nrmse"], want, rtol=1e-4)
  if cell == "elman":
    windows = task.parts.windows["test"]
    assert len(windows) == details["origins"] == 401
    last = windows[:, WARMUP - 1 : WARMUP]
    for name, guess in (("persistence", last), ("mean", 0 * last)):
      squares = (guess - windows[:, WARMUP:]) ** 2
      curve = np.sqrt(squares.mean(axis=(0, 2)))
      assert_allclose(details[name], curve, rtol=1e-12)
    linear = autoregression(task)
    assert details["linear_autoregression"] == linear.curve.tolist()
    assert details["autoregression_order"] == linear.order
    assert details["series"] == "Lorenz" and details["warmup"] == WARMUP
    assert task.baselines == {"nrmse_4": details["persistence"][-1]}


def test_the_validation_split_is_another_one():
  task, model, params = case("lstm")
  seeds = population(SEEDS)
  evaluator = Forecasts(model, task, None, seeds)
  metrics = evaluator.evaluate(seeds.put(params), "valid")
  want = errors_by_hand("lstm", seed_of(params, 2), "valid")
  assert_allclose(metrics["nrmse_4"][2], want[-1], rtol=1e-4)


def test_one_step_errors_are_those_after_true_values():
  """At the origins they are the first errors of the free run."""
  task, model, params = case("lstm")
  seeds = population(SEEDS)
  evaluator = Forecasts(model, task, None, seeds)
  metrics = evaluator.evaluate(seeds.put(params), "test")
  squares = []
  for window in task.parts.windows["test"]:
    for t in range(WARMUP, WARMUP + HORIZON):
      first = by_hand("lstm", seed_of(params, 1), window[:t])[0]
      squares.append((first - window[t]) ** 2)
  assert_allclose(metrics["one_step_nmse"][1], np.mean(squares), rtol=1e-4)


def test_a_forecast_is_in_the_units_of_the_series():
  task, model, params = case("elman")
  scaling = task.columns.scaling
  raw = scaling.undo(task.parts.train[:7])
  one = seed_of(params, 1)
  want = scaling.undo(by_hand("elman", one, task.parts.train[:7]))
  one = jax.tree.map(np.float32, one)
  got = forecast(model, one, task, raw, HORIZON)
  assert got.shape == (HORIZON, 3) and got.dtype == np.float64
  assert_allclose(got, want, rtol=1e-4)
  with pytest.raises(FieldError, match="^horizon must be an integer from 1 t"):
    forecast(model, one, task, raw, 0)
  with pytest.raises(FieldError, match="^input must have one row or more of 3"):
    forecast(model, one, task, raw[:, :2], HORIZON)


def test_examples_are_forecasts_in_the_units_of_the_series():
  task, model, params = case("elman")
  seeds = population(SEEDS)
  kept = Forecasts(model, task, None, seeds).examples(seeds.put(params), 1, 3)
  one, undo = seed_of(params, 1), task.columns.scaling.undo
  windows = task.parts.windows["test"]
  close = functools.partial(assert_allclose, rtol=1e-5, atol=1e-3)
  for row, place in zip(kept["examples"], (0, 200, 400), strict=True):
    read, true = windows[place, :WARMUP], windows[place, WARMUP:]
    assert row["reads"]["form"] == "vectors" and row["right"] is None
    close(row["reads"]["values"], undo(read))
    close(row["output"], undo(by_hand("elman", one, read)))
    close(row["target"], undo(true))
  shown, read = kept["picture"], windows[0, :WARMUP]
  close(shown["reads"]["values"], undo(read))
  after = [by_hand("elman", one, read[: t + 1])[0] for t in range(WARMUP)]
  close(shown["output"], undo(np.array(after)))


def test_what_cannot_be_evaluated():
  task, _, _ = case("elman")
  model = build(task, "elman", bidirectional=True)
  with pytest.raises(FieldError, match="^model.bidirectional must be false, a"):
    Forecasts.check_model(model, task)
  with pytest.raises(FieldError, match="^model.kind must be one with a method"):
    Forecasts.check_model(Model(), task)
  Forecasts.check(None)
  with pytest.raises(FieldError, match="^forecasts has no fields$"):
    Forecasts.check({"origins": 3})
