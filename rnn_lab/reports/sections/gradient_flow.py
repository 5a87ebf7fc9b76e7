"""The norm of the gradient against time, logged while training."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnn_lab.reports import style
from rnn_lab.reports.curves import FLOOR, Curve, curve, draw_curve, panel_title
from rnn_lab.reports.load import Trial
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.series import Layout, groups, titled


class _Flow(NamedTuple):
  """Rows of gradient_flow.jsonl of one trial, layer, direction and step."""

  step: int
  top: str
  seeds: list[list[Any]]


def gradient_flow_section(results: Results) -> Section | None:
  """Shows the norm of dE/dh_t by time; None where it was not logged."""
  figures = [
    figure
    for part in results.parts
    if part.headline
    for figure in draw_gradient_flow(part.layout)
  ]
  if not figures:
    return None
  words = (
    "Each line is the norm of dE/dh_t, the derivative of one example's cost "
    "with respect to the hidden state at time t, averaged over a batch. "
    "Backpropagation starts at the last t and goes left, into the past. A line "
    "that falls to the left is a vanishing gradient: what was seen there can "
    "hardly be learnt. A line that rises is an exploding gradient, and a level "
    "one carries the gradient all the way."
  )
  caption = "Norm of the gradient against time"
  content = [Text(words), Figures("gradient_flow", caption, figures)]
  return Section("How the gradient flows back through time", content)


def draw_gradient_flow(layout: Layout) -> list[Figure]:
  """Draws the norm of dE/dh_t by t, at the first and the last logged step.

  A panel for each x, a line a series, or a line a recurrence where a run has
  several; of several layers the top one and of two directions the forward one.
  """
  layout = _by_recurrence(layout)
  figures = []
  for names in groups(layout, style.MOST_LINES):
    ends = {
      (name, x): _first_and_last(trial)
      for name in names
      for x, trial in layout.series[name].items()
      if trial.flow
    }
    if ends:
      figures.append(_figure(layout, names, ends))
  return figures


def _by_recurrence(layout: Layout) -> Layout:
  """A series for each recurrence of a run that has several."""
  series: dict[str, dict[Any, Trial]] = {}
  for name, line in layout.series.items():
    for x, trial in line.items():
      names = dict.fromkeys(row["recurrence"] for row in trial.flow)
      for recurrence in names or ("",):
        label = f"{name}, {recurrence}" if len(names) > 1 else name
        flow = [r for r in trial.flow if r["recurrence"] == recurrence]
        series.setdefault(label, {})[x] = trial._replace(flow=flow)
  return layout._replace(series=series)


def _figure(
  layout: Layout,
  names: Sequence[str],
  ends: dict[tuple[str, Any], list[_Flow]],
) -> Figure:
  xs = [x for x in layout.xs if any(at == x for _, at in ends)]
  bands = max(len(flows) for flows in ends.values())
  figure, axes = style.panels(len(xs), bands, y="norm of dE/dh_t")
  vanished = False
  for band, row in enumerate(axes):
    for ax, x in zip(row, xs):
      here = {
        name: ends[name, x][band]
        for name in names
        if band < len(ends.get((name, x), ()))
      }
      for place, name in enumerate(names):
        if name in here:
          norms = _flow_curve(here[name])
          vanished |= FLOOR in norms.low
          draw_curve(ax, norms, place)
      ax.set_yscale("log")
      ax.set_xlabel("time step t")
      ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
      words = _step_words({flow.step for flow in here.values()})
      title = "\n".join(filter(None, [panel_title(layout, x), words]))
      ax.set_title(title, loc="left")
  tops = {flow.top for flows in ends.values() for flow in flows}
  title = titled(
    layout.task,
    f"Norm of dE/dh_t ({' and '.join(sorted(tops))}): "
    "geometric mean over seeds, band min to max",
  )
  if vanished:
    title += f"\nvalues at {FLOOR:g} have vanished: they are that small or zero"
  figure.suptitle(style.plain(title))
  style.legend_below(figure, {name for name, _ in ends}, names)
  return figure


def _first_and_last(trial: Trial) -> list[_Flow]:
  """The top forward layer's norms, at the first and the last logged step."""
  directions = {row["direction"] for row in trial.flow}
  direction = "forward" if "forward" in directions else min(directions)
  rows = [row for row in trial.flow if row["direction"] == direction]
  layers = {row["layer"] for row in rows}
  top = max(layers)
  rows = [row for row in rows if row["layer"] == top]
  # Of several states the one that is read out.
  rows = [row for row in rows if row.get("state", "h") in ("h", "")] or rows
  place = "top layer" if len(layers) > 1 else "layer"
  words = f"{place} {top}, {direction}"
  steps = sorted({row["step"] for row in rows})
  return [
    _Flow(step, words, [r["norm"] for r in rows if r["step"] == step])
    for step in dict.fromkeys((steps[0], steps[-1]))
  ]


def _flow_curve(flow: _Flow) -> Curve:
  length = max(len(norm) for norm in flow.seeds)
  by_time = [
    [norm[t] for norm in flow.seeds if t < len(norm)] for t in range(length)
  ]
  return curve(list(range(length)), by_time, log=True)


def _step_words(steps: set[int]) -> str:
  if not steps:
    return ""
  if steps == {0}:
    return "at initialisation (step 0)"
  low, high = min(steps), max(steps)
  return f"at step {low}" if low == high else f"at steps {low} to {high}"
