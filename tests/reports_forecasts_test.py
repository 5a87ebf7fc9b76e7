"""The figure and table of forecasts: curves, baselines and the conclusion."""

import numpy as np
import reports_fakes as fakes

from configs.claims import at, claim
from rnn_lab.reports.claims import evaluate
from rnn_lab.reports.metrics import reference_name
from rnn_lab.reports.results import read_results
from rnn_lab.reports.sections.forecasts import forecasts_section

HORIZON = 5
LINEAR = [0.01, 0.05, 0.2, 0.4, 0.7]
PERSISTENCE = [0.2, 0.6, 0.9, 1.2, 0.65]
MEAN = [1.0, 0.98, 1.02, 1.01, 0.99]
# By series, the errors of both seeds.
ERRORS = {
  "GRU": [[0.006, 0.02, 0.03, 0.04, 0.05], [0.008, 0.03, 0.04, 0.05, 0.06]],
  "tanh RNN": [[0.02, 0.04, 0.1, 0.2, 0.3], [0.03, 0.04, 0.1, 0.2, 0.4]],
  "LSTM": [[0.002, 0.01, 0.3, 0.01, 0.01], [9.0, 9.0, 9.0, 9.0, 9.0]],
  "Elman": [[2.0, None, 3.0, 4.0, 0.66], [2.0, 2.0, 3.0, 4.0, 5.0]],
}


def write(root, errors=ERRORS, tau=17, swept=False, order=12):
  for series, curves in errors.items():
    name = f"{series}-{tau}"
    values = [curve[-1] for curve in curves]
    if series == "LSTM":
      values[1] = None  # the seed diverged
    result = fakes.result(values, "nrmse_5", False, PERSISTENCE[-1])
    result["details"] = {
      "forecasts": {
        "series": f"Mackey-Glass, tau {tau}",
        "origins": 200,
        "warmup": 30,
        "autoregression_order": order,
        "nrmse": curves,
        "persistence": PERSISTENCE,
        "linear_autoregression": [tau / 17 * error for error in LINEAR],
        "mean": MEAN,
      }
    }
    config = fakes.config()
    config["task"] = {"name": "forecasting", "tau": tau}
    fakes.write_run(root / name, config, result)
    overrides = {"task.tau": tau} if swept else {}
    label = {"name": name, "overrides": overrides, "series": series}
    fakes.write_json(root / name / "trial.json", label)
  return root


def section(root):
  return forecasts_section(read_results(root))


def labels(figure):
  return [text.get_text() for text in figure.legends[0].get_texts()]


def test_curves_of_the_seeds_and_of_the_baselines(tmp_path):
  text, figures, grid = section(write(tmp_path)).content
  assert "30 true values" in text.words and "200 origins" in text.words
  (figure,) = figures.figures
  (ax,) = figure.axes
  linear, persistence, mean, *lines = [line.get_ydata() for line in ax.lines]
  for line, want in (linear, LINEAR), (persistence, PERSISTENCE), (mean, MEAN):
    np.testing.assert_allclose(line, want)
  # In the order of the directories' names.
  elman, gru, lstm, tanh = lines
  np.testing.assert_allclose(elman, [2.0, 2.0, 3.0, 4.0, 2.83])
  np.testing.assert_allclose(gru, np.mean(ERRORS["GRU"], axis=0))
  np.testing.assert_allclose(lstm, ERRORS["LSTM"][0])
  np.testing.assert_allclose(tanh, np.mean(ERRORS["tanh RNN"], axis=0))
  assert list(ax.lines[-1].get_xdata()) == [1, 2, 3, 4, 5]
  assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
  assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "4", "5"]
  assert labels(figure) == [
    "Elman",
    "GRU",
    "LSTM",
    "tanh RNN",
    "linear autoregression of order 12",
    "persistence",
    "mean of the training part",
  ]
  assert grid.header == ["forecast", "1", "2", "4", "5"]
  rows = {row[0]: row[1:] for row in grid.rows}
  assert rows["GRU"] == ["0.00700", "0.0250", "0.0450", "0.0550"]
  assert rows["persistence"] == ["0.200", "0.600", "1.20", "0.650"]
  assert "linear autoregression of order 12" in rows


def test_title_is_the_conclusion(tmp_path):
  (figure,) = section(write(tmp_path)).content[1].figures
  title = figure.get_suptitle().replace("\u00a0", " ").replace("\n", " ")
  assert title == (
    "Better than every baseline at all 5 horizons: GRU; at 4 of 5 horizons: "
    "LSTM; from horizon 2 on: tanh RNN; at no horizon: Elman"
  )


def test_claims_count_the_horizons_at_which_all_baselines_are_beaten(tmp_path):
  # One of its two seeds has no finite error at the second horizon.
  lost = {
    "GRU": ERRORS["GRU"],
    "other": [[0.001] * 5, [0.001, None] + [0.1] * 3],
  }
  results = read_results(write(tmp_path, ERRORS | lost))
  claims = [
    claim("?", at(name, number="horizons"), ">=", 1)
    for name in (*ERRORS, "other")
  ]
  shown = {e.left.name: e for e in evaluate(claims, results.parts)}
  assert {name: (e.verdict, e.left.words) for name, e in shown.items()} == {
    "GRU: horizons": ("holds", "1 (5 of 5 horizons)"),
    "tanh RNN: horizons": ("does not hold", "0.8 (4 of 5 horizons)"),
    "LSTM: horizons": ("does not hold", "0.8 (4 of 5 horizons)"),
    "Elman: horizons": ("does not hold", "0 (0 of 5 horizons)"),
    "other: horizons": ("does not hold", "0.8 (4 of 5 horizons)"),
  }
  assert shown["GRU: horizons"].right.words == "1"


def test_a_panel_for_each_series_that_was_forecast(tmp_path):
  write(tmp_path, swept=True)
  tanh = {name: ERRORS[name] for name in ("GRU", "tanh RNN")}
  write(tmp_path, tanh, tau=34, swept=True, order=20)
  content = section(tmp_path).content
  (figure,) = content[1].figures
  titles = [ax.get_title(loc="left") for ax in figure.axes]
  assert titles == [
    "Mackey-Glass, tau 17\ntau = 17",
    "Mackey-Glass, tau 34\ntau = 34",
  ]
  assert [len(ax.lines) for ax in figure.axes] == [7, 5]
  np.testing.assert_allclose(
    figure.axes[1].lines[0].get_ydata(), 2 * np.array(LINEAR)
  )
  assert "linear autoregression of order 12 to 20" in labels(figure)
  assert [len(grid.rows) for grid in content[2:]] == [7, 5]
  # The tanh RNN beats the second linear autoregression at the first horizon,
  # too, but not the first one.
  title = figure.get_suptitle().replace("\u00a0", " ").replace("\n", " ")
  assert "from horizon 2 on: tanh RNN" in title


def test_series_that_are_no_swept_number_have_panels_of_their_own(tmp_path):
  write(tmp_path, {"GRU": ERRORS["GRU"]})
  write(tmp_path, {"LSTM": ERRORS["LSTM"]}, tau=30)
  (figure,) = section(tmp_path).content[1].figures
  titles = [ax.get_title(loc="left") for ax in figure.axes]
  assert titles == ["Mackey-Glass, tau 17", "Mackey-Glass, tau 30"]


def test_the_level_of_reference_is_called_what_it_is(tmp_path):
  results = read_results(write(tmp_path))
  assert reference_name(results.trials) == "persistence"
  assert reference_name(results.trials, "valid") == "persistence"


def test_no_section_without_forecasts(tmp_path):
  assert section(fakes.write_sweep(tmp_path)) is None
