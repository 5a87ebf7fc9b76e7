"""The report: one HTML page that holds everything and needs no network."""

import base64
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from rnn_lab.reports import claims, language
from rnn_lab.reports.details import is_counted
from rnn_lab.reports.goals import parse_goals
from rnn_lab.reports.goals_table import goals_table
from rnn_lab.reports.gradients.study import study_of
from rnn_lab.reports.gradients.table import study_grid
from rnn_lab.reports.headline import Headline, measured
from rnn_lab.reports.load import (
  Sweep,
  Trial,
  flatten,
  load_sweep,
  load_trials,
)
from rnn_lab.reports.parts import Part, parts_of
from rnn_lab.reports.plots import write_figures
from rnn_lab.reports.storage import storage_grid
from rnn_lab.reports.summary import replace_text, write_summary
from rnn_lab.reports.tables import (
  format_value,
  results_grid,
)

_TEMPLATE = "page.html.j2"
_VERDICT_CLASS = {
  claims.HOLDS: "holds",
  claims.FAILS: "fails",
  claims.NOT_RUN: "open",
  claims.UNJUDGED: "open",
}


def write_report(workdir: str | Path) -> Path:
  """Makes figures/, summary.json and report.html from what is in `workdir`.

  Equal run directories give equal bytes: no clock and no version of a drawing
  library goes into the files. A report may be made while a sweep still runs.

  Args:
    workdir: a sweep directory, a directory of run directories, or one run
      directory.

  Returns:
    The path of report.html.

  Raises:
    FieldError: there is no run in `workdir`, or a file in it is not readable.
  """
  root = Path(workdir)
  trials = load_trials(root)
  sweep = load_sweep(root)
  parts = parts_of(trials, parse_goals(sweep.goals))
  # Everything that can be wrong with the claims is found before files change.
  content = _content(root, sweep, trials, parts)
  studies = [study_of(part.layout, sweep.groups) for part in parts]
  content["gradients"] = [
    study_grid(study, part) for study, part in zip(studies, parts) if study
  ]
  figures = write_figures(root, parts, sum(studies, []), sweep.unfolded)
  content["images"] = {
    name: [_data_uri(path) for path in paths] for name, paths in figures.items()
  }
  write_summary(root, trials)
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  path = root / "report.html"
  replace_text(path, environment.get_template(_TEMPLATE).render(content) + "\n")
  return path


def _content(
  root: Path, sweep: Sweep, trials: Sequence[Trial], parts: Sequence[Part]
) -> dict[str, Any]:
  """What the template shows, but for the images."""
  ladders = [language.ladder_grid(part.layout) for part in parts]
  # At most one task is that of language models.
  ladder, layout = next(
    ((grid, part.layout) for grid, part in zip(ladders, parts) if grid),
    (None, parts[0].layout),
  )
  headlines = {t.name: part.headline for part in parts for t in part.trials}
  witness = next((trial for trial in trials if trial.environment), None)
  return {
    "title": sweep.title or root.resolve().name,
    "paragraphs": [p for p in sweep.text.split("\n\n") if p.strip()],
    "counts": _counts(trials),
    "any_result": any(trial.result for trial in trials),
    "incomplete": [
      {"name": trial.name, "problem": problem}
      for trial in trials
      if (problem := _problem(trial))
    ],
    # Where no field was swept, the ladder has all that the grid would say.
    "grids": [
      results_grid(part.layout, part.headline)
      for part, own in zip(parts, ladders)
      if not (own and part.layout.x is None)
      and (part.headline or len(parts) == 1)
    ],
    "goals": goals_table(parts, sweep.goals, sweep.published),
    "ladder": ladder,
    "notes": language.notes(layout),
    "left_out": language.left_out(layout),
    "kind_words": language.kind_words(layout),
    "storage": storage_grid(layout),
    "spans": _spans,
    "several": len(parts) > 1,
    "metric": parts[0].headline.metric if parts[0].headline else "",
    "judgements": claims.judge(sweep.claims, parts),
    "verdict_class": _VERDICT_CLASS,
    "trials": [_row(trial, headlines.get(trial.name)) for trial in trials],
    "command": _command(root, sweep, any(t.gradients for t in trials)),
    "environment": flatten(witness.environment) if witness else {},
    "environment_of": witness.name if witness else "",
  }


def _counts(trials: Sequence[Trial]) -> str:
  """The words "12 trials: 11 finished, 1 not run; 340 s of running"."""
  counts = Counter(trial.status for trial in trials)
  words = ", ".join(f"{count} {status}" for status, count in counts.items())
  text = f"{len(trials)} trial{'s' * (len(trials) != 1)}: {words}"
  seconds = [trial.seconds for trial in trials if trial.seconds is not None]
  return f"{text}; {sum(seconds):.0f} s of running" if seconds else text


def _problem(trial: Trial) -> str:
  """Why a trial is not all there; empty if it is."""
  if trial.error is not None:
    lines = trial.error.strip().splitlines()
    return f"failed: {lines[-1]}" if lines else "failed"
  if trial.result is None:
    return trial.status
  lost = [
    seed for seed in trial.result["seeds"] if seed["status"] == "diverged"
  ]
  if lost:
    words = ", ".join(
      f"seed {seed['seed']} after step {seed['last_step']}" for seed in lost
    )
    return f"diverged: {words}"
  return ""


def _row(trial: Trial, headline: Headline | None) -> dict[str, Any]:
  entry = measured(trial, headline.metric) if headline else None
  values = entry["values"] if entry else []
  seeds = (trial.result or {}).get("seeds", [])
  # An n-gram model takes no steps.
  steps = [None if is_counted(trial) else s.get("best_step") for s in seeds]
  return {
    "name": trial.name,
    "overrides": trial.overrides,
    "status": trial.status,
    "seeds": ", ".join(
      format_value(value, headline.metric)
      if value is not None
      else "diverged"
      if seed["status"] == "diverged"
      else "infinite"
      for value, seed in zip(values, seeds)
    ),
    "best_steps": ", ".join("–" if s is None else str(s) for s in steps),
    "seconds": "" if trial.seconds is None else f"{trial.seconds:.1f}",
  }


def _spans(row: Sequence[str | None]) -> list[tuple[str, int]]:
  """The cells of a row and how many columns each takes; None widens one."""
  spans: list[tuple[str, int]] = []
  for cell in row:
    if cell is None:
      text, columns = spans.pop()
      spans.append((text, columns + 1))
    else:
      spans.append((cell, 1))
  return spans


def _command(root: Path, sweep: Sweep, is_study: bool) -> str:
  if not sweep.config:
    return ""
  main = "gradient_flow" if is_study else "sweep"
  config = sweep.config + (f":{sweep.argument}" if sweep.argument else "")
  return (
    f"python -m experiments.{main} --config={shlex.quote(config)}"
    f" --workdir={shlex.quote(str(root))}"
    + "".join(
      f" {shlex.quote(f'--config.{field}={value}')}"
      for field, value in sorted(sweep.command_line.items())
    )
  )


def _data_uri(path: Path) -> str:
  encoded = base64.b64encode(path.read_bytes()).decode("ascii")
  return f"data:image/png;base64,{encoded}"
