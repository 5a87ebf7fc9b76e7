"""One compiled program for all that differs only in numbers or in `init`."""

import collections
import contextlib

import jax
import jax.export
import numpy as np
import pytest
from tiny import tiny_config, tiny_language

from rnn_lab import fused
from rnn_lab.runs import train
from rnn_lab.runs.planning import plan
from rnn_lab.training import optimizers, restoring
from rnn_lab.training.loop import Trainer
from rnn_lab.training.population import Population, programs
from rnn_lab.training.state import init_states

COMPILATION = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def compilations():
  """Counts what is compiled, by the name of the jitted function."""
  counts = collections.Counter()

  def count(event, seconds, **about):
    del seconds
    if event == COMPILATION:
      counts[about.get("fun_name", "")] += 1

  jax.monitoring.register_event_duration_secs_listener(count)
  try:
    yield counts
  finally:
    jax.monitoring.unregister_event_duration_listener(count)


def programs_of(config):
  """The compiled functions that training and evaluation call."""
  trainer = Trainer(plan(config))
  by_evaluator = {"batches": "_sums", "stream": "_score"}
  return (
    *trainer.programs,
    *trainer.diagnostics,
    getattr(trainer.evaluator, by_evaluator[trainer.task.evaluator]),
  )


def decaying(make, **fields):
  """A run with every kind of program but the gradient flow's."""
  config = make(
    model__cell="lstm",
    optimizer__schedule="linear",
    optimizer__decay_steps=10,
    train__num_steps=10,
    train__gradient_norms=True,
    train__gradient_flow_every=0,
  )
  config.update_from_flattened_dict(
    {name.replace("__", "."): value for name, value in fields.items()}
  )
  return config


# What is an argument of the compiled step, or decides only how a run begins.
NUMBERS = [
  {"optimizer__learning_rate": 0.3},
  {"optimizer__weight_decay": 0.1},
  {"optimizer__decay_rate": 0.5},
  {"optimizer__b1": 0.5, "optimizer__eps": 1e-3},
  {"train__clip_norm": 0.0},
  {"train__clip_norm": 5.0},
  {"seed": 7},
  {"model__lstm__forget_bias": 3.0},
  {"model__lstm__forget_init": "chrono", "model__lstm__chrono_max": 50},
  {"model__lstm__input_init": "normal", "model__lstm__input_scale": 0.2},
  {"model__lstm__recurrent_init": "identity"},
  {"model__lstm__recurrent_scale": 0.5},
  {"model__lstm__bias_init": "normal", "model__lstm__bias_scale": 0.1},
  {"model__readout_scale": 2.0},
  {"model__readout_init": "normal"},
]
OF_LANGUAGE = [
  {"model__embedding_init": "normal", "model__embedding_scale": 0.3},
  {"model__readout_bias_init": "normal", "model__readout_bias_scale": 0.3},
]
# What makes another program.
FORMS = [
  {"model__hidden_size": 9},
  {"model__num_layers": 2},
  {"model__cell": "gru"},
  {"model__checkpoint_every": 2},
  {"optimizer__name": "sgd"},
  {"optimizer__schedule": "cosine"},
  {"optimizer__hold_steps": 3},
  {"run__steps_per_call": 4},
  {"num_seeds": 1},
]


@pytest.mark.parametrize(
  "make, fields",
  [(tiny_config, fields) for fields in NUMBERS]
  + [(tiny_language, fields) for fields in (*OF_LANGUAGE, NUMBERS[0])],
)
def test_numbers_and_initial_values_share_the_programs(make, fields):
  one, other = decaying(make), decaying(make, **fields)
  assert plan(one).config != plan(other).config
  for a, b in zip(programs_of(one), programs_of(other), strict=True):
    assert a is b


@pytest.mark.parametrize("fields", FORMS)
def test_what_decides_the_step_makes_another_program(fields):
  one, other = decaying(tiny_config), decaying(tiny_config, **fields)
  assert programs_of(one)[0] is not programs_of(other)[0]


def test_an_option_that_the_step_reads_makes_another_program():
  one = decaying(tiny_config, model__cell="elman")
  other = decaying(tiny_config, model__cell="elman")
  other.model.elman.activation = "relu"
  assert programs_of(one)[0] is not programs_of(other)[0]


def test_runs_that_differ_in_numbers_compile_nothing_again(tmp_path):
  """Of a whole run only the initialiser is compiled for other values."""
  sizes = {"model__hidden_size": 11, "train__gradient_flow_every": 10}
  with compilations() as counts:
    assert (
      train(decaying(tiny_config, **sizes), tmp_path / "first") == "finished"
    )
  # One of each kind: train, keep_best, flow, saturation, read, evaluation.
  assert counts["jit(local)"] >= 6
  assert counts["jit(init)"] == 1

  changes = {
    "optimizer__learning_rate": 0.003,
    "optimizer__weight_decay": 0.1,
    "optimizer__decay_rate": 0.5,
    "train__clip_norm": 0.0,
    "seed": 5,
    "model__lstm__forget_bias": 3.0,
    "model__lstm__input_init": "normal",
    "model__lstm__recurrent_scale": 0.5,
    "model__readout_scale": 2.0,
  }
  with compilations() as counts:
    assert (
      train(decaying(tiny_config, **sizes, **changes), tmp_path / "second")
      == "finished"
    )
  assert counts == {"jit(init)": 1}


@pytest.mark.parametrize("platform, target", [("gpu", "cuda"), ("tpu", "tpu")])
def test_training_steps_lower_for_accelerators_without_one(
  platform, target, monkeypatch
):
  """With the implementation of the cell that "auto" has there."""
  made = plan(tiny_config(model__cell="lstm"))
  settings = made.settings
  static, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  init, _ = restoring.state_initializer(made)
  seeds = Population(2, platform=platform)
  train = programs(made.model, made.task, static, 2, seeds).train
  shared = (made.task.data[0], np.int32(0), np.int32(2))
  state = seeds.put(init_states(init, hyper, [0, 1]))
  per_seed = (
    seeds.put(jax.tree.map(lambda a: np.repeat(a, 2), hyper)),
    seeds.put(np.arange(2, dtype=np.int32)),
    state,
  )
  calls = []
  unroll = fused.unroll
  monkeypatch.setattr(
    fused, "unroll", lambda how, *args: calls.append(how) or unroll(how, *args)
  )
  exported = jax.export.export(train.jitted, platforms=[target])(
    shared, (per_seed, train.is_real)
  )
  assert exported.platforms == (target,)
  assert {how.unroll for how in calls} == ({16} if platform == "gpu" else set())
