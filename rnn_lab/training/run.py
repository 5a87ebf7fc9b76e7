"""A run: one config, its directory, and how to open it again from Python."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from rnn_lab import language_models, models, tasks
from rnn_lab.cells import CELLS
from rnn_lab.errors import FieldError, check_int
from rnn_lab.training import optimizers
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.rundir import check_can_hold, flatten, read_json
from rnn_lab.training.settings import DEFAULTS, Settings, parse
from rnn_lab.training.state import from_saved, state_form, to_saved
from rnn_lab.types import Params

CONFIG = "config.json"
RESULT = "result.json"
ENVIRONMENT = "environment.json"
# Of a language model: what its word ids mean.
VOCABULARY = "vocabulary.json"
# What a sweep puts into a trial's directory before the run begins.
TRIAL = "trial.json"


class Plan(NamedTuple):
  """A config whose every field was found good, and what it builds.

  Attributes:
    config: the fields that decide the numbers, as JSON has them.
    how: the section `run`, which decides none.
    settings: the checked sections.
    task: the task.
    model: the model; of an n-gram model, which one is to be counted.
  """

  config: dict[str, Any]
  how: dict[str, Any]
  settings: Settings
  task: tasks.Task
  model: models.SequenceModel | language_models.Model


def plan(config: Any) -> Plan:
  """Checks a config and builds its task and model; writes nothing.

  Args:
    config: a ConfigDict, or nested dicts.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  fields = config.to_dict() if hasattr(config, "to_dict") else dict(config)
  settings = parse(fields)
  task = tasks.build(fields["task"], settings.train.batch_size)
  if task.pattern == tasks.STREAM:
    model = language_models.build(fields["model"], task)
    _check_stream(settings, task, model)
  else:
    model = models.build(fields["model"], task)
  numbers = {k: v for k, v in fields.items() if k != "run"}
  # The sections of cells that are not used decide nothing, either: a cell that
  # is added to the lab does not make older runs differ.
  others = {*CELLS} - {fields["model"]["cell"]}
  numbers["model"] = {
    k: v for k, v in fields["model"].items() if k not in others
  }
  # Through JSON, so that a config compares equal to its own file.
  return Plan(
    config=json.loads(json.dumps(numbers, allow_nan=False)),
    how=dict(fields["run"]),
    settings=settings,
    task=task,
    model=model,
  )


def _check_stream(
  settings: Settings, task: tasks.Task, model: language_models.Model
) -> None:
  """Raises FieldError for what is not there for language models."""
  counted = isinstance(model, language_models.NGramSettings)
  if not counted and not task.stream.steps_per_epoch:
    tokens = len(task.stream.corpus.train.tokens)
    tracks = settings.train.batch_size
    raise FieldError(
      "task.window",
      task.stream.window,
      f"at most {tokens // tracks}: the train split has {tokens} tokens for "
      f"{tracks} tracks (train.batch_size)",
    )
  every = settings.train.gradient_flow_every
  if every:
    raise FieldError(
      "train.gradient_flow_every", every, "0 where the task is language"
    )


def check_workdir(plan: Plan, workdir: pathlib.Path) -> None:
  """Checks that `workdir` is new or holds this run; writes nothing.

  The run there may have had fewer steps; nothing else may differ.

  Raises:
    FieldError: it is a file, or holds something else.
  """
  check_can_hold(workdir, (CONFIG, TRIAL))
  path = workdir / CONFIG
  if not path.exists():
    return
  _check_data(plan, workdir)
  there = DEFAULTS | flatten(read_json(path))
  here = DEFAULTS | flatten(plan.config)
  differing = [
    f"{name} ({there.get(name)!r} there, {here.get(name)!r} here)"
    for name in sorted({*there, *here})
    if there.get(name) != here.get(name) and not _more_steps(name, there, here)
  ]
  if differing:
    raise FieldError(
      "workdir",
      str(workdir),
      "a new directory, or one of a run with the same config",
      f"{str(workdir)!r}, of a config that differs in {', '.join(differing)}",
    )


