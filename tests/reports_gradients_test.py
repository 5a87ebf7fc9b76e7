"""What the figures, the table and the page of a gradient study show.

A group of series keeps the order of its lines; titles and drawn numbers are
held against the made-up logs of reports_gradient_fakes, worked out by hand.
"""

import math
import types

import numpy as np
import pytest
import reports_fakes as fakes
import reports_gradient_fakes as gradient_fakes
from reports_gradient_fakes import gradients, portrait

from configs.claims import at, claim
from rnn_lab.reports import load_trials, style, write_report
from rnn_lab.reports.claims import FAILS, HOLDS, UNKNOWN, evaluate
from rnn_lab.reports.gradients import words as words
from rnn_lab.reports.gradients.draw import draw
from rnn_lab.reports.gradients.kinds import KINDS
from rnn_lab.reports.gradients.numbers import study_grid, study_number
from rnn_lab.reports.gradients.study import Group, study_of
from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.sections.gradients import HEADING

LENGTH = 11
HIDDEN = 4

_lines = fakes.series_lines


def _small(rate, **options):
  return portrait(rate, length=LENGTH, hidden=HIDDEN, **options)


def _group(tmp_path, contents, title=""):
  """A group whose lines have these contents of gradients.json."""
  for name, content in contents.items():
    gradient_fakes.write_trial(tmp_path, name, content)
  trials = {trial.series: trial for trial in load_trials(tmp_path)}
  return Group(title, {name: trials[name] for name in contents})


def _draw(name, group):
  return draw(KINDS[f"gradient_{name}"], group)


def _title(figure):
  """The title with its folds undone."""
  title = fakes.unset(figure.get_suptitle())
  return title.replace("\n    ", " ").split("\n")


def _panel_titles(figure):
  return [ax.get_title(loc="left") for ax in figure.axes]


def _note(figure):
  return figure.legends[0].get_title().get_text().replace("\n", " ")


def test_numbers_as_words():
  logs = [math.log10(0.62), -9.2, math.log10(4.2), 2.7, -math.inf, 300.4]
  said = ["0.62", "10⁻⁹", "4.2", "501", "0", "10³⁰⁰"]
  assert [words.number(log10) for log10 in logs] == said
  assert words.factor(math.log10(0.9977)) == "0.998"
  assert words.percent(math.log10(0.034)) == "3.4%"
  assert words.percent(math.log10(1.3)) == "130%"
  assert words.percent(-7.1) == "10⁻⁷"
  assert words.signed(-0.0042) == "−0.004"
  assert words.steps(1.04) == "1 step"
  values = {"a": 1.0, "b": 3.0, "c": 1.0, "d": 2.0}
  said = words.from_best_to_worst(values, "{:g}".format)
  assert said == "3 (b) down to 1 (a; c)"
  said = words.from_best_to_worst({**values, "e": 1.0}, str, least_first=True)
  assert said == "1.0 (3 of 5) down to 3.0 (b)"
  assert words.from_best_to_worst({"a": 1.0, "b": 1.0}, str) == "1.0 in all 2"
  said = words.counted({"a": 1.0, "b": 3.0}, 2, str, "most", least=True)
  assert said == "all 2 (most: a, 1.0)"
  assert words.counted({}, 4, str, "most") == "none"


def test_study_draws_together_what_the_sweep_says(tmp_path):
  names = [f"s{i}" for i in range(11)]
  content = gradients(_small(-0.1))
  for name in names:
    gradient_fakes.write_trial(tmp_path, name, content)
  gradient_fakes.write_trial(tmp_path, "nothing", None)
  trials = load_trials(tmp_path)
  assert {t.series: t.gradients is None for t in trials}["nothing"]
  layout = fakes.part_of(trials)
  # As s10 comes before s2 in the order of the directories.
  together = {"Two": ["s2", "s10", "nothing", "nobody"], "One": ["s2"]}
  study = study_of(layout, together)
  assert [(group.title, list(group.lines)) for group in study] == [
    ("Two", ["s2", "s10"]),
    ("One", ["s2"]),
    ("Other series", [n for n in sorted(names) if n not in ("s2", "s10")][:4]),
    ("Other series", [n for n in sorted(names) if n not in ("s2", "s10")][4:]),
  ]
  assert [len(group.lines) for group in study_of(layout, {})] == [5, 6]
  nothing = [trial for trial in trials if trial.gradients is None]
  assert study_of(fakes.part_of(nothing), together) == []


