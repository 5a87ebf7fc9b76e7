"""Forecasting: parts, windows, batches, baselines and files of the task."""

import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks import build, chaos, without_data
from rnn_lab.tasks.forecast_baselines import (
  autoregression,
  climatology_curve,
  error_curve,
  persistence_curve,
)
from rnn_lab.tasks.forecasting import forecasting
from rnn_lab.tasks.series import free_run, linear_autoregression

# 200 times: 140 to train on, 20 for validation, 40 for the test.
SIZE, WINDOW, WARMUP, HORIZON = 200, 12, 5, 6
SMALL = {
  "size": SIZE,
  "window": WINDOW,
  "warmup": WARMUP,
  "horizon": HORIZON,
  "eval_size": 7,
}
B = 400


def small(**fields):
  return forecasting(B, **SMALL | fields)


def months(size=144):
  """Monthly numbers like those of airlines: a trend times a season."""
  t = np.arange(size)
  season = 1 + 0.2 * np.sin(np.pi * t / 6) + 0.08 * np.cos(np.pi * t / 3)
  return np.round((110 + 2.5 * t) * season)


@pytest.fixture
def monthly(tmp_path):
  path = tmp_path / "passengers.csv"
  rows = [
    f"{1949 + n // 12}-{n % 12 + 1:02},{value:g},{n}"
    for n, value in enumerate(months())
  ]
  path.write_text("\n".join(["month,passengers,number", *rows]) + "\n")
  return path


MONTHLY = {"series": "csv", "window": 48, "warmup": 24, "horizon": 12}


@functools.cache
def lorenz():
  """The raw series, and the task scaled by its first 140 values."""
  return chaos.lorenz(SIZE, seed=0), small(series="lorenz", seed=0)


def test_windows_are_cut_at_origins_spread_over_each_split():
  values, task = lorenz()
  train = values[:140]
  mean, std = train.mean(axis=0), train.std(axis=0)
  assert_allclose(task.parts.train, (train - mean) / std, rtol=1e-12)
  for split, start, end in ("valid", 140, 160), ("test", 160, 200):
    windows = task.parts.windows[split]
    # The last value read at the first origin is the one before the split; at
    # the last origin the forecast ends with the split.
    first, last = start - 1, end - 1 - HORIZON
    for n, window in enumerate(windows):
      origin = math.floor(first + n * (last - first) / 6 + 1e-9)
      for step in range(WARMUP + HORIZON):
        raw = values[origin - WARMUP + 1 + step]
        assert_allclose(window[step], (raw - mean) / std, rtol=1e-12)
    assert len(windows) == 7 and origin == last


def test_a_short_split_has_all_of_its_origins():
  task = small(eval_size=1000)
  valid = task.parts.windows["valid"]
  assert len(valid) == 20 - HORIZON + 1
  assert_array_equal(valid[1:, :-1], valid[:-1, 1:])
  assert len(small(eval_size=1).parts.windows["test"]) == 1


@functools.cache
def batch_of(step=4, seed=0, **fields):
  task = small(series="lorenz", seed=0, **fields)
  made = jax.jit(task.batch)(
    task.data[0], jax.random.key(seed), jnp.int32(step)
  )
  return jax.tree.map(np.asarray, made)


def shapes_of_a_batch(task):
  key = jax.random.key(0)
  return jax.eval_shape(task.batch, task.data[0], key, jnp.int32(0))


def test_a_batch_is_windows_of_the_training_part_and_what_follows():
  _, task = lorenz()
  train = task.parts.train.astype(np.float32)
  made = batch_of(predict="value")
  assert made.inputs.shape == made.targets.shape == (B, WINDOW, 3)
  assert made.input_lengths is None
  starts = [int(np.flatnonzero((train == x[0]).all(1))[0]) for x in made.inputs]
  for start, x, y in zip(starts, made.inputs, made.targets):
    assert_array_equal(x, train[start : start + WINDOW])
    assert_array_equal(y, train[start + 1 : start + WINDOW + 1])
  # The first and the last window, too: 127 is the last target's.
  assert {0, 140 - WINDOW - 1} <= set(starts) and len(set(starts)) > 100
  weights = np.arange(WINDOW) >= WARMUP - 1
  assert_array_equal(made.weights, np.tile(weights, (B, 1)))


