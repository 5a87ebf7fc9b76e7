"""Run directories as a run would leave them, with numbers that are made up."""

import json
import re
import statistics
from pathlib import Path

import numpy as np
from matplotlib.collections import PolyCollection

from configs.claims import at, claim
from rnn_lab.reports import load_trials
from rnn_lab.reports.parts import parts_of


def write_json(path, content):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(content), encoding="utf-8")


def write_rows(path, rows):
  path.parent.mkdir(parents=True, exist_ok=True)
  text = "".join(json.dumps(row) + "\n" for row in rows)
  path.write_text(text, encoding="utf-8")


def entry(values):
  """Mean and sample standard deviation of the seeds that are not None."""
  alive = [value for value in values if value is not None]
  return {
    "mean": statistics.fmean(alive) if alive else None,
    "std": statistics.stdev(alive) if len(alive) > 1 else None,
    "values": values,
  }


def config(cell="lstm", gap=0, forget_bias=1.0, steps=1500):
  return {
    "task": {"name": "recall", "gap": gap},
    "model": {
      "cell": cell,
      "hidden_size": 32,
      "num_layers": 1,
      "elman": {"activation": "tanh"},
      "lstm": {"forget_bias": forget_bias},
    },
    "train": {"num_steps": steps, "batch_size": 20, "clip_norm": 1.0},
    "eval": {"every": 250},
    "seed": 0,
    "num_seeds": 3,
  }


def result(values, headline="accuracy", maximize=True, baseline=0.1):
  alive = sum(value is not None for value in values)
  status = "finished" if alive == len(values) else "partial"
  return {
    "status": status if alive else "diverged",
    "headline": headline,
    "maximize": maximize,
    "baselines": {headline: baseline},
    "metrics": {f"test/{headline}": entry(values)},
    "seeds": [
      {
        "seed": seed,
        "status": "diverged" if value is None else "finished",
        "best_step": 1000 + 250 * (seed % 3),
        "last_step": 750 if value is None else 1500,
      }
      for seed, value in enumerate(values)
    ],
  }


def write_run(path, run_config, run_result=None, rows=(), flow=()):
  write_json(path / "config.json", run_config)
  write_json(
    path / "environment.json",
    {"versions": {"jax": "0.10.2"}, "device": "cpu", "commit": "abc123"},
  )
  write_rows(path / "metrics.jsonl", rows)
  if flow:
    write_rows(path / "gradient_flow.jsonl", flow)
  if run_result is not None:
    write_json(path / "result.json", run_result)


def learning_rows(values, key="valid/accuracy"):
  """Curves that end at the values; a seed without one breaks off."""
  return [
    {
      "step": step,
      "train/loss": [2.0 - step / 1000] * len(values),
      key: [
        (0.1 if step == 250 else None) if value is None else value * step / 1500
        for value in values
      ],
    }
    for step in range(250, 1501, 250)
  ]


def flow_rows(length, decay, seeds=3, steps=(0, 1500)):
  return [
    {
      "step": step,
      "seed": seed,
      "recurrence": "stack",
      "layer": 0,
      "direction": "forward",
      "norm": [
        0.1 * (1 + seed / 5) * decay ** (length - 1 - t) for t in range(length)
      ],
    }
    for step in steps
    for seed in range(seeds)
  ]


# Mean accuracy by series and gap; no two numbers are alike.
ACCURACY = {
  "tanh RNN": ("elman", {0: 0.91, 20: 0.62, 100: 0.17}),
  "LSTM, forget bias 1": ("lstm", {0: 0.96, 20: 0.93, 100: 0.84}),
  "GRU": ("gru", {0: 0.95, 20: 0.88, 100: 0.79}),
}

CLAIMS = [
  claim("An LSTM remembers.", at("LSTM, forget bias 1", x=100), ">=", 0.8),
  claim(
    "An LSTM beats a tanh RNN.",
    at("LSTM, forget bias 1", x=100),
    ">",
    at("tanh RNN", x=100),
  ),
  claim(
    "A GRU beats an LSTM.",
    at("GRU", x=20),
    ">",
    at("LSTM, forget bias 1", x=20),
  ),
  claim("Nobody ran this.", at("GRU", x=500), "<", 0.5),
]


def write_sweep(sweep, **extra):
  """Three series by three gaps by three seeds, with one seed diverged.

  Of tanh RNN at gap 100 seed 1 diverged. Returns the sweep directory.
  """
  plan = []
  for series, (cell, means) in ACCURACY.items():
    decay = 0.6 if cell == "elman" else 0.97
    for gap, mean in means.items():
      name = f"cell={cell},gap={gap}"
      values = [mean - 0.01, mean + 0.02, mean - 0.01]
      if (cell, gap) == ("elman", 100):
        values[1] = None
      label = {
        "name": name,
        "overrides": {"model.cell": cell, "task.gap": gap},
        "series": series,
      }
      write_run(
        sweep / name,
        config(cell, gap),
        result(values),
        learning_rows(values),
        flow_rows(8 + gap, decay),
      )
      write_json(sweep / name / "trial.json", label)
      plan.append(label)
  plan += extra.pop("trials", [])
  content = {
    "config": "configs/vanishing_gradient.py",
    "argument": "",
    "title": "How an RNN forgets",
    "text": "Can it remember?\n\nA second paragraph.",
    "claims": CLAIMS,
  }
  write_json(sweep / "sweep.json", {**content, **extra, "trials": plan})
  return sweep


def write_all_endings(sweep, error):
  """`write_sweep` with trials that have not ended, failed, or never ran."""
  lost = {
    "name": "cell=gru,gap=200",
    "overrides": {"model.cell": "gru", "task.gap": 200},
    "series": "GRU",
  }
  write_sweep(sweep, trials=[lost])
  write_run(sweep / "going", config("lstm", 200))
  write_run(sweep / "broken", config("elman", 200))
  (sweep / "broken" / "error.txt").write_text(f"Traceback\n{error}\n")


def unset(words):
  """Words of a figure as they were before indices were set as such."""
  return re.sub(r"\$\\mathregular\{(.*?)\}\$", r"\1", words)


def part_of(trials):
  """The only part of trials, or of the directory that holds them."""
  if isinstance(trials, Path):
    trials = load_trials(trials)
  (part,) = parts_of(trials)
  return part


def drawn(draw, trials):
  """The figures of a section that draws a part."""
  return list(draw(part_of(trials)))


def series_lines(ax):
  """The lines of the series, which alone have marks as well as a line."""
  return [
    line
    for line in ax.lines
    if line.get_marker() != "None" and line.get_linestyle() != "None"
  ]


def levels(ax, axis=1):
  """Where the lines without marks are, such as that of chance."""
  lines = [line for line in ax.lines if line.get_marker() == "None"]
  return [line.get_xydata()[0, axis] for line in lines]


def bands(ax):
  """The smallest and the largest number of each series at each place."""
  found = []
  for filled in ax.collections:
    if isinstance(filled, PolyCollection):
      at, values = np.concatenate([p.vertices for p in filled.get_paths()]).T
      found.append(
        {x: [min(values[at == x]), max(values[at == x])] for x in {*at}}
      )
  return found
