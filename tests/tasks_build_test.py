"""tasks.build: which sections it takes, and what it says of the others."""

import os
import subprocess
import sys

import pytest
from ml_collections import ConfigDict

from rnn_lab.errors import FieldError
from rnn_lab.tasks import build


@pytest.mark.parametrize(
  "section, batch_size, message",
  [
    (
      {"name": "mnits"},
      4,
      "task.name is 'mnits'; it may be one of adding, copy_memory, digits, "
      "language, mnist, temporal_order",
    ),
    (
      {},
      4,
      "task.name is None; it may be one of adding, copy_memory, digits, "
      "language, mnist, temporal_order",
    ),
    (
      {"name": "digits", "gapp": 3},
      4,
      "task.gapp is 3; it may be left out: digits takes order, gap, gap_fill",
    ),
    (
      {"name": "digits", "batch_size": 3},
      4,
      "task.batch_size is 3; it may be left out: digits takes order, gap, "
      "gap_fill",
    ),
    (
      {"name": "adding", "eval_size": 3},
      4,
      "task.length is None; it may be set, having no default: adding takes "
      "length, eval_size",
    ),
    (
      {"name": "digits", "gap": -1},
      4,
      "task.gap is -1; it may be an integer from 0 to 100000",
    ),
    (
      {"name": "digits", "gap": 2.0},
      4,
      "task.gap is 2.0; it may be an integer from 0 to 100000",
    ),
    (
      {"name": "digits", "order": "column"},
      4,
      "task.order is 'column'; it may be one of permuted, pixel, row",
    ),
    (
      {"name": "digits", "order": ["row"]},
      4,
      "task.order is ['row']; it may be one of permuted, pixel, row",
    ),
    (
      {"name": "digits", "gap_fill": "ones"},
      4,
      "task.gap_fill is 'ones'; it may be one of noise, zeros",
    ),
    (
      {"name": "mnist", "order": "column", "data_dir": "/nowhere"},
      4,
      "task.order is 'column'; it may be one of permuted, pixel, row",
    ),
    (
      {"name": "mnist", "data_dir": 7},
      4,
      "task.data_dir is 7; it may be the path of a folder, or None",
    ),
    (
      {"name": "adding", "length": 1},
      4,
      "task.length is 1; it may be an integer from 2 to 100000",
    ),
    (
      {"name": "adding", "length": 10, "eval_size": 0},
      4,
      "task.eval_size is 0; it may be an integer from 1 to 100000",
    ),
    (
      {"name": "copy_memory", "delay": 0},
      4,
      "task.delay is 0; it may be an integer from 1 to 100000",
    ),
    (
      {"name": "copy_memory", "delay": 5, "eval_size": -2},
      4,
      "task.eval_size is -2; it may be an integer from 1 to 100000",
    ),
    (
      {"name": "temporal_order", "num_relevant": 4},
      4,
      "task.num_relevant is 4; it may be an integer from 2 to 3",
    ),
    (
      {"name": "temporal_order", "length": 9},
      4,
      "task.length is 9; it may be an integer from 10 to 100000",
    ),
    (
      {"name": "temporal_order", "eval_size": True},
      4,
      "task.eval_size is True; it may be an integer from 1 to 100000",
    ),
    (
      {"name": "digits"},
      0,
      "train.batch_size is 0; it may be an integer from 1 up",
    ),
    (
      {"name": "digits"},
      1258,
      "train.batch_size is 1258; it may be at most 1257 for this task",
    ),
  ],
)
def test_wrong_sections_are_named(section, batch_size, message):
  with pytest.raises(FieldError) as caught:
    build(section, batch_size)
  assert str(caught.value) == message


def test_a_config_dict_is_a_section():
  config = ConfigDict({"name": "digits", "gap": 1, "order": "row"})
  task = build(config, 1257)
  assert task is build({"name": "digits", "gap": 1}, 1257)
  assert config.name == "digits"  # read, not consumed


def test_eval_splits_are_two():
  task = build({"name": "adding", "length": 4}, 2)
  with pytest.raises(FieldError, match="split is 'train'.*one of test, valid"):
    task.eval_batches("train")


def test_import_loads_no_heavy_library():
  code = (
    "import sys, rnn_lab.tasks;"
    "print([m for m in ('sklearn', 'pooch', 'requests') if m in sys.modules])"
  )
  paths = os.pathsep.join(filter(None, sys.path))
  ran = subprocess.run(
    [sys.executable, "-c", code],
    env={**os.environ, "PYTHONPATH": paths},
    capture_output=True,
    text=True,
    check=True,
  )
  assert ran.stdout.strip() == "[]"
