"""tasks.build: which sections it takes, and what it says of the others."""

import inspect
import os
import pkgutil
import subprocess
import sys

import pytest
from ml_collections import ConfigDict

from rnn_lab.errors import FieldError
from rnn_lab.tasks import TASKS, build


@pytest.mark.parametrize(
  "section, batch_size, message",
  [
    (
      {"name": "mnits"},
      4,
      f"task.name must be one of {', '.join(sorted(TASKS))}, got 'mnits'; did "
      "you mean 'mnist'?",
    ),
    (
      {},
      4,
      f"task.name must be one of {', '.join(sorted(TASKS))}, got None",
    ),
    (
      {"name": "digits", "gapp": 3},
      4,
      "task 'digits' has no argument 'gapp'; did you mean 'gap'?",
    ),
    (
      {"name": "digits", "batch_size": 3},
      4,
      "task 'digits' has no argument 'batch_size'; its arguments are order, "
      "gap, gap_fill",
    ),
    (
      {"name": "adding", "eval_size": 3},
      4,
      "task 'adding' requires the argument 'length'",
    ),
    (
      {"name": "digits", "gap": -1},
      4,
      "task.gap must be an integer from 0 to 100000, got -1",
    ),
    (
      {"name": "digits", "gap": 2.0},
      4,
      "task.gap must be an integer from 0 to 100000, got 2.0",
    ),
    (
      {"name": "digits", "order": "column"},
      4,
      "task.order must be one of permuted, pixel, row, got 'column'",
    ),
    (
      {"name": "digits", "order": ["row"]},
      4,
      "task.order must be one of permuted, pixel, row, got ['row']; did you "
      "mean 'row'?",
    ),
    (
      {"name": "digits", "gap_fill": "ones"},
      4,
      "task.gap_fill must be one of noise, zeros, got 'ones'",
    ),
    (
      {"name": "mnist", "order": "column", "data_dir": "/nowhere"},
      4,
      "task.order must be one of permuted, pixel, row, got 'column'",
    ),
    (
      {"name": "mnist", "data_dir": 7},
      4,
      "task.data_dir must be the path of a folder or None, got 7",
    ),
    (
      {"name": "adding", "length": 1},
      4,
      "task.length must be an integer from 2 to 100000, got 1",
    ),
    (
      {"name": "adding", "length": 10, "eval_size": 0},
      4,
      "task.eval_size must be an integer from 1 to 100000, got 0",
    ),
    (
      {"name": "copy_memory", "delay": 0},
      4,
      "task.delay must be an integer from 1 to 100000, got 0",
    ),
    (
      {"name": "copy_memory", "delay": 5, "eval_size": -2},
      4,
      "task.eval_size must be an integer from 1 to 100000, got -2",
    ),
    (
      {"name": "temporal_order", "num_relevant": 4},
      4,
      "task.num_relevant must be an integer from 2 to 3, got 4",
    ),
    (
      {"name": "temporal_order", "length": 9},
      4,
      "task.length must be an integer from 10 to 100000, got 9",
    ),
    (
      {"name": "temporal_order", "eval_size": True},
      4,
      "task.eval_size must be an integer from 1 to 100000, got True",
    ),
    (
      {"name": "digits"},
      0,
      "train.batch_size must be an integer from 1 to 2147483647, got 0",
    ),
    (
      {"name": "digits"},
      1258,
      "train.batch_size must be at most 1257, the images of the training "
      "split, got 1258",
    ),
  ],
)
def test_wrong_sections_are_named(section, batch_size, message):
  with pytest.raises(FieldError) as caught:
    build(section, batch_size)
  assert str(caught.value) == message


@pytest.mark.parametrize(
  "section, field",
  [
    ({"name": "digits", "gapp": 3}, "task.gapp"),
    ({"name": "adding"}, "task.length"),
    ({"name": "copy_memory", "delay": 0}, "task.delay"),
  ],
)
def test_errors_carry_the_dotted_field(section, field):
  with pytest.raises(FieldError) as caught:
    build(section, 4)
  assert caught.value.field == field


@pytest.mark.parametrize("name", TASKS)
def test_every_name_is_that_of_a_factory(name):
  factory = pkgutil.resolve_name(TASKS[name])
  assert next(iter(inspect.signature(factory).parameters)) == "batch_size"


def test_a_config_dict_is_a_section():
  config = ConfigDict({"name": "digits", "gap": 1, "order": "row"})
  task = build(config, 1257)
  assert task is build({"name": "digits", "gap": 1}, 1257)
  assert config.name == "digits"  # read, not consumed


def test_eval_splits_are_two():
  task = build({"name": "adding", "length": 4}, 2)
  with pytest.raises(
    FieldError, match="split must be one of test, valid, got 'train'"
  ):
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
