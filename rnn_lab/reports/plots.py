"""The figures of a report, drawn without a display.

Every figure shows the mean over seeds as a line and, around it, a band from
the smallest to the largest seed: with three or five seeds the range says more
than a standard error would.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.curves import draw_gradient_flow, draw_learning_curves
from rnn_lab.reports.gradients.plots import MAKERS, draw_study
from rnn_lab.reports.gradients.study import Group
from rnn_lab.reports.gradients.unfolded_plot import draw_unfolded
from rnn_lab.reports.headline_plot import draw_headline
from rnn_lab.reports.language_plots import (
  draw_context,
  draw_kinds,
  draw_storage,
)
from rnn_lab.reports.parts import Part
from rnn_lab.reports.success_plot import draw_success


def write_figures(
  workdir: str | Path,
  parts: Sequence[Part],
  study: Sequence[Group] = (),
  unfolded: Mapping[str, Any] | None = None,
) -> dict[str, list[Path]]:
  """Draws the figures of a sweep into `workdir`/figures.

  Args:
    workdir: the directory of the sweep.
    parts: its trials, by task.
    study: the groups of its gradient study, if it is one.
    unfolded: the lecture's network in numbers; see `draw_unfolded`.

  Returns:
    The files of "success", "headline", "gradient_flow", "learning_curves"
    and, of language models, "context", "kinds" and "storage": none where there
    is nothing to draw, several where there are more than eight series or
    several tasks. Of a gradient study also those of `gradients.plots.MAKERS`,
    and "unfolded".
    Files of an earlier report are replaced or removed.
  """
  folder = Path(workdir) / "figures"
  folder.mkdir(exist_ok=True)
  makers = {
    "headline": draw_headline,
    "gradient_flow": draw_gradient_flow,
    "learning_curves": draw_learning_curves,
    "context": draw_context,
    "kinds": draw_kinds,
    "storage": draw_storage,
  }
  with style.in_style():
    figures = {"success": [f for part in parts for f in draw_success(part)]}
    for stem, draw in makers.items():
      figures[stem] = [
        figure
        for part in parts
        if part.headline
        for figure in draw(part.layout, part.headline)
      ]
    for stem in MAKERS:
      figures[stem] = draw_study(stem, study)
    figures["unfolded"] = [draw_unfolded(unfolded)] if unfolded else []
    return {stem: _save(drawn, folder, stem) for stem, drawn in figures.items()}


def _save(figures: Sequence[Figure], folder: Path, stem: str) -> list[Path]:
  for stale in folder.glob(f"{stem}*.png"):
    stale.unlink()
  return [
    style.save(figure, folder / f"{stem}{f'-{i}' if i > 1 else ''}.png")
    for i, figure in enumerate(figures, start=1)
  ]
