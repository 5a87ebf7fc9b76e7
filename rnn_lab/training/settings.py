"""The config's sections as checked values, and the plan of a run."""

import types
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
  check_int,
  in_section,
)
from rnn_lab.evaluators import EVALUATORS
from rnn_lab.tasks.base import Task

OPTIMIZERS = ("adam", "rmsprop", "sgd")
MAX_SEEDS = 2**16
# The smallest number that programs tell from zero.
FLOAT32_TINY = float(np.finfo(np.float32).tiny)
# The parameters that a weight decay applies to.
DECAYED = ("all", "kernels")
PLATEAU = "plateau"
SCHEDULES = (
  "constant",
  "cosine",
  "exponential",
  "linear",
  PLATEAU,
  "staircase",
)
# Those that end, and can do so with the training.
ENDING_SCHEDULES = ("cosine", "linear")
SELECT = ("best", "last")
# Examples of the test split with the model's answers.
MOST_KEPT = 100


class OptimizerSettings(NamedTuple):
  """`config.optimizer`; see `rnn_lab.training.optimizers`.

  `eps_in_root` says whether RMSprop divides by sqrt(v + eps), or by
  sqrt(v) + eps. A `decay_steps` of 0 means, for a schedule that is cosine or
  linear, all steps after warm-up and holding; `in_steps` counts them.
  `plateau_patience` counts evaluations.
  """

  name: str
  learning_rate: float
  schedule: str
  warmup_steps: int
  decay_steps: int
  decay_rate: float
  plateau_patience: int
  momentum: float
  b1: float
  b2: float
  rms_decay: float
  eps: float
  weight_decay: float
  decayed: str
  hold_steps: int
  eps_in_root: bool


class TrainSettings(NamedTuple):
  """`config.train`.

  Attributes:
    num_steps: updates of the parameters; 0 where epochs are given.
    num_epochs: passes over the training examples; 0 where steps are given.
    batch_size: sequences in each.
    batch_shards: equal parts of a batch whose gradients are added up. Free
      devices compute them side by side; their number changes no bit.
    clip_norm: the largest global norm of a gradient; 0 clips nothing.
    patience: evaluations in a row without a better headline metric after which
      a seed is trained no further; 0 trains to the end.
    init_from: a run directory whose weights training begins with; "" for
      weights drawn at random.
    log_every: steps between rows of training metrics.
    gradient_flow_every: steps between rows of the gradient through time; 0
      writes none and costs nothing.
    gradient_norms: log with the training metrics, for each layer, the norms
      of gradient, parameters and update at the last step, and the share of
      saturated units.
  """

  num_steps: int
  num_epochs: int
  batch_size: int
  batch_shards: int
  clip_norm: float
  patience: int
  init_from: str
  log_every: int
  gradient_flow_every: int
  gradient_norms: bool


class EvalSettings(NamedTuple):
  """`config.eval`.

  Attributes:
    every: steps between evaluations on the validation split; 0 evaluates at
      the end of each epoch.
    select: the parameters that are tested: "best" on the validation split, or
      "last".
    examples: how many examples of the test split are kept with the model's
      answers, for the report.
    options: the sections of evaluators, by their names in EVALUATORS, which
      check their own.
  """

  every: int
  select: str
  examples: int
  options: Mapping[str, Any]


class RunSettings(NamedTuple):
  """`config.run`: how a run is carried out, on which no number depends.

  Attributes:
    steps_per_call: K, the most steps in one call of the compiled program.
    checkpoint_every: steps between checkpoints; 0 saves one at the end of
      each epoch.
    tensorboard: write TensorBoard events too.
    compilation_cache: keep compiled programs in the user's cache, for later
      processes; see `rnn_lab.program_cache`.
    mesh_data: devices over which the parts of a batch are laid; 0 for those
      that seeds leave free.
    mesh_model: devices over which hidden units are laid; see
      `rnn_lab.training.mesh`.
  """

  steps_per_call: int
  checkpoint_every: int
  tensorboard: bool
  compilation_cache: bool
  mesh_data: int
  mesh_model: int


class Settings(NamedTuple):
  """All of a config but its task and model, checked."""

  optimizer: OptimizerSettings
  train: TrainSettings
  eval: EvalSettings
  run: RunSettings
  seed: int
  num_seeds: int


SECTIONS = ("task", "model", *Settings._fields)


