"""Overrides of sweeps: every combination, pairs, draws."""

import math

import pytest

from configs.sweeping import (
  choice,
  drawn,
  grid,
  log_uniform,
  paired,
  uniform,
)


def test_a_grid_has_every_combination():
  assert grid({"a.b": (1, 2), "c": ["x", "y"]}) == [
    {"a.b": 1, "c": "x"},
    {"a.b": 1, "c": "y"},
    {"a.b": 2, "c": "x"},
    {"a.b": 2, "c": "y"},
  ]


def test_pairs():
  pairs = paired({"a": (1, 2), "b": (3, 4)})
  assert pairs == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
  with pytest.raises(ValueError, match="as many values, got {'a': 2, 'b': 1}"):
    paired({"a": (1, 2), "b": (3,)})


@pytest.mark.parametrize("function", [grid, paired])
@pytest.mark.parametrize("values", ["lstm", 3])
def test_values_are_a_list(function, values):
  with pytest.raises(ValueError, match="model.cell must be a list of values"):
    function({"model.cell": values})


def test_draws_are_those_of_the_seed_and_distinct():
  fields = {"rate": log_uniform(1e-4, 1e-1), "size": choice(32, 64)}
  draws = drawn(fields, 200, seed=3)
  assert draws == drawn(fields, 200, seed=3)
  assert draws[:50] == drawn(fields, 50, seed=3)
  assert draws != drawn(fields, 200, seed=4)
  assert len({tuple(draw.values()) for draw in draws}) == 200
  rates = [draw["rate"] for draw in draws]
  assert all(1e-4 <= rate <= 1e-1 for rate in rates)
  assert all(float(f"{rate:.3g}") == rate for rate in rates)
  # A third of the numbers in each decade: 67 of 200, standard deviation 6.7.
  decades = [math.floor(math.log10(rate)) for rate in rates]
  assert all(40 < decades.count(n) < 94 for n in (-4, -3, -2))
  assert {draw["size"] for draw in draws} == {32, 64}


def test_a_uniform_draw_stays_in_its_range():
  draws = drawn({"x": uniform(0.12345, 0.1236)}, 2, seed=0)
  assert all(0.12345 <= draw["x"] <= 0.1236 for draw in draws)


def test_integers_between_integers():
  for distribution in (uniform, log_uniform):
    draws = [d["x"] for d in drawn({"x": distribution(8, 12)}, 5, seed=0)]
    assert sorted(draws) == [8, 9, 10, 11, 12]
    assert all(isinstance(value, int) for value in draws)


def test_what_cannot_be_drawn():
  with pytest.raises(ValueError, match="at most the 2 combinations there are"):
    drawn({"x": choice(1, 2)}, 3, seed=0)
  for count in (0, 1.5, True):
    with pytest.raises(ValueError, match="count must be a positive integer"):
      drawn({"x": choice(1)}, count, seed=0)
  with pytest.raises(ValueError, match="low must be greater than 0"):
    log_uniform(0.0, 1.0)
  with pytest.raises(ValueError, match="low must be smaller than high"):
    uniform(1.0, 1.0)
  with pytest.raises(ValueError, match="at least one value"):
    choice()