def test_lines_of_a_swept_series_have_different_names(tmp_path):
  for gap in (4, 8):
    folder = tmp_path / str(gap)
    fakes.write_run(folder, fakes.config(gap=gap), fakes.result([0.5]))
    fakes.write_json(folder / "gradients.json", gradients(_small(-0.1)))
    label = {"name": str(gap), "overrides": {"task.gap": gap}, "series": "GRU"}
    fakes.write_json(folder / "trial.json", label)
  (group,) = study_of(fakes.part_of(tmp_path), {"G": ["GRU"]})
  assert list(group.lines) == ["GRU, gap = 4", "GRU, gap = 8"]


def test_lag_figure_says_what_is_left_of_the_gradient(tmp_path):
  keeps, loses = _small(0.0), _small(-0.5)
  flow = keeps["flow"]["h"]["log10_by_lag"]
  flow[:] = [-1.0 + math.log10(0.6) * lag / 10 for lag in range(LENGTH)]
  loses["flow"]["h"]["log10_by_lag"][:] = [-0.9 * lag for lag in range(LENGTH)]
  group = _group(
    tmp_path,
    {"_$keeps": gradients(keeps, loses), "loses": gradients(loses, keeps)},
    "Cells",
  )
  figure = _draw("lags", group)
  assert _title(figure) == [
    "Cells: what is left of the gradient 10 steps back",
    r"at initialisation: 0.60 (_\$keeps) down to 10⁻⁹ (loses)",
    r"after 600 updates: 0.60 (loses) down to 10⁻⁹ (_\$keeps)",
  ]
  before, after = figure.axes
  assert _panel_titles(figure) == ["at initialisation", "after 600 updates"]
  np.testing.assert_array_equal(_lines(before)[0].get_ydata(), flow)
  np.testing.assert_array_equal(_lines(after)[1].get_ydata(), flow)
  assert list(_lines(before)[0].get_xdata()) == list(range(LENGTH))
  ticks = {t: label.get_text() for t, label in
           zip(before.get_yticks(), before.get_yticklabels())}  # fmt: skip
  assert ticks[-8.0] == "10⁻⁸"
  assert ticks[0.0] == "1"
  said = [text.get_text() for text in figure.legends[0].get_texts()]
  assert said == [r" _\$keeps", "loses"]


def test_a_gradient_that_grows_or_is_exactly_zero(tmp_path):
  grows, gone = _small(0.2), _small(-1.0)
  grows["flow"]["h"]["log10_by_lag"][:] = [0.1 * lag for lag in range(LENGTH)]
  gone["flow"]["h"]["log10_by_lag"][6:] = [None] * 5
  group = _group(tmp_path, {"grows": gradients(grows), "gone": gradients(gone)})
  figure = _draw("lags", group)
  assert _title(figure)[1:] == [
    "at initialisation: grown 10-fold (grows) down to 0 (gone)"
  ]
  (ax,) = figure.axes
  drawn = _lines(ax)[1].get_ydata()
  assert np.isfinite(drawn[:6]).all()
  assert np.isnan(drawn[6:]).all()
  assert _note(figure) == "a line ends where the gradient is exactly zero"


def test_jacobian_figure_names_what_vanishes_and_tests_the_bound(tmp_path):
  contents = {
    "falls": gradients(_small(-0.4, bound=-0.3)),
    "stays": gradients(_small(-0.05)),
    "grows": gradients(_small(0.2, bound=0.9)),
  }
  group = _group(tmp_path, contents)
  figure = _draw("jacobians", group)
  assert _title(figure) == [
    "The Jacobian dh_t/dh_k over 10 steps",
    "at initialisation: vanishes in 1 of 3 (falls, × 0.398 a step), "
    "explodes in 1 of 3 (grows, × 1.58 a step)",
    "the bound of Pascanu et al. holds at every lag",
  ]
  (ax,) = figure.axes
  jacobian = contents["grows"]["at"]["initialisation"]["jacobian"]
  drawn = _lines(ax)[2]
  np.testing.assert_array_equal(
    drawn.get_ydata(), jacobian["log10_largest"]["mean"]
  )
  bounds = [line for line in ax.lines if line.get_linestyle() == ":"]
  assert len(bounds) == 2
  np.testing.assert_allclose(
    bounds[1].get_ydata(), [0.9 * lag for lag in range(LENGTH)]
  )
  assert bounds[1].get_color() == drawn.get_color()
  band = ax.collections[2].get_paths()[0].vertices
  corners = {(x, y) for x, y in band.round(9)}
  for key in ("low", "high"):
    edge = jacobian["log10_largest"][key]
    assert {(x, round(y, 9)) for x, y in enumerate(edge)} <= corners
  # A bound far above everything does not set the scale.
  assert ax.get_ylim()[1] < 5
  jacobian["log10_bound"][4] = jacobian["log10_largest"]["high"][
    4
  ] - math.log10(2)
  figure = _draw("jacobians", _group(tmp_path, contents))
  assert _title(figure)[2:] == [
    "the bound of Pascanu et al. is broken in 1 of 2 (grows, by a factor of "
    "2.00)"
  ]
  (stays,) = _group(tmp_path, {"stays": contents["stays"]}).lines.values()
  figure = _draw("jacobians", Group("", {"stays": stays}))
  assert _title(figure)[1:] == [
    "at initialisation: vanishes in none, explodes in none"
  ]


