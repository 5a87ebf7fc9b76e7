"""The figures of a report, drawn without a display.

Every figure shows the mean over seeds as a line and, around it, a band from
the smallest to the largest seed: with three or five seeds the range says more
than a standard error would.
"""

from collections.abc import Sequence
from pathlib import Path

from rnn_lab.reports import style
from rnn_lab.reports.curves import draw_gradient_flow, draw_learning_curves
from rnn_lab.reports.headline import headline_of
from rnn_lab.reports.headline_plot import draw_headline
from rnn_lab.reports.language_plots import (
  draw_context,
  draw_kinds,
  draw_storage,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import arrange


def write_figures(
  workdir: str | Path, trials: Sequence[Trial]
) -> dict[str, list[Path]]:
  """Draws the figures of a sweep into `workdir`/figures.

  Returns:
    The files of "headline", "gradient_flow", "learning_curves" and, of
    language models, "context", "kinds" and "storage": none where there is
    nothing to draw, several where there are more than eight series.
    Files of an earlier report are replaced or removed.
  """
  folder = Path(workdir) / "figures"
  folder.mkdir(exist_ok=True)
  layout = arrange(trials)
  headline = headline_of(trials)
  makers = {
    "headline": draw_headline,
    "gradient_flow": draw_gradient_flow,
    "learning_curves": draw_learning_curves,
    "context": draw_context,
    "kinds": draw_kinds,
    "storage": draw_storage,
  }
  written = {}
  with style.in_style():
    for stem, draw in makers.items():
      for stale in folder.glob(f"{stem}*.png"):
        stale.unlink()
      figures = draw(layout, headline) if headline else []
      written[stem] = [
        style.save(figure, folder / f"{stem}{f'-{i}' if i > 1 else ''}.png")
        for i, figure in enumerate(figures, start=1)
      ]
  return written
