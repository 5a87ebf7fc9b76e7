"""Training: golden numbers, exact resumes, frozen seeds, finished runs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import StopAt, everything, numbers, result, rows, tiny_config

from rnn_lab import tasks
from rnn_lab.errors import FieldError
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.rundir import lock
from rnn_lab.training.loop import train
from rnn_lab.training.run import load_run, plan
from rnn_lab.training.state import form_of, init_params, seed_keys


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """An uninterrupted run."""
  workdir = tmp_path_factory.mktemp("whole") / "run"
  assert train(tiny_config(), workdir) == "finished"
  return workdir


def final_params(workdir):
  """The raw train state of the last checkpoint."""
  checkpoints = Checkpoints(workdir / "checkpoints")
  state = checkpoints.restore(checkpoints.latest_step(), None)
  checkpoints.close()
  return jax.tree.leaves((state["params"], state["best_params"]))


def assert_same_run(one, other):
  assert numbers(one) == numbers(other)
  for a, e in zip(final_params(one), final_params(other), strict=True):
    np.testing.assert_array_equal(a, e)


def test_golden_metrics(whole):
  """Numbers of this code on the day it was written; a change is a change."""
  metrics = result(whole)["metrics"]
  np.testing.assert_allclose(
    metrics["test/loss"]["values"], GOLDEN_TEST_LOSS, rtol=1e-3
  )
  np.testing.assert_allclose(
    rows(whole)[0]["train/loss"], GOLDEN_TRAIN_LOSS, rtol=1e-3
  )


GOLDEN_TEST_LOSS = [2.091866, 2.194128]
GOLDEN_TRAIN_LOSS = [2.392929, 2.559592]


def test_rows_equal_a_plain_python_loop(whole):
  """Five updates of seed 1, written out; the first row is their mean."""
  config = tiny_config()
  ready = plan(config)
  keys = seed_keys(jnp.int32(1))
  params = init_params(ready.model, form_of(ready.task), keys.params)
  optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.01))
  state = optimizer.init(params)
  losses, norms = [], []

  @jax.jit
  def loss_and_gradient(params, data, step):
    batch = ready.task.batch(data, keys.data, step)

    def cost(params):
      outputs = ready.model.apply({"params": params}, batch.inputs)
      log_p = jax.nn.log_softmax(outputs)
      return -jnp.mean(log_p[jnp.arange(16), batch.targets])

    return jax.value_and_grad(cost)(params)

  for step in range(5):
    loss, grads = loss_and_gradient(params, ready.task.data, step)
    losses.append(loss)
    norms.append(optax.global_norm(grads))
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
  row = rows(whole)[0]
  np.testing.assert_allclose(row["train/loss"][1], np.mean(losses), rtol=1e-5)
  np.testing.assert_allclose(
    row["train/grad_norm"][1], np.mean(norms), rtol=1e-4
  )
  clipped = np.mean(np.array(norms) > 1.0)
  np.testing.assert_allclose(row["train/clipped"][1], clipped, rtol=1e-6)


@pytest.mark.parametrize("calls", [1, 7, 100])
def test_the_number_of_steps_in_a_call_changes_nothing(whole, tmp_path, calls):
  config = tiny_config(run__steps_per_call=calls, run__checkpoint_every=20)
  train(config, tmp_path / "run")
  assert_same_run(whole, tmp_path / "run")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_of_two_equals_that_seed_alone(whole, tmp_path, seed):
  train(tiny_config(seed=seed, num_seeds=1), tmp_path / "run")
  for name in ("metrics.jsonl", "gradient_flow.jsonl"):
    alone = rows(tmp_path / "run", name)
    together = rows(whole, name)
    if name == "gradient_flow.jsonl":
      together = [row for row in together if row["seed"] == seed]
    else:
      together = [
        {k: v if k == "step" else [v[seed]] for k, v in row.items()}
        for row in together
      ]
    assert alone == together
  values = result(whole)["metrics"]["test/accuracy"]["values"]
  assert result(tmp_path / "run")["metrics"]["test/accuracy"]["values"] == [
    values[seed]
  ]


@pytest.mark.parametrize("step", [1, 8, 15])
def test_a_stopped_run_resumes_to_the_same_bits(whole, tmp_path, step):
  config = tiny_config(run__steps_per_call=4)
  assert train(config, tmp_path / "run", StopAt(step)) == "stopped"
  assert not (tmp_path / "run" / "result.json").exists()
  # What was logged after the checkpoint, and a torn line, must go.
  with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
    file.write('{"step": 20, "train/loss": [1.0, 2.0]}\n{"step": 20, "tr')
  assert train(tiny_config(), tmp_path / "run") == "finished"
  assert_same_run(whole, tmp_path / "run")


def test_a_run_without_checkpoint_begins_anew(whole, tmp_path):
  workdir = tmp_path / "run"
  train(tiny_config(), workdir, StopAt(1))
  Checkpoints(workdir / "checkpoints").close()
  for folder in (workdir / "checkpoints").iterdir():
    folder.rename(tmp_path / f"lost-{folder.name}")
  assert train(tiny_config(), workdir) == "finished"
  assert_same_run(whole, workdir)


def test_a_finished_run_is_left_as_it_is(whole):
  before = everything(whole)
  assert train(tiny_config(), whole) == "already finished"
  assert everything(whole) == before


def test_more_steps_make_a_finished_run_go_on(tmp_path):
  train(tiny_config(train__num_steps=10), tmp_path / "run")
  assert train(tiny_config(), tmp_path / "run") == "finished"
  train(tiny_config(), tmp_path / "whole")
  assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_any_other_difference_is_named_and_nothing_is_touched(whole):
  before = everything(whole)
  config = tiny_config(
    model__hidden_size=9, train__num_steps=10, optimizer__b1=0.5
  )
  with pytest.raises(FieldError) as error:
    train(config, whole)
  message = str(error.value)
  assert "\n" not in message
  assert "model.hidden_size (8 there, 9 here)" in message
  assert "train.num_steps (20 there, 10 here)" in message
  assert "optimizer.b1" in message and "seed" not in message
  assert everything(whole) == before


def test_a_directory_in_use_is_refused(whole):
  with lock(whole), pytest.raises(FieldError, match="held by another process"):
    train(tiny_config(), whole)


def test_directories_that_are_something_else_are_refused(tmp_path):
  (tmp_path / "notes").mkdir()
  (tmp_path / "notes" / "thesis.txt").write_text("years of work")
  (tmp_path / "file").write_text("")
  before = everything(tmp_path)
  for path, words in (
    ("notes", "holds other files"),
    ("file", "is a file"),
    ("file/below", "below a file"),
  ):
    with pytest.raises(FieldError, match=words):
      train(tiny_config(), tmp_path / path)
  assert everything(tmp_path) == before


def test_the_best_step_is_kept_and_the_test_split_read_with_it(whole):
  valid = [row for row in rows(whole) if "valid/accuracy" in row]
  accuracy = np.array([row["valid/accuracy"] for row in valid])
  steps = np.array([row["step"] for row in valid])
  ended = result(whole)
  for s in range(2):
    best = accuracy[:, s].argmax()
    assert ended["seeds"][s]["best_step"] == steps[best]
    assert ended["metrics"]["valid/accuracy"]["values"][s] == accuracy[best, s]
    config, task, model, params = load_run(whole, s)
    assert config["train"]["num_steps"] == 20
    test = task.eval_batches("test")
    counts = np.zeros(2)
    for n in range(test.weights.shape[0]):
      batch = jax.tree.map(lambda a: a[n], test)  # noqa: B023
      outputs = model.apply({"params": params}, batch.inputs)
      right = np.argmax(outputs, -1) == np.asarray(batch.targets)
      weights = np.asarray(batch.weights)
      counts += [np.sum(right * weights), np.sum(weights)]
    np.testing.assert_allclose(
      ended["metrics"]["test/accuracy"]["values"][s],
      counts[0] / counts[1],
      rtol=1e-6,
    )


def test_spread(whole):
  metric = result(whole)["metrics"]["test/loss"]
  np.testing.assert_allclose(metric["mean"], np.mean(metric["values"]))
  np.testing.assert_allclose(metric["std"], np.std(metric["values"], ddof=1))


@pytest.fixture
def poisoned_seed_1(monkeypatch):
  """Makes the inputs of seed 1 nan from step 7 on."""
  task = tasks.TASKS["digits"](16)
  marked = jax.random.key_data(seed_keys(jnp.int32(1)).data)

  def batch(data, key, step):
    clean = task.batch(data, key, step)
    bad = jnp.all(jax.random.key_data(key) == marked) & (step >= 7)
    return clean._replace(inputs=jnp.where(bad, jnp.nan, clean.inputs))

  poisoned = dataclasses.replace(task, batch=batch)

  def digits(batch_size, gap=0):
    del batch_size, gap
    return poisoned

  monkeypatch.setitem(tasks.TASKS, "digits", digits)


def test_a_seed_that_is_not_finite_freezes_and_the_others_go_on(
  whole, tmp_path, poisoned_seed_1
):
  assert train(tiny_config(), tmp_path / "run") == "partial"
  ended = result(tmp_path / "run")
  assert ended["seeds"][1] == {
    "seed": 1,
    "status": "diverged",
    "best_step": -1,
    "last_step": 7,
  }
  for name, metric in ended["metrics"].items():
    healthy = result(whole)["metrics"][name]["values"][0]
    assert metric == {"mean": healthy, "std": None, "values": [healthy, None]}
  for mine, theirs in zip(rows(tmp_path / "run"), rows(whole), strict=True):
    for name, values in mine.items():
      if name != "step":
        assert values[0] == theirs[name][0]
        assert (values[1] is None) == (mine["step"] > 7)
  # Frozen at the parameters that seven updates make.
  params = jax.tree.leaves(load_run(tmp_path / "run", 1).params)
  assert all(np.isfinite(p).all() for p in params)
  seeds = {
    row["seed"] for row in rows(tmp_path / "run", "gradient_flow.jsonl")[2:]
  }
  assert seeds == {0}


def test_a_frozen_seed_stops_at_its_last_finite_step(tmp_path, poisoned_seed_1):
  train(tiny_config(), tmp_path / "run")
  train(
    tiny_config(train__num_steps=7, run__checkpoint_every=7), tmp_path / "seven"
  )
  for a, e in zip(
    final_params(tmp_path / "run")[: len(final_params(tmp_path / "run")) // 2],
    final_params(tmp_path / "seven"),
    strict=False,
  ):
    np.testing.assert_array_equal(a[1], e[1])


def test_all_seeds_diverged(tmp_path):
  config = tiny_config(
    optimizer__name="sgd", optimizer__learning_rate=1e38, train__clip_norm=0.0
  )
  assert train(config, tmp_path / "run") == "diverged"
  ended = result(tmp_path / "run")
  assert ended["status"] == "diverged"
  assert ended["metrics"]["test/accuracy"] == {
    "mean": None,
    "std": None,
    "values": [None, None],
  }


def test_switches_write_what_they_say_and_nothing_else(tmp_path):
  config = tiny_config(train__gradient_flow_every=0, run__tensorboard=True)
  train(config, tmp_path / "run")
  names = {path.name for path in (tmp_path / "run").iterdir()}
  assert names == {
    ".lock",
    "checkpoints",
    "config.json",
    "environment.json",
    "metrics.jsonl",
    "result.json",
    "tensorboard",
    "timing.jsonl",
  }


def test_load_run_says_what_is_missing(whole, tmp_path):
  with pytest.raises(FieldError, match="it may be a run directory"):
    load_run(tmp_path)
  with pytest.raises(FieldError, match="seed_index is 2"):
    load_run(whole, 2)


def test_a_finished_run_without_checkpoints_is_not_begun_anew(tmp_path):
  workdir = tmp_path / "run"
  train(tiny_config(train__num_steps=10), workdir)
  for folder in (workdir / "checkpoints").iterdir():
    folder.rename(tmp_path / f"lost-{folder.name}")
  before = everything(workdir)
  with pytest.raises(FieldError, match="without checkpoints"):
    train(tiny_config(), workdir)
  assert everything(workdir) == before


def test_a_damaged_checkpoint_is_named(tmp_path):
  workdir = tmp_path / "run"
  train(tiny_config(train__num_steps=10), workdir)
  for path in (workdir / "checkpoints" / "10").rglob("*"):
    if path.is_file() and "commit" not in path.name:
      path.write_bytes(b"")
  with pytest.raises(FieldError, match=r"damaged, or .* \(.*10"):
    train(tiny_config(), workdir)
  assert (workdir / "result.json").exists()


def test_loading_a_run_writes_nothing(whole):
  before = everything(whole)
  load_run(whole)
  assert everything(whole) == before


def test_cells_that_are_not_used_are_no_part_of_a_run(whole):
  """A cell that is added to the lab must not make older runs differ."""
  config = load_run(whole).config
  assert "elman" in config["model"]
  assert not {"gru", "lstm"} & {*config["model"]}