def test_a_batch_is_a_function_of_key_and_step():
  made = batch_of(predict="value")
  for other in batch_of(5, predict="value"), batch_of(4, 1, predict="value"):
    assert not np.array_equal(made.inputs, other.inputs)


def test_changes_and_noise():
  """With noise, what is to be predicted is still the true next value."""
  clean, scale = batch_of(predict="value"), lorenz()[1].columns.change_scale
  changes = np.diff(lorenz()[1].parts.train, axis=0)
  assert_allclose(scale, np.sqrt((changes**2).mean(axis=0)), rtol=1e-12)
  made = batch_of(predict="change", noise=0.3)
  assert_allclose(made.inputs + made.targets * scale, clean.targets, atol=2e-6)
  # The standard error of a standard deviation is s / sqrt(2 n).
  added = made.inputs - clean.inputs
  assert abs(added.std() - 0.3) < 4 * 0.3 / np.sqrt(2 * added.size)
  assert abs(added.mean()) < 4 * 0.3 / np.sqrt(added.size)


@pytest.mark.parametrize("predict", ["value", "change"])
def test_metrics_of_a_split_equal_a_plain_loop(predict):
  task = small(series="lorenz", seed=0, predict=predict)
  (held,) = task.eval_batches("test")
  windows = task.parts.windows["test"]
  rng = np.random.default_rng(0)
  outputs = rng.normal(size=held.targets.shape).astype(np.float32)
  error = loss = count = 0.0
  for window, x, y in zip(windows, held.inputs, outputs):
    assert_allclose(x, window[:-1], rtol=1e-6)
    for t in range(WARMUP - 1, WARMUP + HORIZON - 1):
      count += 1
      for k in range(3):
        scale = task.columns.change_scale[k]
        if predict == "value":
          difference = y[t, k] - window[t + 1, k]
          loss += difference**2
        else:
          difference = window[t, k] + y[t, k] * scale - window[t + 1, k]
          loss += (difference / scale) ** 2
        error += difference**2
  metrics = task.metrics(outputs, held)
  assert_allclose(metrics["loss"], [loss, count], rtol=1e-5)
  assert_allclose(metrics["one_step_nmse"], [error, 3 * count], rtol=1e-5)
  after = task.next_values(windows[:, 4].astype(np.float32), outputs[:, 4])
  scale = 1.0 if predict == "value" else task.columns.change_scale
  before = 0.0 if predict == "value" else windows[:, 4]
  assert_allclose(after, before + outputs[:, 4] * scale, rtol=1e-5)


def test_baselines_equal_plain_loops():
  _, task = lorenz()
  windows = task.parts.windows["test"]
  for constant in ("last", "mean"):
    curve = []
    for h in range(HORIZON):
      errors = []
      for window in windows:
        guess = window[WARMUP - 1] if constant == "last" else np.zeros(3)
        errors += [(guess[k] - window[WARMUP + h, k]) ** 2 for k in range(3)]
      curve.append(math.sqrt(sum(errors) / len(errors)))
    function = persistence_curve if constant == "last" else climatology_curve
    assert_allclose(function(windows, WARMUP), curve, rtol=1e-12)
    if constant == "last":
      assert_allclose(task.baselines["nrmse_6"], curve[-1], rtol=1e-12)
  assert list(task.baselines) == ["nrmse_6"] == [task.headline]
  assert task.horizons == (1, 2, 4, 6)
  assert small(horizon=8).horizons == (1, 2, 4, 8)
  assert small(horizon=1).horizons == (1,)


def test_the_order_of_the_autoregression_is_the_best_on_validation():
  _, task = lorenz()
  train, windows = task.parts
  errors = {}
  for order in (1, 2, 3, 4, 5):
    coefficients = linear_autoregression(train, order)
    errors[order] = {
      split: error_curve(free_run(coefficients, w[:, :WARMUP], HORIZON), w)
      for split, w in windows.items()
    }
  chosen = autoregression(task)
  best = min(errors, key=lambda order: errors[order]["valid"][-1])
  assert chosen.order == best != 5
  assert_allclose(chosen.curve, errors[best]["test"], rtol=1e-12)
  assert best != min(errors, key=lambda order: errors[order]["test"][-1])


