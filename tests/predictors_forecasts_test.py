"""Forecasts of new series and of CSV files, in their own units."""

import functools
import warnings

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from configs import common
from experiments.terminal import prediction_lines
from rnn_lab import models
from rnn_lab.errors import FieldError
from rnn_lab.models.base import init_params
from rnn_lab.models.forecasts import forecast
from rnn_lab.predictors import predict
from rnn_lab.reports.predictions import draw_prediction, forecast_figure
from rnn_lab.tasks.forecasting import forecasting

HEADER = "day,temperature,wind\n"


def write(path, size, header=HEADER):
  n = np.arange(size)
  values = np.stack([10 + 3 * np.sin(n), n % 7 + 0.5], axis=1)
  rows = [f"{d},{t!r},{w!r}\n" for d, (t, w) in enumerate(values.tolist())]
  path.write_text(header + "".join(rows), encoding="utf-8")
  return values


@functools.cache
def model_of(task):
  config = common.default_config().model
  config.cell, config.hidden_size = "elman", 3
  model = models.build(config.to_dict(), task)
  init = jax.jit(functools.partial(init_params, model, task))
  return model, init(jax.random.key(0))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
  path = tmp_path_factory.mktemp("series") / "known.csv"
  write(path, 60)
  return forecasting(
    2,
    series="csv",
    path=str(path),
    columns=[3, "temperature"],
    window=8,
    warmup=4,
    horizon=5,
  )


def test_a_file_and_its_numbers_have_one_forecast(tmp_path, task):
  model, params = model_of(task)
  values = write(tmp_path / "new.csv", 20)[:, ::-1]
  path = str(tmp_path / "new.csv")
  of_file, of_numbers = predict(model, params, task, [path, values])
  assert of_file["input"] == path
  assert of_file["columns"] == ["wind", "temperature"]
  assert of_file["prediction"] == of_numbers["prediction"]
  want = forecast(model, params, task, values, 5)
  assert_array_equal(of_file["prediction"], want)
  [longer] = predict(model, params, task, [path], horizon=7)
  np.testing.assert_allclose(longer["prediction"][:5], want, rtol=1e-6)
  assert len(longer["prediction"]) == 7
  lines = prediction_lines(of_file)
  assert lines[0] == "step\twind\ttemperature" and len(lines) == 6
  assert of_file["read"] == of_numbers["read"] == values.tolist()
  assert lines[5] == f"5\t{want[4, 0]:.6g}\t{want[4, 1]:.6g}"


def test_a_forecast_is_drawn_after_its_series(tmp_path):
  read_NK = np.arange(600.0).reshape(300, 2) ** 2
  forecast_HK = -np.arange(1.0, 121.0).reshape(60, 2)
  row = {
    "input": "folder/$file.csv",
    "columns": ["wind", "_rain"],
    "read": read_NK.tolist(),
    "prediction": forecast_HK.tolist(),
  }
  figure = forecast_figure(row)
  for k, ax in enumerate(figure.axes):
    known, predicted, begin = ax.lines
    assert_array_equal(known.get_xdata(), np.arange(-239, 1))
    assert_array_equal(known.get_ydata(), read_NK[-240:, k])
    assert_array_equal(predicted.get_xdata(), np.arange(61))
    assert_array_equal(
      predicted.get_ydata(), [read_NK[-1, k], *forecast_HK[:, k]]
    )
    assert set(begin.get_xdata()) == {0}
    assert ax.get_ylabel().strip() == row["columns"][k]
  assert figure.axes[1].get_xlabel().startswith("steps after the last value")
  assert figure.get_suptitle() == (
    r"\$file.csv: 60 steps forecast from 300 values, of which the last 240 are "
    "drawn"
  )
  wide = row | {name: np.ones((3, 9)) for name in ("read", "prediction")}
  wide |= {"columns": [*"abcdefghi"], "input": wide["read"]}
  figure = forecast_figure(wide)
  assert len(figure.axes) == 8
  assert figure.get_suptitle().endswith("\nthe first 8 of 9 columns")
  draw_prediction(row, tmp_path / "figure.png")
  content = (tmp_path / "figure.png").read_bytes()
  assert content.startswith(b"\x89PNG")


def test_other_predictions_have_no_figure(tmp_path):
  with pytest.raises(FieldError, match="^figure needs the run of a forecast, "):
    draw_prediction({"prediction": "3"}, tmp_path / "figure.png")
  assert not [*tmp_path.iterdir()]


def test_wrong_inputs(tmp_path, task):
  model, params = model_of(task)
  write(tmp_path / "other.csv", 20, header="day,warmth,wind\n")
  for given, message in (
    (str(tmp_path / "nothing.csv"), "must be the path of a CSV file of numb"),
    (str(tmp_path / "other.csv"), "must be numbers from 1 to 3, or names in"),
    ([[1.0, 2.0, 3.0]], "must have one row or more of 2 numbers"),
    ([[1.0, 2.0], [1e300, 1.0]], "must be finite numbers; row 2 is not"),
  ):
    with pytest.raises(FieldError, match=f"^input {message}"):
      predict(model, params, task, [given])
  with pytest.raises(FieldError, match="^input 2 must have one row or more"):
    predict(model, params, task, [np.ones((4, 2)), None])
  values = np.ones((4, 2))
  with pytest.raises(FieldError, match="^horizon must be an integer from 1 to"):
    predict(model, params, task, [values], horizon=0)
  with pytest.raises(FieldError, match="^beam_size must be one of horizon wit"):
    predict(model, params, task, [values], beam_size=2)


def test_a_constant_or_short_history_has_a_forecast(tmp_path, task):
  model, params = model_of(task)
  for size in (9, 3):
    path = tmp_path / f"{size}.csv"
    path.write_text(HEADER + "0,7,6.5\n" * size, encoding="utf-8")
    values = np.full((size, 2), (6.5, 7.0))
    with warnings.catch_warnings(record=True) as caught:
      warnings.simplefilter("always")
      rows = predict(model, params, task, [path, values])
    said = [str(warning.message) for warning in caught]
    assert len(said) == 2 * (size < task.cut.warmup)
    assert all("a forecast from 3 values; the model" in line for line in said)
    want = forecast(model, params, task, values, 5)
    for row in rows:
      assert_array_equal(row["prediction"], want)
  path.write_text(HEADER, encoding="utf-8")
  with pytest.raises(FieldError, match="has 0 rows of numbers, fewer than 1$"):
    predict(model, params, task, [path])
