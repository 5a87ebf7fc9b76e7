"""The figure of who learns: shares, their intervals and its conclusion."""

import numpy as np
import pytest
import reports_fakes as fakes

from rnn_lab.reports import load_trials, read_results
from rnn_lab.reports.goals import Count, parse_goals
from rnn_lab.reports.intervals import share_interval as interval
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.sections.success import (
  conclusion,
  draw_success,
  success_section,
)

GOAL = {"task": "recall", "metric": "accuracy", "op": ">", "bar": 0.9}
# Seeds that learnt, of six, by gap.
LEARNT = {
  "LSTM": {1: 6, 4: 6, 20: 2},
  "tanh RNN": {1: 6, 4: 1, 20: 0},
}


def write(root, learnt, seeds=6, task="recall"):
  for series, line in learnt.items():
    for gap, solved in line.items():
      values = [0.95] * solved + [0.3] * (seeds - solved)
      name = f"{task}-{series}-{gap}"
      config = fakes.config(gap=gap)
      config["task"]["name"] = task
      fakes.write_run(root / name, config, fakes.result(values))
      overrides = {"task.gap": gap, "task.name": task}
      label = {"name": name, "overrides": overrides, "series": series}
      fakes.write_json(root / name / "trial.json", label)
  return root


def _draw(root, *goals):
  parts = parts_of(load_trials(root), parse_goals(goals))
  return [figure for part in parts for figure in draw_success(part)]


def _lines(ax):
  return [line for line in ax.lines if len(line.get_xdata()) > 1]


def test_shares_with_their_intervals(tmp_path):
  (figure,) = _draw(write(tmp_path, LEARNT), GOAL)
  (ax,) = figure.axes
  assert len(_lines(ax)) == len(ax.collections) == 2
  for line, bars, of_series in zip(_lines(ax), ax.collections, LEARNT.values()):
    shares = [solved / 6 for solved in of_series.values()]
    np.testing.assert_allclose(line.get_ydata(), shares, atol=1e-12)
    assert list(line.get_xdata()) == [1, 4, 20]
    ends = [segment[:, 1] for segment in bars.get_segments()]
    wilson = [interval(solved, 6) for solved in of_series.values()]
    np.testing.assert_allclose(ends, wilson, atol=1e-12)
  # Set apart to both sides, so that equal shares do not hide each other.
  places = [line.get_transform().transform((4, 0))[0] for line in _lines(ax)]
  assert places[0] < ax.transData.transform((4, 0))[0] < places[1]
  assert ax.get_xscale() == "log"
  assert ax.get_ylim() == (-0.03, 1.03)
  assert ax.get_ylabel() == "share of seeds with test accuracy > 0.9"
  assert ax.get_xlabel() == "gap"
  assert "95% confidence intervals by Wilson" in ax.get_title(loc="left")
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert sorted(words) == ["LSTM", "tanh RNN"]


def test_title_is_the_conclusion(tmp_path):
  (figure,) = _draw(write(tmp_path, LEARNT), GOAL)
  title = figure.axes[0].get_title(loc="left").replace("\u00a0", " ")
  assert title == (
    "All 6 seeds learn up to this gap: LSTM – 4; tanh RNN – 1\n"
    "bars: 95% confidence intervals by Wilson"
  )


@pytest.mark.parametrize(
  ("line", "words"),
  [
    ({1: Count(6, 6), 4: Count(6, 6)}, "4"),
    ({1: Count(5, 6), 4: Count(0, 6)}, "none"),
    ({1: Count(5, 6), 4: Count(6, 6)}, "none (but at 4)"),
    ({1: Count(6, 6), 4: Count(5, 6), 9: Count(6, 6)}, "1 (but at 9)"),
  ],
)
def test_what_was_learnt_after_a_gap_is_named(line, words):
  said = conclusion("task.gap", {"A B": line}).replace("\u00a0", " ")
  assert said == f"All 6 seeds learn up to this task.gap: A B – {words}"


def test_seeds_of_different_number_have_none_in_the_title():
  lines = {"A": {1: Count(5, 5)}, "B": {1: Count(8, 8)}}
  assert conclusion("task.gap", lines).startswith("All seeds learn")


def test_no_figure_without_goal_or_with_few_seeds(tmp_path):
  write(tmp_path / "six", LEARNT)
  assert _draw(tmp_path / "six") == []
  write(tmp_path / "four", {"LSTM": {1: 4, 2: 3}}, seeds=4)
  assert _draw(tmp_path / "four", GOAL) == []


def test_a_linear_axis_within_a_decade(tmp_path):
  (figure,) = _draw(write(tmp_path, {"LSTM": {2: 6, 20: 0}}), GOAL)
  assert figure.axes[0].get_xscale() == "linear"


def test_a_figure_a_task_and_for_eight_series(tmp_path):
  many = {f"s{i}": {1: 6, 2: i % 7} for i in range(9)}
  write(tmp_path, many)
  write(tmp_path, LEARNT, task="order")
  order = GOAL | {"task": "order"}
  figures = _draw(tmp_path, GOAL, order)
  assert [len(_lines(figure.axes[0])) for figure in figures] == [2, 4, 5]
  titles = [figure.axes[0].get_title(loc="left") for figure in figures]
  assert titles[0].startswith("Task order. All 6 seeds learn up to")
  assert titles[1].startswith("Task recall. ")
  fakes.write_json(tmp_path / "sweep.json", {"goals": [order]})
  results = read_results(tmp_path)
  (block,) = success_section(results).content
  assert (block.stem, len(block.figures)) == ("success", 1)
  assert success_section(results._replace(parts=results.parts[1:])) is None
