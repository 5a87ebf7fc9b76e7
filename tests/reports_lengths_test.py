"""The figure, table and claims of scores by the length of the input."""

import numpy as np
import pytest
import reports_fakes as fakes

from configs.claims import at, claim
from rnn_lab.reports.claims import evaluate
from rnn_lab.reports.results import read_results
from rnn_lab.reports.sections.lengths import lengths_section
from rnn_lab.reports.summary import summary

# Shortest, longest and mean length, and examples, of the bins.
BINS = [(3, 20, 14.5, 170), (21, 40, 32.25, 166), (41, 41, 41.0, 164)]
# By series, the scores of both seeds in each bin.
SCORES = {
  "LSTM, attention": [[0.99, 0.97], [0.98, 0.94], [0.95, 0.93]],
  "LSTM, single vector": [[0.91, 0.81], [0.7, 0.66], [0.42, 0.38]],
  "LSTM, single vector, reversed": [[0.9, 0.88], [0.8, 0.76], [0.6, 0.58]],
  "tanh RNN, attention": [[0.8, 0.6], [0.85, 0.75], [0.92, 0.9]],
  "tanh RNN, single vector": [[0.2, 0.9], [0.1, 0.8], [0.05, 0.7]],
  "GRU, single vector": [[0.0, 0.0], [0.01, 0.02], [0.0, 0.0]],
}


def write(root, scores=SCORES, bins=BINS, size=64, swept=False, **headline):
  for series, rows in scores.items():
    name = f"{series}-{size}"
    values = [float(np.mean(of_seed)) for of_seed in zip(*rows)]
    if series == "tanh RNN, single vector":
      values[1] = None  # the seed diverged
    metric = headline.get("headline", "exact_match")
    result = fakes.result(values, **{"headline": metric, **headline})
    result["details"] = {
      "scores_by_length": [
        {
          "shortest": shortest,
          "longest": longest,
          "mean_length": mean_length,
          "examples": examples,
          "scores": {"other": [0.123, 0.456], metric: row},
        }
        for (shortest, longest, mean_length, examples), row in zip(bins, rows)
      ]
    }
    config = fakes.config()
    config["task"] = {"name": "transduction"}
    config["model"]["hidden_size"] = size
    fakes.write_run(root / name, config, result)
    overrides = {"model.hidden_size": size} if swept else {}
    label = {"name": name, "overrides": overrides, "series": series}
    fakes.write_json(root / name / "trial.json", label)
  return root


def section(root):
  return lengths_section(read_results(root))


def title_of(figure):
  return figure.get_suptitle().replace("\u00a0", " ")


def test_a_line_a_series_through_the_means_of_the_bins(tmp_path):
  text, figures, grid = section(write(tmp_path)).content
  assert "about as many examples" in text.words
  (figure,) = figures.figures
  (ax,) = figure.axes
  assert ax.get_ylabel() == "test exact_match"
  assert ax.get_ylim()[0] < 0.0
  names = sorted(SCORES, key=lambda name: f"{name}-64")  # of directories
  lines = dict(zip(names, ax.lines, strict=True))
  for name, line in lines.items():
    assert list(line.get_xdata()) == [14.5, 32.25, 41.0]
    seeds = slice(0, 1 if name == "tanh RNN, single vector" else 2)
    want = [np.mean(row[seeds]) for row in SCORES[name]]
    np.testing.assert_allclose(line.get_ydata(), want)
  legend = [text.get_text() for text in figure.legends[0].get_texts()]
  assert legend == names
  assert [cell.lines for cell in grid.header[1:]] == [
    ["3 to 20", "(170)"],
    ["21 to 40", "(166)"],
    ["41", "(164)"],
  ]
  rows = {row[0]: row[1:] for row in grid.rows}
  assert rows["LSTM, attention"] == ["0.980", "0.960", "0.940"]
  assert rows["tanh RNN, single vector"] == ["0.200", "0.100", "0.050"]


def test_title_is_the_conclusion(tmp_path):
  (figure,) = section(write(tmp_path)).content[1].figures
  assert title_of(figure).split("\n") == [
    "Better on long inputs than on short ones: tanh RNN, attention",
    "As good on long inputs as on short ones, within 10%: LSTM, attention",
    "Worse on long inputs than on short ones: LSTM, single vector, reversed",
    "Less than half as good on long inputs as on short ones: "
    "LSTM, single vector;",
    "tanh RNN, single vector",
    "Zero on short and on long inputs: GRU, single vector",
  ]


