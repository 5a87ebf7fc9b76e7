"""Measures the gradients of a run: gradients.json beside its result."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

from rnn_lab.cells.base import is_float
from rnn_lab.errors import FieldError
from rnn_lab.models.base import Recurrence
from rnn_lab.paths import local_path
from rnn_lab.rundir import (
  GRADIENTS,
  RESULT,
  read_json,
  read_result,
  write_sealed,
)
from rnn_lab.runs import planning
from rnn_lab.studies.portrait import portrait, read_state, states
from rnn_lab.studies.problem import check, recurrence_of, study_batch
from rnn_lab.training import optimizers
from rnn_lab.training.restoring import restore_params, state_initializer
from rnn_lab.training.settings import Plan
from rnn_lab.types import Params

# Sequences that are averaged over.
EXAMPLES = 8


def check_study(config: Any) -> None:
  """Raises FieldError if the gradients of a run of `config` have no study.

  Args:
    config: a ConfigDict, nested dicts, or a plan.
  """
  plan = config if isinstance(config, Plan) else planning.plan(config)
  check(plan.task, plan.model)


def measure(workdir: str | pathlib.Path) -> pathlib.Path:
  """Writes gradients.json for the first seed of a finished run.

  Its initial parameters, and those that were tested, are measured in float64
  on the same `EXAMPLES` validation sequences. What has been measured already
  is left alone.

  Raises:
    FieldError: there is no finished run, or one whose gradients cannot be
      measured.
  """
  workdir = local_path("workdir", workdir)
  path = workdir / GRADIENTS
  if not (workdir / RESULT).exists():
    raise FieldError(
      "workdir", f"workdir must be a finished run; {workdir} has no {RESULT}"
    )
  result = read_result(workdir / RESULT)
  step = result["seeds"][0]["best_step"]
  if path.exists() and _measured_step(read_json(path)) == step:
    return path
  plan = planning.plan_of_run(workdir)
  check(plan.task, plan.model)
  moments = {"initialisation": _initial_params(plan)}
  if step is not None and step >= 0:
    moments["trained"] = restore_params(plan, workdir, 0)
  batch = study_batch(plan.task, EXAMPLES)
  # Of matrices this small BLAS makes several threads wait for each other.
  with jax.enable_x64(True), threadpool_limits(1, user_api="blas"):
    batch = _in_float64(batch)
    recurrences = {
      moment: recurrence_of(plan.model, _in_float64(params), batch)
      for moment, params in moments.items()
    }
    at = {moment: portrait(r) for moment, r in recurrences.items()}
    about = _about(plan, recurrences["initialisation"], step)
  write_sealed(path, about | {"at": at})
  return path


def _measured_step(content: dict[str, Any]) -> Any:
  """Returns the step that a gradients.json is of; None of a damaged one."""
  steps = content.get("step")
  return steps.get("trained") if isinstance(steps, dict) else None


def _about(
  plan: Plan, recurrence: Recurrence, step: int | None
) -> dict[str, Any]:
  """Returns what was measured, and of what."""
  cell = recurrence.stack.forward[0]
  h_BH = jax.tree.leaves(cell.initial_carry((1,), jnp.float32))[0]
  return {
    "seed": plan.settings.seed,
    "examples": recurrence.xs.shape[1],
    "length": recurrence.xs.shape[0],
    "layers": recurrence.num_layers,
    "hidden_size": h_BH.shape[-1],
    "cell": cell.kind,
    "states": list(states(recurrence)),
    "read": read_state(recurrence),
    "step": {"initialisation": 0, "trained": step},
  }


def _initial_params(plan: Plan) -> Params:
  """Returns those of the first seed, by the program that training begins with.

  Parameter by parameter they would take longer, and round differently.
  """
  init, _ = state_initializer(plan)
  settings = plan.settings
  _, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  return init(hyper, jnp.int32(settings.seed)).params


def _in_float64(tree: Any) -> Any:
  """Converts the arrays of floats to float64."""

  def widen(leaf: Any) -> Any:
    leaf = np.asarray(leaf)
    return jnp.asarray(leaf, jnp.float64 if is_float(leaf) else leaf.dtype)

  return jax.tree.map(widen, tree)