def test_no_more_than_eight_lines_the_tightest_bounds_among_them(tmp_path):
  contents = {
    f"gain {n}": gradients(_small(-0.1, bound=0.1 * (n - 3))) for n in range(6)
  }
  (ax,) = _draw("jacobians", _group(tmp_path, contents)).axes
  bounds = [line for line in ax.lines if line.get_linestyle() == ":"]
  assert (len(ax.lines), len(bounds)) == (8, 2)
  ends = sorted(line.get_ydata()[-1] for line in bounds)
  np.testing.assert_allclose(ends, [-3.0, -2.0])


def test_spectrum_figure_counts_directions_at_the_longest_lag(tmp_path):
  contents = {"wide": gradients(_small(0.0)), "thin": gradients(_small(0.0))}
  for content, logs in zip(
    contents.values(), [[1.0, -1.9, -1.99, -2.1], [-3.0, -5.0, -40.0, None]]
  ):
    spectra = content["at"]["initialisation"]["jacobian"]["spectra"]
    spectra[-1]["log10"] = logs
    spectra.reverse()
  figure = _draw("spectra", _group(tmp_path, contents))
  assert _title(figure) == [
    "Directions (of 4) that keep over 1% of length in 10 steps",
    "at initialisation: 3 (wide) down to 0 (thin)",
  ]
  (ax,) = figure.axes
  wide, thin = _lines(ax)
  assert list(wide.get_xdata()) == [1, 2, 3, 4]
  np.testing.assert_array_equal(wide.get_ydata(), [1.0, -1.9, -1.99, -2.1])
  np.testing.assert_array_equal(thin.get_ydata(), [-3.0, -5.0, -40.0, np.nan])
  assert _note(figure) == "values under 10⁻¹² are not shown"
  assert ax.get_ylim()[0] == -12


def test_spectrum_figure_says_what_rounding_lost(tmp_path):
  content = gradients(_small(0.0))
  spectra = content["at"]["initialisation"]["jacobian"]["spectra"]
  spectra[-1] |= {"log10": [1.0, -3.0, None, None], "lost": 1}
  figure = _draw("spectra", _group(tmp_path, {"wide": content}))
  assert _note(figure).endswith("lost to rounding and not shown: 1")
  spectra[-1]["lost"] = 0
  figure = _draw("spectra", _group(tmp_path, {"wide": content}))
  assert "lost" not in _note(figure)


def test_lyapunov_figure_tells_growth_from_rest(tmp_path):
  contents = {
    name: gradients(_small(0.0), _small(0.0))
    for name in ("chaos", "still", "calm")
  }
  for content, largest in zip(contents.values(), (0.3, 0.05, -0.051)):
    content["at"]["initialisation"]["lyapunov"] = [largest, -1.0, -2.0]
    content["at"]["trained"]["lyapunov"] = [-largest, -1.0, -2.0, None]
  figure = _draw("lyapunov", _group(tmp_path, contents))
  assert _title(figure)[1:] == [
    "at initialisation they grow in 1 of 3 (chaos, +0.30), keep their size in "
    "1 of 3 (still, +0.050), shrink in 1 of 3 (calm, −0.051)",
    "after 600 updates they grow in 1 of 3 (calm, +0.051), keep their size in "
    "1 of 3 (still, −0.050), shrink in 1 of 3 (chaos, −0.30)",
  ]
  before, after = figure.axes
  np.testing.assert_array_equal(
    _lines(before)[2].get_ydata(), [-0.051, -1.0, -2.0]
  )
  assert np.isnan(_lines(after)[0].get_ydata()[3])
  assert "are not shown" in _note(figure)
  levels = [line.get_ydata()[0] for line in before.lines[-1:]]
  assert levels == [0.0]


