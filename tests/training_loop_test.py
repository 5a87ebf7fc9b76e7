"""Training: golden numbers, exact resumes, frozen seeds, finished runs."""

import dataclasses
import errno
import functools
import json
import os
import pathlib
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import (
  StopAt,
  everything,
  initial_params,
  numbers,
  result,
  rows,
  tiny_config,
  tiny_dates,
  tiny_language,
)

from rnn_lab import rows as rows_module
from rnn_lab import rundir, tasks
from rnn_lab.errors import FieldError, StorageError
from rnn_lab.evaluators.batches import Batches
from rnn_lab.rundir import lock
from rnn_lab.runs import train
from rnn_lab.runs.opening import load_run
from rnn_lab.runs.planning import plan
from rnn_lab.tasks.digits import digits
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.training.loop import Trainer
from rnn_lab.training.records import Silent
from rnn_lab.training.state import seed_keys
from rnn_lab.types import Batch


def dates(**fields):
  """Without attention, which compiles long and is nothing to the loop."""
  return tiny_dates(
    model__decoder__attention="none",
    model__decoder__attention_size=64,
    **fields,
  )


MAKE = {"digits": tiny_config, "language": tiny_language, "dates": dates}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
  """An uninterrupted run of each kind."""
  workdirs = {kind: tmp_path_factory.mktemp(kind) / "run" for kind in MAKE}
  for kind, workdir in workdirs.items():
    assert train(MAKE[kind](), workdir) == "finished"
  return workdirs


@pytest.fixture(scope="module")
def whole(runs):
  """An uninterrupted run on digits."""
  return runs["digits"]


def test_double_precision_elsewhere_changes_nothing(whole, tmp_path):
  with jax.enable_x64(True):  # as the environment's JAX_ENABLE_X64 does
    assert train(tiny_config(), tmp_path / "run") == "finished"
    params = load_run(tmp_path / "run").params
    assert jnp.zeros(1).dtype == jnp.float64
  assert numbers(tmp_path / "run") == numbers(whole)
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))


def final_params(workdir):
  """The parameters in the last checkpoint, the last ones and the best."""
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    state = checkpoints.newest(None)[0].state
  return jax.tree.leaves((state["params"], state["best_params"]))


def assert_last_params(params, workdir, step, seed):
  """They are those of a seed after the last update."""
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    last = checkpoints.restore(step, None).state["params"]
  named = [
    {
      jax.tree_util.keystr(path, simple=True, separator="."): leaf
      for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
    for tree in (params, jax.tree.map(lambda a: a[seed], last))
  ]
  assert named[0].keys() == named[1].keys()
  for name, param in named[0].items():
    np.testing.assert_array_equal(param, named[1][name])


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


def digits_loss(plan, params, carry, key, step):
  """The mean -log p of a batch's classes."""
  batch = plan.task.batch(plan.task.data[0], key, step)
  variables = {"params": params}
  outputs = plan.model.apply(variables, batch, (), method="outputs")
  log_p = jax.nn.log_softmax(outputs)
  return -jnp.mean(log_p[jnp.arange(16), batch.targets]), carry


def language_loss(plan, params, carry, key, step):
  """The mean -log p of a window's words, read one by one in ten tracks."""
  del key
  corpus = plan.task.corpus
  before = np.concatenate([[corpus.vocabulary.start], corpus.train.tokens])
  number = step % 7  # 7 windows an epoch
  inputs, targets = [
    jax.lax.dynamic_slice(
      jnp.asarray(tokens.reshape(10, 60)), (0, number * 8), (10, 8)
    )
    for tokens in (before[:-1], corpus.train.tokens)
  ]
  stepper = plan.model.apply(
    {"params": params}, Batch(None, None, None, np.ones(10)), method="stepper"
  )
  carry = jax.tree.map(
    lambda new, old: jnp.where(number == 0, new, old), stepper.initial, carry
  )
  losses = []
  for t in range(8):
    carry, outputs = stepper.step(carry, inputs[:, t])
    log_p = jax.nn.log_softmax(outputs)
    losses.append(-log_p[jnp.arange(10), targets[:, t]])
  return jnp.mean(jnp.stack(losses)), jax.lax.stop_gradient(carry)


PLAIN_LOSS = {"digits": digits_loss, "language": language_loss}


@pytest.mark.parametrize("kind", PLAIN_LOSS)
def test_rows_equal_a_plain_python_loop(runs, kind):
  """Ten updates of seed 1, written out; the rows are the means of five.

  Those of the language model run over an epoch's end, where its state begins
  anew.
  """
  planned = plan(MAKE[kind]())
  keys = seed_keys(jnp.int32(1))
  params = initial_params(planned.model, planned.task, keys.params)
  optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.01))
  state = optimizer.init(params)
  loss_function = functools.partial(PLAIN_LOSS[kind], planned)
  loss_and_gradient = jax.value_and_grad(loss_function, has_aux=True)

  @jax.jit
  def update(params, state, carry, step):
    (loss, carry), grads = loss_and_gradient(params, carry, keys.data, step)
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state, carry), (loss, optax.global_norm(grads))

  losses, norms = [], []
  carry = planned.model.apply(
    {"params": params},
    planned.settings.train.batch_size,
    method="initial_carry",
  )
  current = params, state, carry
  for step in range(10):
    current, (loss, norm) = update(*current, step)
    losses.append(loss)
    norms.append(norm)
  logged = rows(runs[kind])[:2]
  clipped = np.array(norms) > 1.0
  for name, values, rtol in (
    ("loss", losses, 1e-5),
    ("grad_norm", norms, 1e-4),
    ("clipped", clipped, 1e-6),
  ):
    np.testing.assert_allclose(
      [row[f"train/{name}"][1] for row in logged],
      np.mean(np.reshape(values, (2, 5)), axis=1),
      rtol=rtol,
    )


