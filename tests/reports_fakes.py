"""Run directories as a run would leave them, with numbers that are made up."""

import json
import statistics


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
      "layer": 0,
      "direction": "forward",
      "norm": [
        0.1 * (1 + seed / 5) * decay ** (length - 1 - t) for t in range(length)
      ],
    }
    for step in steps
    for seed in range(seeds)
  ]


def write_trial(sweep, name, overrides, series, values, **options):
  """One trial of a sweep over cell and gap, with values of its seeds."""
  run_config = config(overrides["model.cell"], overrides["task.gap"])
  write_run(
    sweep / name,
    run_config,
    result(values, **options),
    learning_rows(values),
    flow_rows(
      8 + overrides["task.gap"],
      {"elman": 0.6}.get(overrides["model.cell"], 0.97),
    ),
  )
  planned = {"name": name, "overrides": overrides, "series": series}
  write_json(sweep / name / "trial.json", planned)
  return planned
