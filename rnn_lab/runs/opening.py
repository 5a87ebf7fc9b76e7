"""Opening a run directory from Python."""

import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.predictors import predict
from rnn_lab.rundir import NGRAM, VOCABULARY
from rnn_lab.runs.planning import (
  check_data,
  plan_of_run,
  read_config,
  with_run_section,
)
from rnn_lab.tasks.base import Task
from rnn_lab.training.loop import restore_params
from rnn_lab.training.settings import Plan, parse
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
    """Predicts the answer to each input; see `rnn_lab.predictors.predict`."""
    return predict(self.model, self.params, self.task, inputs, **options)


def load_run(workdir: str | pathlib.Path, seed_index: int = 0) -> LoadedRun:
  """Opens a run directory.

  Args:
    workdir: where `experiments.train` or a sweep's trial wrote.
    seed_index: which of the run's seeds, 0 for the first.

  Returns:
    The config, its task and model, and that seed's parameters, of the best
    evaluation or, if `eval.select` says so, the last ones:
    `model.apply({"params": params}, batch, carry, method="outputs")`.

  Raises:
    FieldError: there is no run, no checkpoint in it, no such seed, the data
      has changed since, or the model was counted.
  """
  workdir = pathlib.Path(workdir)
  plan = plan_of_run(workdir)
  if not isinstance(plan.model, Model):
    raise FieldError(
      "workdir",
      f"workdir must be the run of a network; {workdir} holds a model without "
      "parameters, which load_language_model opens",
    )
  check_data(plan, workdir)
  params = restore_params(plan, workdir, seed_index)
  return LoadedRun(plan.config, plan.task, plan.model, params)


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
  from rnn_lab import models, tasks
  from rnn_lab.language_models import generation, ngram
  from rnn_lab.tasks.language import without_text
  from rnn_lab.text.vocabulary import Vocabulary

  workdir = pathlib.Path(workdir)
  config = read_config(workdir)
  config["task"] = section = tasks.with_defaults(config["task"])
  if section["name"] != "language":
    raise FieldError(
      "workdir",
      f"workdir must be the run of a language model; {workdir} is one of task "
      f"{section['name']!r}",
    )
  if not (workdir / VOCABULARY).exists():
    raise FieldError(
      "workdir",
      f"workdir must be the run of a language model; {workdir} has no "
      + VOCABULARY,
    )
  vocabulary = Vocabulary.load(workdir / VOCABULARY)
  task = without_text(
    vocabulary,
    config["train"]["batch_size"],
    section["window"],
    section["reach"],
  )
  model = models.build(config["model"], task)
  if not isinstance(model, Model):
    if not (workdir / NGRAM).exists():
      raise FieldError(
        "workdir", f"workdir must be a finished run; {workdir} is not"
      )
    counted = ngram.load(workdir / NGRAM)
    return config, vocabulary, generation.from_counts(counted)
  plan = Plan(config, {}, parse(with_run_section(config)), task, model)
  params = restore_params(plan, workdir, seed_index)
  return config, vocabulary, generation.from_network(model, params)
