"""The trials of text models that figures of one size of text compare."""

from rnn_lab.reports.details import is_of_text, perplexity
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout, say


def largest(layout: Layout) -> dict[str, Trial]:
  """Returns by series the trial at the largest x that has any results."""
  evaluated = {
    x
    for line in layout.series.values()
    for x, trial in line.items()
    if is_of_text(trial)
  }
  if not evaluated:
    return {}
  x = None if layout.x is None else max(evaluated)
  return {
    name: line[x]
    for name, line in layout.series.items()
    if is_of_text(line.get(x))
  }


def at_largest(layout: Layout) -> str:
  """Returns " (task.fraction = 1.0)" where `largest` had to choose."""
  trials = [*largest(layout).values()]
  if layout.x is None or not trials:
    return ""
  x = next(
    x
    for line in layout.series.values()
    for x, trial in line.items()
    if trial is trials[0]
  )
  return f" ({layout.x} = {say(x)})"


def left_out(layout: Layout) -> str:
  """Says which series of `largest` are infinite; empty if none is."""
  names = [n for n, t in largest(layout).items() if perplexity(t) is None]
  return f" Left out, as infinite: {'; '.join(names)}." if names else ""
