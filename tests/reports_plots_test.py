"""What the figures of a report draw."""

import shutil

import numpy as np
import reports_fakes as fakes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from rnn_lab.reports import load_trials
from rnn_lab.reports.figures import write_figures
from rnn_lab.reports.page import sections_of
from rnn_lab.reports.results import read_results
from rnn_lab.reports.sections.gradient_flow import draw_gradient_flow
from rnn_lab.reports.sections.headline import draw_headline
from rnn_lab.reports.sections.learning_curves import draw_learning_curves

_lines, _levels, _bands = fakes.series_lines, fakes.levels, fakes.bands


def _seeds(ax):
  """The numbers of single seeds, which are marks without a line."""
  marks = [line for line in ax.lines if line.get_linestyle() == "None"]
  return [mark.get_xydata().tolist() for mark in marks]


def _bars(ax):
  """The ends of the bars of each series."""
  return [
    bars.get_segments()
    for bars in ax.collections
    if isinstance(bars, LineCollection)
  ]


def test_headline_figure_draws_the_means_and_chance(tmp_path):
  (figure,) = fakes.drawn(
    draw_headline, load_trials(fakes.write_sweep(tmp_path))
  )
  (ax,) = figure.axes
  lines = _lines(ax)
  assert len(lines) == 3
  for line, (_, means) in zip(lines, fakes.ACCURACY.values()):
    expected = [0.16 if m == 0.17 else m for m in means.values()]
    np.testing.assert_allclose(line.get_ydata(), expected, atol=1e-12)
    assert list(line.get_xdata()) == [0, 20, 100]
  ends = {
    (i, x): [m - 0.01] * 2 if m == 0.17 else [m - 0.01, m + 0.02]
    for i, (_, means) in enumerate(fakes.ACCURACY.values())
    for x, m in means.items()
  }
  # Of three seeds the 95% interval reaches from the least to the largest.
  for i, bars in enumerate(_bars(ax)):
    for x, bar in zip((0, 20, 100), bars, strict=True):
      np.testing.assert_allclose(bar, [[x, y] for y in ends[i, x]], atol=1e-12)
  seeds = dict(zip(ends, _seeds(ax), strict=True))
  for (i, x), (low, high) in ends.items():
    alive = [low, low] if low == high else [low, high, low]
    expected = [[x, value] for value in alive]
    np.testing.assert_allclose(seeds[i, x], expected, atol=1e-12)
  assert _levels(ax) == [0.1]
  assert len({line.get_color() for line in lines}) == 3
  assert len({line.get_marker() for line in lines}) == 3
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == [*fakes.ACCURACY, "chance (0.100)"]
  assert ax.get_xlabel() == "gap"


def test_errors_over_decades_get_a_log_axis(tmp_path):
  for spread, scale in [(2, "linear"), (1000, "log")]:
    folder = tmp_path / scale
    for gap in (4, 400):
      mse = 0.3 / (1 if gap == 4 else spread)
      outcome = fakes.result([mse, mse * 1.1], "mse", False, 0.5)
      rows = fakes.learning_rows([mse], "valid/mse")
      run = folder / str(gap)
      fakes.write_run(run, fakes.config(gap=gap), outcome, rows)
    (figure,) = fakes.drawn(draw_headline, load_trials(folder))
    assert figure.axes[0].get_yscale() == scale
    assert figure.axes[0].get_xscale() == "log"
    (figure,) = fakes.drawn(draw_learning_curves, load_trials(folder))
    scales = {ax.get_yscale() for ax in figure.axes}
    assert scales == {scale}