class Plan(NamedTuple):
  """A config whose every field was checked, and what it describes.

  Attributes:
    config: the fields that decide the numbers, as JSON has them.
    run: the section `run`, which decides none.
    settings: the checked sections.
    task: the task.
    model: the model, as `rnn_lab.models.build` returns it.
    without_effect: a line for each field that was set and is not read.
  """

  config: dict[str, Any]
  run: dict[str, Any]
  settings: Settings
  task: Task
  model: Any
  without_effect: Mapping[str, str] = types.MappingProxyType({})


def parse(config: Mapping[str, Any]) -> Settings:
  """Checks every field of a config but those of its task and model.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  check_fields(config, SECTIONS, required=SECTIONS)
  for name in {*SECTIONS} - {"seed", "num_seeds"}:
    if not isinstance(config[name], Mapping):
      raise FieldError(
        name, f"{{field}} must be a section of fields, got {config[name]!r}"
      )
  check_int("num_seeds", config["num_seeds"], 1, MAX_SEEDS)
  check_int("seed", config["seed"], 0, INT32_MAX - config["num_seeds"])
  return Settings(
    optimizer=_optimizer(config["optimizer"]),
    train=_train(config["train"]),
    eval=_eval(config["eval"]),
    run=_run(config["run"]),
    seed=config["seed"],
    num_seeds=config["num_seeds"],
  )


def in_steps(settings: Settings, steps_per_epoch: int) -> Settings:
  """Returns settings whose epochs and decay are counted in steps.

  Args:
    settings: of `parse`.
    steps_per_epoch: of the task; 0 where it has no epochs.

  Raises:
    FieldError: a field counts epochs, and the task has none; all steps are
      more than 2^31 - 1; or a decay until the end of training has no steps.
  """
  epochs = {
    "train.num_epochs": settings.train.num_epochs > 0,
    "eval.every": settings.eval.every == 0,
    "run.checkpoint_every": settings.run.checkpoint_every == 0,
  }
  counted = [field for field, counts_epochs in epochs.items() if counts_epochs]
  if counted and not steps_per_epoch:
    raise FieldError(
      counted[0],
      "{field} counts epochs, but the task's examples are generated: it must "
      "be given in steps",
    )
  num_steps = settings.train.num_steps
  if settings.train.num_epochs:
    num_steps = settings.train.num_epochs * steps_per_epoch
    if num_steps > INT32_MAX:
      raise FieldError(
        "train.num_epochs",
        f"{{field}} must be at most {INT32_MAX // steps_per_epoch}, got "
        f"{settings.train.num_epochs}",
      )
  every = settings.eval.every or steps_per_epoch
  checkpoint_every = settings.run.checkpoint_every or steps_per_epoch
  return settings._replace(
    optimizer=_until_the_end(settings.optimizer, num_steps),
    train=settings.train._replace(num_steps=num_steps),
    eval=settings.eval._replace(every=every),
    run=settings.run._replace(checkpoint_every=checkpoint_every),
  )


def _until_the_end(
  settings: OptimizerSettings, num_steps: int
) -> OptimizerSettings:
  """Returns settings whose `decay_steps` are above 0 where a schedule ends."""
  if settings.schedule not in ENDING_SCHEDULES or settings.decay_steps:
    return settings
  before = settings.warmup_steps + settings.hold_steps
  if before >= num_steps:
    raise FieldError(
      "optimizer.decay_steps",
      "{field} must be above 0, as warmup_steps and hold_steps leave none of "
      f"the {num_steps} steps of training, got 0",
    )
  return settings._replace(decay_steps=num_steps - before)


def _section(name: str, kind: Any, section: Mapping[str, Any]) -> Any:
  with in_section(name):
    check_fields(section, kind._fields, required=kind._fields)
  return kind(**section)


def _optimizer(section: Mapping[str, Any]) -> OptimizerSettings:
  settings = _section("optimizer", OptimizerSettings, section)
  with in_section("optimizer"):
    check_choice("name", settings.name, OPTIMIZERS)
    check_choice("schedule", settings.schedule, SCHEDULES)
    _check_positive("learning_rate", settings.learning_rate)
    check_int("warmup_steps", settings.warmup_steps, 0, INT32_MAX)
    # These fall by a factor every so many steps, and never end.
    repeats = settings.schedule in ("exponential", "staircase")
    check_int("decay_steps", settings.decay_steps, int(repeats), INT32_MAX)
    check_int("hold_steps", settings.hold_steps, 0, INT32_MAX)
    rate = settings.decay_rate
    check_float("decay_rate", rate, 0.0, 1.0)
    if settings.schedule == PLATEAU and rate in (0.0, 1.0):
      raise FieldError(
        "decay_rate",
        "{field} must be above 0 and below 1 where the schedule is plateau, "
        f"got {rate}",
      )
    if repeats:
      # A rate of 0 would be 0 from the second step on.
      _check_positive("decay_rate", settings.decay_rate)
    check_int("plateau_patience", settings.plateau_patience, 1, INT32_MAX)
    for field in ("momentum", "b1", "b2", "rms_decay"):
      _check_below_1(field, getattr(settings, field))
    check_float("eps", settings.eps, 0.0)
    if settings.name != "sgd":
      # Without it a gradient of zero is divided by zero.
      _check_positive("eps", settings.eps)
    check_bool("eps_in_root", settings.eps_in_root)
    check_float("weight_decay", settings.weight_decay, 0.0)
    check_choice("decayed", settings.decayed, DECAYED)
  return settings


def _check_positive(field: str, value: Any) -> None:
  """Raises FieldError unless a number is above 0 in float32, too."""
  check_float(field, value, 0.0, above=True)
  if value < FLOAT32_TINY:
    raise FieldError(
      field,
      f"{{field}} must be at least {FLOAT32_TINY:.3g}, as smaller numbers are "
      f"zero in float32, got {value!r}",
    )


def _check_below_1(field: str, value: Any) -> None:
  """Raises FieldError unless a number is in [0, 1) in float32, too."""
  check_float(field, value, 0.0, 1.0, below=True)
  if np.float32(value) == 1.0:
    raise FieldError(
      field, f"{{field}} must be below 1 in float32, got {value!r}, which is 1"
    )


def _train(section: Mapping[str, Any]) -> TrainSettings:
  settings = _section("train", TrainSettings, section)
  with in_section("train"):
    check_int("num_steps", settings.num_steps, 0, INT32_MAX)
    check_int("num_epochs", settings.num_epochs, 0, INT32_MAX)
    if bool(settings.num_steps) == bool(settings.num_epochs):
      raise FieldError(
        "num_steps",
        f"either {{field}} or train.num_epochs must be 0, and the other above "
        f"0, got {settings.num_steps} and {settings.num_epochs}",
      )
    check_int("batch_size", settings.batch_size, 1, INT32_MAX)
    check_int("batch_shards", settings.batch_shards, 1, settings.batch_size)
    if settings.batch_size % settings.batch_shards:
      raise FieldError(
        "batch_shards",
        "{field} must divide train.batch_size, got "
        f"{settings.batch_shards} and {settings.batch_size}",
      )
    check_float("clip_norm", settings.clip_norm, 0.0)
    if settings.clip_norm:
      _check_positive("clip_norm", settings.clip_norm)
    check_int("patience", settings.patience, 0, INT32_MAX)
    if not isinstance(settings.init_from, str):
      raise FieldError(
        "init_from",
        "{field} must be the path of a run directory, or empty, got "
        f"{settings.init_from!r}",
      )
    check_int("log_every", settings.log_every, 1, INT32_MAX)
    check_int("gradient_flow_every", settings.gradient_flow_every, 0, INT32_MAX)
    check_bool("gradient_norms", settings.gradient_norms)
  return settings


def _eval(section: Mapping[str, Any]) -> EvalSettings:
  fields = {k: v for k, v in section.items() if k not in EVALUATORS}
  options = {k: v for k, v in section.items() if k in EVALUATORS}
  with in_section("eval"):
    names = ("every", "select", "examples")
    check_fields(fields, names, required=names)
    check_int("every", fields["every"], 0, INT32_MAX)
    check_choice("select", fields["select"], SELECT)
    check_int("examples", fields["examples"], 0, MOST_KEPT)
  return EvalSettings(**fields, options=options)


def _run(section: Mapping[str, Any]) -> RunSettings:
  settings = _section("run", RunSettings, section)
  with in_section("run"):
    check_int("steps_per_call", settings.steps_per_call, 1, INT32_MAX)
    check_int("checkpoint_every", settings.checkpoint_every, 0, INT32_MAX)
    check_bool("tensorboard", settings.tensorboard)
    check_bool("compilation_cache", settings.compilation_cache)
    check_int("mesh_data", settings.mesh_data, 0, INT32_MAX)
    check_int("mesh_model", settings.mesh_model, 1, INT32_MAX)
  return settings
