"""Runs that begin with the weights of another run."""

import jax
import numpy as np
import pytest
from tiny import tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.opening import load_run
from rnn_lab.runs.planning import plan
from rnn_lab.training.loop import Trainer
from rnn_lab.training.records import Silent


@pytest.fixture(scope="module")
def source(tmp_path_factory):
  workdir = tmp_path_factory.mktemp("source") / "run"
  train(tiny_config(), workdir, Silent())
  return workdir


def config(source, **fields):
  return tiny_config(train__init_from=str(source), **fields)


def params_of(workdir, seeds):
  loaded = [load_run(workdir, seed).params for seed in seeds]
  return jax.tree.map(lambda *a: np.stack(a), *loaded)


def assert_equal(ours, theirs):
  jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.parametrize("select", ["best", "last"])
def test_each_seed_begins_with_the_weights_of_the_other_run(
  source, tmp_path, select
):
  """Those that were tested, with another optimizer, data and length."""
  if select == "last":
    source = tmp_path / "last"
    train(tiny_config(eval__select="last"), source, Silent())
  other = config(source, optimizer__name="sgd", train__batch_size=8)
  states = Trainer(plan(other)).initial_states()
  expected = params_of(source, (0, 1))
  assert_equal(states.params, expected)
  assert_equal(states.best_params, expected)
  assert states.best_step.tolist() == [-1, -1]
  random = Trainer(plan(tiny_config())).initial_states()
  assert not np.array_equal(
    jax.tree.leaves(random.params)[0], jax.tree.leaves(states.params)[0]
  )


def test_one_seed_is_that_of_all(source, tmp_path):
  train(tiny_config(num_seeds=1), tmp_path / "one", Silent())
  states = Trainer(plan(config(tmp_path / "one", num_seeds=3))).initial_states()
  assert_equal(states.params, params_of(tmp_path / "one", (0, 0, 0)))


def test_it_is_trained_and_resumed_without_the_other_run(source, tmp_path):
  other = tmp_path / "other"
  source.rename(other)
  try:
    assert train(config(other), tmp_path / "run", Silent()) == "finished"
  finally:
    other.rename(source)
  # The other run has gone; more steps go on from the checkpoint.
  more = config(other, train__num_steps=30)
  assert train(more, tmp_path / "run", Silent()) == "finished"


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    (
      {"model__hidden_size": 7},
      r"train.init_from must be a run of the same network, .* is \(\w+, \w+\)",
    ),
    ({"model__num_layers": 2}, "same network, .* is not there"),
    ({"num_seeds": 3}, "one seed or the 3 of this one, .* which has 2"),
  ],
)
def test_other_networks_are_refused(source, tmp_path, fields, message):
  with pytest.raises(FieldError, match=message):
    train(config(source, **fields), tmp_path / "run", Silent())
  assert not (tmp_path / "run").exists()


def test_what_is_no_run_is_refused(source, tmp_path):
  with pytest.raises(FieldError, match="must be a run directory with a check"):
    train(config(tmp_path / "none"), tmp_path / "run", Silent())
  with pytest.raises(FieldError, match="must be another run than workdir"):
    train(config(tmp_path / "run"), tmp_path / "run", Silent())
  with pytest.raises(FieldError, match="must be left out, as the model has no"):
    counted = tiny_language(model__kind="ngram", train__init_from=str(source))
    train(counted, tmp_path / "run", Silent())
  with pytest.raises(FieldError, match="must be the path of a run directory"):
    fields = tiny_config().to_dict()
    plan(fields | {"train": fields["train"] | {"init_from": 3}})
  assert not (tmp_path / "run").exists()
