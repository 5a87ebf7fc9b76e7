"""A run of seconds, that the training tests share and so compile once."""

import json
import os
import signal

import jax
import numpy as np

from configs import common
from rnn_lab.models.base import init_params
from rnn_lab.rundir import CHECKPOINTS, CONFIG, write_json
from rnn_lab.runs.planning import plan
from rnn_lab.training import optimizers, restoring, state
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.training.records import Silent


def tiny_config(**fields):
  """Digits row by row, hidden 8, 20 steps, 2 seeds; `a__b=c` sets a.b."""
  config = common.default_config()
  config.task.name = "digits"
  config.task.gap = 0
  config.model.hidden_size = 8
  config.model.cell = "elman"
  config.train.num_steps = 20
  config.train.batch_size = 16
  config.train.log_every = 5
  config.train.gradient_flow_every = 10
  config.eval.every = 10
  config.run.steps_per_call = 5
  config.run.checkpoint_every = 5
  config.run.tensorboard = False
  config.num_seeds = 2
  config.optimizer.learning_rate = 0.01
  return _with(config, fields)


def tiny_language(**fields):
  """A language model on 600 words, 20 steps (almost 3 epochs), 2 seeds.

  Of n-grams one seed: there is nothing random in counting.
  """
  config = common.language_config()
  common.shrink_language(config)
  config.task.size = 600
  config.train.batch_size = 10
  config.model.cell = "elman"
  config.model.hidden_size = 8
  config.model.embedding_size = 8
  config.eval.stream.window = 50
  config.eval.stream.valid_tracks = 4
  config.eval.stream.warmup = 8
  config.eval.stream.context_targets = 0
  config.run.checkpoint_every = 5
  config.run.tensorboard = False
  config.optimizer.learning_rate = 0.01
  config.num_seeds = 1 if fields.get("model__kind") == "ngram" else 2
  return _with(config, fields)


def tiny_dates(**fields):
  """Dates to ISO form in buckets of lengths, 2 epochs, 2 seeds."""
  config = common.pattern_config()
  config.task = {
    "name": "transduction",
    "kind": "dates",
    "train_size": 32,
    "eval_size": 8,
  }
  config.model.cell = "elman"
  config.model.hidden_size = 6
  config.model.inputs.embedding_size = 4
  config.model.inputs.dropout = 0.2
  config.model.decoder.embedding_size = 4
  config.model.decoder.attention = "additive"
  config.model.decoder.attention_size = 4
  config.train.batch_size = 8
  config.train.num_steps = 0
  config.train.num_epochs = 2
  config.train.log_every = 5
  config.eval.every = 0
  config.run.steps_per_call = 2
  config.run.checkpoint_every = 5
  config.run.tensorboard = False
  config.optimizer.learning_rate = 0.01
  config.num_seeds = 2
  return _with(config, fields)


def _with(config, fields):
  with config.unlocked():
    for field, value in fields.items():
      *sections, name = field.split("__")
      section = config
      for part in sections:
        section = section[part]
      section[name] = value
  return config


# Compiled, as training does it: parameter by parameter it takes longer.
initial_params = jax.jit(init_params, static_argnames=("model", "task"))


def untrained(config, workdir):
  """Writes the directory of a run with random parameters, in no time."""
  made = plan(config)
  workdir.mkdir()
  write_json(workdir / CONFIG, made.config)
  made.task.save_files(workdir)
  settings = made.settings
  init, _ = restoring.state_initializer(made)
  _, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  shapes = state.state_shapes(init, hyper, settings.num_seeds)
  rng = np.random.default_rng(0)
  first = jax.tree.map(
    lambda a: np.asarray(rng.normal(size=a.shape), a.dtype),
    state.to_saved(shapes),
  )
  for field in ("best_step", "last_step"):
    first[field] = np.zeros_like(first[field])
  with Checkpoints(workdir / CHECKPOINTS) as checkpoints:
    checkpoints.save(0, first, {})


NUMBERS = (
  "config.json",
  "metrics.jsonl",
  "gradient_flow.jsonl",
  "result.json",
  "vocabulary.json",
)


def numbers(workdir):
  """The bytes of the files that the config alone decides."""
  return {
    name: (workdir / name).read_bytes()
    for name in NUMBERS
    if (workdir / name).exists()
  }


def rows(workdir, name="metrics.jsonl"):
  text = (workdir / name).read_text(encoding="utf-8")
  return [json.loads(line) for line in text.splitlines()]


def result(workdir):
  return json.loads((workdir / "result.json").read_text(encoding="utf-8"))


def everything(folder):
  """Every file below a folder, with its bytes."""
  return {
    str(path.relative_to(folder)): path.read_bytes()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path.name != ".lock"
  }


class StopAt(Silent):
  """Sends this process a signal once the run has come so far."""

  def __init__(self, step):
    self.step = step

  def advance(self, done):
    if done >= self.step:
      os.kill(os.getpid(), signal.SIGTERM)
      self.step = 10**9
