"""Panels and tables of trials that were compared on one test set at one x."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rnn_lab.reports import charts
from rnn_lab.reports.metrics import format_value
from rnn_lab.reports.parts import Part
from rnn_lab.reports.section import Cell, Grid
from rnn_lab.reports.trial import Trial

# The trials of a panel by series, by the title of the panel.
Panels = dict[str, dict[str, Trial]]


def panels_of(
  part: Part, kind: Callable[[Trial], tuple[str, Any] | None]
) -> Panels:
  """Returns the trials of each panel.

  Args:
    part: the trials.
    kind: what stands above x in a title, unless it is that of all trials, and
      what the trials of a panel have in common, as JSON has it; panels that
      differ in the latter alone are numbered. None leaves a trial out.
  """
  kinds = {t.name: of_one for t in part.trials if (of_one := kind(t))}
  is_one = len({words for words, _ in kinds.values()}) == 1
  titles: dict[str, Panels] = {}
  for x in part.xs:
    for name, line in part.series.items():
      if x in line and line[x].name in kinds:
        words, shared = kinds[line[x].name]
        lines = ["" if is_one else words, part.at(x)]
        several = titles.setdefault("\n".join(filter(None, lines)), {})
        several.setdefault(json.dumps(shared), {})[name] = line[x]
  return {
    f"{title} ({n})" if len(several) > 1 else title: trials
    for title, several in titles.items()
    for n, trials in enumerate(several.values(), 1)
  }


def titles_of(panels: Panels) -> Callable[[Any, Trial], str]:
  """Returns what names the panel of a trial for `charts.table`."""
  titles = {t.name: title for title, ts in panels.items() for t in ts.values()}
  return lambda _, trial: titles.get(trial.name, "")


def grid(
  title: str,
  metric: str,
  header: Sequence[str | Cell],
  lines: Mapping[str, Iterable[float | None]],
  caption: str,
) -> Grid:
  """Returns the values of a panel's series, of a metric, as a table."""
  rows = [
    [name, *(format_value(value, metric) for value in values)]
    for name, values in lines.items()
  ]
  return Grid(title.strip().replace("\n", ", "), header, rows, caption)


def by_verdict(verdicts: Mapping[str, Any]) -> dict[Any, list[str]]:
  """Groups names by a verdict, in order of appearance, unless it is None."""
  groups: dict[Any, list[str]] = {}
  for name, verdict in verdicts.items():
    if verdict is not None:
      groups.setdefault(verdict, []).append(charts.unbroken(name))
  return groups
