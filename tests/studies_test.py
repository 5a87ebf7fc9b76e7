"""The gradient study of a run against what its model's own gradients are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.gradients.costs import total_cost
from rnn_lab.studies import gradient_study
from rnn_lab.studies.portrait import logs, numbers, read_state, states
from rnn_lab.studies.problem import make_problem
from rnn_lab.rundir import read_json
from rnn_lab.training.loop import train
from rnn_lab.training.run import load_run, plan
from rnn_lab.training.state import form_of, init_params, seed_keys
from rnn_lab.training.step import run_model

pytestmark = pytest.mark.usefixtures("compiles_quickly")


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
def test_the_problems_cost_is_the_tasks(name, fields):
  config = of_task(tiny_config(model__num_layers=2), name, **fields)
  config.model.final_state = "all"
  ready = plan(config)
  problem = make_problem(ready.model, ready.task, 5)
  key = seed_keys(jnp.int32(0)).params
  params = init_params(ready.model, form_of(ready.task), key)
  xs = problem.xs
  assert xs.shape[1] == 5
  carry = problem.cell.initial_carry((5,), jnp.float32)

  def ours(params):
    return total_cost(
      problem.cell.step,
      problem.cost,
      problem.cell_params(params),
      params["readout"],
      xs,
      problem.targets,
      carry,
      problem.weights_T,
    )

  batch = jax.tree.map(lambda a: a[0], ready.task.eval_batches("valid"))
  if batch.input_lengths is not None:
    chosen = np.flatnonzero(batch.input_lengths == xs.shape[0])[:5]
    counts = np.bincount(
      np.asarray(ready.task.eval_batches("valid").input_lengths).ravel()
    )
    assert counts.argmax() == xs.shape[0] < ready.task.input_spec.length + 1
  else:
    chosen = np.arange(5)
  batch = jax.tree.map(lambda a: a[chosen], batch)

  def theirs(params):
    outputs = run_model(ready.model, params, batch)
    return ready.task.loss(outputs, batch)[0]

  found = jax.jit(jax.value_and_grad(ours))(params)
  wanted = jax.jit(jax.value_and_grad(theirs))(params)
  for a, e in zip(jax.tree.leaves(found), jax.tree.leaves(wanted)):
    np.testing.assert_allclose(a, e, rtol=2e-4, atol=1e-5)


def test_what_is_measured(tmp_path):
  config = of_task(tiny_config(model__num_layers=2), "adding", length=6)
  config.model.cell = "gru"
  train(config, tmp_path)
  path = gradient_study.measure(tmp_path)
  found = read_json(path)
  assert found["states"] == ["0.h", "1.h"] and found["read"] == "1.h"
  assert (found["examples"], found["length"], found["layers"]) == (8, 6, 2)
  ready = load_run(tmp_path)
  problem = make_problem(ready.model, ready.task, 8)
  batch = jax.tree.map(lambda a: a[0, :8], ready.task.eval_batches("valid"))
  first = plan(config)
  key = seed_keys(jnp.int32(0)).params
  initial = init_params(first.model, form_of(first.task), key)
  for moment, params in (
    ("initialisation", initial),
    ("trained", ready.params),
  ):
    at = found["at"][moment]
    outputs = run_model(ready.model, params, batch)
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
  assert read_state(problem) == "1.h" and list(states(problem))[0] == "0.h"
  assert found["at"]["trained"] != found["at"]["initialisation"]
  before = path.stat().st_mtime_ns
  gradient_study.measure(tmp_path)
  assert path.stat().st_mtime_ns == before


def test_numbers_for_json():
  assert numbers([1.0, np.inf, np.nan, -np.inf]) == [1.0, None, None, None]
  # Of logs only that of zero is None: what overflowed has not vanished.
  assert logs([1.0, np.inf, np.nan, -np.inf]) == [1.0, 309.0, 309.0, None]


def test_a_directory_without_a_finished_run(tmp_path):
  with pytest.raises(FieldError, match="the directory of a finished run"):
    gradient_study.measure(tmp_path)


@pytest.mark.parametrize(
  "config, words",
  [
    (tiny_language(), "task.name is 'language'; it may be one with sequences"),
    (tiny_config(model__bidirectional=True), "model.bidirectional is True"),
  ],
)
def test_runs_that_cannot_be_laid_open(config, words):
  with pytest.raises(FieldError, match=words):
    gradient_study.check_study(config)
