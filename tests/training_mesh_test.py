"""Runs over several devices: which have what, and the numbers of one device."""

import functools
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from tiny import StopAt, numbers, rows, tiny_config, tiny_dates, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.memory import check_memory, needed_memory
from rnn_lab.runs.planning import plan
from rnn_lab.training import mesh, shards
from rnn_lab.training.loop import Trainer
from rnn_lab.training.records import Silent

SHORT = {"num_seeds": 1, "train__log_every": 1}
CONFIGS = {
  "digits": functools.partial(
    tiny_config,
    **SHORT,
    model__cell="lstm",
    model__readout_dropout=0.2,
    train__batch_shards=4,
    train__gradient_flow_every=0,
  ),
  "language": functools.partial(
    tiny_language, **SHORT, model__cell="gru", model__num_layers=2
  ),
  "dates": functools.partial(tiny_dates, **SHORT),
}


@pytest.mark.parametrize(
  "shape, units, expected",
  [
    ((3, 5, 8), 2, P(None, None, "units")),
    ((3, 8), 4, P(None, "units")),
    ((3, 8, 6), 4, P()),  # 6 is no multiple of 4
    ((4,), 2, P()),  # a number of each seed
    ((3, 5, 8), 1, P("seeds")),
  ],
)
def test_the_last_dimension_of_each_seeds_arrays_is_cut(shape, units, expected):
  assert mesh.spec(shape, units) == expected


@pytest.mark.parametrize(
  "arguments, expected",
  [
    ((1, 4, 8, 2), (1, 2)),  # as many devices for shards as it says
    ((3, 4, 8, 2), (3, 2)),
    ((3, 4, 8, 1), (3, 1)),
    ((1, 4, 8, 8), None),  # eight devices for four shards
    ((5, 4, 8, 0, 3), (3, 2)),  # three processes
    ((1, 4, 4, 0, 2), (1, 4)),
    ((1, 1, 4, 0, 2), None),  # one seed, one shard and two processes
  ],
)
def test_layouts_for_given_devices_and_processes(arguments, expected):
  assert shards.layout(*arguments) == expected


@pytest.mark.parametrize(
  "fields, words",
  [
    ({"run__mesh_data": -1}, "run.mesh_data must be an integer from 0 to"),
    ({"run__mesh_model": 0}, "run.mesh_model must be an integer from 1 to"),
    (
      {"run__mesh_data": 3},
      "run.mesh_data must divide train.batch_shards, got 3 and 4",
    ),
    (
      {"run__mesh_model": 3},
      "run.mesh_model must divide model.hidden_size, got 3 and 8",
    ),
    (
      {"run__mesh_model": 2, "run__mesh_data": 2},
      "run.mesh_data times run.mesh_model must be at most the number of "
      "devices, 2, got 2 and 2",
    ),
    (
      {"run__mesh_model": 4},
      "run.mesh_data times run.mesh_model must be at most the number of "
      "devices, 2, got 1 and 4",
    ),
  ],
)
def test_wrong_meshes_are_refused_before_anything_is_written(
  tmp_path, fields, words
):
  with pytest.raises(FieldError) as error:
    train(CONFIGS["digits"](**fields), tmp_path / "run", Silent())
  assert str(error.value).startswith(words)
  assert not (tmp_path / "run").exists()


def test_an_estimate_of_memory_knows_the_layout():
  check_memory(plan(CONFIGS["digits"](run__mesh_model=2)))
  # Each device that has parts of a batch has the whole state.
  one, two = [
    needed_memory(plan(CONFIGS["digits"](run__mesh_data=count)))
    for count in (1, 2)
  ]
  assert one < two < 2 * one


def losses(workdir):
  return np.array(
    [row["train/loss"] for row in rows(workdir) if "train/loss" in row]
  )


def sums_of_losses(run):
  """The sums of the losses of the first updates, without evaluations."""
  run.place(run.initial_states(), 0)
  sums = []
  for _ in range(20):
    run.update(0, 1)  # of one length, as each is compiled
    sums.append(run.population.get(run.state.sums.loss))
  return np.array([np.zeros_like(sums[0]), *sums])


@pytest.mark.parametrize(
  "name", ["language", pytest.param("dates", marks=pytest.mark.slow)]
)
def test_units_on_two_devices_give_the_losses_of_one(name):
  one, two = [
    Trainer(plan(CONFIGS[name](run__mesh_model=units))) for units in (1, 2)
  ]
  np.testing.assert_allclose(
    np.diff(sums_of_losses(two), axis=0),
    np.diff(sums_of_losses(one), axis=0),
    rtol=1e-5,
  )
  assert two.programs.train.jitted._cache_size() == 1  # compiled once


def test_each_device_has_its_share_of_the_state():
  """Also after updates, and of the best parameters."""
  run = Trainer(plan(CONFIGS["digits"](run__mesh_model=2)))
  run.place(run.initial_states(), 0)
  for _ in range(2):
    run.update(0, 1)
    headline = run.population.put(np.array([run.step], np.float32))
    run.state = run.programs.keep_best(
      np.int32(run.step), (headline, run.state)
    )
  for leaf in jax.tree.leaves(run.state):
    shape = leaf.addressable_shards[0].data.shape
    if leaf.ndim == 1:
      assert shape == leaf.shape
    else:
      assert shape == (*leaf.shape[:-1], leaf.shape[-1] // 2)
  for field in (run.state.params, run.state.best_params, run.state.opt_state):
    assert any(leaf.ndim > 1 for leaf in jax.tree.leaves(field))


def of_eight_devices(folder):
  """Called in a process with eight devices."""
  assert len(mesh.devices()) == 8
  digits = CONFIGS["digits"]

  def run(name, stop=None, **fields):
    workdir = folder / name
    listener = Silent() if stop is None else StopAt(stop)
    status = train(digits(**fields), workdir, listener)
    assert status == ("finished" if stop is None else "stopped")
    return workdir

  def over(data, model=1):
    return {"run__mesh_data": data, "run__mesh_model": model}

  # Where the batch alone is laid out: the same bits.
  one = run("one", **over(1))
  run("moved", stop=10, **over(4))
  assert numbers(run("moved", **over(2))) == numbers(one)
  # With hidden units on several devices: to rounding.
  run("changed", stop=10, **over(4, 2))
  workdir = run("changed", **over(1, 8))
  np.testing.assert_allclose(losses(workdir), losses(one), rtol=1e-5)
  layouts = [
    mesh.layout_of(plan(digits(**over(*pair))).settings)
    for pair in ((0, 1), (2, 1), (1, 8), (0, 2))
  ]
  assert layouts == [(1, 4, 1), (1, 2, 1), (1, 1, 8), (1, 4, 2)]
  # Where devices have units, seeds take turns; or else they would wait for
  # each other where one has no more to do.
  assert mesh.layout(3, 4, 0, 2) == (1, 4, 2)
  three = run("three", **over(2, 2), num_seeds=3)
  np.testing.assert_allclose(losses(three)[:, :1], losses(one), rtol=1e-5)


EIGHT = """
import pathlib, sys
import conftest  # the compiler's flags
import jax
jax.config.update("jax_num_cpu_devices", 8)
import training_mesh_test
training_mesh_test.of_eight_devices(pathlib.Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_eight_devices_give_the_numbers_of_one(tmp_path):
  folder = pathlib.Path(__file__).parent
  # XLA cuts large products by the number of threads.
  environment = os.environ | {"PJRT_NPROC": "8"}
  environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(folder.parent)])
  done = subprocess.run(
    [sys.executable, "-c", EIGHT, str(tmp_path)],
    env=environment,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