def test_gates_are_drawn_of_gated_series_alone(tmp_path):
  contents = {
    "plain": gradients(_small(-0.1)),
    "short": gradients(_small(-0.1, bias=0.0)),
    "long": gradients(_small(-0.1, bias=1.0)),
  }
  lives = {"short": [4.0, 1.0, 2.0, 1.5], "long": [None, 20.0, 200.0, None]}
  for name, values in lives.items():
    (gate,) = contents[name]["at"]["initialisation"]["gates"]
    gate["half_life_by_unit"] = values
  group = _group(tmp_path, contents)
  figure = _draw("gates", group)
  assert _title(figure)[1:] == [
    "at initialisation: infinitely many steps (long) down to 1.8 steps (short)"
  ]
  (ax,) = figure.axes
  short, long = _lines(ax)
  np.testing.assert_allclose(10 ** short.get_ydata(), [1.0, 1.5, 2.0, 4.0])
  np.testing.assert_allclose(10 ** long.get_ydata(), [20, 200, 1e4, 1e4])
  assert short.get_color() == style.line_style(1)["color"]
  (level,) = [line for line in ax.lines if line not in (short, long)]
  np.testing.assert_allclose(10 ** level.get_ydata()[0], LENGTH)
  assert _note(figure) == "the upper edge is an infinite half-life"
  alone = Group("", {"plain": group.lines["plain"]})
  assert _draw("gates", alone) is None
  assert _draw("memory", alone) is None


def test_memory_figure_holds_the_direct_path_beside_the_total(tmp_path):
  first, last = _small(-0.1, bias=0.0), _small(-0.1, bias=0.0)
  for content, share in [(first, 0.034), (last, 0.97)]:
    (gate,) = content["gates"]
    gate["log10_total"] = [-0.2 * lag for lag in range(LENGTH)]
    gate["log10_direct"] = [
      total + math.log10(share) * lag / 10
      for lag, total in enumerate(gate["log10_total"])
    ]
  group = _group(tmp_path, {"LSTM": gradients(first, last)})
  figure = _draw("memory", group)
  assert _title(figure)[1:] == [
    "at initialisation: 3.4% (LSTM)",
    "after 600 updates: 97% (LSTM)",
  ]
  before, after = figure.axes
  assert _panel_titles(figure) == [
    "LSTM, at initialisation",
    "LSTM, after 600 updates",
  ]
  for ax, content in [(before, first), (after, last)]:
    (gate,) = content["gates"]
    direct, total = _lines(ax)
    np.testing.assert_array_equal(direct.get_ydata(), gate["log10_direct"])
    np.testing.assert_array_equal(total.get_ydata(), gate["log10_total"])
  assert fakes.unset(before.get_ylabel()) == "dc_t / dc_k"


def test_truncation_figure_finds_the_reach_from_which_errors_are_small(
  tmp_path,
):
  # The third dips under a tenth at 2, but is not yet there.
  errors = {
    "soon": [0.5, 0.09, 0.01, 1e-7, 0.0],
    "late": [1.0, 0.9, 0.8, 0.5, 0.0],
    "dips": [0.5, 0.05, 0.2, 0.04, 0.0],
    "never": [1.0, None, None, None, None],
  }
  contents = {name: gradients(_small(-0.1)) for name in errors}
  for name, values in errors.items():
    cut = contents[name]["at"]["initialisation"]["truncation"]
    assert cut["reaches"] == [1, 2, 4, 8, 11]
    cut["relative_error"] = values
  figure = _draw("truncation", _group(tmp_path, contents))
  assert _title(figure) == [
    "Reach at which truncated BPTT errs by under 10% (T = 11)",
    "at initialisation: 2 (soon) to 11 (late)",
  ]
  (ax,) = figure.axes
  soon, late, dips, never = _lines(ax)
  np.testing.assert_allclose(2 ** dips.get_xdata(), [1, 2, 4, 8, 11])
  np.testing.assert_allclose(
    10 ** soon.get_ydata(), [0.5, 0.09, 0.01, 1e-3, 1e-3]
  )
  assert list(np.isnan(never.get_ydata())) == [False] + [True] * 4
  assert [t.get_text() for t in ax.get_xticklabels()] == [
    "1", "2", "4", "8", "11",
  ]  # fmt: skip
  del contents["soon"], contents["late"]
  figure = _draw("truncation", _group(tmp_path, contents))
  assert _title(figure)[1:] == ["at initialisation: 8 (dips)"]


