"""The results of `layers` as a table in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.benchmarks.layers import Shape
from rnn_lab.benchmarks.peers import PEERS


def markdown(result: Mapping[str, Any]) -> str:
  """Returns a table of milliseconds for each pass, and the means.

  Args:
    result: of `layers.measure`.
  """
  passes = list(dict.fromkeys(row["pass"] for row in result["rows"]))
  return "\n\n".join(
    _of_pass([r for r in result["rows"] if r["pass"] == pass_], pass_)
    + _means([m for m in result["means"] if m["pass"] == pass_])
    for pass_ in passes
  )


def _of_pass(rows: Sequence[Mapping[str, Any]], pass_: str) -> str:
  timed = {name for row in rows for name in row["ms"]}
  names = sorted(timed, key=[*PEERS, *sorted(timed)].index)
  lines = [
    f"{pass_}, ms:",
    "",
    f"| cell | B, T, D, H | {' | '.join(names)} |",
    "|---|---|" + "---:|" * len(names),
  ]
  for row in rows:
    # A JSON file has its fields in another order.
    cell, *size = Shape(**row["shape"])
    times = [
      f"{row['ms'][name]['median']:.3g}" if name in row["ms"] else "–"
      for name in names
    ]
    lines.append(
      f"| {cell} | {', '.join(map(str, size))} | {' | '.join(times)} |"
    )
  return "\n".join(lines)


def _means(means: Sequence[Mapping[str, Any]]) -> str:
  """Returns a row for each cell: times over rnn_lab's, geometric means."""
  lines = []
  for mean in means:
    slowest_last = sorted(mean["times"].items(), key=lambda item: item[1])
    times = ", ".join(f"{name} {time:.2f}" for name, time in slowest_last)
    lines.append(f"{mean['cell']}, time over rnn_lab's in the mean: {times}")
  return "\n\n" + "\n".join(lines)
