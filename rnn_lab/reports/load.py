"""Reads run directories and sweep directories into plain values.

Nothing here writes, and nothing here needs more than the files: a run that is
still going, that died or that was never started is read like any other and
says so in its `status`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError

# Any one of these makes a directory the directory of a trial.
_MARKS = ("config.json", "result.json", "trial.json", "error.txt")
_MAY = "a run directory, or a directory of run directories"


class Trial(NamedTuple):
  """One run of a sweep, as its directory tells it.

  Attributes:
    name: unique in the sweep.
    path: the run directory; None for a planned trial that has none.
    overrides: the config fields that set it apart, by dotted name.
    series: the line it belongs to in a figure; None if nobody named it.
    status: finished, partial, diverged, unfinished, failed or not run.
    config: the resolved config, {} before it was written.
    result: the content of result.json; None until the run ended.
    metrics: the rows of metrics.jsonl.
    flow: the rows of gradient_flow.jsonl.
    gradients: the content of gradients.json; None but in a gradient study.
    timing: the rows of timing.jsonl.
    environment: the content of environment.json, {} without one.
    seconds: how long the run took, if it was written down.
    error: the content of error.txt, if the trial failed.
  """

  name: str
  path: Path | None
  overrides: dict[str, Any]
  series: str | None
  status: str
  config: dict[str, Any]
  result: dict[str, Any] | None
  metrics: list[dict[str, Any]]
  flow: list[dict[str, Any]]
  gradients: dict[str, Any] | None
  timing: list[dict[str, Any]]
  environment: dict[str, Any]
  seconds: float | None
  error: str | None


class Sweep(NamedTuple):
  """What sweep.json says; empty fields where there is no such file."""

  config: str = ""
  argument: str = ""
  command_line: Mapping[str, Any] = MappingProxyType({})
  title: str = ""
  text: str = ""
  claims: Sequence[Sequence[Any]] = ()
  goals: Sequence[Mapping[str, Any]] = ()
  published: Sequence[Mapping[str, Any]] = ()
  # Of a gradient study, the series that are drawn together, by title.
  groups: Mapping[str, Sequence[str]] = MappingProxyType({})
  # The lecture's network of three steps, in numbers; see `unfolded_plot`.
  unfolded: Mapping[str, Any] = MappingProxyType({})
  trials: Sequence[Mapping[str, Any]] = ()


def load_sweep(workdir: str | Path) -> Sweep:
  """The plan in `workdir`/sweep.json, or an empty one.

  Raises:
    FieldError: sweep.json is not JSON.
  """
  content = _read_json(Path(workdir) / "sweep.json") or {}
  known = {k: v for k, v in content.items() if k in Sweep._fields}
  return Sweep(**{k: v for k, v in known.items() if v is not None})


def load_trials(workdir: str | Path) -> list[Trial]:
  """All trials of a sweep, planned or run, in the order of the plan.

  Args:
    workdir: a sweep directory, any directory of run directories, or one run
      directory. Without a plan the order is that of the directories' names.

  Raises:
    FieldError: there is no run in `workdir`, or a file in it is not JSON.
  """
  root = Path(workdir)
  plan = {trial["name"]: trial for trial in load_sweep(root).trials}
  paths = _run_directories(root)
  if not paths and not plan:
    raise FieldError("workdir", str(workdir), _MAY)
  labels = _labels(paths, plan)
  found = {}
  for path, label in zip(paths, labels):
    if label["name"] in found:
      may = "a directory of trials with different names in trial.json"
      raise FieldError("workdir", str(path), may)
    found[label["name"]] = _load_trial(path, label)
  planned = [
    found.pop(name) if name in found else _not_run(trial)
    for name, trial in plan.items()
  ]
  return planned + list(found.values())


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
  """A nested dict as one level of dotted names."""
  flat = {}
  for key, value in tree.items():
    if isinstance(value, Mapping):
      flat.update(flatten(value, f"{prefix}{key}."))
    else:
      flat[f"{prefix}{key}"] = value
  return flat


def _run_directories(root: Path) -> list[Path]:
  if not root.is_dir():
    return []
  # A sweep directory is never a run, whatever else was left in it.
  if not (root / "sweep.json").exists() and _is_run(root):
    return [root]
  return sorted(path for path in root.iterdir() if _is_run(path))


def _is_run(path: Path) -> bool:
  return path.is_dir() and any((path / mark).exists() for mark in _MARKS)


def _labels(paths: list[Path], plan: Mapping[str, Any]) -> list[dict]:
  """Name, overrides and series of each run; what nobody wrote is derived."""
  written = [
    _read_json(path / "trial.json") or plan.get(path.name) for path in paths
  ]
  configs = {
    path: flatten(_read_json(path / "config.json") or {})
    for path, label in zip(paths, written)
    if label is None
  }
  derived = _differences(configs)
  return [
    label or {"name": path.resolve().name, "overrides": derived[path]}
    for path, label in zip(paths, written)
  ]


def _differences(
  configs: dict[Path, dict[str, Any]],
) -> dict[Path, dict[str, Any]]:
  """The fields in which flat configs differ; an empty config says nothing."""
  told = [config for config in configs.values() if config]
  fields = dict.fromkeys(field for config in told for field in config)
  differ = [
    field
    for field in fields
    if len({json.dumps(config.get(field)) for config in told}) > 1
  ]
  return {
    path: {field: config[field] for field in differ if field in config}
    for path, config in configs.items()
  }


def _load_trial(path: Path, label: Mapping[str, Any]) -> Trial:
  result = _read_json(path / "result.json")
  error = path / "error.txt"
  config = _read_json(path / "config.json") or {}
  if result is not None:
    status = result["status"]
  elif error.exists():
    status = "failed"
  else:
    status = "unfinished" if config else "not run"
  timing = _read_rows(path / "timing.jsonl")
  ends = [
    row["seconds"]
    for row in timing
    if row.get("event") == "finished" and "seconds" in row
  ]
  return Trial(
    name=label["name"],
    path=path,
    overrides=dict(label.get("overrides") or {}),
    series=label.get("series"),
    status=status,
    config=config,
    result=result,
    metrics=_read_rows(path / "metrics.jsonl"),
    flow=_read_rows(path / "gradient_flow.jsonl"),
    gradients=_read_json(path / "gradients.json"),
    timing=timing,
    environment=_read_json(path / "environment.json") or {},
    seconds=ends[-1] if ends else None,
    error=error.read_text(encoding="utf-8") if status == "failed" else None,
  )


def _not_run(planned: Mapping[str, Any]) -> Trial:
  return Trial(
    name=planned["name"],
    path=None,
    overrides=dict(planned.get("overrides") or {}),
    series=planned.get("series"),
    status="not run",
    config={},
    result=None,
    metrics=[],
    flow=[],
    gradients=None,
    timing=[],
    environment={},
    seconds=None,
    error=None,
  )


def _read_json(path: Path) -> Any:
  """The content of a JSON file; None if there is no such file."""
  if not path.exists():
    return None
  try:
    return json.loads(path.read_text(encoding="utf-8"))
  except ValueError as error:
    raise FieldError("workdir", str(path), "a whole JSON file") from error


def _read_rows(path: Path) -> list[dict[str, Any]]:
  """The rows of a jsonl file; one that a dying run left half is dropped."""
  if not path.exists():
    return []
  lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
  rows = []
  for number, line in enumerate(lines, start=1):
    try:
      rows.append(json.loads(line))
    except ValueError as error:
      if number < len(lines):
        may = "a jsonl file with one JSON object a line"
        raise FieldError("workdir", f"{path}:{number}", may) from error
  return rows
