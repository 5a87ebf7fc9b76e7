"""A batch cut into shards: its gradient, and the same bits on any devices."""

import dataclasses
import functools
import itertools
import json
import math
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import numbers, tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.planning import plan
from rnn_lab.tasks import checks
from rnn_lab.training import population as population_module
from rnn_lab.training.loop import Trainer
from rnn_lab.training.population import Population
from rnn_lab.training.shards import Shards, layout, map_shards


@pytest.mark.parametrize(
  "num_seeds, shards, devices, expected",
  [
    (1, 1, 2, (1, 1)),
    (1, 2, 2, (1, 2)),
    (1, 4, 2, (1, 2)),
    (1, 3, 2, (1, 1)),  # two devices cannot have as many
    (1, 6, 4, (1, 3)),
    (2, 2, 2, (2, 1)),  # seeds need not wait for each other
    (3, 2, 2, (1, 2)),  # three rounds of halves, not two of wholes
    (3, 2, 8, (3, 2)),
    (5, 1, 2, (2, 1)),
    (1, 4, 1, (1, 1)),
  ],
)
def test_seeds_and_shards_share_the_devices(
  num_seeds, shards, devices, expected
):
  assert layout(num_seeds, shards, devices) == expected


def test_no_layout_has_fewer_rounds():
  for num_seeds, shards, devices in itertools.product(
    range(1, 6), range(1, 7), range(1, 7)
  ):
    a, b = layout(num_seeds, shards, devices)
    assert a * b <= devices and shards % b == 0 and a <= num_seeds
    rounds = math.ceil(num_seeds / a) * shards // b
    for c, d in itertools.product(range(1, devices + 1), repeat=2):
      if c * d <= devices and shards % d == 0:
        assert rounds <= math.ceil(num_seeds / c) * shards // d


def seen_by_shards(number):
  """What a function of each of N shards of eight rows is given."""
  seeds = Population(1, number)
  rows = {"a": np.arange(16.0).reshape(8, 2), "b": np.arange(8)}

  def run(shared, per_seed):
    del per_seed
    return map_shards(lambda n, part: (n, part), seeds.shards, shared)

  result = seeds.map(run)(rows, seeds.put(np.zeros(1)))
  return rows, jax.tree.map(lambda a: a[0], seeds.get(result))


@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_each_shard_gets_its_own_rows_in_order(number):
  rows, (n, parts) = seen_by_shards(number)
  assert n.tolist() == list(range(number))
  for name, array in rows.items():
    np.testing.assert_array_equal(
      parts[name], array.reshape(number, -1, *array.shape[1:])
    )


CONFIGS = {
  "digits": functools.partial(
    tiny_config, num_seeds=1, model__readout_dropout=0.2
  ),
  "language": functools.partial(tiny_language, num_seeds=1, model__dropout=0.2),
}


def steps(made, count=3):
  """The state of one seed after some steps, as numpy arrays."""
  run = Trainer(made)
  run.place(run.initial_states(), 0)
  for _ in range(count):
    run.update(run.task.bucket(run.step)[0], 1)
  return run.population.get(run.state)


def unequal(made):
  """The same plan with weights that rise along the batch."""

  def batch(*args):
    batch = made.task.batch(*args)
    count = batch.weights.shape[0]
    rising = jnp.arange(count, dtype=jnp.float32) / count
    rising = rising.reshape(-1, *[1] * (batch.weights.ndim - 1))
    return batch._replace(weights=batch.weights * rising)

  return made._replace(task=dataclasses.replace(made.task, batch=batch))


@pytest.mark.parametrize("tiny", [tiny_config, tiny_language])
def test_shards_add_up_to_the_gradient_of_the_batch(tiny):
  whole = steps(unequal(plan(tiny(num_seeds=1))))
  parts = steps(unequal(plan(tiny(num_seeds=1, train__batch_shards=2))))
  assert whole.sums.loss[0] > 0
  for field in ("sums", "params", "carry"):
    leaves = zip(
      jax.tree.leaves(getattr(parts, field)),
      jax.tree.leaves(getattr(whole, field)),
      strict=True,
    )
    for a, e in leaves:
      np.testing.assert_allclose(a, e, rtol=2e-4, atol=1e-5)


def on_devices(monkeypatch, count):
  """Makes new populations use so many of this process's devices."""
  devices = jax.local_devices()[:count]
  monkeypatch.setattr(population_module.jax, "local_devices", lambda: devices)
  population_module._population.cache_clear()
  return len(devices)


