"""Sweeps that search: ranked on the validation split, drawn by field."""

import itertools
import json

import pytest
from reports_fakes import (
  config,
  entry,
  learning_rows,
  result,
  write_json,
  write_run,
)

from rnn_lab.reports import read_results, write_report
from rnn_lab.reports.exports import markdown_table
from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.sections.headline import headline_section
from rnn_lab.reports.sections.learning_curves import learning_curves_section
from rnn_lab.reports.sections.overview import overview_section
from rnn_lab.reports.sections.search import search_section
from rnn_lab.reports.sections.search_figures import draw_map

COUNT = 12
RATE, CLIP, CELL = "optimizer.learning_rate", "train.clip_norm", "model.cell"
# On the validation split the trial 3 is the best, on the test split trial 7.
VALID = [0.50, 0.51, 0.52, 0.93, 0.54, 0.55, 0.56, 0.92, 0.58, 0.59, 0.60, 0.61]
TEST = [0.4, 0.41, 0.42, 0.80, 0.44, 0.45, 0.46, 0.95, 0.48, 0.49, 0.5, 0.51]
HALTED, DIVERGED = 10, 11


def write_search(
  workdir, count=COUNT, clip=None, series=None, cells=("gru", "lstm")
):
  trials = []
  for n in range(count):
    name, cell = f"trial{n}", cells[n % len(cells)]
    overrides = {RATE: 0.001 * 1.5**n, CLIP: clip or 1.0 + n * 7 % 12}
    overrides[CELL] = cell
    trials.append({"name": name, "overrides": overrides, "series": series})
    ended = result([TEST[n], TEST[n] + 0.02])
    ended["metrics"]["valid/accuracy"] = entry([VALID[n], VALID[n] + 0.02])
    rows = learning_rows([VALID[n], VALID[n]])
    run = config(cell)
    if n == HALTED:
      write_run(workdir / name, run, None, rows[:1])
      write_json(
        workdir / name / "halted.json",
        {"step": 250, "rank": 9, "among": 12, "value": 0.1},
      )
    elif n == DIVERGED:
      write_run(workdir / name, run, result([None, None]), rows)
    else:
      write_run(workdir / name, run, ended, rows)
    write_json(workdir / name / "trial.json", trials[-1])
  write_json(workdir / "sweep.json", {"trials": trials})
  return read_results(workdir)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
  return write_search(tmp_path_factory.mktemp("search"))


def test_the_best_on_the_validation_split_is_first(results):
  [part] = results.parts
  assert part.is_search
  assert part.searched == [RATE, CLIP, CELL]
  found = ranked(part)
  names = [one.trial.name for one in found]
  assert names[:3] == ["trial3", "trial7", "trial9"]
  assert found[0].value == pytest.approx(0.94)
  # That which was stopped early has its last evaluation.
  assert names[-1] == f"trial{HALTED}"
  assert found[-1].value == pytest.approx(0.60 * 250 / 1500)
  assert f"trial{DIVERGED}" not in names


def test_the_least_error_is_the_best(results):
  [part] = results.parts
  error = part.headline._replace(maximize=False)
  names = [one.trial.name for one in ranked(part._replace(headline=error))]
  assert names[:2] == [f"trial{HALTED}", "trial0"]


def test_one_of_which_fewer_seeds_diverged_is_better(tmp_path):
  for name, values in [("a", [0.99, None, None]), ("b", [0.9, 0.9, 0.9])]:
    ended = result(values)
    ended["metrics"]["valid/accuracy"] = entry(values)
    write_run(tmp_path / name, config(), ended)
  [part] = read_results(tmp_path).parts
  assert [one.trial.name for one in ranked(part)] == ["b", "a"]


@pytest.mark.parametrize("values", [[[1, 1], [2, 2], [3, 3]], [1, 0.5, 2.5]])
def test_a_map_of_lists_and_of_mixed_numbers(tmp_path, values):
  for n, (value, rate) in enumerate(itertools.product(values, (0.1, 0.2, 0.3))):
    ended = result([0.5 + n / 100])
    ended["metrics"]["valid/accuracy"] = entry([0.5 + n / 100])
    write_run(tmp_path / str(n), config(), ended)
    overrides = {"model.sizes": value, RATE: rate}
    label = {"name": str(n), "overrides": overrides, "series": None}
    write_json(tmp_path / str(n) / "trial.json", label)
  [part] = read_results(tmp_path).parts
  [figure] = draw_map(part, ranked(part))
  ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
  assert ticks == [str(value) for value in sorted(values)]
  assert figure.axes[0].texts[0].get_text() == "0.580 ★"


