"""Opening a run directory from Python."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rnn_lab import tasks
from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.paths import local_path
from rnn_lab.precision import in_float32
from rnn_lab.predictors import default_options, predictions
from rnn_lab.rundir import NGRAM
from rnn_lab.runs.planning import (
  check_data,
  plan_of_run,
  plan_without_data,
  read_config,
)
from rnn_lab.tasks.base import Task
from rnn_lab.training.restoring import restore_params
from rnn_lab.training.settings import Plan
from rnn_lab.types import Params


class LoadedRun(NamedTuple):
  """A run that was opened; unpacks as (config, task, model, params)."""

  config: dict[str, Any]
  task: Task
  model: Model
  params: Params

  def predict(
    self, inputs: Sequence[Any], **options: Any
  ) -> list[dict[str, Any]]:
    """Predicts the answer to each input; see `rnn_lab.predictors.predict`.

    Options that are left out have the values with which the run's test split
    was evaluated, such as `config.eval.sequences.test_beam`.
    """
    return [*self.predictions(inputs, **options)]

  def predictions(
    self, inputs: Sequence[Any], **options: Any
  ) -> Iterator[dict[str, Any]]:
    """Yields what `predict` returns, some hundred inputs at a time."""
    options = default_options(self.task, self.config) | options
    return predictions(self.model, self.params, self.task, inputs, options)


@in_float32
def load_run(
  workdir: str | pathlib.Path,
  seed_index: int = 0,
  *,
  with_data: bool = True,
  data_dir: str | os.PathLike | None = None,
) -> LoadedRun:
  """Opens a run directory.

  A run whose data cannot be read any more is opened without it if its task
  saved what the model needs, those of `rnn_lab.tasks.WITHOUT_DATA`. Its task
  then reads new inputs as before, but has no data: the training data is a
  placeholder, and `eval_batches` raises FieldError.

  Args:
    workdir: where `experiments.train` or a sweep's trial wrote.
    seed_index: which of the run's seeds, 0 for the first.
    with_data: whether to read the data of a run that opens without it, which
      can take seconds and is not needed for predictions.
    data_dir: the folder of the data now, if the config names another one. Its
      files must have the same bytes.

  Returns:
    The config, its task and model, and that seed's parameters, of the best
    evaluation or, if `eval.select` says so, the last ones:
    `model.apply({"params": params}, batch, carry, method="outputs")`.

  Raises:
    FieldError: there is no run, no checkpoint in it, no such seed, the data
      has changed since, or the model was counted.
  """
  workdir = local_path("workdir", workdir)
  plan = _plan(workdir, with_data, data_dir)
  if not isinstance(plan.model, Model):
    raise FieldError(
      "workdir",
      f"workdir must be the run of a network; {workdir} holds a model without "
      "parameters, which load_language_model opens",
    )
  params = restore_params(plan, workdir, seed_index)
  return LoadedRun(plan.config, plan.task, plan.model, params)


def _plan(
  workdir: pathlib.Path, with_data: bool, data_dir: str | os.PathLike | None
) -> Plan:
  needs_data = _task_name(workdir) not in tasks.WITHOUT_DATA
  if not with_data and not needs_data:
    return plan_without_data(workdir)
  try:
    plan = plan_of_run(workdir, data_dir)
  except FieldError:
    if needs_data or data_dir is not None:
      raise
    return plan_without_data(workdir)
  check_data(plan, workdir)
  return plan


def _task_name(workdir: pathlib.Path) -> str | None:
  return read_config(workdir).get("task", {}).get("name")


@in_float32
def load_language_model(
  workdir: str | pathlib.Path, seed_index: int = 0
) -> tuple[dict[str, Any], Any, Any]:
  """Opens a language model's run directory; its text is not needed.

  Args:
    workdir: where `experiments.train` or a sweep's trial wrote.
    seed_index: which of the run's seeds, 0 for the first.

  Returns:
    The config, the `rnn_lab.text.Vocabulary`, and the model as a
    `rnn_lab.language_models.generation.NextToken`, with the parameters that
    `eval.select` wants: of the best evaluation, or the last ones.

  Raises:
    FieldError: there is no such run, no language model in it, or no such
      seed.
  """
  from rnn_lab.language_models import generation, ngram

  workdir = local_path("workdir", workdir)
  name = _task_name(workdir)
  if name != "language":
    raise FieldError(
      "workdir",
      f"workdir must be the run of a language model; {workdir} is one of task "
      f"{name!r}",
    )
  plan = plan_without_data(workdir)
  task = tasks.with_defaults(plan.config["task"])
  config = plan.config | {"task": task}
  vocabulary = plan.task.corpus.vocabulary
  if not isinstance(plan.model, Model):
    if not (workdir / NGRAM).exists():
      raise FieldError(
        "workdir", f"workdir must be a finished run; {workdir} is not"
      )
    counted = ngram.load(workdir / NGRAM)
    return config, vocabulary, generation.from_counts(counted)
  params = restore_params(plan, workdir, seed_index)
  return config, vocabulary, generation.from_network(plan.model, params)
