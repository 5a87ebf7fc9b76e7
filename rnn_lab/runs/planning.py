"""From a config to a plan, and whether a directory can hold its run."""

import json
import os
import pathlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import jax

from rnn_lab import models, rundir, tasks
from rnn_lab.cells import CELLS
from rnn_lab.errors import FieldError, in_section
from rnn_lab.evaluators import EVALUATORS
from rnn_lab.models.base import Model, recurrence_shapes
from rnn_lab.paths import local_path
from rnn_lab.precision import in_float32
from rnn_lab.runs import data_files, effects
from rnn_lab.tasks.checks import batch_shapes
from rnn_lab.training.settings import (
  ENDING_SCHEDULES,
  Plan,
  Settings,
  in_steps,
  parse,
)
from rnn_lab.training.values import plain

# Fields that runs of older versions lack, with what those runs did.
LATER_FIELDS = {
  "optimizer": {"eps_in_root": True, "plateau_patience": 5},
  "train": {"patience": 0, "init_from": ""},
  "eval": {"examples": 0},
}


@in_float32
def plan(config: Any) -> Plan:
  """Checks a config and builds its task and model; writes nothing.

  Args:
    config: a ConfigDict, or nested dicts.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  # Not numpy's scalars, which a config in Python may hold and JSON cannot.
  fields = plain(config.to_dict() if hasattr(config, "to_dict") else config)
  settings = parse(fields)
  task = tasks.build(fields["task"], settings.train.batch_size)
  settings = in_steps(settings, task.steps_per_epoch)
  with in_section("eval"):
    for name in {task.evaluator, *settings.eval.options}:
      evaluator = pkgutil.resolve_name(EVALUATORS[name])
      evaluator.check(settings.eval.options.get(name))
      if settings.eval.examples and not hasattr(evaluator, "examples"):
        raise FieldError(
          "examples",
          f"{{field}} must be 0, as none are kept of task {task.name!r}, got "
          f"{settings.eval.examples}",
        )
  model = models.build(fields["model"], task)
  _check_evaluation(model, task)
  _check_shards(settings.train.batch_shards, task)
  _check_mesh(settings, fields["model"])
  _check_gradient_flow(settings.train.gradient_flow_every, model, task)
  numbers = {k: v for k, v in fields.items() if k != "run"}
  # The sections of cells that are not used decide nothing, either: a cell that
  # is added to the lab does not make older runs differ.
  unused = {*CELLS} - {fields["model"].get("cell")}
  numbers["model"] = {
    k: v for k, v in fields["model"].items() if k not in unused
  }
  # Through JSON, so that a config compares equal to its own file.
  return Plan(
    config=json.loads(json.dumps(numbers, allow_nan=False)),
    run=dict(fields["run"]),
    settings=settings,
    task=task,
    model=model,
    without_effect=effects.without_effect(fields, settings, task),
  )


def _check_evaluation(model: Any, task: tasks.Task) -> None:
  """Raises FieldError for a network or task that its evaluator cannot take."""
  evaluator = pkgutil.resolve_name(EVALUATORS[task.evaluator])
  if isinstance(model, Model) and hasattr(evaluator, "check_model"):
    evaluator.check_model(model, task)


def _check_shards(shards: int, task: tasks.Task) -> None:
  """Raises FieldError for a task whose batches have another number of rows."""
  if shards == 1 or not task.has_training_batch:
    return
  for bucket in range(len(task.data)):
    # The one field of a batch that is not of its rows.
    batch = batch_shapes(task, bucket)._replace(fresh=None)
    for rows in {a.shape[:1] for a in jax.tree.leaves(batch)}:
      if rows == () or rows[0] % shards:
        raise FieldError(
          "train.batch_shards",
          f"{{field}} must divide the {sum(rows)} rows of a batch of task "
          f"{task.name!r}, got {shards}",
        )


def _check_mesh(settings: Settings, model: Mapping[str, Any]) -> None:
  """Raises FieldError for parts or hidden units that cannot be laid out."""
  run, shards = settings.run, settings.train.batch_shards
  if run.mesh_data and shards % run.mesh_data:
    raise FieldError(
      "run.mesh_data",
      f"{{field}} must divide train.batch_shards, got {run.mesh_data} and "
      f"{shards}",
    )
  units = model.get("hidden_size", 0)  # which a user's model need not have
  if units % run.mesh_model:
    raise FieldError(
      "run.mesh_model",
      f"{{field}} must divide model.hidden_size, got {run.mesh_model} and "
      f"{units}",
    )


def _check_gradient_flow(every: int, model: Any, task: tasks.Task) -> None:
  is_trained = isinstance(model, Model)
  if every and not (is_trained and recurrence_shapes(model, task)):
    raise FieldError(
      "train.gradient_flow_every",
      f"{{field}} must be 0, as the model has no recurrence, got {every}",
    )


def plan_of_run(
  workdir: pathlib.Path, data_dir: str | os.PathLike | None = None
) -> Plan:
  """Returns the plan of the run in `workdir`; of `run` it has placeholders.

  Args:
    workdir: the run directory.
    data_dir: the folder of the data now; None if it is where it was.

  Raises:
    FieldError: there is no run, or its data cannot be read.
  """
  config = with_run_section(read_config(workdir))
  if data_dir is not None:
    moved = {data_files.FOLDER: str(local_path("data_dir", data_dir))}
    config |= {"task": config["task"] | moved}
  return plan(config)


@in_float32
def plan_without_data(workdir: pathlib.Path) -> Plan:
  """Returns the plan of a run whose task is in `tasks.WITHOUT_DATA`.

  Its task is that of `tasks.without_data`, and its settings count in epochs
  what the config does.

  Raises:
    FieldError: there is no run, or its files are missing or damaged.
  """
  config = read_config(workdir)
  settings = parse(with_run_section(config))
  batch_size = settings.train.batch_size
  task = tasks.without_data(config["task"], batch_size, workdir)
  model = models.build(config["model"], task)
  return Plan(config, {}, settings, task, model)


def read_config(workdir: pathlib.Path) -> dict[str, Any]:
  """Reads a run's config; LATER_FIELDS complete it.

  Raises:
    FieldError: there is no run in `workdir`, or its config is damaged.
  """
  if not (workdir / rundir.CONFIG).exists():
    raise FieldError(
      "workdir",
      f"workdir must be a run directory; {workdir} has no {rundir.CONFIG}",
    )
  path = workdir / rundir.CONFIG
  config = rundir.read_json(path)
  for section in ("task", "model", "optimizer", "train", "eval"):
    if not isinstance(config.get(section), dict):
      raise FieldError(
        "workdir", f"workdir holds a damaged file: {path} (no {section})"
      )
  # All else is compared with another config, or checked like one.
  kinds = {"task.name": str, "train.num_steps": int, "train.num_epochs": int}
  for field, kind in kinds.items():
    section, name = field.split(".")
    if not isinstance(config[section].get(name), kind):
      raise FieldError(
        "workdir",
        f"workdir holds a damaged file: {path} ({field} is "
        f"{config[section].get(name)!r})",
      )
  for section, fields in LATER_FIELDS.items():
    config[section] = fields | config[section]
  return config


def with_run_section(config: dict[str, Any]) -> dict[str, Any]:
  """Adds placeholders for the section `run`, which a run's file lacks."""
  run = {
    "steps_per_call": 1,
    "checkpoint_every": 1,
    "tensorboard": False,
    "compilation_cache": False,
    "mesh_data": 0,
    "mesh_model": 1,
  }
  return config | {"run": run}