@pytest.mark.parametrize("calls", [1, 100])
def test_the_number_of_steps_in_a_call_changes_nothing(whole, tmp_path, calls):
  config = tiny_config(run__steps_per_call=calls, run__checkpoint_every=20)
  train(config, tmp_path / "run")
  assert_same_run(whole, tmp_path / "run")


@pytest.mark.parametrize("kind", PLAIN_LOSS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_of_two_equals_that_seed_alone(runs, tmp_path, kind, seed):
  train(MAKE[kind](seed=seed, num_seeds=1), tmp_path / "run")
  expected = [
    {k: v if k == "step" else [v[seed]] for k, v in row.items()}
    for row in rows(runs[kind])
  ]
  assert rows(tmp_path / "run") == expected
  for name, metric in result(runs[kind])["metrics"].items():
    alone = result(tmp_path / "run")["metrics"][name]["values"]
    assert alone == [metric["values"][seed]]
  if kind == "digits":
    flow = rows(runs[kind], "gradient_flow.jsonl")
    expected = [row for row in flow if row["seed"] == seed]
    assert rows(tmp_path / "run", "gradient_flow.jsonl") == expected


@pytest.mark.parametrize(
  "kind, step",
  # Of the language model within the second epoch: its state is saved, too.
  [
    ("digits", 1),
    ("digits", 8),
    ("digits", 15),
    ("language", 11),
    ("dates", 3),
  ],
)
def test_a_stopped_run_resumes_to_the_same_bits(runs, tmp_path, kind, step):
  workdir = tmp_path / "run"
  # Sequences in buckets change theirs almost every step.
  more = {} if kind == "dates" else {"run__steps_per_call": 4}
  config = MAKE[kind](**more)
  assert train(config, workdir, StopAt(step)) == "stopped"
  assert not (workdir / "result.json").exists()
  # What was logged after the checkpoint, and a torn line, must go.
  with (workdir / "metrics.jsonl").open("a") as file:
    file.write('{"step": 20, "train/loss": [1.0, 2.0]}\n{"step": 20, "tr')
  assert train(MAKE[kind](), workdir) == "finished"
  assert_same_run(runs[kind], workdir)


class Lines(Silent):
  """Keeps the lines."""

  def __init__(self):
    self.lines = []

  def line(self, text):
    self.lines.append(text)


class Raises(Silent):
  """Raises in one of its methods, once the run has come to step 10."""

  def __init__(self, method):
    self.raises = False
    setattr(self, method, self.fail)

  def fail(self, *arguments):
    if arguments[0] == 10 or "step 10" in str(arguments[0]):
      raise RuntimeError("no terminal")


def open_files():
  """The paths of this process's open files."""
  paths = []
  for link in pathlib.Path("/proc/self/fd").iterdir():
    try:
      paths.append(os.readlink(link))
    except OSError:
      continue  # the one that lists the folder
  return paths


@pytest.mark.parametrize("method", ["advance", "line"])
def test_an_error_closes_all_files_and_the_same_call_goes_on(
  whole, tmp_path, method
):
  workdir = tmp_path / "run"
  config = tiny_config(run__tensorboard=True)
  with pytest.raises(RuntimeError, match="no terminal"):
    train(config, workdir, Raises(method))
  assert rows(workdir)[-1]["step"] == 10
  assert not [path for path in open_files() if str(workdir) in path]
  with lock(workdir):
    pass
  assert train(config, workdir) == "finished"
  assert_same_run(whole, workdir)


@pytest.mark.parametrize("kind", MAKE)
def test_making_a_trainer_writes_nothing(tmp_path, monkeypatch, kind):
  monkeypatch.chdir(tmp_path)
  planned = plan(MAKE[kind]())
  before = {*open_files()}
  trainer = Trainer(planned)
  assert {*open_files()} == before
  assert not [*tmp_path.iterdir()]
  assert trainer.seeds == [0, 1]


def test_a_run_without_checkpoint_begins_anew(whole, tmp_path):
  workdir = tmp_path / "run"
  train(tiny_config(), workdir, StopAt(1))
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


@pytest.mark.parametrize("num_steps", [20, 30])
def test_a_directory_in_use_is_refused(whole, num_steps):
  in_use = pytest.raises(FieldError, match="in use by another process")
  with lock(whole), in_use:
    train(tiny_config(train__num_steps=num_steps), whole)


def test_directories_that_are_something_else_are_refused(tmp_path):
  (tmp_path / "notes").mkdir()
  (tmp_path / "notes" / "thesis.txt").write_text("years of work")
  (tmp_path / "file").write_text("")
  before = everything(tmp_path)
  for path, words in (
    ("notes", "holds other files"),
    ("file", "is a file"),
    ("file/below", "is below .*/file, which is a file"),
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
    counts = np.zeros(2)
    for batch in task.eval_batches("test"):
      outputs = model.apply({"params": params}, batch, (), method="outputs")
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


@functools.cache
def poisoned_digits(batch_size, gap=0):
  """Digits whose inputs are nan for seed 1 from step 7 on."""
  task = digits(batch_size, gap=gap)
  marked = jax.random.key_data(seed_keys(jnp.int32(1)).data)

  def batch(data, key, step):
    clean = task.batch(data, key, step)
    bad = jnp.all(jax.random.key_data(key) == marked) & (step >= 7)
    return clean._replace(inputs=jnp.where(bad, jnp.nan, clean.inputs))

  return dataclasses.replace(task, batch=batch)


@pytest.fixture
def poisoned_seed_1(monkeypatch):
  monkeypatch.setitem(tasks.TASKS, "digits", f"{__name__}:poisoned_digits")


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
  with pytest.warns(UserWarning, match="seed 1 has no evaluation .* step 7,"):
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


def test_before_an_evaluation_the_last_weights_are_taken(tmp_path):
  workdir = tmp_path / "run"
  config = tiny_config(eval__every=20)
  assert train(config, workdir, StopAt(1)) == "stopped"
  with pytest.warns(UserWarning, match="seed 1 has no .*, of step 10, are"):
    params = load_run(workdir, 1).params
  assert_last_params(params, workdir, 10, 1)


def test_a_seed_without_a_finite_evaluation_is_not_finished(
  whole, tmp_path, monkeypatch
):
  """Its parameters are finite, as those of an infinite perplexity can be."""
  evaluate = Batches.evaluate

  def of_seed_0(self, params, split):
    metrics = evaluate(self, params, split)
    factor = np.float32([1, np.nan if split == "valid" else 1])
    return metrics | {"accuracy": metrics["accuracy"] * factor}

  monkeypatch.setattr(Batches, "evaluate", of_seed_0)
  lines = []
  listener = Silent()
  listener.line = lines.append
  workdir = tmp_path / "run"
  assert train(tiny_config(), workdir, listener) == "partial"
  assert any("seed 1 has no evaluation with a finite" in t for t in lines)
  assert not any("seed 0" in text for text in lines)
  statuses = [seed["status"] for seed in result(workdir)["seeds"]]
  assert statuses == ["finished", "diverged"]
  loss, expected = [
    result(folder)["metrics"]["test/loss"]["values"]
    for folder in (workdir, whole)
  ]
  assert loss == [expected[0], None]
  with pytest.warns(UserWarning, match="seed 1 has no .*, of step 20, are"):
    params = load_run(workdir, 1).params
  assert_last_params(params, workdir, 20, 1)


@pytest.mark.parametrize(
  "name, damage, words",
  [
    ("metrics.jsonl", lambda p: p.write_text("garbage\n"), "line 1 is no row"),
    ("gradient_flow.jsonl", pathlib.Path.unlink, "no row for each state of"),
    (
      "metrics.jsonl",
      lambda p: p.write_text(
        re.sub(r"(?<=\.\d)5", "6", p.read_text(), count=1)
      ),
      "its rows up to step 20 have changed since",
    ),
    ("environment.json", lambda p: p.write_text("[]"), "not an object"),
    ("timing.jsonl", lambda p: p.unlink() or p.mkdir(), "and is a folder"),
  ],
)
def test_a_finished_run_whose_files_are_damaged_is_not_lost(
  whole, tmp_path, name, damage, words
):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  damage(workdir / name)
  before = everything(workdir)
  with pytest.raises(FieldError, match=words):
    train(tiny_config(train__num_steps=30), workdir)
  assert everything(workdir) == before


class At(Silent):
  """Does something once, when the run has come to step 10."""

  def __init__(self, do):
    self.do = do

  def advance(self, done):
    if done == 10:
      self.do()


def moved(workdir):
  workdir.rename(workdir.with_name("elsewhere"))


@pytest.mark.parametrize(
  "harm, words",
  [
    (shutil.rmtree, "run has been removed or renamed while the run wrote"),
    (moved, "run has been removed or renamed while the run wrote"),
    (lambda p: (p / "metrics.jsonl").unlink(), "0 bytes instead of"),
    (
      lambda p: rundir.write_text(p / "metrics.jsonl", '{"step": 1}\n'),
      "metrics.jsonl has been changed by another hand.*12 bytes instead of",
    ),
  ],
)
def test_files_that_are_taken_away_end_the_run(whole, tmp_path, harm, words):
  workdir = tmp_path / "run"
  with pytest.raises(StorageError, match=words):
    train(tiny_config(), workdir, At(lambda: harm(workdir)))
  if harm is shutil.rmtree:  # no half of a run is made anew
    assert not workdir.exists()
  if harm is moved:
    workdir = tmp_path / "elsewhere"
    assert train(tiny_config(), workdir) == "finished"
    assert_same_run(whole, workdir)


@pytest.mark.parametrize("name", ["append_row", "write_json"])
def test_a_full_disk_ends_a_run_that_goes_on_later(
  whole, tmp_path, monkeypatch, name
):
  """Of a row, whose first half is written, or of the result."""
  workdir = tmp_path / "run"
  module = rows_module if name == "append_row" else rundir
  write = getattr(module, name)

  def full(path, content):
    if content.get("step", 0) >= 10 or path.name == "result.json":
      with path.open("ab") as file:
        file.write(b'{"step": 1')
      raise OSError(errno.ENOSPC, "No space left on device", str(path))
    return write(path, content)

  with monkeypatch.context() as patch:
    patch.setattr(module, name, full)
    with pytest.raises(OSError, match="No space left on device"):
      train(tiny_config(), workdir)
  if name == "write_json":
    # Half of a result, which no atomic write leaves.
    (workdir / "result.json").unlink()
  assert train(tiny_config(), workdir) == "finished"
  assert_same_run(whole, workdir)


@pytest.mark.parametrize(
  "old, new, words",
  [
    ('"num_steps": 20', '"num_steps": null', "train.num_steps is None"),
    ('"num_epochs": 0', '"num_epochs": []', r"train.num_epochs is \[\]"),
    ('"name": "digits"', '"name": ["digits"]', "task.name is "),
  ],
)
def test_a_config_with_damaged_fields_is_named(
  whole, tmp_path, old, new, words
):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  path = workdir / "config.json"
  text = json.dumps(rundir.read_json(path))
  assert text.count(old) == 1
  path.write_text(text.replace(old, new))
  before = everything(workdir)
  for act in (load_run, lambda w: train(tiny_config(), w)):
    with pytest.raises(FieldError, match=rf"config.json \({words}"):
      act(workdir)
  assert everything(workdir) == before


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
  with pytest.raises(FieldError, match="workdir must be a run directory"):
    load_run(tmp_path)
  with pytest.raises(
    FieldError, match="seed_index must be .* from 0 to 1, got 2"
  ):
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


def flip(path):
  """Changes a bit in the middle of a file."""
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)


def arrays_of(checkpoint):
  """The file of a checkpoint that holds its arrays."""
  paths = [p for p in (checkpoint / "state").rglob("*") if p.is_file()]
  return max(paths, key=lambda path: path.stat().st_size)


def test_checkpoints_that_cannot_be_opened_are_one_line(whole, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  (workdir / "checkpoints" / "15" / "_CHECKPOINT_METADATA").write_text("[1]")
  before = everything(workdir)
  longer = tiny_config(train__num_steps=30)
  for act in (load_run, lambda w: train(longer, w)):
    with pytest.raises(FieldError, match=r"checkpoints, which .* be opened \("):
      act(workdir)
  assert everything(workdir) == before


def test_checkpoints_without_their_config_are_not_gone_on_from(whole, tmp_path):
  """Of a sweep's trial, whose directory may have no config yet."""
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  (workdir / "config.json").unlink()
  rundir.write_json(workdir / "trial.json", {"name": "run"})
  for name in ("result.json", "checkpoints"):
    with pytest.raises(FieldError, match=f"holds {name} of a run without its"):
      train(tiny_config(optimizer__learning_rate=0.5), workdir)
    (workdir / "result.json").unlink(missing_ok=True)


def test_a_damaged_checkpoint_is_not_used(whole, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  flip(arrays_of(workdir / "checkpoints" / "20"))
  before = everything(workdir)
  with pytest.raises(FieldError, match=r"be used: .*/20 \(.*json is removed$"):
    load_run(workdir)
  assert everything(workdir) == before
  # As that line says.
  (workdir / "result.json").unlink()
  listener = Lines()
  assert train(tiny_config(), workdir, listener) == "finished"
  assert "checkpoints/20 (" in listener.lines[0]
  assert listener.lines[0].endswith("; an older one is used")
  assert listener.lines[1] == "going on from step 15"
  assert_same_run(whole, workdir)
  load_run(workdir)


def test_a_run_without_an_unharmed_checkpoint_is_left_alone(whole, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  for step in ("15", "20"):
    flip(arrays_of(workdir / "checkpoints" / step))
  before = everything(workdir)
  with pytest.raises(FieldError, match=r"cannot be used: .*/20 \("):
    train(tiny_config(train__num_steps=30), workdir)
  assert everything(workdir) == before


def test_weights_of_other_steps_than_the_result_are_refused(whole, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(whole, workdir)
  shutil.rmtree(workdir / "checkpoints" / "20")
  with pytest.raises(FieldError, match=r"of step 15, is not of: .*result.json"):
    load_run(workdir)


def test_a_renamed_checkpoint_is_of_its_own_step(whole, tmp_path):
  workdir = tmp_path / "run"
  train(tiny_config(), workdir, StopAt(10))
  (workdir / "checkpoints" / "15").rename(workdir / "checkpoints" / "20")
  assert train(tiny_config(), workdir) == "finished"
  assert_same_run(whole, workdir)


def test_loading_a_run_writes_nothing(whole):
  before = everything(whole)
  load_run(whole)
  assert everything(whole) == before


def test_cells_that_are_not_used_are_no_part_of_a_run(whole):
  """A cell that is added to the lab must not make older runs differ."""
  config = load_run(whole).config
  assert "elman" in config["model"]
  assert not {"gru", "lstm"} & {*config["model"]}
