"""Single numbers of a gradient study, which claims can name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnn_lab.reports.gradients.study import exponents, flow, gate, largest
from rnn_lab.reports.trial import Trial

_Read = Callable[[dict[str, Any], dict[str, Any]], float | None]


def study_number(trial: Trial, name: str, trained: bool) -> float | None:
  """Returns a number of a trial's gradients.json; None if it is unknown.

  Args:
    trial: the trial.
    name: a key of `NUMBERS`.
    trained: after training rather than at initialisation.
  """
  moment = "trained" if trained else "initialisation"
  gradients = trial.gradients or {"at": {}}
  at = gradients["at"].get(moment)
  return NUMBERS[name](gradients, at) if at else None


def _left(gradients: dict[str, Any], portrait: dict[str, Any]) -> float | None:
  logs = flow(gradients, portrait)
  if logs is None or logs[0] == -np.inf:
    # Nothing arrives at the last step, so no share of it can be left.
    return None
  return _power(logs[-1] - logs[0])


def _factor(
  gradients: dict[str, Any], portrait: dict[str, Any]
) -> float | None:
  logs = largest(gradients, portrait)
  if logs is None:
    return None
  return _power(logs["mean"][-1] / (len(logs["mean"]) - 1))


def _exponent(
  gradients: dict[str, Any], portrait: dict[str, Any]
) -> float | None:
  values = exponents(gradients, portrait)
  return None if values is None else float(values[0])


def _half_life(
  gradients: dict[str, Any], portrait: dict[str, Any]
) -> float | None:
  top = gate(gradients, portrait)
  return None if top is None else float(np.median(top["half_lives"]))


def _power(log10: float) -> float:
  return float(10.0 ** np.float64(log10))


# The share of dE/dh_t that is left at the first step, of that at the last; the
# factor a step of the largest singular value of dh_t/dh_k over the longest
# lag; the largest exponent, nats a step; the units' median half-life, steps.
NUMBERS: dict[str, _Read] = {
  "gradient left": _left,
  "factor a step": _factor,
  "Lyapunov exponent": _exponent,
  "half-life": _half_life,
}