def check_workdir(plan: Plan, workdir: pathlib.Path) -> None:
  """Checks that `workdir` is new or holds this run; writes nothing.

  The run there may have had fewer steps, unless its learning rate decays until
  its last one, and its data may be at another place, if it has the same bytes;
  nothing else may differ.

  Raises:
    FieldError: it is a file, holds something else, or a damaged file.
  """
  rundir.check_can_hold(workdir, (rundir.CONFIG, rundir.TRIAL))
  rundir.check_kinds(workdir)
  if not (workdir / rundir.CONFIG).exists():
    for name in (rundir.RESULT, rundir.CHECKPOINTS):
      if (workdir / name).exists():
        raise FieldError(
          "workdir",
          f"workdir {workdir} holds {name} of a run without its "
          f"{rundir.CONFIG}",
        )
    return
  if (workdir / rundir.RESULT).exists():
    rundir.read_result(workdir / rundir.RESULT)
  there, here = [
    rundir.flatten(_with_task_defaults(config))
    for config in (read_config(workdir), plan.config)
  ]
  differing = [
    name
    for name in sorted({*there, *here})
    if there.get(name) != here.get(name) and not _more_steps(name, there, here)
  ]
  others = [name for name in differing if not data_files.is_location(name)]
  # The config first: a run of another task has read other data, too.
  if not others:
    check_data(plan, workdir)
    hashes = recorded_hashes(workdir)
    if all(data_files.is_known(name, hashes) for name in differing):
      return
  raise FieldError(
    "workdir",
    f"workdir {workdir} holds a run whose config differs in "
    + ", ".join(
      f"{name} ({there.get(name)!r} there, {here.get(name)!r} here)"
      for name in differing
    ),
  )