def test_dot_plot_where_nothing_was_swept(tmp_path):
  for cell, mean in [("lstm", 0.8), ("gru", 0.6), ("elman", 0.2)]:
    outcome = fakes.result([mean - 0.1, mean + 0.1])
    fakes.write_run(tmp_path / cell, fakes.config(cell), outcome)
  (figure,) = fakes.drawn(draw_headline, load_trials(tmp_path))
  (ax,) = figure.axes
  names = [label.get_text() for label in ax.get_yticklabels()]
  assert names == ["cell=elman", "cell=gru", "cell=lstm"]
  means = [line.get_xydata()[0] for line in _lines(ax)]
  np.testing.assert_allclose(means, [[0.2, 0], [0.6, 1], [0.8, 2]])
  for (_, row), (bar,), seeds in zip(means, _bars(ax), _seeds(ax), strict=True):
    mean = means[int(row)][0]
    ends = [[mean - 0.1, row], [mean + 0.1, row]]
    np.testing.assert_allclose(bar, ends)
    np.testing.assert_allclose(seeds, ends)
  assert _levels(ax, axis=0) == [0.1]


def test_gradient_flow_is_a_geometric_mean_and_zero_has_a_floor(tmp_path):
  flow = [
    {"step": step, "seed": seed, "recurrence": "stack", "layer": layer,
     "direction": "forward",
     "norm": norm}
    for step, layer, seed, norm in [
      (0, 0, 0, [7.0, 7.0]), (0, 0, 1, [7.0, 7.0]),
      (0, 1, 0, [1e-4, 1.0]), (0, 1, 1, [1e-2, 4.0]),
      (500, 1, 0, [5.0, 5.0]), (500, 1, 1, [5.0, 5.0]),
      (900, 1, 0, [0.0, 0.5]), (900, 1, 1, [None, None]),
    ]
  ]  # fmt: skip
  fakes.write_run(tmp_path, fakes.config(), fakes.result([0.5, 0.6]), [], flow)
  figures = fakes.drawn(draw_gradient_flow, tmp_path)
  (first,), (last,) = [figure.axes for figure in figures]
  np.testing.assert_allclose(_lines(first)[0].get_ydata(), [1e-3, 2.0])
  np.testing.assert_allclose(_lines(last)[0].get_ydata(), [1e-30, 0.5])
  assert list(_lines(first)[0].get_xdata()) == [0, 1]
  (band,) = _bands(first)
  np.testing.assert_allclose(band[0], [1e-4, 1e-2])
  np.testing.assert_allclose(band[1], [1.0, 4.0])
  assert first.get_yscale() == last.get_yscale() == "log"
  titles = [fakes.unset(figure.get_suptitle()) for figure in figures]
  start = "Norm of dE/dh_t (top layer 1, forward) at "
  assert titles[0].startswith(f"{start}initialisation (step 0): ")
  assert titles[1].startswith(f"{start}step 900: ")
  assert ["vanished" in title for title in titles] == [False, True]


def test_learning_curves_skip_a_seed_from_where_it_diverged(tmp_path):
  rows = [
    {"step": 10, "train/loss": [3.0, 3.0, 3.0]},
    {"step": 10, "valid/accuracy": [0.1, 0.2, 0.6]},
    {"step": 20, "train/loss": [2.0, 2.0, None]},
    {"step": 20, "valid/accuracy": [0.6, 0.8, None]},
    {"step": 30, "valid/accuracy": [None, None, None]},
  ]
  result = fakes.result([0.5, 0.5, None])
  fakes.write_run(tmp_path, fakes.config(), result, rows)
  (figure,) = fakes.drawn(draw_learning_curves, load_trials(tmp_path))
  (line,) = _lines(figure.axes[0])
  assert list(line.get_xdata()) == [10, 20, 30]
  np.testing.assert_allclose(line.get_ydata(), [0.3, 0.7, np.nan])
  assert _bands(figure.axes[0]) == [{10: [0.1, 0.6], 20: [0.6, 0.8]}]
  assert _levels(figure.axes[0]) == [0.1]