def test_the_table_has_the_ten_best_with_their_test_metric(results):
  lines = markdown_table(results.parts).splitlines()
  [first] = [line for line in lines if line.startswith("| 1 ")]
  assert [cell.strip() for cell in first.strip("|").split("|")] == [
    "1",
    "0.003375",
    "10",
    "lstm",
    "0.940",
    "0.810 [0.800, 0.820]",
  ]
  assert not any(line.startswith("| 11 ") for line in lines)


def test_a_point_a_trial_in_a_panel_a_field(results):
  figures, _, _ = search_section(results).content
  [figure] = figures.figures
  rate, _, cell = figure.axes
  assert rate.get_xlabel() == "learning rate" and rate.get_xscale() == "log"
  marks = {}
  for line in rate.lines:
    if line.get_marker() in ("o", "*"):
      x, y = line.get_xydata()[0]
      marks.setdefault(line.get_marker(), []).append((x, y))
      hollow = line.get_markerfacecolor() == "none"
      is_halted = x == pytest.approx(0.001 * 1.5**HALTED)
      assert hollow == (is_halted and line.get_marker() == "o")
  assert len(marks["o"]) == COUNT - 1
  assert marks["*"] == [pytest.approx((0.003375, 0.94))]
  labels = [label.get_text() for label in cell.get_xticklabels()]
  assert labels == ["gru", "lstm"]
  legend = [text.get_text() for text in figure.legends[0].get_texts()]
  assert legend == [
    "chance (0.100)",
    "the best trial",
    "finished",
    "stopped early, or not finished",
  ]


def test_the_other_sections_leave_it_alone(results):
  assert headline_section(results) is None
  [curves] = learning_curves_section(results).content
  [figure] = curves.figures
  drawn = [text.get_text() for text in figure.legends[0].get_texts()]
  assert drawn[0] == "1: learning_rate=0.003375" and len(drawn) == 9
  assert not any("learning_rate=0.001 " in f"{label} " for label in drawn)
  content = overview_section(results).content
  note = [item for text in content for item in text.items]
  # It was stopped on purpose.
  assert note and not any(f"trial{HALTED}`" in item for item in note)


def test_the_page_is_written(results):
  page = write_report(results.workdirs[0]).read_text()
  assert "best 10 of 12 trials by validation accuracy" in page
  assert (results.workdirs[0] / "figures" / "search.png").exists()
  status = json.loads((results.workdirs[0] / "summary.json").read_text())
  statuses = {t["name"]: t["status"] for t in status["trials"]}
  assert statuses[f"trial{HALTED}"] == "stopped at step 250"


@pytest.mark.parametrize("cells", [("elman", "gru", "lstm"), ("lstm",)])
def test_a_few_lines_of_many_values_are_a_search(tmp_path, cells):
  [part] = write_search(tmp_path, clip=0.5, cells=cells).parts
  assert part.is_search


@pytest.mark.parametrize(
  "options",
  [
    {"count": 6},  # few enough for one by one
    {"clip": 0.5, "cells": ("gru", "lstm"), "series": "mine"},
    {"series": "mine"},
  ],
)
def test_what_is_no_search(tmp_path, options):
  results = write_search(tmp_path, **options)
  assert search_section(results) is None
  assert headline_section(results) is not None


def test_two_equal_searches_side_by_side_lose_no_trial(tmp_path):
  for name in ("a", "b"):
    write_search(tmp_path / name, clip=0.5, cells=("elman", "gru", "lstm"))
  results = read_results(tmp_path / "a", tmp_path / "b")
  [part] = results.parts
  assert part.is_search and len(part.series) == 2 * COUNT
  folders = [name.rpartition("(")[2] for name in part.series]
  assert folders.count("a)") == folders.count("b)") == COUNT
