"""Runs that no machine has the memory for are refused, by the right field."""

import jax
import numpy as np
import pytest
from commands import assert_refused, call
from tiny import tiny_config, tiny_dates, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.runs import memory, train
from rnn_lab.runs.planning import plan
from rnn_lab.training.optimizers import split
from rnn_lab.training.restoring import state_initializer

MANY = 10**20


def adding(**fields):
  config = tiny_config(**fields)
  config.task = {"name": "adding", "length": 50}
  return config


@pytest.mark.parametrize(
  "made, fields, words",
  [
    (tiny_config, {"run__steps_per_call": 2**31}, "from 1 to 2147483647"),
    (adding, {"train__batch_size": MANY}, "from 1 to 2147483647"),
    (tiny_config, {"train__log_every": MANY}, "from 1 to 2147483647"),
    (tiny_config, {"eval__every": MANY}, "from 0 to 2147483647"),
    (tiny_config, {"model__checkpoint_every": MANY}, "from 0 to 21474836"),
    (tiny_config, {"model__hidden_size": 10**12}, "from 1 to 1048576"),
    (tiny_config, {"model__num_layers": 10**5}, "from 1 to 256"),
    (tiny_config, {"model__lstm__chrono_max": MANY}, "from 3 to 21474836"),
    (tiny_language, {"model__embedding_size": 10**9}, "from 1 to 1048576"),
    (tiny_language, {"eval__stream__tracks": 10**9}, "from 1 to 1000,"),
    (tiny_dates, {"model__inputs__character_size": MANY}, "from 1 to 1048"),
    (adding, {"train__batch_size": 10**9}, "be smaller: the run needs 7,"),
    (tiny_config, {"model__hidden_size": 10**6}, "smaller: the run needs"),
    (
      tiny_language,
      {"model__embedding_size": 10**6, "model__hidden_size": 20_000},
      "must be smaller",
    ),
    (
      tiny_language,
      {
        "model__embedding_size": 10**6,
        "model__hidden_size": 10**6,
        "model__tied": True,
      },
      "must be smaller",
    ),
    (
      tiny_config,
      {"num_seeds": 60_000, "model__hidden_size": 256},
      "must be smaller",
    ),
  ],
)
def test_the_field_responsible_is_named(made, fields, words, monkeypatch):
  monkeypatch.setattr(memory, "machine_memory", lambda: 16 * memory.GIB)
  field = [*fields][0].replace("__", ".")
  with pytest.raises(FieldError) as error:
    memory.check_memory(plan(made(**fields)))
  assert error.value.field == field
  assert str(error.value).startswith(f"{field} must be ")
  assert words in str(error.value) and "\n" not in str(error.value)
  assert str(error.value).endswith(f"got {[*fields.values()][0]}")


def test_nothing_is_written(tmp_path):
  ended = call(
    "train",
    "--config=configs/digits.py:smoke",
    f"--workdir={tmp_path / 'run'}",
    "--config.model.hidden_size=1000000",
  )
  assert_refused(ended, "model.hidden_size must be smaller: the run needs")
  assert not (tmp_path / "run").exists()


def test_more_steps_a_call_than_steps_are_no_harm(tmp_path, monkeypatch):
  made = plan(tiny_config(run__steps_per_call=10**9))
  assert memory.needed_memory(made) < memory.GIB
  lengths = []
  monkeypatch.setattr(
    "rnn_lab.training.loop.programs", lambda *args: lengths.append(args[3])
  )
  monkeypatch.setattr("rnn_lab.training.loop.Trainer.run", lambda *_: "ended")
  train(made, tmp_path / "run")
  assert lengths == [20]


@pytest.mark.parametrize("made", [tiny_config, tiny_language])
def test_the_quick_estimate_is_the_larger_one(made):
  planned = plan(made())
  exact = memory.needed_memory(planned, exact=True)
  assert exact < memory.needed_memory(planned)
  # It has the states of both seeds before and after an update.
  init, _ = state_initializer(planned)
  settings = planned.settings
  _, hyper = split(settings.optimizer, settings.train.clip_norm)
  state = jax.tree.leaves(init(hyper, np.int32(0)))
  arrays = [a for a in state if a.dtype in (np.float32, np.int32)]
  assert exact > 4 * sum(a.nbytes for a in arrays)


def test_what_the_backward_pass_reads_grows_with_batch_and_length():
  def kept(batch_size, length):
    config = adding(train__batch_size=batch_size)
    config.task.length = length
    made = plan(config)
    init, _ = state_initializer(made)
    shapes = memory.state_shapes(
      init, split(made.settings.optimizer, 1.0)[1], 1
    )
    batch = memory._largest_batch(made.task)
    return memory._activations(made.model, shapes, batch)

  few, more, longer = kept(8, 10), kept(80, 10), kept(8, 100)
  # 8 hidden units of 4 bytes at each step of each sequence, at the least.
  assert more - few >= 72 * 10 * 8 * 4
  assert longer - few >= 8 * 90 * 8 * 4


def test_the_machines_memory_is_bounded():
  assert memory.GIB / 4 < memory.machine_memory() < 2**20 * memory.GIB
