"""Splits, scaling and baselines of forecasts against slow loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks import series as module


def random_walk(size, width=3, seed=0):
  steps = np.random.RandomState(seed).standard_normal((size, width))
  return np.cumsum(steps, axis=0) * np.arange(1, width + 1) + 10


def test_parts_follow_in_time():
  values = random_walk(57)
  parts = module.split_in_time(values, 0.2, 0.1)
  # 57 * 0.2 = 11.4 and 57 * 0.1 = 5.7.
  assert [len(part) for part in parts] == [40, 11, 6]
  assert_array_equal(np.concatenate(parts), values)
  parts = module.split_in_time(np.arange(3), 0.01, 0.01)
  assert_array_equal(parts, [[0], [1], [2]])


@pytest.mark.parametrize(
  "size, fractions, words",
  [
    (50, (0, 0.1), "valid_fraction must be a finite number above 0"),
    (50, (0.1, 1), "test_fraction must be .* below 1, got 1"),
    (50, (0.1, "a"), "test_fraction must be .*, got 'a'"),
    (
      50,
      (0.5, 0.5),
      "valid_fraction 0.5 and test_fraction 0.5 leave none of the series' 50 "
      "times for training",
    ),
    (2, (0.1, 0.1), "valid_fraction 0.1 and .* leave none of .* 2 times"),
  ],
)
def test_wrong_fractions(size, fractions, words):
  with pytest.raises(FieldError, match=f"^{words}"):
    module.split_in_time(np.arange(size), *fractions)


def test_scaling():
  train = random_walk(40)
  scaling = module.fit_scaling(train, "abc")
  for k in range(3):
    mean = sum(train[:, k]) / 40
    variance = sum((x - mean) ** 2 for x in train[:, k]) / 40
    assert_allclose(scaling.mean[k], mean, rtol=1e-13)
    assert_allclose(scaling.std[k], variance**0.5, rtol=1e-13)
  scaled = scaling.apply(train)
  assert_allclose(scaled.mean(axis=0), 0, atol=1e-14)
  assert_allclose(scaled.var(axis=0), 1, rtol=1e-14)
  other = random_walk(24, seed=1).reshape(2, 4, 3, 3)
  by_hand = (other[1, 2, 0, 1] - scaling.mean[1]) / scaling.std[1]
  assert_allclose(scaling.apply(other)[1, 2, 0, 1], by_hand, rtol=1e-14)
  assert_allclose(scaling.undo(scaling.apply(other)), other, rtol=1e-13)


def test_scaling_of_a_constant_column():
  train = random_walk(10)
  train[:, 1] = 0.1  # whose mean is rounded, so that its std is not 0
  with pytest.raises(
    FieldError, match="^columns must .*; 'flow' is 0.1 in the"
  ):
    module.fit_scaling(train, ["time", "flow", "level"])


def test_normalised_error():
  predictions, targets = random_walk(20), random_walk(20, seed=1)
  variance = np.array([2.0, 3.0, 5.0])
  total = 0.0
  for n in range(20):
    for k in range(3):
      total += (predictions[n, k] - targets[n, k]) ** 2 / variance[k]
  expected = (total / 60) ** 0.5
  error = module.normalised_error(predictions, targets, variance)
  assert isinstance(error, float)
  assert_allclose(error, expected, rtol=1e-13)
  mean = np.broadcast_to(targets.mean(axis=0), targets.shape)
  own = targets.var(axis=0)
  assert_allclose(module.normalised_error(mean, targets, own), 1, rtol=1e-14)
  assert module.normalised_error(targets, targets, own) == 0


@pytest.mark.parametrize(
  "shapes",
  [((9, 1), (9,), (1,)), ((9, 2), (1, 2), (2,)), ((9, 3), (9, 3), (9, 1))],
)
def test_normalised_error_does_not_broadcast(shapes):
  with pytest.raises(ValueError, match="shapes do not fit"):
    module.normalised_error(*map(np.ones, shapes))


def test_persistence():
  train, series = random_walk(30), random_walk(21, seed=1)
  errors = module.persistence_error(train, series, [1, 7, 20])
  for h, error in zip([1, 7, 20], errors):
    terms = [
      (series[t + h, k] - series[t, k]) ** 2 / np.var(train[:, k])
      for t in range(21 - h)
      for k in range(3)
    ]
    assert_allclose(error, (sum(terms) / len(terms)) ** 0.5, rtol=1e-13)
  for h in 0, 21:
    with pytest.raises(FieldError, match="^horizons must be .* from 1 to 20"):
      module.persistence_error(train, series, [1, h])


def predict_one(coefficients, past):
  """One step, term by term; `past` is a list of rows, the newest last."""
  width = len(coefficients[0])
  result = []
  for k in range(width):
    total, row = coefficients[0][k], 1
    lag = 1
    while row < len(coefficients):
      for j in range(width):
        total += coefficients[row][k] * past[-lag][j]
        row += 1
      lag += 1
    result.append(total)
  return result


def stable_coefficients(order, width):
  random = np.random.RandomState(3)
  scale = 0.6 / (order * width)
  return random.uniform(-1, 1, (1 + order * width, width)) * scale + 0.01


@pytest.mark.parametrize("order, width", [(1, 1), (3, 1), (1, 2), (2, 3)])
def test_free_run(order, width):
  coefficients = stable_coefficients(order, width)
  history = random_walk(30, width).reshape(3, 2, 5, width)
  forecasts = module.free_run(coefficients, history, 7)
  assert forecasts.shape == (3, 2, 7, width)
  for place in np.ndindex(3, 2):
    past = history[place].tolist()
    for _ in range(7):
      past.append(predict_one(coefficients.tolist(), past))
    assert_allclose(forecasts[place], past[5:], rtol=1e-12)


@pytest.mark.parametrize("order, width", [(1, 1), (3, 1), (1, 2), (2, 3)])
def test_regression_recovers_the_truth(order, width):
  """A series that obeys a regression exactly leaves one solution."""
  truth = stable_coefficients(order, width)
  rows = random_walk(order, width).tolist()
  while len(rows) < order * (width + 1) + 6:
    rows.append(predict_one(truth.tolist(), rows))
  found = module.linear_autoregression(np.array(rows), order)
  assert found.shape == truth.shape
  continued = module.free_run(found, np.array(rows[:order]), len(rows) - order)
  assert_allclose(continued, rows[order:], rtol=1e-6, atol=1e-9)


def test_regression_is_the_least_squares_solution():
  """The residuals are orthogonal to every regressor, term by term."""
  train, order = random_walk(80, 2), 3
  found = module.linear_autoregression(train, order)
  residuals = []
  for t in range(order, 80):
    past = train[:t].tolist()
    residuals.append(train[t] - predict_one(found.tolist(), past))
  residuals = np.array(residuals)
  assert np.abs(residuals).max() > 0.5
  assert_allclose(residuals.sum(axis=0), 0, atol=1e-8)
  for lag in range(1, order + 1):
    products = train[order - lag : 80 - lag].T @ residuals
    assert_allclose(products, 0, atol=1e-6)


def test_order_needs_enough_equations():
  train = random_walk(21, 3)
  # 21 - 5 equations for 1 + 5 * 3 coefficients: just enough.
  found = module.linear_autoregression(train, 5)
  again = module.free_run(found, train[:5], 1)
  assert_allclose(again[0], train[5], rtol=1e-6)
  # 24 - 6 for 1 + 6 * 3 are not.
  with pytest.raises(FieldError, match="^order must be .* from 1 to 5, got 6"):
    module.linear_autoregression(random_walk(24, 3), 6)
  with pytest.raises(FieldError, match="^order must be .* got 0"):
    module.linear_autoregression(train, 0)


def test_free_run_may_diverge_but_not_lack_history():
  doubling = np.array([[0.0], [1e200]])
  forecasts = module.free_run(doubling, np.ones((1, 1)), 3)
  assert_array_equal(forecasts, [[1e200], [np.inf], [np.inf]])
  with pytest.raises(ValueError, match="needs 1 past times, got 0"):
    module.free_run(doubling, np.ones((0, 1)), 3)
