"""Lays open the gradients of a run: gradients.json beside its result."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

from rnn_lab.cells.base import is_float
from rnn_lab.errors import FieldError
from rnn_lab.studies.portrait import portrait, read_state, states
from rnn_lab.studies.problem import Problem, check, make_problem
from rnn_lab.rundir import read_json, write_json
from rnn_lab.training.run import (
  CONFIG,
  RESULT,
  Plan,
  plan,
  restore_params,
  with_any_run,
)
from rnn_lab.training.state import form_of, init_params, seed_keys
from rnn_lab.types import Params

GRADIENTS = "gradients.json"
# Sequences that are averaged over.
EXAMPLES = 8


def check_study(config: Any) -> None:
  """Raises FieldError if a run of `config` could not be laid open."""
  ready = plan(config)
  check(ready.task, ready.model)
  make_problem(ready.model, ready.task, 1)


def measure(workdir: str | pathlib.Path) -> pathlib.Path:
  """Writes gradients.json for the first seed of a finished run.

  Its parameters at initialisation, and those that its test was taken with, are
  measured in float64 on the same `EXAMPLES` validation sequences. What is
  there already is left alone.

  Raises:
    FieldError: there is no run, or one that cannot be laid open.
  """
  workdir = pathlib.Path(workdir)
  path = workdir / GRADIENTS
  if not (workdir / RESULT).exists():
    raise FieldError("workdir", str(workdir), "the directory of a finished run")
  result = read_json(workdir / RESULT)
  step = result["seeds"][0]["best_step"]
  if path.exists() and read_json(path)["step"]["trained"] == step:
    return path
  ready = plan(with_any_run(read_json(workdir / CONFIG)))
  check(ready.task, ready.model)
  problem = make_problem(ready.model, ready.task, EXAMPLES)
  found = {"initialisation": _first_params(ready)}
  if step is not None and step >= 0:
    found["trained"] = restore_params(
      workdir, ready.settings, ready.model, ready.task, 0
    )
  # Of matrices this small BLAS makes several threads wait for each other.
  with jax.enable_x64(True), threadpool_limits(1, user_api="blas"):
    arrays = ("xs", "targets", "weights_T")
    wide = problem._replace(
      **{name: _in_float64(getattr(problem, name)) for name in arrays}
    )
    at = {
      moment: portrait(wide, _in_float64(params))
      for moment, params in found.items()
    }
  write_json(path, _about(ready, problem, step) | {"at": at})
  return path


def _about(ready: Plan, problem: Problem, step: int | None) -> dict[str, Any]:
  """What was measured, and of what."""
  model = ready.config["model"]
  return {
    "seed": ready.settings.seed,
    "examples": problem.xs.shape[1],
    "length": problem.xs.shape[0],
    "layers": problem.layers,
    "hidden_size": model["hidden_size"],
    "cell": model["cell"],
    "states": list(states(problem)),
    "read": read_state(problem),
    "step": {"initialisation": 0, "trained": step},
  }


def _first_params(ready: Plan) -> Params:
  key = seed_keys(jnp.int32(ready.settings.seed)).params
  return init_params(ready.model, form_of(ready.task), key)


def _in_float64(tree: Any) -> Any:
  """The arrays of floats in float64."""

  def widen(leaf: Any) -> Any:
    wide = jnp.float64 if is_float(leaf) else leaf.dtype
    return jnp.asarray(np.asarray(leaf), wide)

  return jax.tree.map(widen, tree)
