"""Imports between modules: from floor to floor down, and never in a circle."""

import ast
import functools
import graphlib
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# The floors of docs/design.md; what is not named has that of its package.
FLOORS = {
  "rnn_lab.caching": 1,
  "rnn_lab.cells": 1,
  "rnn_lab.downloads": 1,
  "rnn_lab.errors": 1,
  "rnn_lab.initializers": 1,
  "rnn_lab.machine": 1,
  "rnn_lab.paths": 1,
  "rnn_lab.precision": 1,
  "rnn_lab.processes": 1,
  "rnn_lab.program_cache": 1,
  "rnn_lab.rows": 1,
  "rnn_lab.rundir": 1,
  "rnn_lab.types": 1,
  "rnn_lab._dropout": 2,
  "rnn_lab._layers": 2,
  "rnn_lab._stack": 2,
  "rnn_lab._stack_cell": 2,
  "rnn_lab._steps": 2,
  "rnn_lab._unroll": 2,
  "rnn_lab.decoding": 2,
  "rnn_lab.fused": 2,
  "rnn_lab.perturbations": 2,
  "rnn_lab.tasks": 2,
  "rnn_lab.text": 2,
  "rnn_lab.gradients": 3,
  "rnn_lab.language_models": 3,
  "rnn_lab.models": 3,
  "rnn_lab.evaluators": 4,
  "rnn_lab.predictors": 4,
  "rnn_lab.reports": 4,
  "rnn_lab.training": 4,
  "rnn_lab.benchmarks": 5,
  "rnn_lab.runs": 5,
  "rnn_lab.studies": 5,
  "rnn_lab.sweeps": 5,
  "rnn_lab": 5,  # the public names, of which one opens a run
  "configs": 6,
  "experiments": 6,
}

# Rooms of one floor, or of neighbouring ones, that must not see each other.
NEVER = [
  ("rnn_lab.gradients", "rnn_lab.models"),
  ("rnn_lab.gradients", "rnn_lab.language_models"),
  ("rnn_lab.models", "rnn_lab.language_models"),
  ("rnn_lab.models", "rnn_lab.text"),
  ("rnn_lab.evaluators", "rnn_lab.language_models"),
  ("rnn_lab.evaluators", "rnn_lab.text"),
  ("rnn_lab.evaluators", "rnn_lab.training"),
  ("rnn_lab.training", "rnn_lab.language_models"),
  ("rnn_lab.training", "rnn_lab.text"),
  ("rnn_lab.reports", "rnn_lab.training"),
]


def modules():
  """`{dotted name: file}` of the lab, its mains and its configs."""
  found = {}
  for package in ("rnn_lab", "experiments", "configs"):
    for path in sorted((ROOT / package).rglob("*.py")):
      parts = path.relative_to(ROOT).with_suffix("").parts
      name = ".".join(parts).removesuffix(".__init__")
      found[name] = path
  return found


def imported(path, known):
  """The lab's modules that a file imports, at its top or in a function."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path}: a relative import"
      for alias in node.names:
        submodule = f"{node.module}.{alias.name}"
        names.add(submodule if submodule in known else node.module)
  return {name for name in names if name in known}


def within(name, package):
  return name == package or name.startswith(f"{package}.")


def parents(name):
  parts = name.split(".")
  return [".".join(parts[:n]) for n in range(2, len(parts))]


@functools.cache
def graph():
  """`{module: modules that it imports}`.

  Importing a module imports the packages around it, too, except for those
  that the importing module is in itself; the top package is left out, whose
  names are those of floors 1 and 2 until a run is opened.
  """
  known = modules()
  edges = {}
  for name, path in known.items():
    targets = imported(path, known) - {name}
    for target in [*targets]:
      targets |= {p for p in parents(target) if not within(name, p)}
    edges[name] = targets
  return edges


def floor(name):
  while name not in FLOORS:
    name = name.rpartition(".")[0]
  return FLOORS[name]


def path_to(start, package):
  """The imports from a module into a package, or None."""
  paths = [[start]]
  seen = {start}
  for path in paths:
    if within(path[-1], package):
      return path
    new = sorted(graph()[path[-1]] - seen)
    seen |= {*new}
    paths += [[*path, name] for name in new]
  return None


def test_the_table_names_what_exists():
  packages = {name.split(".")[1] for name in modules() if "." in name}
  top = {
    path.stem
    for path in (ROOT / "rnn_lab").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
  } - {"__init__"}
  named = {name.split(".")[1] for name in FLOORS if name.startswith("rnn_lab.")}
  assert top <= packages
  assert named == top


def test_imports_are_found():
  """Within functions, too, and the packages around a module."""
  edges = graph()
  assert "rnn_lab._stack" in edges["rnn_lab.models.base"]
  assert "rnn_lab.runs.opening" in edges["rnn_lab"]
  assert "rnn_lab.tasks" in edges["rnn_lab.training.step"]
  assert "rnn_lab.training" not in edges["rnn_lab.training.loop"]
  found = path_to("rnn_lab.training.loop", "rnn_lab._unroll")
  assert found[0] == "rnn_lab.training.loop" and len(found) > 2


def test_imports_point_to_the_same_or_a_lower_floor():
  up = [
    f"{name} imports {other}"
    for name, others in graph().items()
    for other in others
    if floor(other) > floor(name)
  ]
  assert not up


def test_no_import_runs_in_a_circle():
  try:
    graphlib.TopologicalSorter(graph()).prepare()
  except graphlib.CycleError as error:
    pytest.fail(" imports ".join(reversed(error.args[1])))


def test_configs_import_nothing_of_the_lab():
  for name, others in graph().items():
    if within(name, "configs"):
      assert all(within(other, "configs") for other in others), name


@pytest.mark.parametrize("package, other", NEVER)
def test_rooms_that_do_not_see_each_other(package, other):
  for name in graph():
    if within(name, package):
      path = path_to(name, other)
      assert path is None, " imports ".join(path)


@pytest.mark.parametrize(
  "task, absent",
  [
    ("digits", ["tokenizers", "rnn_lab.text", "rnn_lab.language_models"]),
    ("language", ["sklearn", "rnn_lab.runs.counting"]),
  ],
)
def test_what_a_run_needs_alone_is_imported(task, absent):
  code = f"""
import sys
from configs import common
from rnn_lab.runs.planning import plan
from rnn_lab.training.loop import Trainer

if {task == "language"}:
  config = common.language_config()
  common.shrink_language(config)
else:
  config = common.default_config()
  config.task = {{"name": "digits", "gap": 0}}
Trainer(plan(config))
print(*sys.modules)
"""
  done = subprocess.run(
    [sys.executable, "-c", code],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  loaded = done.stdout.split()
  assert f"rnn_lab.tasks.{task}" in loaded
  for package in absent:
    assert not [name for name in loaded if within(name, package)]
