"""Reads run directories and sweep directories into plain values.

Nothing here writes. A run that is still running, that failed or that was never
started is read like any other; its `status` says so.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports.files import (
  RunFiles,
  is_flow_row,
  is_metrics_row,
  is_timing_row,
)
from rnn_lab.reports.trial import Sweep, Trial

# Any one of these makes a directory the directory of a trial.
_MARKS = (rundir.CONFIG, rundir.RESULT, rundir.TRIAL, rundir.ERROR)
# Folders within folders that are searched for runs.
_DEEPEST = 3


def load_sweep(workdir: str | Path) -> Sweep:
  """Reads `workdir`/sweep.json; without it, returns an empty Sweep.

  Raises:
    FieldError: sweep.json is damaged.
  """
  path = local_path("workdir", workdir) / rundir.SWEEP
  content = rundir.read_json(path) if path.exists() else {}
  known = {
    field: value
    for field, value in content.items()
    if field in Sweep._fields and value is not None
  }
  for field, value in known.items():
    empty = Sweep._field_defaults[field]
    kind = next(k for k in (str, Mapping, Sequence) if isinstance(empty, k))
    is_text = isinstance(value, str)
    if not isinstance(value, kind) or is_text != isinstance(empty, str):
      raise _no_plan(path, field)
  if not all(_is_label(label) for label in known.get("trials", ())):
    raise _no_plan(path, "trials")
  return Sweep(**known)


def _no_plan(path: Path, field: str) -> FieldError:
  return FieldError(
    "workdir", f"workdir holds a damaged file: {path} (no {field})"
  )


def _is_label(label: Any) -> bool:
  """Whether a trial has a name and, perhaps, overrides and a series."""
  return (
    isinstance(label, dict)
    and isinstance(label.get("name"), str)
    and isinstance(label.get("overrides") or {}, dict)
    and isinstance(label.get("series"), str | None)
  )


def load_trials(workdir: str | Path) -> list[Trial]:
  """Reads all trials of a sweep, planned or run, in the order of the plan.

  Args:
    workdir: a sweep directory, any directory of run directories and of folders
      with more of them, or one run directory. Without a plan the order is that
      of the directories' names.

  Raises:
    FieldError: there is no run in `workdir`, two have the same name, or
      sweep.json is damaged.
  """
  root = local_path("workdir", workdir)
  folders = {folder: _load_folder(folder) for folder in _folders(root)}
  folders = {folder: trials for folder, trials in folders.items() if trials}
  if not folders:
    raise FieldError(
      "workdir",
      "workdir must be a run directory, or a directory of run directories; "
      f"{workdir} holds no run",
    )
  if len(folders) == 1:
    return next(iter(folders.values()))
  return [
    trial._replace(name=f"{name}/{trial.name}".lstrip("/"), folder=name)
    for folder, trials in folders.items()
    for name in ["" if folder == root else str(folder.relative_to(root))]
    for trial in trials
  ]


def _folders(root: Path, depth: int = _DEEPEST) -> list[Path]:
  """A directory, and the folders in it that may hold runs."""
  if _is_run(root) or (root / rundir.SWEEP).exists() or not depth:
    return [root]
  inner = [
    path
    for path in (sorted(root.iterdir()) if root.is_dir() else ())
    if path.is_dir() and not path.name.startswith(".") and not _is_run(path)
  ]
  return [root, *(f for path in inner for f in _folders(path, depth - 1))]


def _load_folder(folder: Path) -> list[Trial]:
  """Reads the trials of a sweep, or the runs in a folder; [] without any."""
  plan = {trial["name"]: trial for trial in load_sweep(folder).trials}
  trials: dict[str, Trial] = {}
  several = [RunFiles(path) for path in _run_directories(folder)]
  for files, label in zip(several, _labels(several, plan)):
    name = label["name"]
    if name in trials:
      raise FieldError(
        "workdir",
        "workdir must hold trials with different names; "
        f"{files.path / rundir.TRIAL} repeats {name!r}",
      )
    trials[name] = _load_trial(files, label)
  planned = [
    trials.pop(name) if name in trials else _not_run(trial)
    for name, trial in plan.items()
  ]
  return planned + list(trials.values())


def _run_directories(root: Path) -> list[Path]:
  if not root.is_dir():
    return []
  # A sweep directory is never a run, whatever else was left in it.
  if not (root / rundir.SWEEP).exists() and _is_run(root):
    return [root]
  return sorted(path for path in root.iterdir() if _is_run(path))


def _is_run(path: Path) -> bool:
  return path.is_dir() and any((path / mark).exists() for mark in _MARKS)


def _labels(
  several: Sequence[RunFiles], plan: Mapping[str, Any]
) -> list[dict[str, Any]]:
  """Name, overrides and series of each run, derived where not written."""
  written = [_label(files) or plan.get(files.path.name) for files in several]
  configs = {
    files.path: rundir.flatten(RunFiles(files.path).json(rundir.CONFIG) or {})
    for files, label in zip(several, written)
    if label is None
  }
  derived = _differences(configs)
  return [
    label
    or {
      "name": files.path.resolve().name,
      "overrides": derived[files.path],
      "is_of_sweep": False,
    }
    for files, label in zip(several, written)
  ]


def _label(files: RunFiles) -> dict[str, Any] | None:
  label = files.json(rundir.TRIAL)
  if label is None or _is_label(label):
    return label
  files.problems.append(f"{files.path / rundir.TRIAL} (no name)")
  return None


def _differences(
  configs: dict[Path, dict[str, Any]],
) -> dict[Path, dict[str, Any]]:
  """The fields of all flat configs in which they differ.

  Empty configs are ignored. What only some have belongs to another field in
  which they differ, such as the name of a task.
  """
  written = [config for config in configs.values() if config]
  differ = [
    field
    for field in (written[0] if written else ())
    if all(field in config for config in written)
    and len({json.dumps(config[field]) for config in written}) > 1
  ]
  return {
    path: {field: config[field] for field in differ if field in config}
    for path, config in configs.items()
  }


def _load_trial(files: RunFiles, label: Mapping[str, Any]) -> Trial:
  path = files.path
  result = files.result()
  config = files.json(rundir.CONFIG, task=dict, model=dict, train=dict) or {}
  halted = files.json(rundir.HALTED, step=int)
  if result is not None:
    status = result["status"]
  elif (path / rundir.RESULT).exists():
    status = "damaged"
  elif (path / rundir.ERROR).exists():
    status = "failed"
  elif halted:
    status = rundir.halted_status(halted)
  else:
    status = "unfinished" if config else "not run"
  timing = files.rows(rundir.TIMING, is_timing_row)
  trial = _not_run(label)._replace(
    status=status,
    path=path,
    config=config,
    result=result,
    metrics=files.rows(rundir.METRICS, is_metrics_row),
    flow=files.rows(rundir.FLOW, is_flow_row),
    gradients=files.json(rundir.GRADIENTS, at=dict, step=dict, states=list),
    examples=files.json(rundir.EXAMPLES),
    timing=timing,
    environment=files.json(rundir.ENVIRONMENT) or {},
    seconds=run_seconds(timing),
    halted=halted,
    error=files.text(rundir.ERROR) if status == "failed" else None,
  )
  return trial._replace(damaged=files.problems)


def run_seconds(timing: Sequence[Mapping[str, Any]]) -> float | None:
  """Adds the durations of a run's sessions; None if there is none."""
  sessions: list[list[Mapping[str, Any]]] = []
  for row in timing:
    if row.get("event") == "start" or not sessions:
      sessions.append([])
    sessions[-1].append(row)
  return sum(map(_session_seconds, sessions)) or None


def _session_seconds(rows: Sequence[Mapping[str, Any]]) -> float:
  """Returns a session's duration; of a population, the run's share of it."""
  ends = [
    row["seconds"]
    for row in rows
    if row.get("event") == "finished" and "seconds" in row
  ]
  times = [row["time"] for row in rows if "time" in row]
  # Stopped or killed, and no clock runs backwards.
  clock = max(times[-1] - times[0], 0.0) if times else 0.0
  return (ends[-1] if ends else clock) / rows[0].get("together", 1)


def _not_run(label: Mapping[str, Any]) -> Trial:
  return Trial(
    label["name"],
    dict(label.get("overrides") or {}),
    label.get("series"),
    "not run",
    is_of_sweep=label.get("is_of_sweep", True),
  )
