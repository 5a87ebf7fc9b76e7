"""Run directories of a gradient study, with numbers that are made up.

Every quantity follows from one rate a step, the mean log10 of the largest
singular value, so that a test can say by hand what a figure must show.
"""

import math

import reports_fakes as fakes

LENGTH = 48
HIDDEN = 64

# By series: the cell, log10 of the factor a step at initialisation and after
# training, log10 a step of the bound, and the gate's bias (None: no gate).
SERIES = {
  "tanh RNN": ("elman", -0.042, -0.012, 0.034, None),
  "IRNN": ("elman", -0.0045, 0.0, 0.05, None),
  "GRU": ("gru", -0.17, -0.05, None, 0.0),
  "LSTM, forget bias 0": ("lstm", -0.21, -0.09, None, 0.0),
  "LSTM, forget bias 1": ("lstm", -0.11, -0.04, None, 1.0),
  "LSTM, forget bias 3": ("lstm", -0.016, -0.011, None, 3.0),
  "LSTM, chrono": ("lstm", -0.009, 0.003, None, 3.6),
  "tanh RNN, gain 0.5": ("elman", -0.33, -0.32, -0.25, None),
  "tanh RNN, gain 0.8": ("elman", -0.15, -0.12, -0.05, None),
  "tanh RNN, gain 1.0": ("elman", -0.042, -0.012, 0.05, None),
  "tanh RNN, gain 1.25": ("elman", 0.011, 0.016, 0.097, None),
  "tanh RNN, gain 2.0": ("elman", 0.061, 0.072, 0.31, None),
}
GROUPS = {
  "Cells": list(SERIES)[:7],
  "Gain of the recurrent weights": list(SERIES)[7:],
}


def wiggle(i, size=1.0):
  """Of either sign, different for each i, the same in every run."""
  return size * math.sin(1.7 * i + 0.3 * i * i % 6.0)


def portrait(
  rate, bound=None, bias=None, state="c", length=LENGTH, hidden=HIDDEN, read="h"
):
  """One PORTRAIT of gradients.json."""
  lags = range(length)
  mean = [rate * lag + (wiggle(lag, 0.004 * min(lag, 10))) for lag in lags]
  mean[-1] = rate * (length - 1)
  spread = [0.02 * math.sqrt(lag) + 0.004 * lag for lag in lags]
  flow = [-0.8 + m - 0.02 * math.sqrt(lag) for lag, m in zip(lags, mean)]
  layers = None
  if bias is not None:
    layers = [gate(bias, rate, state, length, hidden)]
  units = hidden * (2 if state == "c" and bias is not None else 1)
  return {
    "flow": {
      read: {
        "log10_by_lag": flow,
        "log10_by_unit": [flow[-1] + wiggle(i, 0.5) for i in range(hidden)],
      }
    },
    "jacobian": {
      "log10_largest": {
        "mean": mean,
        "low": [m - s for m, s in zip(mean, spread)],
        "high": [m + s for m, s in zip(mean, spread)],
      },
      "log10_bound": bound and [bound * lag for lag in lags],
      "spectra": [
        {
          "lag": lag,
          "log10": [
            rate * lag - 0.9 * lag * (i / hidden) ** 1.6 for i in range(hidden)
          ],
        }
        for lag in sorted({1, min(10, length - 1), length - 1})
      ],
      "spectral_radius": None if bound is None else 0.95,
    },
    "lyapunov": [
      math.log(10) * rate - 4.2 * (i / units) ** 1.3 for i in range(units)
    ],
    "gates": layers,
    "terms": {
      f"{kernel}_kernel": {"log10_by_lag": [f - 0.4 + up for f in flow]}
      for kernel, up in [("recurrent", 0.0), ("input", -0.7)]
    },
    "truncation": truncation(rate, length),
  }


def gate(bias, rate, state, length=LENGTH, hidden=HIDDEN):
  """Half-lives around that of a gate with this bias and no other input."""
  centre = math.log(0.5) / math.log(1 / (1 + math.exp(-bias)))
  slope = math.log10(1 / (1 + math.exp(-bias)))
  lags = range(length)
  return {
    "state": state,
    "gate": "f" if state == "c" else "z",
    "mean_by_time": [0.5] * length,
    "mean_by_unit": [0.5] * hidden,
    "half_life_by_unit": [
      centre * 10 ** (0.5 * math.sin(3.0 * i)) for i in range(hidden)
    ],
    "log10_direct": [slope * lag for lag in lags],
    "log10_total": [max(slope, rate) * 0.96 * lag for lag in lags],
  }


def truncation(rate, length):
  """What lies further back than k2 is lost: a geometric series."""
  reaches = [2**i for i in range(20) if 2**i < length] + [length]
  terms = [10 ** (rate * lag) for lag in range(length)]
  lost = [sum(terms[k:]) / sum(terms) for k in reaches]
  return {
    "reaches": reaches,
    "relative_error": lost,
    "cosine": [math.sqrt(1 - error**2) for error in lost],
  }


def gradients(initial, trained=None, cell="lstm", read="h", **extra):
  at = {"initialisation": initial}
  if trained is not None:
    at["trained"] = trained
  part = initial["flow"][read]["log10_by_lag"]
  return {
    "seed": 0,
    "examples": 8,
    "length": len(part),
    "layers": 1,
    "hidden_size": len(initial["flow"][read]["log10_by_unit"]),
    "cell": cell,
    "states": [read, "c"] if cell == "lstm" else [read],
    "read": read,
    "step": {"initialisation": 0, "trained": 600},
    "at": at,
    **extra,
  }


def of_series(name, length=LENGTH, hidden=HIDDEN):
  """gradients.json of one of SERIES."""
  cell, before, after, bound, bias = SERIES[name]
  state = "c" if cell == "lstm" else "h"

  def at(rate, bias):
    return portrait(rate, bound, bias, state, length, hidden)

  learnt = None if bias is None else bias + 0.6
  return gradients(at(before, bias), at(after, learnt), cell)


def write_trial(root, name, content, values=(0.41,)):
  """A run directory of a study, named after its series."""
  folder = root / "".join(c if c.isalnum() else "-" for c in name)
  cell = content["cell"] if content else "elman"
  outcome = fakes.result(list(values), "mse", False, 0.1667)
  fakes.write_run(folder, fakes.config(cell, steps=600), outcome)
  label = {"name": folder.name, "overrides": {"model.cell": cell}}
  fakes.write_json(folder / "trial.json", {**label, "series": name})
  if content:
    fakes.write_json(folder / "gradients.json", content)
  return folder


def write_study(root, names=tuple(SERIES), groups=GROUPS, **sizes):
  """A whole study; the test error falls with the rate after training."""
  for name in names:
    error = 0.02 + 0.15 * min(1.0, 6 * abs(SERIES[name][2]))
    write_trial(root, name, of_series(name, **sizes), [error])
  content = {
    "config": "configs/gradient_flow.py",
    "title": "How the gradient flows",
    "text": "What is left of it?",
    "trials": [],
    "groups": groups,
  }
  fakes.write_json(root / "sweep.json", content)
  return root
