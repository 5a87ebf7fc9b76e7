"""The gradient study of a run against what its model's own gradients are."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import (
  initial_params,
  tiny_config,
  tiny_language,
  untrained,
)

from rnn_lab.errors import FieldError
from rnn_lab.gradients.bptt import bptt_terms
from rnn_lab.gradients.costs import total_cost
from rnn_lab.gradients.gates import activations
from rnn_lab.gradients.jacobians import step_jacobians
from rnn_lab.gradients.lyapunov import lyapunov_exponents
from rnn_lab.reports.gradients import study
from rnn_lab.rundir import RESULT, read_json, write_sealed
from rnn_lab.runs.opening import load_run
from rnn_lab.runs.planning import plan
from rnn_lab.studies import gradient_study
from rnn_lab.studies.portrait import (
  _spectrum,
  logs,
  numbers,
  read_state,
  states,
)
from rnn_lab.studies.problem import recurrence_of, study_batch
from rnn_lab.training.records import make_result
from rnn_lab.training.state import seed_keys
from rnn_lab.types import Batch


def of_task(config, name, **fields):
  with config.unlocked():
    config.task = {"name": name, "eval_size": 300, **fields}
    config.train.gradient_flow_every = 0
    config.num_seeds = 1
  return config


@pytest.mark.parametrize(
  "name, fields",
  [("copy_memory", {"delay": 3}), ("temporal_order", {"length": 20})],
)
def test_the_recurrences_cost_is_the_tasks(name, fields):
  config = of_task(tiny_config(model__num_layers=2), name, **fields)
  # At every step the top layer is read, after the last one any.
  config.model.final_state = "top" if name == "copy_memory" else "all"
  planned = plan(config)
  model, task = planned.model, planned.task
  key = seed_keys(jnp.int32(0)).params
  params = initial_params(model, task, key)
  batch = study_batch(task, 5)
  num_steps = batch.inputs.shape[1]
  assert batch.inputs.shape[0] == 5 and batch.input_lengths is None

  def ours(params):
    recurrence = recurrence_of(model, params, batch)
    return total_cost(
      recurrence.cell.step,
      recurrence.cost,
      recurrence.cell_params,
      recurrence.readout,
      recurrence.xs,
      recurrence.targets,
      recurrence.cell.initial_carry((5,), jnp.float32),
      recurrence.weights_T,
    )

  [every] = task.eval_batches("valid")[:1]
  if every.input_lengths is not None:
    every = jax.tree.map(
      lambda *a: np.concatenate(a), *task.eval_batches("valid")
    )
    real = every.weights.reshape(len(every.weights), -1).any(axis=1)
    counts = np.bincount(np.asarray(every.input_lengths)[real])
    assert counts.argmax() == num_steps < task.input_spec.length + 1
    chosen = np.flatnonzero(real & (every.input_lengths == num_steps))[:5]
  else:
    assert num_steps == task.input_spec.length
    chosen = np.arange(5)
  expected_batch = jax.tree.map(lambda a: a[chosen], every)

  def theirs(params):
    (total, _), _ = model.apply(
      {"params": params}, expected_batch, (), method="loss"
    )
    return total

  found = jax.jit(jax.value_and_grad(ours))(params)
  expected = jax.jit(jax.value_and_grad(theirs))(params)
  for a, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, rtol=2e-4, atol=1e-5)


def check_layers_and_lags(at, model, params, batch):
  """A portrait's gates, terms and exponents, by layer, lag and unit."""
  with jax.enable_x64(True):
    params, batch = gradient_study._in_float64((params, batch))
    found = recurrence_of(model, params, batch)
    cell, layers, xs = found.cell, found.cell_params, found.xs
    seen = activations(found.stack, found.params, xs)
    jacobians = step_jacobians(cell, layers, xs)
    exponents = lyapunov_exponents(cell, layers, xs, discard=1)
    terms = bptt_terms(
      cell,
      found.cost,
      layers,
      found.readout,
      xs,
      found.targets,
      weights_T=found.weights_T,
    )
    outputs = model.apply({"params": params}, batch, (), method="outputs")
    error = 2 * (outputs - batch.targets) @ params["readout"]["kernel"].T
    matrices = np.asarray(jacobians.matrices)
    seen, exponents, terms, error = jax.tree.map(
      np.asarray, (seen, exponents, terms, error)
    )
  close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
  close(at["lyapunov"], np.mean(exponents, axis=0))
  last = len(xs) - 1
  top = terms.norm[-1].forward.input_kernel
  by_lag = [top[last, last - lag] for lag in range(last + 1)]
  close(at["terms"]["input_kernel"]["log10_by_lag"], np.log10(by_lag))
  # ds_last / ds_{last - lag}, by the chain rule.
  products = [np.eye(16)[None].repeat(8, axis=0)]
  for t in range(last, 0, -1):
    products.append(products[-1] @ matrices[t])
  for layer, row in enumerate(at["gates"]):
    part = jacobians.parts[f"{layer}.forward.h"]
    z_TBH = np.asarray(seen[layer].forward["z"].value)
    close(row["mean_by_time"], z_TBH.mean(axis=(1, 2)))
    close(row["mean_by_unit"], z_TBH.mean(axis=(0, 1)))
    passed = [z_TBH[last + 1 - n :].prod(axis=0) for n in range(last + 1)]
    direct = [np.log10((p**2).mean(axis=1)).mean() / 2 for p in passed]
    close(row["log10_direct"], direct)
    blocks = [np.linalg.norm(p[:, part, part], axis=(1, 2)) for p in products]
    total = [np.log10(b / np.sqrt(8)).mean() for b in blocks]
    close(row["log10_total"], total)
  first_BH = np.einsum("bi,bij->bj", error, products[-1][:, part, part])
  by_unit = np.abs(first_BH).mean(axis=0)
  close(at["flow"]["1.h"]["log10_by_unit"], np.log10(by_unit))