def test_more_than_eight_series_are_split_and_old_figures_removed(tmp_path):
  for i in range(9):
    for gap in (1, 2):
      name = f"{i}-{gap}"
      values = [0.1 * i + 0.01 * gap]
      outcome = fakes.result(values)
      rows = fakes.learning_rows(values)
      flow = fakes.flow_rows(4, 0.5, seeds=1)
      fakes.write_run(
        tmp_path / name, fakes.config(gap=gap), outcome, rows, flow
      )
      label = {"name": name, "overrides": {"task.gap": gap}, "series": f"_{i}"}
      fakes.write_json(tmp_path / name / "trial.json", label)
  trials = load_trials(tmp_path)
  for figures in (
    fakes.drawn(draw_headline, trials),
    fakes.drawn(draw_gradient_flow, trials)[:2],
    fakes.drawn(draw_learning_curves, trials),
  ):
    assert [len(_lines(figure.axes[0])) for figure in figures] == [4, 5]
    words = [t.get_text() for t in figures[1].legends[0].get_texts()]
    assert [word.strip() for word in words[:5]] == [
      f"_{i}" for i in range(4, 9)
    ]
  folder = tmp_path / "figures"
  sections = sections_of(read_results(tmp_path))
  written = write_figures(tmp_path, sections)["headline"]
  assert written == [folder / "headline.png", folder / "headline-2.png"]
  assert len(list(folder.iterdir())) == 8
  # A figure of somebody else, which stays.
  Figure().savefig(folder / "headline-mine.png")
  for run in list(tmp_path.glob("[2-9]-*")):
    shutil.rmtree(run)
  write_figures(tmp_path, sections_of(read_results(tmp_path)))
  assert sorted(path.name for path in folder.iterdir()) == [
    "gradient_flow-2.png",
    "gradient_flow.png",
    "headline-mine.png",
    "headline.png",
    "learning_curves.png",
  ]


def test_one_layer_is_not_called_the_top_one(tmp_path):
  """Though an LSTM has two states, and two directions are logged."""
  flow = [
    {**row, "state": state, "direction": direction}
    for state in ("c", "h")
    for direction in ("forward", "backward")
    for row in fakes.flow_rows(4, 0.5, seeds=1)
  ]
  fakes.write_run(tmp_path, fakes.config(), fakes.result([0.5]), [], flow)
  figure, _ = fakes.drawn(draw_gradient_flow, tmp_path)
  title = fakes.unset(figure.get_suptitle())
  assert title.startswith("Norm of dE/dh_t (layer 0, forward) at ")


def test_gradient_flow_has_a_line_for_each_of_several_recurrences(tmp_path):
  decays = {"stack": 0.5, "reader": 0.25, "writer": 0.125}
  for name, recurrences in [("gru", ["stack"]), ("lstm", ["reader", "writer"])]:
    flow = [
      {**row, "recurrence": recurrence}
      for recurrence in recurrences
      for row in fakes.flow_rows(4, decays[recurrence], seeds=1, steps=(0,))
    ]
    fakes.write_run(
      tmp_path / name, fakes.config(name), fakes.result([0.5]), [], flow
    )
  (figure,) = fakes.drawn(draw_gradient_flow, tmp_path)
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == ["cell=gru", "cell=lstm, reader", "cell=lstm, writer"]
  (ax,) = figure.axes
  for line, decay in zip(_lines(ax), decays.values(), strict=True):
    norms = line.get_ydata()
    np.testing.assert_allclose(norms[1:] / norms[:-1], 1 / decay)


def test_more_than_six_panels_wrap(tmp_path):
  for gap in range(8):
    rows = fakes.learning_rows([0.1 + gap / 10])
    flow = fakes.flow_rows(4 + gap, 0.5, seeds=1)
    outcome = fakes.result([0.1 + gap / 10])
    fakes.write_run(
      tmp_path / str(gap), fakes.config(gap=gap), outcome, rows, flow
    )
  trials = load_trials(tmp_path)
  (curves,) = fakes.drawn(draw_learning_curves, trials)
  for figure in [curves, *fakes.drawn(draw_gradient_flow, trials)]:
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 8 and len(figure.axes) == 12
    assert all(len(_lines(ax)) == 1 for ax in shown)
    ends = [_lines(ax)[0].get_ydata()[-1] for ax in shown]
    if figure is curves:
      np.testing.assert_allclose(ends, 0.1 + np.arange(8) / 10)