def test_terms_figure_of_the_top_layer(tmp_path):
  content = gradients(_small(0.0), layers=2)
  shares = np.array([0.5, 0.3, 0.15, 0.05])
  logs = [*np.log10(shares), *[None] * 7]
  content["at"]["initialisation"]["terms"] = {
    "1.recurrent_kernel": {"log10_by_lag": logs},
    "0.recurrent_kernel": {"log10_by_lag": [3.0] * LENGTH},
    "0.input_kernel": {"log10_by_lag": [2.0] * LENGTH},
  }
  foreign = gradients(_small(0.0))
  del foreign["at"]["initialisation"]["terms"]
  group = _group(tmp_path, {"deep": content, "foreign": foreign})
  figure = _draw("terms", group)
  assert _title(figure)[1:] == ["recurrent weights at initialisation: 2 (deep)"]
  titles = [title.replace("\n", " ") for title in _panel_titles(figure)]
  assert titles == [
    "recurrent weights, top layer, at initialisation",
    "input weights, top layer, at initialisation",
  ]
  (line,) = _lines(figure.axes[0])
  np.testing.assert_allclose(10 ** line.get_ydata()[:4], shares)
  assert _draw("terms", Group("", {"foreign": group.lines["foreign"]})) is None


def test_top_layer_is_read_and_a_diverged_seed_is_named(tmp_path):
  deep = gradients(_small(-0.1, read="1.h"), _small(-0.2, read="1.h"),
                   read="1.h", layers=2)  # fmt: skip
  for content in deep["at"].values():
    content["flow"]["0.h"] = {"log10_by_lag": [5.0] * LENGTH}
    content["gates"] = [
      gradient_fakes.gate(bias, -0.1, f"{layer}.c", LENGTH, HIDDEN)
      for layer, bias in enumerate([0.0, 1.0])
    ]
  lost = gradients(_small(-0.3))
  group = _group(tmp_path, {"deep": deep, "lost": lost})
  figure = _draw("lags", group)
  assert _panel_titles(figure) == [
    "at initialisation, top layer",
    "after 600 updates, top layer",
  ]
  before, after = figure.axes
  assert _lines(before)[0].get_ydata()[0] == pytest.approx(-0.8)
  assert [len(_lines(ax)) for ax in (before, after)] == [2, 1]
  assert _note(figure) == "diverged, so not measured after training: lost"
  figure = _draw("memory", group)
  label = fakes.unset(figure.axes[0].get_ylabel())
  assert label == "dc_t / dc_k"
  slope = math.log10(1 / (1 + math.exp(-1.0)))
  direct = _lines(figure.axes[0])[0].get_ydata()
  np.testing.assert_allclose(direct, slope * np.arange(LENGTH), atol=1e-12)


def test_no_words_are_cut_off_or_lie_on_panels(tmp_path):
  long = "cell=lstm, forget_bias=1.0, recurrent_init=orthogonal, gain=1.25"
  names = ["$x_1$", long, *(f"LSTM, forget bias {i}" for i in range(6))]
  content = gradients(
    _small(-0.3, bias=1.0, bound=-0.1), _small(25.0, bias=3.0), layers=2
  )
  group = _group(
    tmp_path, dict.fromkeys(names, content), "Gain of the recurrent weights"
  )
  few = Group(group.title, {name: group.lines[name] for name in names[:2]})
  with style.in_style():
    for name in ("jacobians", "terms", "memory"):
      figure = _draw(name, few if name == "memory" else group)
      figure.draw_without_rendering()
      (legend,), title = figure.legends, figure.texts[0]
      boxes = [title.get_window_extent(), legend.get_window_extent()]
      head, foot = boxes
      for ax in figure.axes:
        box = ax.get_tightbbox()
        boxes.append(box)
        assert foot.y1 <= box.y0 + 1
        assert box.y1 <= head.y0 + 1
        assert ax.get_window_extent().height > 0.9 * figure.dpi
      for box in boxes:
        assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1