def test_a_series_too_short_for_an_autoregression_is_compared_with_its_mean(
  tmp_path,
):
  # 17 times to train on, for the 21 coefficients of each of 20 columns.
  values = np.random.RandomState(0).randn(24, 20)
  path = tmp_path / "wide.csv"
  np.savetxt(path, values, delimiter=",")
  sizes = {"window": 6, "warmup": 3, "horizon": 2}
  task = forecasting(2, series="csv", path=str(path), **sizes)
  train, test = values[:17], values[19:]
  scaled = (test - train.mean(axis=0)) / train.std(axis=0)
  errors = [(scaled[h : 4 + h] ** 2).mean() for h in (0, 1)]
  chosen = autoregression(task)
  assert chosen.order == 0
  assert_allclose(chosen.curve, np.sqrt(errors), rtol=1e-9)


def test_an_autoregression_that_diverges_is_not_chosen():
  forecasts = np.full((2, 3, 2, 1), 1e200)
  forecasts[0, 0, 0] = np.nan
  curves = error_curve(forecasts, np.zeros((3, 4, 1)))
  assert_array_equal(curves, [[np.nan, np.inf], [np.inf, np.inf]])


def test_a_csv_file(monthly):
  columns = ["passengers"]
  section = {"name": "forecasting", "path": str(monthly), "columns": columns}
  task = build(section | MONTHLY, 4)
  assert build(section | MONTHLY | {"columns": ("passengers",)}, 4) is task
  assert task.headline == "nrmse_12" and task.columns.names == ("passengers",)
  # 144 months: 101, 14 and 29.
  raw = months()
  assert_allclose(task.columns.scaling.mean, [raw[:101].mean()])
  last = task.columns.scaling.undo(task.parts.windows["test"][-1])
  assert_allclose(last[:, 0], raw[-36:])
  assert task.describe().startswith(f"{monthly} (passengers): 101 times")
  # A trend and a season are linear, persistence is not.
  assert autoregression(task).curve[-1] < task.baselines["nrmse_12"] / 4
  assert shapes_of_a_batch(task).inputs.shape == (4, 48, 1)
  assert list(task.hashes) == [str(monthly)]


@pytest.mark.parametrize(
  "fields, message",
  [
    ({"series": "mackey"}, "series must be one of csv, lorenz, mackey_glass"),
    ({"tau": 0}, "tau must be an integer from 1 to 1000, got 0"),
    ({"size": 9}, "size must be an integer from 10 to 1000000, got 9"),
    ({"size": 1e3}, "size must be an integer from 10 .*, got 1000.0"),
    ({"seed": -1}, "seed must be an integer from 0 to .*, got -1"),
    (
      {"series": "lorenz", "tau": 30},
      "tau must be left at 17, as series 'lorenz' does not depend on it, got",
    ),
    ({"path": "a.csv"}, "path must be left at None, as series 'mackey_glass'"),
    ({"columns": [1]}, r"columns must be left at \(\), as series"),
    ({"series": "csv"}, "size must be left at 10000, as series 'csv' does"),
    ({"window": 0}, "window must be an integer from 1 to 100000, got 0"),
    ({"horizon": 0}, "horizon must be an integer from 1 to 100000, got 0"),
    ({"warmup": 13}, "warmup must be an integer from 1 to 12, got 13"),
    ({"predict": "next"}, "predict must be one of change, value, got 'next'"),
    ({"noise": -0.1}, "noise must be a finite number of at least 0, got -0.1"),
    ({"eval_size": 0}, "eval_size must be an integer from 1 to 100000, got 0"),
    ({"valid_fraction": []}, "valid_fraction must be a finite number above 0"),
    ({"test_fraction": 1}, "test_fraction must be .* below 1, got 1"),
    ({"test_fraction": 0.9}, "valid_fraction 0.1 and test_fraction 0.9 leave"),
    (
      {"window": 140},
      "window must be below 140, the times of the training part, got 140",
    ),
    (
      {"horizon": 21},
      "horizon must be at most 20, the times of the valid part, got 21",
    ),
    (
      {"horizon": 41, "valid_fraction": 0.3},
      "horizon must be at most 40, the times of the test part, got 41",
    ),
  ],
)
def test_wrong_arguments(fields, message):
  with pytest.raises(FieldError, match=f"^{message}") as error:
    small(**fields)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  "fields, message",
  [
    ({"path": None}, "path is required, as the series is 'csv'"),
    ({"path": "/nowhere/a.csv"}, "path must be the path of a CSV file"),
    ({"columns": ["passenger"]}, "columns must be numbers from 1 to 3, or .*"),
    ({"columns": ["month"]}, "path must be .* has '1949-01' in line 2"),
    ({"columns": [["number"]]}, "columns must be a list of names or numbers"),
    ({"columns": ["passengers"], "horizon": 15}, "horizon must be at most 14"),
  ],
)
def test_wrong_files(monthly, fields, message):
  section = {"path": str(monthly), **MONTHLY, **fields}
  with pytest.raises(FieldError, match=f"^{message}") as error:
    forecasting(4, **section)
  assert "\n" not in str(error.value)