def finished(config, workdir):
  """Writes a run that ended with random parameters, in no time."""
  untrained(config, workdir)
  task = plan(config).task
  seed = {"seed": 0, "status": "finished", "best_step": 0, "last_step": 0}
  ended = make_result(task, [seed], np.ones(1), {task.headline: np.ones(1)})
  write_sealed(workdir / RESULT, ended)
  return workdir


def test_what_is_measured(tmp_path):
  config = of_task(tiny_config(model__num_layers=2), "adding", length=6)
  config.model.cell = "gru"
  workdir = finished(config, tmp_path / "run")
  path = gradient_study.measure(workdir)
  found = read_json(path)
  assert found["states"] == ["0.h", "1.h"] and found["read"] == "1.h"
  assert (found["examples"], found["length"], found["layers"]) == (8, 6, 2)
  _, task, model, trained = load_run(workdir)
  batch = study_batch(task, 8)
  key = seed_keys(jnp.int32(0)).params
  initial = initial_params(model, task, key)
  for moment, params in (("initialisation", initial), ("trained", trained)):
    at = found["at"][moment]
    outputs = model.apply({"params": params}, batch, (), method="outputs")
    error = 2 * (outputs - batch.targets)
    want = np.linalg.norm(error @ params["readout"]["kernel"].T, axis=1)
    got = 10 ** at["flow"]["1.h"]["log10_by_lag"][0]
    np.testing.assert_allclose(got, want.mean(), rtol=1e-4)
    largest = at["jacobian"]["log10_largest"]
    np.testing.assert_allclose(largest["mean"][0], 0.0, atol=1e-9)
    last = at["jacobian"]["spectra"][-1]
    assert last["lag"] == 5 and len(last["log10"]) == 8
    assert largest["low"][5] <= last["log10"][0] <= largest["high"][5]
    assert len(at["lyapunov"]) == 16 and at["jacobian"]["log10_bound"] is None
    assert [gate["state"] for gate in at["gates"]] == ["0.h", "1.h"]
    assert at["gates"][1]["gate"] == "z"
    assert at["truncation"]["reaches"] == [1, 2, 4, 6]
    assert at["truncation"]["relative_error"][-1] == 0.0
    assert at["truncation"]["cosine"][-1] == pytest.approx(1.0)
    assert "recurrent_kernel" in at["terms"]
  check_layers_and_lags(found["at"]["trained"], model, trained, batch)
  recurrence = recurrence_of(model, trained, batch)
  assert read_state(recurrence) == "1.h"
  assert list(states(recurrence))[0] == "0.h"
  assert found["at"]["trained"] != found["at"]["initialisation"]
  before = path.stat().st_mtime_ns
  gradient_study.measure(workdir)
  assert path.stat().st_mtime_ns == before


