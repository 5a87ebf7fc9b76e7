"""All measures of `rnn_lab.gradients` for one set of parameters, as JSON.

Logs are to the base 10. The log of zero is None, that of a number beyond
float64 is `OVERFLOW`; an infinite half-life is None.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._stack import (
  Stack,
  final_state,
  program_stack,
  unroll_stack,
  zero_perturbations,
)
from rnn_lab.gradients.bptt import bptt_terms, terms_by_lag
from rnn_lab.gradients.flow import norm_by_lag, size_by_unit, state_gradients
from rnn_lab.gradients.gates import (
  activations,
  gate_statistics,
  log_direct_path,
  log_root_mean_square,
  memory_gate,
)
from rnn_lab.gradients.jacobians import (
  StepJacobians,
  elman_bound,
  log_norms,
  spectral_radius,
  step_jacobians,
)
from rnn_lab.gradients.lyapunov import lyapunov_exponents
from rnn_lab.gradients.singular_values import singular_values_between
from rnn_lab.gradients.tangents import carry_parts
from rnn_lab.gradients.truncation import truncation_bias
from rnn_lab.models.base import Recurrence, StepCost
from rnn_lab.rundir import finite_or_null
from rnn_lab.types import Array, Params, PyTree

OVERFLOW = 309.0


def portrait(recurrence: Recurrence) -> dict[str, Any]:
  """Computes the numbers of gradients.json for one set of parameters."""
  cell, params, xs = recurrence.cell, recurrence.cell_params, recurrence.xs
  jacobians = step_jacobians(cell, params, xs)
  # A quarter of the steps to turn into the directions that grow most.
  exponents = lyapunov_exponents(cell, params, xs, discard=xs.shape[0] // 4)
  return {
    "flow": _flow(recurrence),
    "jacobian": _jacobian(recurrence, jacobians),
    "lyapunov": logs(jnp.mean(exponents, axis=0)),
    "gates": _gates(recurrence, jacobians),
    "terms": _terms(recurrence),
    "truncation": _truncation(recurrence),
  }


def states(recurrence: Recurrence) -> dict[str, str]:
  """Returns the names of the carry's parts, and those in `StepJacobians`.

  "h" and "c", or of several layers "0.h", "0.c", "1.h", ...
  """
  carry = recurrence.cell.initial_carry((1,), jnp.float32)
  names = carry_parts(carry)
  return {name.replace(".forward", "") or "state": name for name in names}


def read_state(recurrence: Recurrence) -> str:
  """Returns the part that is read out: the top layer's h, or first state."""
  num_layers = recurrence.num_layers
  top = f"{num_layers - 1}." if num_layers > 1 else ""
  names = [name for name in states(recurrence) if name.startswith(top)]
  return f"{top}h" if f"{top}h" in names else names[0]


def _flow(recurrence: Recurrence) -> dict[str, Any]:
  """The gradient of the last output's cost, by lag and by unit.

  Of lower layers, too, all that their state does to the cost: within the same
  step through the layers above, as in a run's gradient_flow.jsonl.
  """
  xs = recurrence.xs
  # Cells that differ only in how they are initialised compile once.
  layers = program_stack(recurrence.stack)
  gradients = _gradients(
    layers,
    _cost(recurrence),
    recurrence.final,
    recurrence.params,
    recurrence.readout,
    xs,
    jax.tree.map(lambda a: a[-1], recurrence.targets),
    zero_perturbations(layers, xs.shape[0], xs.shape[1], xs.dtype),
  )
  return {
    name: {
      "log10_by_lag": log10(norm_by_lag(gradient)),
      "log10_by_unit": log10(size_by_unit(gradient)[0]),
    }
    for name, gradient in zip(states(recurrence), jax.tree.leaves(gradients))
  }


@functools.partial(jax.jit, static_argnames=("layers", "cost", "final"))
def _gradients(
  layers: Stack,
  cost: StepCost,
  final: str,
  params: Params,
  readout: PyTree,
  xs: Array,
  target: PyTree,
  zeros: PyTree,
) -> PyTree:
  def last_cost(perturbations: PyTree) -> Array:
    carry, _ = unroll_stack(layers, params, xs, perturbations=perturbations)
    return cost(readout, final_state(carry, final), target)

  return state_gradients(last_cost, zeros)