def test_table_holds_each_series_once(tmp_path):
  names = ["tanh RNN", "LSTM, chrono"]
  root = gradient_fakes.write_study(
    tmp_path, names, {"A": names, "B": names[:1]}, length=LENGTH, hidden=HIDDEN
  )
  (part,) = parts_of(load_trials(root))
  grid = study_grid(study_of(part, load_sweep(root).groups), part)
  assert grid.header[0] == "series"
  assert grid.header[-1] == "test mse"
  half_life = [
    math.log(0.5) / math.log(1 / (1 + math.exp(-bias)))
    * (10 ** (0.5 * math.sin(3)) + 1) / 2
    for bias in (3.6, 4.2)
  ]  # fmt: skip
  assert grid.rows == [
    [
      "tanh RNN",
      "0.950 → 0.950",
      "0.908 → 0.973",
      "−0.097 → −0.028",
      "–",
      "0.0308",
    ],
    [
      "LSTM, chrono",
      "–",
      "0.979 → 1.01",
      "−0.021 → +0.007",
      " → ".join(f"{steps:.1f}" for steps in half_life),
      "0.0227",
    ],
  ]


def test_page_has_the_section_only_when_there_is_a_study(tmp_path):
  root = tmp_path / "study"
  names = ["tanh RNN", "LSTM, chrono"]
  gradient_fakes.write_study(
    root, names, {"Cells": names}, length=LENGTH, hidden=HIDDEN
  )
  path = write_report(root)
  html = path.read_text(encoding="utf-8")
  assert f"<h2>{HEADING}</h2>" in html
  assert html.count("<img") == len(KINDS) + 1
  assert "0.908 → 0.973" in html
  command = "python -m experiments.gradient_flow --config=configs/gradient_flow"
  assert command in html
  figures = sorted((root / "figures").iterdir())
  assert {f"{stem}.png" for stem in KINDS} < {p.name for p in figures}
  first = {figure: figure.read_bytes() for figure in figures}
  write_report(root)
  assert path.read_text(encoding="utf-8") == html
  assert {f: f.read_bytes() for f in first} == first
  for run in root.glob("*/gradients.json"):
    run.unlink()
  write_report(root)
  html = path.read_text(encoding="utf-8")
  assert HEADING not in html
  assert "experiments.sweep" in html
  assert not list((root / "figures").glob("gradient_*.png"))


def test_numbers_of_a_study():
  content = gradients(_small(-0.5, bias=1.0))
  at = content["at"]["initialisation"]
  flow = at["flow"]["h"]["log10_by_lag"]
  flow[0], flow[-1] = -0.5, -2.5
  at["gates"][-1]["half_life_by_unit"] = [1.0, 2.0, 4.0, 100.0]
  at["lyapunov"] = [-0.1, -0.2, -0.9]
  trial = types.SimpleNamespace(gradients=content)
  for name, want in (
    ("gradient left", 10**-2.0),
    ("factor a step", 10**-0.5),
    ("Lyapunov exponent", -0.1),
    ("half-life", 3.0),
  ):
    assert study_number(trial, name, False) == pytest.approx(want)
    assert study_number(trial, name, True) is None


def test_claims_are_evaluated_on_numbers_of_the_study(tmp_path):
  contents = {
    "a": gradients(_small(-0.5), _small(-0.1)),
    "b": gradients(_small(-0.4)),
  }
  for name, content in contents.items():
    gradient_fakes.write_trial(tmp_path, name, content)
  [part] = parts_of(load_trials(tmp_path), {})
  claims = [
    claim(
      "?",
      at("a", number="gradient left", where="trained"),
      ">",
      at("a", number="gradient left"),
    ),
    claim("?", at("b", number="gradient left"), "<", 1e-3),
    claim("?", at("a", number="factor a step"), ">", 10**-0.49),
    claim(
      "?", at("a", number="Lyapunov exponent", where="trained"), ">", -0.24
    ),
    claim("?", at("a", number="half-life"), ">", 0.0),
    claim("?", at("b", number="gradient left", where="trained"), ">", 0.0),
  ]
  evaluations = evaluate(claims, [part])
  verdicts = [evaluation.verdict for evaluation in evaluations]
  assert verdicts == [HOLDS, HOLDS, FAILS, HOLDS, UNKNOWN, UNKNOWN]
  assert (evaluations[2].left.words, evaluations[2].right.words) == (
    "0.316",
    "0.323594",
  )