def _check_data(plan: Plan, workdir: pathlib.Path) -> None:
  """Raises FieldError if the run in `workdir` read other data than this."""
  path = workdir / ENVIRONMENT
  if not path.exists():
    return
  there = read_json(path).get("data_sha256", {})
  here = dict(plan.task.hashes)
  differing = [
    name for name in {**there, **here} if there.get(name) != here.get(name)
  ]
  if differing:
    raise FieldError(
      "workdir",
      str(workdir),
      "a new directory, or one of a run on the same data",
      f"{str(workdir)!r}, of a run on other data: {', '.join(differing)} "
      "has changed since",
    )


def _more_steps(
  name: str, there: Mapping[str, Any], here: Mapping[str, Any]
) -> bool:
  return (
    name == "train.num_steps" and name in there and here[name] > there[name]
  )


def is_finished(plan: Plan, workdir: pathlib.Path) -> bool:
  """Whether `workdir` holds the result of this very run, all its steps."""
  if not (workdir / RESULT).exists():
    return False
  there = read_json(workdir / CONFIG)
  return there["train"]["num_steps"] == plan.settings.train.num_steps


class LoadedRun(NamedTuple):
  """A run that was opened again; unpacks as (config, task, model, params)."""

  config: dict[str, Any]
  task: tasks.Task
  model: models.SequenceModel
  params: Params


def load_run(workdir: str | pathlib.Path, seed_index: int = 0) -> LoadedRun:
  """Opens a run directory.

  Args:
    workdir: where `experiments.train` or a sweep's trial wrote.
    seed_index: which of the run's seeds, 0 for the first.

  Returns:
    The config, its task and model, and that seed's parameters, of the best
    evaluation or, if `eval.select` says so, the last ones:
    `model.apply({"params": params}, inputs_BTD, lengths_B)`.

  Raises:
    FieldError: there is no run, no checkpoint in it, no such seed, the data
      has changed since, or the model was counted.
  """
  workdir = pathlib.Path(workdir)
  if not (workdir / CONFIG).exists():
    raise FieldError("workdir", str(workdir), "a run directory")
  ready = plan(with_any_run(read_json(workdir / CONFIG)))
  if isinstance(ready.model, language_models.NGramSettings):
    raise FieldError(
      "workdir",
      str(workdir),
      "the run of a network; load_language_model opens one of an n-gram model",
    )
  _check_data(ready, workdir)
  params = restore_params(
    workdir, ready.settings, ready.model, ready.task, seed_index
  )
  return LoadedRun(ready.config, ready.task, ready.model, params)


def with_any_run(config: dict[str, Any]) -> dict[str, Any]:
  """A run's config with a section `run`, which its file does not hold."""
  how = {"steps_per_call": 1, "checkpoint_every": 1, "tensorboard": False}
  return config | {"run": how}


def restore_params(
  workdir: pathlib.Path,
  settings: Settings,
  model: Any,
  task: tasks.Task,
  seed_index: int,
) -> Params:
  """One seed's parameters, as `eval.select` wants them, so far.

  They come from the run's last checkpoint.

  Raises:
    FieldError: there is no such seed, or no checkpoint.
  """
  check_int("seed_index", seed_index, 0, settings.num_seeds - 1)
  static, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  form = state_form(
    model,
    task,
    static,
    hyper,
    settings.num_seeds,
    settings.train.gradient_health,
  )
  folder = workdir / "checkpoints"
  if not folder.exists():
    raise FieldError("workdir", str(workdir), "a run with a checkpoint")
  checkpoints = Checkpoints(folder, read_only=True)
  step = checkpoints.latest_step()
  if step is None:
    raise FieldError("workdir", str(workdir), "a run with a checkpoint")
  state = from_saved(checkpoints.restore(step, to_saved(form)))
  checkpoints.close()
  params = state.best_params
  if settings.eval.select == "last":
    params = state.params
  return jax.tree.map(lambda a: np.asarray(a[seed_index]), params)
