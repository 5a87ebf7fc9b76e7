"""What a plan's checkpoint holds, and one seed's parameters from it."""

import pathlib
import warnings
from typing import Any

import jax
import numpy as np

from rnn_lab.errors import FieldError, check_int
from rnn_lab.rundir import CHECKPOINTS, RESULT, read_result
from rnn_lab.training import optimizers
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.training.settings import Plan
from rnn_lab.training.state import (
  TrainState,
  from_saved,
  initializer,
  selected,
  state_shapes,
  to_saved,
)
from rnn_lab.types import Params


def state_initializer(plan: Plan) -> tuple[Any, Any]:
  """Returns `(hyper, seed) -> TrainState` of a plan, and its norms if any."""
  settings = plan.settings
  static, _ = optimizers.split(settings.optimizer, settings.train.clip_norm)
  norms = None
  if settings.train.gradient_norms:
    # Imported here: most runs need none, nor the gradient tools.
    from rnn_lab.training import diagnostics

    norms = diagnostics.layer_norms
  return initializer(plan.model, plan.task, static, norms), norms


def restore_params(
  plan: Plan, workdir: pathlib.Path, seed_index: int
) -> Params:
  """Reads one seed's parameters, as `eval.select` wants them so far.

  Before an evaluation has chosen the best ones they are the last ones, with a
  warning.

  Raises:
    FieldError: the run has no checkpoint or no such seed, its newest
      checkpoint is damaged, or not of the steps that its result is of.
  """
  check_int("seed_index", seed_index, 0, plan.settings.num_seeds - 1)
  folder = workdir / CHECKPOINTS
  state = None
  if folder.exists():
    with Checkpoints(folder, read_only=True) as checkpoints:
      state = _read_states(checkpoints, plan)
  if state is None:
    raise FieldError(
      "workdir", f"workdir must be a run with a checkpoint; {workdir} has none"
    )
  _check_result(workdir / RESULT, state, seed_index)
  select = plan.settings.eval.select
  if select == "best" and state.best_step[seed_index] < 0:
    warnings.warn(
      f"{workdir}: seed {plan.settings.seed + seed_index} has no evaluation "
      "with a finite metric so far; its last parameters, of step "
      f"{state.last_step[seed_index]}, are taken",
      stacklevel=4,
    )
  params = selected(state, select)
  return jax.tree.map(lambda a: np.asarray(a[seed_index]), params)


def _read_states(checkpoints: Checkpoints, plan: Plan) -> TrainState | None:
  """Reads the states of all seeds from the newest checkpoint, if any."""
  settings = plan.settings
  init, _ = state_initializer(plan)
  _, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  shapes = state_shapes(init, hyper, settings.num_seeds)
  saved, problems = checkpoints.newest(to_saved(shapes))
  if problems:
    # An older one would be another model than the result is of.
    raise FieldError(
      "workdir",
      f"{problems[0].message}; the command that trained the run makes it anew, "
      f"of a finished one once its {RESULT} is removed",
    )
  return None if saved is None else from_saved(saved.state)


def _check_result(
  path: pathlib.Path, state: TrainState, seed_index: int
) -> None:
  """Raises FieldError if a result is not of these states."""
  if not path.exists():
    return
  seeds = read_result(path)["seeds"]
  there = state.last_step[seed_index]
  if not seeds[seed_index:] or seeds[seed_index].get("last_step") != there:
    raise FieldError(
      "workdir",
      f"workdir holds a result that its newest checkpoint, of step {there}, "
      f"is not of: {path}; without it the same command writes both again",
    )