def _with_task_defaults(config: dict[str, Any]) -> dict[str, Any]:
  """Returns a config with all arguments of its task.

  Those that older configs left out were read with their defaults.
  """
  name = config["task"].get("name")
  if not isinstance(name, str) or name not in tasks.TASKS:
    return config
  section = tasks.with_defaults(config["task"])
  # As in a file: lists for tuples, and words for what JSON has no value for.
  return config | {"task": json.loads(json.dumps(section, default=repr))}


def check_data(plan: Plan, workdir: pathlib.Path) -> None:
  """Raises FieldError if the run in `workdir` read other data than `plan`.

  The place of the data may be another one.
  """
  there = recorded_hashes(workdir)
  if there is None:
    return
  task = plan.config["task"]
  here = data_files.by_field(plan.task.hashes, task)
  differing = data_files.differences(there, here, task)
  if differing:
    raise FieldError(
      "workdir",
      f"workdir {workdir} holds a run on other data: {', '.join(differing)} "
      "has changed since",
    )


def recorded_hashes(workdir: pathlib.Path) -> dict[str, str] | None:
  """Returns what the run in `workdir` read last, as `data_files.by_field`.

  None where a run has not come so far that it was recorded.
  """
  if not (workdir / rundir.ENVIRONMENT).exists():
    return None
  path = workdir / rundir.ENVIRONMENT
  environment = rundir.read_json(path)
  hashes = environment.get("data_sha256", {})
  several = environment.get("resumed", [])
  if not (
    isinstance(several, list)
    and all(isinstance(resumed, dict) for resumed in several)
    and all(
      isinstance(resumed.get("data_sha256", {}), dict)
      for resumed in (environment, *several)
    )
  ):
    raise FieldError("workdir", f"workdir holds a damaged file: {path}")
  for resumed in several:
    hashes = resumed.get("data_sha256", hashes)
  return data_files.by_field(hashes, read_config(workdir)["task"])


def _more_steps(
  name: str, there: Mapping[str, Any], here: Mapping[str, Any]
) -> bool:
  counts = ("train.num_steps", "train.num_epochs")
  ends = here["optimizer.schedule"] in ENDING_SCHEDULES
  if ends and not here["optimizer.decay_steps"]:
    # With more steps the first ones would have had other learning rates.
    return False
  if name not in counts or not isinstance(there.get(name), int):
    return False
  return here[name] > there[name]


def is_finished(plan: Plan, workdir: pathlib.Path) -> bool:
  """Whether `workdir` holds the result of this very run, all its steps."""
  names = (rundir.CONFIG, rundir.RESULT)
  if not all((workdir / name).exists() for name in names):
    return False
  there = read_config(workdir)["train"]
  here = plan.config["train"]
  return all(there[n] == here[n] for n in ("num_steps", "num_epochs"))
