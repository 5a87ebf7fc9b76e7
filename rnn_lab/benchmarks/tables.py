"""The results of `layers` and `networks` as a table in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(result: Mapping[str, Any], header: str) -> str:
  """Returns a table of milliseconds for each pass, and the means.

  Args:
    result: of `layers.measure` or `networks.measure`.
    header: of the column with the rows' names.
  """
  passes = list(dict.fromkeys(row["pass"] for row in result["rows"]))
  return "\n\n".join(
    f"{pass_}, ms:\n\n"
    + _rows(
      [row for row in result["rows"] if row["pass"] == pass_],
      result["libraries"],
      header,
    )
    + _means([mean for mean in result["means"] if mean["pass"] == pass_])
    for pass_ in passes
  )


def _rows(
  rows: Sequence[Mapping[str, Any]], libraries: Sequence[str], header: str
) -> str:
  timed = {name for row in rows for name in row["ms"]}
  names = [name for name in libraries if name in timed]
  lines = [
    f"| cell | {header} | {' | '.join(names)} |",
    "|---|---|" + "---:|" * len(names),
  ]
  for row in rows:
    times = [
      f"{row['ms'][name]['median']:.3g}" if name in row["ms"] else "–"
      for name in names
    ]
    cells = [row["shape"]["cell"], row["name"], *times]
    lines.append(f"| {' | '.join(cells)} |")
  return "\n".join(lines)


def _means(means: Sequence[Mapping[str, Any]]) -> str:
  """Returns a row for each cell: times over rnn_lab's, geometric means."""
  lines = []
  for mean in means:
    slowest_last = sorted(mean["times"].items(), key=lambda item: item[1])
    times = ", ".join(f"{name} {time:.2f}" for name, time in slowest_last)
    lines.append(f"{mean['cell']}, time over rnn_lab's in the mean: {times}")
  return "\n\n" + "\n".join(lines)