def _jacobian(
  recurrence: Recurrence, jacobians: StepJacobians
) -> dict[str, Any]:
  """Norms, bound and singular values of dh_t/dh_k of the state read out."""
  num_steps = recurrence.xs.shape[0]
  part = states(recurrence)[read_state(recurrence)]
  logs_LB = np.asarray(log_norms(jacobians, rows=part, columns=part))
  logs_LB = logs_LB / np.log(10.0)
  with np.errstate(invalid="ignore"):
    mean_L = logs_LB.mean(axis=1)
  lags = sorted({1, min(10, num_steps - 1), num_steps - 1})
  first = jacobians._replace(matrices=jacobians.matrices[:, :1])
  spectra = [
    singular_values_between(
      first, num_steps - 1, num_steps - 1 - lag, part, part
    )[0]
    for lag in lags
  ]
  cell, params = recurrence.cell, recurrence.cell_params
  is_elman = cell.kind == "elman"
  bound = elman_bound(cell, params, num_steps) if is_elman else None
  return {
    "log10_largest": {
      "mean": logs(mean_L),
      "low": logs(logs_LB.min(axis=1)),
      "high": logs(logs_LB.max(axis=1)),
    },
    "log10_bound": logs(bound / np.log(10.0)) if is_elman else None,
    "spectra": [
      _spectrum(lag, spectrum) for lag, spectrum in zip(lags, spectra)
    ],
    "spectral_radius": spectral_radius(params.recurrent_kernel)
    if is_elman
    else None,
  }


def _spectrum(lag: int, log_values: np.ndarray) -> dict[str, Any]:
  """A row of "spectra"; "lost" counts the values that rounding has lost."""
  lost = np.isnan(log_values)
  known = np.where(lost, -np.inf, log_values) / np.log(10.0)
  return {"lag": lag, "log10": logs(known), "lost": int(lost.sum())}


def _gates(
  recurrence: Recurrence, jacobians: StepJacobians
) -> list[dict[str, Any]] | None:
  """A row per layer; None where no layer has a gate on its state's path."""
  if all(cell.memory is None for cell in recurrence.stack.forward):
    return None
  seen = activations(recurrence.stack, recurrence.params, recurrence.xs)
  rows = []
  for layer, cell in enumerate(recurrence.stack.forward):
    if cell.memory is None:
      continue
    state, gate = cell.memory
    name = f"{layer}.{state}" if recurrence.num_layers > 1 else state
    part = states(recurrence)[name]
    gate_TBH = memory_gate(cell, seen[layer].forward)
    statistics = gate_statistics(gate_TBH)
    direct_LB = log_root_mean_square(log_direct_path(gate_TBH))
    total_LB = log_norms(
      jacobians, rows=part, columns=part, kind="root mean square"
    )
    rows.append(
      {
        "state": name,
        "gate": gate,
        "mean_by_time": numbers(statistics.mean_by_time),
        "mean_by_unit": numbers(statistics.mean_by_unit),
        "half_life_by_unit": numbers(statistics.half_life_by_unit),
        "log10_direct": logs(jnp.mean(direct_LB, axis=1) / jnp.log(10.0)),
        "log10_total": logs(jnp.mean(total_LB, axis=1) / jnp.log(10.0)),
      }
    )
  return rows


def _terms(recurrence: Recurrence) -> dict[str, Any]:
  """The terms of the task's whole gradient, by lag: the top layer's."""
  terms = bptt_terms(
    recurrence.cell,
    _cost(recurrence),
    recurrence.cell_params,
    recurrence.readout,
    recurrence.xs,
    recurrence.targets,
    weights_T=recurrence.weights_T,
  )
  norms = terms.norm if recurrence.num_layers == 1 else terms.norm[-1].forward
  return {
    jax.tree_util.keystr(path, simple=True, separator="."): {
      "log10_by_lag": log10(terms_by_lag(norm_TT))
    }
    for path, norm_TT in jax.tree_util.tree_leaves_with_path(norms)
  }


def _cost(recurrence: Recurrence) -> StepCost:
  """The cost of one step, which `problem.check` demands."""
  assert recurrence.cost is not None
  return recurrence.cost


def _truncation(recurrence: Recurrence) -> dict[str, Any]:
  """The bias of truncated BPTT, reaches in powers of 2 and T."""
  num_steps = recurrence.xs.shape[0]
  reaches = [2**n for n in range(num_steps.bit_length())]
  reaches = sorted({*(r for r in reaches if r < num_steps), num_steps})
  bias = truncation_bias(
    recurrence.cell,
    _cost(recurrence),
    recurrence.cell_params,
    recurrence.readout,
    recurrence.xs,
    recurrence.targets,
    reaches,
    weights_T=recurrence.weights_T,
  )
  return {
    "reaches": reaches,
    "relative_error": numbers(bias.total_relative_error),
    "cosine": numbers(bias.total_cosine),
  }


def log10(values: Array) -> list[float | None]:
  """Logs of numbers from zero up."""
  with np.errstate(divide="ignore"):
    return logs(np.log10(np.asarray(values, np.float64)))


def logs(values: Any) -> list[float | None]:
  """Logs as a list for JSON; None is that of zero."""
  values = np.asarray(values, np.float64)
  # In float64 a number is lost upwards only where it overflowed, or where
  # what overflowed met a zero.
  lost = np.isnan(values) | (values == np.inf)
  return numbers(np.where(lost, OVERFLOW, values))


def numbers(values: Any) -> list[float | None]:
  """Returns an array as a list for JSON, None for what is not finite."""
  rounded = [float(f"{v:.7g}") for v in np.asarray(values, np.float64)]
  return [finite_or_null(v) for v in rounded]