def test_inputs_of():
  values, task = lorenz()
  batch = task.inputs_of(values[:9].tolist())
  assert batch.inputs.dtype == np.float32
  assert batch.inputs.shape == batch.targets.shape == (1, 9, 3)
  assert_allclose(batch.inputs[0], task.parts.train[:9], rtol=1e-5, atol=1e-6)
  assert_array_equal(batch.weights, np.ones((1, 9)))
  one = small().inputs_of([1, 2.5])
  assert_array_equal(one.inputs, small().inputs_of([[1], [2.5]]).inputs)
  for wrong, message in (
    ("a", "must be rows of numbers"),
    ([[1, 2], [3]], "must be rows of numbers"),
    ([1.0, 2.0], r"must have one row .* of 3 numbers \(x, y, z\), .* \(2,\)"),
    (np.zeros((0, 3)), r"must have one row .*, got the shape \(0, 3\)"),
    (np.zeros((4, 2)), r"must have one row .*, got the shape \(4, 2\)"),
    ([[1, 2, 3], [4, 1e39, 6]], "must be finite numbers; row 2 is not"),
    ([[1, 2, 3j]], r"must be rows of numbers \(they are complex"),
    ([[1, 2, 3], [4, np.nan, 6]], "must be finite numbers; row 2 is not"),
  ):
    with pytest.raises(FieldError, match=f"^input {message}"):
      task.inputs_of(wrong)


def test_a_task_without_its_series(tmp_path):
  values, task = lorenz()
  task.save_files(tmp_path)
  section = {"name": "forecasting", **task.cut._asdict(), "path": "gone.csv"}
  opened = without_data(section, B, tmp_path)
  assert (opened.title, opened.cut) == (task.title, task.cut)
  assert opened.columns.names == task.columns.names
  for ours, theirs in zip(opened.columns[1:], task.columns[1:]):
    assert_array_equal(ours, theirs)
  jax.tree.map(
    assert_array_equal, opened.inputs_of(values), task.inputs_of(values)
  )
  assert shapes_of_a_batch(opened) == shapes_of_a_batch(task)
  path = tmp_path / "series.json"
  content = json.loads(path.read_text())
  for damaged in (
    "",
    "[]",
    "{}",
    json.dumps(content | {"mean": [1.0]}),
    json.dumps(content | {"std": "abc"}),
    json.dumps(content | {"names": 3}),
  ):
    path.write_text(damaged)
    with pytest.raises(FieldError, match="^workdir holds a damaged file: "):
      without_data(section, B, tmp_path)
  path.unlink()
  with pytest.raises(FieldError, match="^workdir must be the run of a fore"):
    without_data(section, B, tmp_path)


def test_equal_arguments_give_the_same_task():
  task = small()
  assert small(series="mackey_glass", tau=17, noise=0) is task
  assert small(tau=18) is not task
  assert forecasting(B + 1, **SMALL) is not task
