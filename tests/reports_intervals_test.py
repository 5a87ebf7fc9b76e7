"""Intervals as scipy computes them, and comparisons as rliable defines them."""

import itertools

import numpy as np
import pytest
import reports_fakes as fakes
from scipy import stats

from rnn_lab.reports.intervals import (
  mean_interval,
  probability_of_improvement,
)
from rnn_lab.reports.metrics import format_interval
from rnn_lab.reports.sections.comparison import comparison_grids

VALUES = [0.31, 0.52, 0.47, 0.93, 0.12]


def test_the_interval_of_a_mean_is_scipys():
  bounds = stats.bootstrap(
    (VALUES,), np.mean, method="percentile", confidence_level=0.95, rng=0
  ).confidence_interval
  assert mean_interval(VALUES) == (
    pytest.approx(np.mean(VALUES)),
    bounds.low,
    bounds.high,
  )


def test_the_interval_is_that_of_all_resamples():
  """Of so few values all can be drawn, which is no matter of a seed."""
  every = np.mean([*itertools.product(VALUES, repeat=5)], axis=1)
  _, low, high = mean_interval(VALUES)
  # The share of resamples beyond each end, with and without the end itself.
  for beyond, up_to in (
    (every < low - 1e-9, every < low + 1e-9),
    (every > high + 1e-9, every > high - 1e-9),
  ):
    assert beyond.mean() < 0.025 + 0.004
    assert up_to.mean() > 0.025 - 0.004


def test_one_value_and_equal_values_have_no_width():
  assert mean_interval([0.25]) == (0.25, 0.25, 0.25)
  assert mean_interval([0.25, 0.25]) == (0.25, 0.25, 0.25)
  assert format_interval([0.25], "accuracy") == "0.250"
  assert format_interval([0.25, None], "accuracy") == "0.250 (1 of 2 seeds)"


def slow_probability(pairs):
  """As in the paper: the mean over tasks of S(x, y) over all pairs of runs."""
  scores = [
    np.mean([1.0 if x > y else 0.5 if x == y else 0.0 for x in a for y in b])
    for a, b in pairs
  ]
  return np.mean(scores)


@pytest.mark.parametrize("settings", [1, 3])
def test_probability_of_improvement_is_the_share_of_pairs(settings):
  rng = np.random.default_rng(settings)
  pairs = [
    (rng.integers(0, 6, 5).astype(float), rng.integers(0, 6, 4).astype(float))
    for _ in range(settings)
  ]
  p, low, high = probability_of_improvement(pairs)
  assert p == pytest.approx(slow_probability(pairs))
  assert 0.0 <= low <= p <= high <= 1.0
  if settings == 1:
    a, b = pairs[0]
    assert p == pytest.approx(stats.mannwhitneyu(a, b).statistic / 20)
  other, *ends = probability_of_improvement([(b, a) for a, b in pairs])
  assert other == pytest.approx(1 - p)
  assert ends == pytest.approx([1 - high, 1 - low], abs=0.1)


def test_what_is_always_better_has_an_interval_without_width():
  assert probability_of_improvement([([2, 3, 4], [0, 1])]) == (1.0, 1.0, 1.0)


def write(root, maximize=True):
  values = {
    "GRU": [0.9, 0.91, 0.92],
    "LSTM": [0.5, 0.51, 0.95],
    "few seeds": [0.2, 0.3],
  }
  for name, seeds in values.items():
    result = fakes.result(seeds, "accuracy" if maximize else "mse", maximize)
    fakes.write_run(root / name, fakes.config(), result)
    label = {"name": name, "overrides": {}, "series": name}
    fakes.write_json(root / name / "trial.json", label)
  return root


@pytest.mark.parametrize("maximize", [True, False])
def test_a_table_of_series_in_pairs(tmp_path, maximize):
  (grid,) = comparison_grids(fakes.part_of(write(tmp_path, maximize)))
  assert grid.header == ["better than", "GRU", "LSTM"]
  first, second = grid.rows
  p = 2 / 3 if maximize else 1 / 3
  assert first[1].lines == second[2].lines == ["–"]
  assert first[2].lines[0].startswith(f"{p:.2f} [")
  assert second[1].lines[0].startswith(f"{1 - p:.2f} [")


def test_a_seed_that_diverged_is_the_worst(tmp_path):
  for name, seeds in [("A", [0.9, 0.9, None, None]), ("B", [0.8] * 4)]:
    fakes.write_run(tmp_path / name, fakes.config(), fakes.result(seeds))
    label = {"name": name, "overrides": {}, "series": name}
    fakes.write_json(tmp_path / name / "trial.json", label)
  (grid,) = comparison_grids(fakes.part_of(tmp_path))
  assert grid.rows[0][2].lines[0].startswith("0.50 [")
  assert probability_of_improvement([([-np.inf], [-np.inf, 1.0])])[0] == 0.25