def test_a_larger_error_is_worse(tmp_path):
  errors = {
    "doubled and more": [[0.1, 0.1], [0.1, 0.1], [0.21, 0.21]],
    "not doubled": [[0.1, 0.1], [0.1, 0.1], [0.19, 0.19]],
    "none": [[0.0, 0.0], [0.1, 0.1], [0.0, 0.0]],
    "gone": [[0.1, 0.1], [0.1, 0.1], [0.0, 0.0]],
  }
  write(tmp_path, errors, headline="character_error", maximize=False)
  (figure,) = section(tmp_path).content[1].figures
  assert title_of(figure).split("\n") == [
    "Better on long inputs than on short ones: gone",
    "As good on long inputs as on short ones, within 10%: none",
    "Worse on long inputs than on short ones: not doubled",
    "Less than half as good on long inputs as on short ones: doubled and more",
  ]


def test_a_panel_for_each_size_and_for_other_lengths(tmp_path):
  write(tmp_path, swept=True)
  attention = {"LSTM, attention": [[0.9, 0.9], [0.8, 0.8], [0.4, 0.4]]}
  write(tmp_path, attention, size=128, swept=True)
  content = section(tmp_path).content
  (figure,) = content[1].figures
  titles = [ax.get_title(loc="left") for ax in figure.axes]
  assert titles == ["hidden size = 64", "hidden size = 128"]
  assert [len(ax.lines) for ax in figure.axes] == [6, 1]
  assert [len(grid.rows) for grid in content[2:]] == [6, 1]
  # In the worst of the panels, in which it is less than half as good.
  line = title_of(figure).split("\n")[2]
  assert line.startswith("Less than half") and "LSTM, attention" in line
  longer = [(4, 30, 20.0, 250), (31, 50, 40.0, 250)]
  write(tmp_path, attention, longer, size=256, swept=True)
  (figure,) = section(tmp_path).content[1].figures
  assert figure.axes[2].get_title(loc="left") == (
    "inputs of 4 to 50 steps\nhidden size = 256"
  )
  assert list(figure.axes[2].lines[0].get_xdata()) == [20.0, 40.0]


def longest(series):
  return at(series, number="scores_by_length", where="longest")


def test_claims_name_the_shortest_and_the_longest_inputs(tmp_path):
  parts = read_results(write(tmp_path)).parts
  vector, rnn = "LSTM, single vector", "tanh RNN, single vector"
  shortest = at(vector, number="scores_by_length", where="shortest", times=0.5)
  middle = at(vector, number="perplexity_by_kind", where="middle")
  claims = [
    claim("It fails.", longest(vector), "<", shortest),
    claim("It holds.", longest(vector), ">", longest(rnn)),
    claim("It cares.", longest("LSTM, attention"), "<", 0.9),
    claim("Of all.", at(vector), ">", longest(vector)),
    claim("Nobody.", middle, ">", 0.0),
  ]
  evaluations = evaluate(claims, parts)
  assert [e.verdict for e in evaluations] == [
    "holds",
    "holds",
    "does not hold",
    "holds",
    "cannot be evaluated",
  ]
  shown = [(e.left.words, e.right.words) for e in evaluations]
  assert shown[:3] == [
    ("0.400", "0.430"),
    ("0.400", "0.050"),
    ("0.940", "0.900"),
  ]
  assert shown[4][0] == "no such number"
  assert (evaluations[0].left.note, evaluations[0].right.note) == (
    '"longest" are inputs of 41 steps',
    '"shortest" are inputs of 3 to 20 steps',
  )


def test_claims_about_seeds_that_all_diverged(tmp_path):
  rows = [[0.1], [0.2], [0.3]]
  write(tmp_path, {"LSTM": rows})
  result = tmp_path / "LSTM-64" / "result.json"
  text = result.read_text().replace('"finished"', '"diverged"')
  result.write_text(text)
  parts = read_results(tmp_path).parts
  nothing = claim("?", longest("LSTM"), ">", 0.0)
  (evaluation,) = evaluate([nothing], parts)
  assert evaluation.verdict == "cannot be evaluated"
  assert evaluation.left.words == "diverged"


def test_the_summary_has_the_scores(tmp_path):
  results = read_results(write(tmp_path))
  details = summary(results.trials)["trials"][0]["details"]
  first = details["scores_by_length"][0]
  assert first["scores"]["exact_match"] == SCORES["GRU, single vector"][0]


@pytest.mark.parametrize("metric", ["other", "loss"])
def test_the_headline_metric_is_the_one_that_is_shown(tmp_path, metric):
  write(tmp_path, {"LSTM": SCORES["LSTM, attention"]})
  result = tmp_path / "LSTM-64" / "result.json"
  text = result.read_text().replace(
    '"headline": "exact_match"', f'"headline": "{metric}"'
  )
  result.write_text(text)
  shown = section(tmp_path)
  if metric == "loss":
    assert shown is None
  else:
    assert shown.content[2].rows == [["LSTM", "0.289", "0.289", "0.289"]]


def test_no_section_without_bins(tmp_path):
  assert section(fakes.write_sweep(tmp_path)) is None
