"""What a checkpoint rests on: every row once, and whole."""

import json
import types

import numpy as np
import pytest
from tiny import tiny_config

from rnn_lab.errors import FieldError
from rnn_lab.rows import rows_sha256
from rnn_lab.rundir import ROWS
from rnn_lab.training.resumption import check_rows
from rnn_lab.training.settings import parse

STEP = 20
TASK = types.SimpleNamespace(headline="accuracy")


def metrics_rows():
  """Rows every 5 steps, evaluations every 10, and one of an earlier end."""
  return [
    {"step": n, "train/loss": [0.1, 0.2]}
    | ({} if n % 10 else {"valid/accuracy": [0.5, None]})
    for n in (5, 10, 12, 15, 20)
  ]


def flow_rows():
  """Every 10 steps; seed 1 diverged at step 12."""
  return [
    {
      "step": step,
      "seed": seed,
      "recurrence": "stack",
      "layer": layer,
      "direction": "forward",
      "state": "h",
      "norm": [1.0],
    }
    for step in (0, 10, 20)
    for seed in (0, 1)
    for layer in (0, 1)
    if step < 12 or seed == 0
  ]


def check(folder, metrics, flow, change=None):
  for name, rows in (("metrics", metrics), ("gradient_flow", flow)):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text)
  states = types.SimpleNamespace(
    alive=np.array([True, False]), last_step=np.array([STEP, 12])
  )
  sha256 = {name: rows_sha256(folder / name, STEP) for name in ROWS}
  if change is not None:
    change()
  settings = parse(tiny_config().to_dict())
  check_rows(folder, settings, TASK, states, STEP, sha256)


def test_whole_rows_pass(tmp_path):
  check(tmp_path, metrics_rows(), flow_rows())
  check(tmp_path, [*metrics_rows(), {"step": 25}], flow_rows())


@pytest.mark.parametrize("name", ROWS)
def test_a_flipped_digit_is_noticed_up_to_the_checkpoint(tmp_path, name):
  path = tmp_path / name

  def change(old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))

  later = {"step": 25, "norm": [0.75]}
  metrics, flow = [*metrics_rows(), later], [*flow_rows(), later]
  metrics[3]["train/loss"][1] = flow[5]["norm"][0] = 0.625
  check(tmp_path, metrics, flow, lambda: change("0.75", "0.85"))
  with pytest.raises(
    FieldError, match=rf"{name} \(its rows up to step 20 have changed since\)"
  ):
    check(tmp_path, metrics, flow, lambda: change("0.625", "0.635"))


def without(index):
  return lambda rows: rows.pop(index)


def doubled(index):
  return lambda rows: rows.insert(index, rows[index])


def changed(index, **fields):
  return lambda rows: rows[index].update(fields)


@pytest.mark.parametrize(
  "damage, words",
  [
    (without(0), "no train/loss of step 5"),
    (without(4), "no train/loss of step 20"),
    (list.clear, "no train/loss of step 5"),
    (doubled(1), "2 equal rows of step 10"),
    (changed(0, **{"train/loss": [0.1]}), "not one train/loss for each seed"),
    (changed(0, **{"train/loss": 0.1}), "not one train/loss for each seed"),
    (
      lambda rows: rows[1].pop("valid/accuracy"),
      "no valid/accuracy of step 10",
    ),
  ],
)
def test_damaged_metrics_are_named(tmp_path, damage, words):
  rows = metrics_rows()
  damage(rows)
  with pytest.raises(FieldError, match=rf"metrics.jsonl \({words}"):
    check(tmp_path, rows, flow_rows())


@pytest.mark.parametrize(
  "damage, words",
  [
    (without(0), "no row for each state of seed 0 at step 0"),
    (without(7), "no row for each state of seed 1 at step 10"),
    (without(9), "no row for each state of seed 0 at step 20"),
    (list.clear, "no row for each state of seed 0 at step 0"),
    (doubled(9), "2 equal rows of step 20"),
    (lambda rows: rows[2].pop("norm"), "a row of step 0 without norm"),
  ],
)
def test_damaged_gradients_are_named(tmp_path, damage, words):
  rows = flow_rows()
  damage(rows)
  with pytest.raises(FieldError, match=rf"gradient_flow.jsonl \({words}"):
    check(tmp_path, metrics_rows(), rows)
