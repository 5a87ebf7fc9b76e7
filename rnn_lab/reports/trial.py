"""What a report knows of a run and of a sweep."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rnn_lab.reports.numbers import finite


class Trial(NamedTuple):
  """One run of a sweep, as read from its directory.

  Attributes:
    name: unique in the sweep.
    overrides: the config fields that distinguish it, by dotted name.
    is_of_sweep: whether a sweep set them; else they are what differs from other
      runs in the same folder.
    folder: the folder of its sweep, relative to the directory that was read, or
      the name of that directory if several were; "" for the only one.
    series: the line it belongs to in a figure; None if it has no name.
    status: finished, partial, diverged, unfinished, failed, not run, "stopped
      at step N" (early, by successive halving), or damaged
      if its result is.
    path: the run directory; None for a planned trial without one.
    config: the resolved config, {} before it was written.
    result: the content of result.json; None until the run ended.
    metrics: the rows of metrics.jsonl.
    flow: the rows of gradient_flow.jsonl.
    gradients: the content of gradients.json, if there is one.
    examples: the content of examples.json, if there is one.
    timing: the rows of timing.jsonl.
    environment: the content of environment.json, {} without one.
    seconds: how long the run took, all its sessions together; None if that was
      not recorded. One that was killed counts up to its last row.
    halted: where the trial was stopped early, and its rank; None if it was not.
    error: the content of error.txt, if the trial failed.
    damaged: a line for each file that is, and so counts as missing.
  """

  name: str
  overrides: dict[str, Any]
  series: str | None
  status: str
  path: Path | None = None
  config: Mapping[str, Any] = MappingProxyType({})
  result: dict[str, Any] | None = None
  metrics: Sequence[dict[str, Any]] = ()
  flow: Sequence[dict[str, Any]] = ()
  gradients: dict[str, Any] | None = None
  examples: dict[str, Any] | None = None
  timing: Sequence[dict[str, Any]] = ()
  environment: Mapping[str, Any] = MappingProxyType({})
  seconds: float | None = None
  halted: dict[str, Any] | None = None
  error: str | None = None
  damaged: Sequence[str] = ()
  folder: str = ""
  is_of_sweep: bool = True

  @property
  def seeds(self) -> list[dict[str, Any]]:
    """What the result says of each seed; [] until the run ended."""
    return [] if self.result is None else self.result["seeds"]

  @property
  def short_name(self) -> str:
    """The name without the folder, as it is in its sweep."""
    return self.name.removeprefix(f"{self.folder}/")

  @property
  def details(self) -> dict[str, Any]:
    """What the result says beside its metrics; {} until the run ended."""
    return (self.result or {}).get("details") or {}

  @property
  def takes_steps(self) -> bool:
    """Whether it trains step by step; without a result that is assumed."""
    return self.result is None or any(
      seed["last_step"] or seed["status"] == "diverged" for seed in self.seeds
    )

  def entry(self, metric: str, split: str = "test") -> dict[str, Any] | None:
    """Returns mean, std and values of a metric; None where not measured."""
    return (self.result or {"metrics": {}})["metrics"].get(f"{split}/{metric}")

  def values(self, metric: str, split: str = "test") -> list[float]:
    """Returns the finite values of the seeds."""
    entry = self.entry(metric, split)
    return finite(entry["values"]) if entry else []

  def alive(self, values: Sequence[Any]) -> list[Any]:
    """Returns what belongs to seeds that did not diverge, of one a seed."""
    return [v for v, s in zip(values, self.seeds) if s["status"] != "diverged"]

  def field(self, name: str) -> Any:
    """Returns a config field by its dotted name; None where unknown."""
    if name in self.overrides:
      return self.overrides[name]
    value: Any = self.config
    for key in name.split("."):
      value = value.get(key) if isinstance(value, Mapping) else None
    return value


class Sweep(NamedTuple):
  """The content of sweep.json; fields are empty where there is none.

  Attributes:
    config: the path of its config file.
    argument: the argument of the config.
    sweep: the name of the sweep, of several in one config.
    halving: the fields of `rnn_lab.sweeps.halving.Halving`, where trials were
      stopped early.
    command_line: fields that were set on the command line.
    title: the title of the report.
    text: its opening paragraphs.
    claims: see `rnn_lab.reports.claims`.
    goals: see `rnn_lab.reports.goals`.
    published: likewise.
    repeats: a swept field whose trials are taken together like seeds; see
      `rnn_lab.reports.repeats`.
    groups: series that are drawn together, by the title of their figure.
    labels: words for fields, with their unit: {"task.gap": "gap (steps)"}.
    unfolded: a network of two or three steps in numbers; see
      `rnn_lab.reports.sections.unfolded`.
    trials: name, overrides and series of each planned trial.
  """

  config: str = ""
  argument: str = ""
  sweep: str = ""
  halving: Mapping[str, Any] = MappingProxyType({})
  command_line: Mapping[str, Any] = MappingProxyType({})
  title: str = ""
  text: str = ""
  claims: Sequence[Any] = ()
  goals: Sequence[Mapping[str, Any]] = ()
  published: Sequence[Mapping[str, Any]] = ()
  repeats: str = ""
  groups: Mapping[str, Sequence[str]] = MappingProxyType({})
  labels: Mapping[str, str] = MappingProxyType({})
  unfolded: Mapping[str, Any] = MappingProxyType({})
  trials: Sequence[Mapping[str, Any]] = ()
