"""Forecasts of new series and of CSV files, in their own units."""

import functools

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
  assert lines[5] == f"5\t{want[4, 0]:.6g}\t{want[4, 1]:.6g}"


def test_wrong_inputs(tmp_path, task):
  model, params = model_of(task)
  write(tmp_path / "other.csv", 20, header="day,warmth,wind\n")
  for given, message in (
    (str(tmp_path / "nothing.csv"), "must be the path of a CSV file of numb"),
    (str(tmp_path / "other.csv"), "must be numbers from 1 to 3, or names in"),
    ([[1.0, 2.0, 3.0]], "must have one row or more of 2 numbers"),
  ):
    with pytest.raises(FieldError, match=f"^input {message}"):
      predict(model, params, task, [given])
  values = np.ones((3, 2))
  with pytest.raises(FieldError, match="^horizon must be an integer from 1 to"):
    predict(model, params, task, [values], horizon=0)
  with pytest.raises(FieldError, match="^beam_size must be one of horizon wit"):
    predict(model, params, task, [values], beam_size=2)