@pytest.mark.parametrize("name", CONFIGS)
def test_devices_change_no_bit(name, monkeypatch):
  """Of parameters, optimizer, carry and sums."""
  made = plan(CONFIGS[name](train__batch_shards=2))
  layouts, states = [], []
  for count in (2, 1):
    on_devices(monkeypatch, count)
    layouts.append(population_module.population(1, 2).shards)
    states.append(jax.tree.leaves(steps(made)))
  population_module._population.cache_clear()
  assert layouts == [Shards(2, 2), Shards(2, 1)]
  for a, e in zip(*states, strict=True):
    assert a.tobytes() == e.tobytes()


BITS = """
import hashlib, os, sys
import conftest  # the compiler's flags
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
import tiny, training_shards_test
from rnn_lab.runs.planning import plan
state = training_shards_test.steps(plan(tiny.tiny_config(
  num_seeds=1, train__batch_shards=4, model__readout_dropout=0.2)))
leaves = jax.tree.leaves(state)
print(hashlib.sha256(b"".join(a.tobytes() for a in leaves)).hexdigest())
"""


@pytest.mark.slow
def test_one_two_and_four_devices_give_the_same_bits():
  # With as many threads each: XLA cuts large products by their number.
  environment = os.environ | {"PJRT_NPROC": "4"}
  folder = pathlib.Path(__file__).parent
  environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(folder.parent)])
  processes = [
    subprocess.Popen(
      [sys.executable, "-c", BITS, str(devices)],
      stdout=subprocess.PIPE,
      env=environment,
    )
    for devices in (1, 2, 4)
  ]
  printed = [process.communicate()[0] for process in processes]
  assert printed[0] and len({*printed}) == 1


def test_seeds_with_shards_are_those_of_seeds_alone(tmp_path):
  """Three seeds in halves on two devices, and the last of them alone."""
  fields = {"train__batch_shards": 2, "train__num_steps": 5}
  fields |= {"eval__every": 5, "train__gradient_flow_every": 5}
  train(plan(tiny_config(num_seeds=3, **fields)), tmp_path / "three")
  train(plan(tiny_config(num_seeds=1, seed=2, **fields)), tmp_path / "alone")
  three, alone = [
    numbers(tmp_path / name)["metrics.jsonl"].decode().splitlines()
    for name in ("three", "alone")
  ]
  assert len(three) == len(alone) > 0
  for of_three, of_one in zip(map(json.loads, three), map(json.loads, alone)):
    assert of_three.pop("step") == of_one.pop("step")
    assert {name: v[2:] for name, v in of_three.items()} == of_one


def test_shards_have_dropout_of_their_own():
  """Two equal halves: with one mask for both, their sum would be a half's."""
  made = plan(CONFIGS["digits"]())

  def halved(data, key, step):
    batch = made.task.batch(data, key, step)
    return jax.tree.map(lambda a: a[:8], batch)

  def doubled(*args):
    return jax.tree.map(lambda a: jnp.concatenate([a, a]), halved(*args))

  def gradient_norm(batch, shards):
    task = dataclasses.replace(made.task, batch=batch)
    of_train = made.settings.train._replace(batch_shards=shards)
    settings = made.settings._replace(train=of_train)
    run = Trainer(made._replace(task=task, settings=settings))
    run.place(run.initial_states(), 0)
    run.update(0, 1)
    return run.population.get(run.state).sums.grad_norm[0]

  assert gradient_norm(doubled, 2) != pytest.approx(
    gradient_norm(halved, 1), rel=1e-3
  )


@pytest.mark.parametrize(
  "fields, words",
  [
    ({"train__batch_shards": 0}, "must be an integer from 1 to 16, got 0"),
    ({"train__batch_shards": 17}, "must be an integer from 1 to 16, got 17"),
    ({"train__batch_shards": True}, "must be an integer from 1 to 16"),
    (
      {"train__batch_shards": 3},
      "must divide train.batch_size, got 3 and 16",
    ),
  ],
)
def test_wrong_numbers_of_shards_are_refused(fields, words):
  with pytest.raises(FieldError, match=f"train.batch_shards {words}"):
    plan(tiny_config(**fields))


def test_a_task_of_other_batches_is_refused(monkeypatch):
  made = plan(tiny_config()).task
  odd = dataclasses.replace(
    made,
    name="odd",
    batch=lambda *args: jax.tree.map(lambda a: a[:15], made.batch(*args)),
  )
  monkeypatch.setattr("rnn_lab.tasks.build", lambda *args: odd)
  checks.check_form(odd)
  words = "must divide the 15 rows of a batch of task 'odd', got 2$"
  with pytest.raises(FieldError, match=f"train.batch_shards {words}"):
    plan(tiny_config(train__batch_shards=2))
