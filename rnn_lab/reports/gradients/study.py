"""The content of gradients.json of each trial, as the lines of figures.

A study describes the gradient of each trial at initialisation and after
training. Logs are of base 10; a number that is exactly zero has the
logarithm None in the file and minus infinity here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.reports import style
from rnn_lab.reports.gradients.words import ends
from rnn_lab.reports.parts import Part, chunks
from rnn_lab.reports.trial import Trial

_MOMENTS = ("initialisation", "trained")
KERNELS = {
  "recurrent_kernel": "recurrent weights",
  "input_kernel": "input weights",
}

Json = dict[str, Any]
# Reads gradients.json, and its part at one moment.
Read = Callable[[Json, Json], Any]


class Group(NamedTuple):
  """The lines that are drawn together, whose order gives them their looks.

  Attributes:
    title: what they have in common; empty without a name.
    lines: at most eight trials with gradients, by the name of the line.
  """

  title: str
  lines: dict[str, Trial]

  @property
  def studies(self) -> dict[str, Json]:
    """The content of each trial's gradients.json."""
    return {
      name: trial.gradients
      for name, trial in self.lines.items()
      if trial.gradients
    }


class Moment(NamedTuple):
  """One column of panels.

  Attributes:
    words: "at initialisation" or "after 600 updates".
    values: what was read of each line that has it.
    missing: lines of the group that were not measured at this moment.
  """

  words: str
  values: dict[str, Any]
  missing: list[str]


def study_of(part: Part, together: Mapping[str, Sequence[str]]) -> list[Group]:
  """Groups the lines of a gradient study; [] if no trial has gradients.

  Args:
    part: the trials, with or without gradients.
    together: the series of each group by its title, as in sweep.json; series
      in none of them follow.
  """
  lines = _lines(part)
  groups = {title: list(names) for title, names in together.items()}
  named = {name for names in groups.values() for name in names}
  others = [name for name in lines if name not in named]
  study: list[Group] = []
  last = ("Other series" if groups else "", others)
  for title, names in (*groups.items(), last):
    trials = {k: v for name in names for k, v in lines.get(name, {}).items()}
    # Where few series were run, two groups may have the same lines.
    if not any({*trials} == {*group.lines} for group in study):
      study += [
        Group(part.titled(title), {name: trials[name] for name in labels})
        for labels in chunks(trials, style.MOST_LINES)
      ]
  return study


def collect(group: Group, read: Read) -> list[Moment]:
  """Collects what `read(gradients, portrait)` returns at each moment.

  Lines for which it returns None are left out, and moments without lines.
  """
  moments = []
  for key in _MOMENTS:
    studies = {n: s for n, s in group.studies.items() if s["at"].get(key)}
    read_of = {n: read(study, study["at"][key]) for n, study in studies.items()}
    values = {n: value for n, value in read_of.items() if value is not None}
    if values:
      words = "at initialisation"
      if key == "trained":
        updates = ends([studies[name]["step"][key] for name in values], ",")
        words = f"after {updates} updates"
      missing = [name for name in group.lines if name not in studies]
      moments.append(Moment(words, values, missing))
  return moments


def flow(gradients: Json, portrait: Json) -> Any:
  """Reads log10 of the norm of dE/dh_t by lag, of the state read out."""
  norms = portrait["flow"].get(gradients["read"])
  return _logs(norms["log10_by_lag"]) if norms else None


def largest(gradients: Json, portrait: Json) -> Any:
  """Reads log10 of the largest singular value: mean, low, high, and a bound."""
  jacobian = portrait["jacobian"]
  logs = {key: _logs(v) for key, v in jacobian["log10_largest"].items()}
  if jacobian.get("log10_bound"):
    logs["bound"] = _logs(jacobian["log10_bound"])
  return logs if len(logs["mean"]) > 1 else None


def radius(gradients: Json, portrait: Json) -> Any:
  """Reads the spectral radius of the recurrent matrix of an Elman cell."""
  return portrait["jacobian"].get("spectral_radius")


def spectrum(gradients: Json, portrait: Json) -> Any:
  """Reads (lag, log10 of the singular values) at the longest lag.

  Those that were lost to rounding are nan.
  """
  spectra = portrait["jacobian"]["spectra"]
  if not spectra:
    return None
  last = max(spectra, key=lambda row: row["lag"])
  values = _logs(last["log10"])
  known = int(np.isfinite(values).sum())
  values[known : known + last.get("lost", 0)] = np.nan
  return last["lag"], values


def exponents(gradients: Json, portrait: Json) -> Any:
  """Reads the Lyapunov exponents, largest first, in nats per step."""
  return _logs(portrait["lyapunov"]) if portrait["lyapunov"] else None


def gate(gradients: Json, portrait: Json) -> Any:
  """Reads the statistics of the top layer's gate, lists as arrays."""
  top = next(filter(None, reversed(portrait.get("gates") or [])), None)
  if top is None:
    return None
  half_lives = [np.inf if v is None else v for v in top["half_life_by_unit"]]
  return {
    "state": top["state"].rsplit(".", 1)[-1],
    "half_lives": np.sort(half_lives),
    "direct": _logs(top["log10_direct"]),
    "total": _logs(top["log10_total"]),
  }


def terms(gradients: Json, portrait: Json) -> Any:
  """Reads the terms of dE/dw by t - k, of the top layer, by `KERNELS`."""
  norms = {}
  # With several layers the path starts with the layer's number.
  for name, row in sorted((portrait.get("terms") or {}).items(), key=_layer):
    words = KERNELS.get(name.rsplit(".", 1)[-1])
    if words:
      norms[words] = _logs(row["log10_by_lag"])
  return norms or None


def truncation(gradients: Json, portrait: Json) -> Any:
  """Reads (reaches k2, relative errors of truncated BPTT)."""
  cut = portrait.get("truncation")
  if not cut or not cut["reaches"]:
    return None
  errors = [np.nan if v is None else v for v in cut["relative_error"]]
  return np.array(cut["reaches"]), np.array(errors, dtype=float)


def lengths(group: Group) -> list[int]:
  """Returns the distinct lengths of the measured sequences."""
  return sorted({study["length"] for study in group.studies.values()})


def has_layers(group: Group) -> bool:
  """Whether a line of the group is one layer of several."""
  return any(study.get("layers", 1) > 1 for study in group.studies.values())


def _lines(part: Part) -> dict[str, dict[str, Trial]]:
  """By series its trials with gradients, by the name each has as a line."""
  lines = {}
  for name, line in part.series.items():
    measured = {x: trial for x, trial in line.items() if trial.gradients}
    if measured:
      lines[name] = {
        name if len(measured) == 1 else f"{name}, {part.at(x)}": trial
        for x, trial in measured.items()
      }
  return lines


def _layer(item: tuple[str, Any]) -> int:
  first = item[0].split(".", 1)[0]
  return int(first) if first.isdigit() else 0


def _logs(values: Sequence[float | None]) -> np.ndarray:
  return np.array([-np.inf if v is None else v for v in values], dtype=float)