def test_numbers_for_json():
  assert numbers([1.0, np.inf, np.nan, -np.inf]) == [1.0, None, None, None]
  # Of logs only that of zero is None: what overflowed has not vanished.
  assert logs([1.0, np.inf, np.nan, -np.inf]) == [1.0, 309.0, 309.0, None]


def test_singular_values_that_rounding_lost_are_counted():
  values = np.log(10.0) * np.array([2.0, -1.0, np.nan, np.nan, -np.inf])
  row = _spectrum(7, values)
  assert row == {"lag": 7, "log10": [2.0, -1.0, None, None, None], "lost": 2}
  portrait = {"jacobian": {"spectra": [row]}}
  lag, read = study.spectrum({}, portrait)
  np.testing.assert_array_equal(read, [2.0, -1.0, np.nan, np.nan, -np.inf])


def test_a_directory_without_a_finished_run(tmp_path):
  with pytest.raises(FieldError, match="workdir must be a finished run"):
    gradient_study.measure(tmp_path)


def test_of_a_language_model(tmp_path):
  """At lag 0 the softmax's gradient alone: (p - y) v, y the last word."""
  config = tiny_language(
    num_seeds=1, train__num_steps=10, task__reach=12, model__cell="lstm"
  )
  workdir = finished(config, tmp_path / "run")
  found = read_json(gradient_study.measure(workdir))
  num_steps = 12
  assert (found["examples"], found["length"]) == (8, num_steps)
  assert found["states"] == ["h", "c"] and found["read"] == "h"
  _, task, model, trained = load_run(workdir)
  corpus = task.corpus
  before = np.full(num_steps - 7, corpus.vocabulary.start)
  tokens = np.concatenate([before, corpus.valid.tokens])
  starts = np.arange(8)[:, None] * 8
  tokens_BT = tokens[starts + np.arange(num_steps + 1)]
  initial = initial_params(model, task, seed_keys(jnp.int32(0)).params)
  sequences = Batch(None, None, None, np.ones(8))
  for moment, params in (("initialisation", initial), ("trained", trained)):
    stepper = model.apply({"params": params}, sequences, method="stepper")
    carry = stepper.initial
    for t in range(num_steps):
      carry, logits = stepper.step(carry, tokens_BT[:, t])
    error = jax.nn.softmax(logits)
    error = error.at[np.arange(8), tokens_BT[:, -1]].add(-1.0)
    gradients = np.linalg.norm(error @ params["readout_kernel"].T, axis=1)
    flow = found["at"][moment]["flow"]
    assert len(flow["h"]["log10_by_lag"]) == num_steps
    np.testing.assert_allclose(
      10 ** flow["h"]["log10_by_lag"][0], gradients.mean(), rtol=1e-4
    )
    # The last c has no say any more; the one before it has.
    assert flow["c"]["log10_by_lag"][0] is None
    assert flow["c"]["log10_by_lag"][1] is not None
  assert found["at"]["trained"] != found["at"]["initialisation"]


@pytest.mark.parametrize(
  "config, words",
  [
    (tiny_language(model__kind="ngram"), "model.kind must be a model with one"),
    (
      tiny_language(model__kind="window"),
      "model.kind must be a model with one",
    ),
    (
      tiny_config(model__bidirectional=True),
      "model.bidirectional must be false for a gradient study",
    ),
    (
      tiny_config(model__pooling="mean"),
      "model.pooling must be 'last' for a gradient study",
    ),
    (
      tiny_config(model__initial_state="learned"),
      "model.initial_state must be 'zeros' for a gradient study",
    ),
    (
      tiny_language(task__window=2, task__reach=2),
      "task 'language' must have sequences of at least 3 steps",
    ),
  ],
)
def test_runs_whose_gradients_cannot_be_measured(config, words):
  with pytest.raises(FieldError) as error:
    gradient_study.check_study(config)
  assert str(error.value).startswith(words)
  assert "\n" not in str(error.value)
