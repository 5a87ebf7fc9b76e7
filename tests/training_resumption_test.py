"""What a checkpoint rests on: every row once, and whole."""

import json
import types

import numpy as np
import pytest
from tiny import tiny_config

from rnn_lab.errors import FieldError
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


def check(folder, metrics, flow):
  for name, rows in (("metrics", metrics), ("gradient_flow", flow)):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text)
  states = types.SimpleNamespace(
    alive=np.array([True, False]), last_step=np.array([STEP, 12])
  )
  check_rows(folder, parse(tiny_config().to_dict()), TASK, states, STEP)


def test_whole_rows_pass(tmp_path):
  check(tmp_path, metrics_rows(), flow_rows())
  check(tmp_path, [*metrics_rows(), {"step": 25}], flow_rows())


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
