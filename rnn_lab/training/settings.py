"""The config's sections as checked values: the border where a typo stops."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from rnn_lab.errors import (
  check_bool,
  check_choice,
  check_fields,
  check_float,
  check_int,
  in_section,
)

SECTIONS = (
  "task",
  "model",
  "optimizer",
  "train",
  "eval",
  "run",
  "seed",
  "num_seeds",
)
OPTIMIZERS = ("adam", "rmsprop", "sgd")
# Steps and seeds are int32 on the devices.
MAX_INT = 2**31 - 1
MAX_SEEDS = 2**16
SCHEDULES = ("constant", "cosine", "exponential", "linear", "staircase")
SELECT = ("best", "last")


class OptimizerSettings(NamedTuple):
  """`config.optimizer`; see `rnn_lab.training.optimizers`."""

  name: str
  learning_rate: float
  schedule: str
  warmup_steps: int
  decay_steps: int
  decay_rate: float
  momentum: float
  b1: float
  b2: float
  rms_decay: float
  eps: float
  weight_decay: float
  hold_steps: int = 0


class TrainSettings(NamedTuple):
  """`config.train`.

  Attributes:
    num_steps: updates of the parameters.
    batch_size: sequences in each.
    clip_norm: the largest global norm of a gradient; 0 clips nothing.
    log_every: steps between rows of training metrics.
    gradient_flow_every: steps between rows of the gradient through time; 0
      writes none and costs nothing.
    gradient_health: log with the training metrics, of each layer, the norms of
      gradient, parameters and update at the last step, and the share of
      saturated units.
  """

  num_steps: int
  batch_size: int
  clip_norm: float
  log_every: int
  gradient_flow_every: int
  gradient_health: bool = False


class EvalSettings(NamedTuple):
  """`config.eval`.

  Attributes:
    every: steps between evaluations on the validation split.
    select: the parameters that the test is taken with: "best" on the
      validation split, or "last".
    window: of streams: tokens of a track in one call.
    tracks: of streams: parts of the test split read side by side; with 1 it
      is one unbroken stream.
    valid_tracks: the same of the validation split.
    warmup: of streams: tokens of context in front of each of several parts.
    context_targets: of streams: tokens for which it is measured how perplexity
      falls with context; 0 measures nothing.
  """

  every: int
  select: str = "best"
  window: int = 256
  tracks: int = 1
  valid_tracks: int = 1
  warmup: int = 0
  context_targets: int = 0


class RunSettings(NamedTuple):
  """`config.run`: how a run is carried out, of which no number depends.

  Attributes:
    steps_per_call: K, the most steps in one call of the compiled program.
    checkpoint_every: steps between checkpoints.
    tensorboard: write TensorBoard events too.
  """

  steps_per_call: int
  checkpoint_every: int
  tensorboard: bool


# Fields that configs need not have: runs of before they were there go on.
DEFAULTS = {
  f"{section}.{field}": value
  for section, kind in (
    ("optimizer", OptimizerSettings),
    ("train", TrainSettings),
    ("eval", EvalSettings),
  )
  for field, value in kind._field_defaults.items()
}


class Settings(NamedTuple):
  """All of a config but its task and model, checked."""

  optimizer: OptimizerSettings
  train: TrainSettings
  eval: EvalSettings
  run: RunSettings
  seed: int
  num_seeds: int


def parse(config: Mapping[str, Any]) -> Settings:
  """Checks every field of a config but those of its task and model.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  check_fields(config, SECTIONS, required=SECTIONS)
  check_int("num_seeds", config["num_seeds"], 1, MAX_SEEDS)
  check_int("seed", config["seed"], 0, MAX_INT - config["num_seeds"])
  return Settings(
    optimizer=_optimizer(config["optimizer"]),
    train=_train(config["train"]),
    eval=_eval(config["eval"]),
    run=_run(config["run"]),
    seed=config["seed"],
    num_seeds=config["num_seeds"],
  )


def _section(name: str, kind: Any, section: Mapping[str, Any]) -> Any:
  fields = tuple(inspect.signature(kind).parameters)
  with in_section(name):
    required = [f for f in fields if f not in kind._field_defaults]
    check_fields(section, fields, required=required)
  return kind(**section)


def _optimizer(section: Mapping[str, Any]) -> OptimizerSettings:
  settings = _section("optimizer", OptimizerSettings, section)
  with in_section("optimizer"):
    check_choice("name", settings.name, OPTIMIZERS)
    check_choice("schedule", settings.schedule, SCHEDULES)
    check_float("learning_rate", settings.learning_rate, 0.0, above=True)
    check_int("warmup_steps", settings.warmup_steps, 0, MAX_INT)
    decays = settings.schedule != "constant"
    check_int("decay_steps", settings.decay_steps, int(decays), MAX_INT)
    check_int("hold_steps", settings.hold_steps, 0, MAX_INT)
    # A rate of 0 would be 0 from the second step on.
    above = settings.schedule in ("exponential", "staircase")
    check_float("decay_rate", settings.decay_rate, 0.0, 1.0, above=above)
    for field in ("momentum", "b1", "b2", "rms_decay"):
      check_float(field, getattr(settings, field), 0.0, 1.0, below=True)
    check_float("eps", settings.eps, 0.0)
    check_float("weight_decay", settings.weight_decay, 0.0)
  return settings


def _train(section: Mapping[str, Any]) -> TrainSettings:
  settings = _section("train", TrainSettings, section)
  with in_section("train"):
    check_int("num_steps", settings.num_steps, 1, MAX_INT)
    check_int("batch_size", settings.batch_size, 1)
    check_float("clip_norm", settings.clip_norm, 0.0)
    check_int("log_every", settings.log_every, 1)
    check_int("gradient_flow_every", settings.gradient_flow_every, 0)
    check_bool("gradient_health", settings.gradient_health)
  return settings


def _eval(section: Mapping[str, Any]) -> EvalSettings:
  settings = _section("eval", EvalSettings, section)
  with in_section("eval"):
    check_int("every", settings.every, 1)
    check_choice("select", settings.select, SELECT)
    for field in ("window", "tracks", "valid_tracks"):
      check_int(field, getattr(settings, field), 1)
    for field in ("warmup", "context_targets"):
      check_int(field, getattr(settings, field), 0)
  return settings


def _run(section: Mapping[str, Any]) -> RunSettings:
  settings = _section("run", RunSettings, section)
  with in_section("run"):
    check_int("steps_per_call", settings.steps_per_call, 1)
    check_int("checkpoint_every", settings.checkpoint_every, 1)
  return settings
