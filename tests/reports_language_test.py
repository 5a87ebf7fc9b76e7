"""What a report says of a sweep of language models."""

import io
import json
import math
import re

import numpy as np
import pytest
import reports_fakes as fakes
import reports_language_fakes as lm
from rich.console import Console

from configs.claims import at, best_possible, claim
from rnn_lab.reports import details as of_details
from rnn_lab.reports import load_trials, results_table, write_report
from rnn_lab.reports.claims import evaluate
from rnn_lab.reports.details import tokens_per_second, training_seconds
from rnn_lab.reports.numbers import share
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.sections.context import draw_context
from rnn_lab.reports.sections.headline import draw_headline
from rnn_lab.reports.sections.kinds import draw_kinds
from rnn_lab.reports.sections.ladder import ladder_grid, notes
from rnn_lab.reports.sections.learning_curves import draw_learning_curves
from rnn_lab.reports.sections.storage import draw_storage, storage_grid
from rnn_lab.reports.trial import Trial

FINITE = [
  "1-gram, maximum likelihood",
  *(f"{n}-gram, Kneser-Ney" for n in range(1, 6)),
  *lm.NETWORKS,
]


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
  return lm.write_ladder(tmp_path_factory.mktemp("language") / "ladder")


@pytest.fixture(scope="module")
def trials(ladder):
  return load_trials(ladder)


@pytest.fixture(scope="module")
def fractions(tmp_path_factory):
  return lm.write_fractions(tmp_path_factory.mktemp("language") / "fractions")


def _row(grid, name):
  (row,) = (row for row in grid.rows if row[0] == name)
  return dict(zip(grid.header, row))


def test_ladder_says_how_good_large_and_fast_each_model_is(trials):
  grid = ladder_grid(fakes.part_of(trials))
  assert [row[0] for row in grid.rows] == [
    *(f"{n}-gram, maximum likelihood" for n in range(1, 6)),
    *(f"{n}-gram, Kneser-Ney" for n in range(1, 6)),
    *lm.NETWORKS,
  ]
  perplexity = lm.overall(lm.KNESER_NEY[5])
  assert _row(grid, "5-gram, Kneser-Ney") == {
    "model": "5-gram, Kneser-Ney",
    "test perplexity": "10.15",
    "test bits per token": f"{math.log2(perplexity):.3f}",
    "test bits per character": f"{math.log2(perplexity) / 5.315:.4f}",
    "× best possible": f"{perplexity / lm.FLOOR:.3f}",
    "size": "698,706 n-grams",
    "megabytes": "13.58",
    "training time": "3.2 s",
    "training tokens/s": "308,000",
  }
  lstm = _row(grid, "LSTM")
  assert lstm["test perplexity"] == "7.979 [7.958, 8.006]"
  assert lstm["size"] == "170,612 parameters"
  assert (lstm["megabytes"], lstm["training time"]) == ("0.68", "1.8 min")
  # 50 steps a second of 32 tracks, 32 tokens and 3 seeds.
  assert lstm["training tokens/s"] == "154,000"
  assert "the perplexity 7.891 of the distribution" in grid.caption
  assert "vocabulary: 372" in grid.caption
  assert notes(fakes.part_of(trials)) == [
    "1-gram, Kneser-Ney: no counts of counts for the 1-grams: fixed discounts"
  ]


def test_what_is_infinite_did_not_diverge(ladder, trials):
  words = (
    "infinite: 20% of the test words have probability zero, 9.3% undefined"
  )
  row = _row(ladder_grid(fakes.part_of(trials)), "5-gram, maximum likelihood")
  assert row["test perplexity"] == words
  html = write_report(ladder).read_text(encoding="utf-8")
  assert f'<td colspan="4">{words}</td>' in html
  assert "<td>infinite</td>" in html
  # But for what comparisons of series say of such seeds.
  page = html.partition("</style>")[2].replace("A seed that diverged is", "")
  assert "diverged" not in page
  console = Console(width=250, record=True, file=io.StringIO())
  console.print(results_table(parts_of(trials)))
  shown = console.export_text()
  assert words in shown
  assert "diverged" not in shown
  assert "probability zero " in shown  # 2-gram: nothing is undefined


def test_a_network_that_diverged_is_not_infinite(tmp_path):
  lm.write_network(tmp_path / "LSTM", "LSTM")
  path = tmp_path / "LSTM" / "result.json"
  content = json.loads(path.read_text())
  content["metrics"]["test/perplexity"] = fakes.entry([None] * 3)
  for seed in content["seeds"]:
    seed["status"] = "diverged"
  fakes.write_json(path, content | {"status": "diverged"})
  lm.write_network(tmp_path / "tanh", "tanh RNN")
  trials = load_trials(tmp_path)
  grid = ladder_grid(fakes.part_of(trials))
  assert grid.rows[0][1:5] == ["diverged", None, None, None]
  (figure,) = fakes.drawn(draw_headline, trials)
  assert len(figure.axes[0].get_yticks()) == 1


def test_a_kind_that_only_some_texts_have(tmp_path):
  for name in ("GRU", "LSTM"):
    lm.write_network(tmp_path / name, name)
  path = tmp_path / "GRU" / "result.json"
  content = json.loads(path.read_text())
  del content["details"]["perplexity_by_kind"]["topic"]
  fakes.write_json(path, content)
  figure = draw_kinds(fakes.part_of(tmp_path))
  panels = {ax.get_title(loc="left").split("\n")[0]: ax for ax in figure.axes}
  dots = [line for line in panels["topic"].lines if line.get_marker() == "D"]
  assert [list(dot.get_ydata()) for dot in dots] == [[1]]


def test_other_sweeps_have_no_ladder(tmp_path):
  part = fakes.part_of(fakes.write_sweep(tmp_path))
  assert ladder_grid(part) is None
  assert storage_grid(part) is None
  assert draw_kinds(part) is None
  assert draw_storage(part) is None
  assert [*draw_context(part)] == []
  write_report(tmp_path)
  stems = sorted(path.stem for path in (tmp_path / "figures").iterdir())
  assert stems == [
    "gradient_flow",
    "gradient_flow-2",
    "headline",
    "learning_curves",
  ]


def test_headline_figure_has_a_row_a_model_and_the_floor(trials):
  (figure,) = fakes.drawn(draw_headline, trials)
  (ax,) = figure.axes
  assert len(ax.get_yticks()) == 14
  assert [text.get_text() for text in ax.texts] == ["infinite"] * 4
  assert [text.get_position()[1] for text in ax.texts] == [1, 2, 3, 4]
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == ["best possible (7.891)"]
  assert ax.get_xscale() == "log"


def test_the_floor_in_every_unit():
  details = {"floor_perplexity": 8.0, "entropy_rate": math.log(4)}
  trial = Trial("a", {}, None, "finished", result={"details": details})
  metrics = ("bits_per_token", "perplexity", "loss", "accuracy")
  for split, bits in (("test", 3), ("valid", 2)):
    values = [of_details.best_possible(trial, m, split) for m in metrics]
    assert values == [
      pytest.approx(bits),
      pytest.approx(2**bits),
      pytest.approx(bits * math.log(2)),
      None,
    ]


def test_shares_are_percents():
  assert [share(s) for s in (0.0, 0.0009, 0.0994, 0.0996, 0.5)] == [
    "0.0%",
    "under 0.1%",
    "9.9%",
    "10%",
    "50%",
  ]


def test_context_figures_draw_n_grams_beside_networks(trials):
  figures = fakes.drawn(draw_context, trials)
  axes = [figure.axes[0] for figure in figures]
  labels = [
    [text.get_text() for text in figure.legends[0].get_texts()]
    for figure in figures
  ]
  floor = "best possible on the whole test text (7.891)"
  assert labels == [[*FINITE[:6], floor], [*FINITE[6:], floor]]
  panels = [fakes.series_lines(ax) for ax in axes]
  five = panels[0][5]
  assert list(five.get_xdata()) == list(lm.LENGTHS)
  expected = [lm.overall(lm.KNESER_NEY[min(n + 1, 5)]) for n in lm.LENGTHS]
  np.testing.assert_allclose(five.get_ydata(), expected, rtol=1e-12)
  gru = panels[1][2]
  last = lm.overall(lm.NETWORKS["GRU"][2])
  assert gru.get_ydata()[-1] == pytest.approx(last * 3.002 / 3, rel=1e-9)
  ends = fakes.bands(axes[1])[2]
  for size, mean in gru.get_xydata():
    want = np.array([0.998, 1.004]) * mean * 3 / 3.002
    np.testing.assert_allclose(ends[size], want)
  for ax in axes:
    assert fakes.levels(ax) == [pytest.approx(7.891, abs=5e-4)]
  assert {ax.get_xscale() for ax in axes} == {"log"}


def test_context_figure_has_the_floor_of_its_own_tokens(tmp_path):
  lm.write_network(tmp_path / "LSTM", "LSTM")
  path = tmp_path / "LSTM" / "result.json"
  content = json.loads(path.read_text())
  content["details"]["context_floor_perplexity"] = 6.5
  fakes.write_json(path, content)
  (figure,) = fakes.drawn(draw_context, tmp_path)
  _, words = figure.legends[0].get_texts()
  assert words.get_text() == "best possible (6.500)"


def test_kinds_figure_has_a_panel_a_kind_with_its_floor(trials):
  figure = draw_kinds(fakes.part_of(trials))
  shown = [ax for ax in figure.axes if ax.axison]
  titles = [ax.get_title(loc="left").split("\n")[0] for ax in shown]
  assert titles == ["local", "agreement", "agreement across a clause", "topic",
                    "closing mark"]  # fmt: skip
  assert "(3.0% of the words)" in shown[3].get_title(loc="left")
  dots = [line for line in shown[3].lines if line.get_marker() == "D"]
  by_model = [
    *lm.KNESER_NEY.values(),
    *(row[2] for row in lm.NETWORKS.values()),
  ]
  topics = [300.0, *(kinds[4] for kinds in by_model)]
  found = [dot.get_xdata()[0] for dot in dots]
  np.testing.assert_allclose(found, topics, rtol=2e-3)
  floors = [
    ax.lines[-1].get_xdata()[0] for ax in (shown[0], shown[3], shown[4])
  ]
  assert floors == [6.797, 1.0, 1.414]
  labels = [label.get_text() for label in shown[0].get_yticklabels()]
  assert labels == [*FINITE, "best possible"]


def test_storage_by_order_beside_the_window_network(trials):
  layout = fakes.part_of(trials)
  grid = storage_grid(layout)
  # The first and the last row of a 5-gram model.
  assert grid.rows[0][:6] == ["1", "372", "0.0089", "372", "0.0089", "0.0%"]
  assert grid.rows[4] == [
    "5", "398,215", "6.37", "698,706", "13.58", "29%", "104,692", "0.42",
  ]  # fmt: skip
  assert "V = 372, D = 64, H = 128" in grid.caption
  figure = draw_storage(fakes.part_of(trials))
  (ngrams, window), (unseen,) = (ax.lines for ax in figure.axes)
  np.testing.assert_array_equal(ngrams.get_ydata(), np.cumsum(lm.NGRAMS))
  np.testing.assert_array_equal(unseen.get_ydata(), lm.UNSEEN)
  embedding, readout = 372 * 64, 128 * 372 + 372
  by_hand = [embedding + 64 * k * 128 + 128 + readout for k in range(1, 5)]
  assert list(window.get_ydata()) == by_hand
  assert list(window.get_xdata()) == [2, 3, 4, 5]
  alone = fakes.part_of(trials[:10])
  assert storage_grid(alone).header[-1] == "test n-grams never seen"
  assert len(draw_storage(alone).axes[0].lines) == 1


def test_learning_curves_over_shares_of_the_text(fractions):
  trials = load_trials(fractions)
  assert fakes.part_of(trials).x == "task.fraction"
  (figure,) = fakes.drawn(draw_headline, trials)
  (ax,) = figure.axes
  lines = fakes.series_lines(ax)
  assert fakes.levels(ax) == [pytest.approx(7.891, abs=5e-4)]
  assert [list(line.get_xdata()) for line in lines] == [[0.25, 0.5, 1.0]] * 3
  gru = lm.overall(lm.NETWORKS["GRU"][2])
  expected = [gru * x**-0.2 * 3.002 / 3 for x in (0.25, 0.5, 1.0)]
  np.testing.assert_allclose(lines[1].get_ydata(), expected, rtol=1e-9)
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == ["5-gram", "GRU", "LSTM", "best possible (7.891)"]
  assert ax.get_yscale() == "linear"
  # n-gram models have no curve; validation's floor is that of all texts.
  (figure,) = fakes.drawn(draw_learning_curves, trials)
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == ["GRU", "LSTM", "best possible on average (7.970)"]
  figure = draw_kinds(fakes.part_of(trials))
  assert figure.get_suptitle().endswith("(fraction = 1)")
  grid = ladder_grid(fakes.part_of(trials))
  assert grid.header[:3] == ["model", "fraction", "test perplexity"]
  assert [row[:2] for row in grid.rows[:2]] == [["5-gram", "0.25"],
                                                ["5-gram", "0.5"]]  # fmt: skip


def test_wide_perplexities_over_a_swept_field_get_a_log_axis(tmp_path):
  for order in (1, 2, 5):
    path = tmp_path / str(order)
    lm.write_ngram(path, order, "kneser_ney")
    lm.label(path, "Kneser-Ney", {"model.ngram.order": order})
  (figure,) = fakes.drawn(draw_headline, load_trials(tmp_path))
  (ax,) = figure.axes
  assert ax.get_yscale() == "log"
  ticks = {ax.yaxis.get_major_formatter()(v, 0) for v in ax.get_yticks()}
  assert {"10", "20", "50", "100"} <= ticks


def test_a_text_without_a_known_floor(tmp_path):
  trials = load_trials(lm.write_fractions(tmp_path, known=False))
  grid = ladder_grid(fakes.part_of(trials))
  assert "× best possible" not in grid.header
  assert "best possible" not in grid.caption
  (figure,) = fakes.drawn(draw_headline, trials)
  words = [text.get_text() for text in figure.legends[0].get_texts()]
  assert words == ["5-gram", "GRU", "LSTM"]
  assert draw_kinds(fakes.part_of(trials)) is None
  assert len(fakes.drawn(draw_context, trials)) == 1
  comes = claim("?", at("LSTM", x=1), "<", best_possible(x=1))
  (evaluation,) = evaluate([comes], parts_of(trials))
  assert (evaluation.verdict, evaluation.right.words) == (
    "cannot be evaluated", "unknown",
  )  # fmt: skip


def of_kind(series, kind, x=None, times=1.0):
  by_kind = "perplexity_by_kind"
  return at(series, x=x, number=by_kind, where=kind, times=times)


def of_context(series, tokens):
  return at(series, number="perplexity_by_context", where=tokens)


KNESER_NEY, COUNTED = "5-gram, Kneser-Ney", "5-gram, maximum likelihood"


@pytest.mark.parametrize(
  ("left", "op", "right", "verdict"),
  [
    (at("LSTM"), "<=", best_possible(times=1.05), "holds"),
    (at(KNESER_NEY), "<=", best_possible(times=1.05), "does not hold"),
    (at("LSTM"), "<", best_possible(), "does not hold"),
    (best_possible(), "<", 7.9, "holds"),
    (
      of_kind("LSTM", "topic"),
      "<",
      of_kind(KNESER_NEY, "topic", times=0.02),
      "holds",
    ),
    (
      of_kind("LSTM", "topic"),
      "<",
      of_kind(KNESER_NEY, "topic", times=0.01),
      "does not hold",
    ),
    (
      of_kind("GRU", "closing mark"),
      ">",
      best_possible(where="closing mark", times=1.1),
      "holds",
    ),
    (at("LSTM", times=1.3), ">", at(KNESER_NEY), "holds"),
    (of_context("LSTM", "1"), ">", at("1-gram, Kneser-Ney"), "does not hold"),
    (of_context("LSTM", "256"), "<", of_context(KNESER_NEY, "256"), "holds"),
    (
      at("LSTM", number="bytes"),
      "<",
      at(KNESER_NEY, number="bytes", times=0.1),
      "holds",
    ),
    (at(COUNTED), ">", 10, "cannot be evaluated"),
    (of_kind(COUNTED, "topic"), ">", 10, "cannot be evaluated"),
    (of_kind("LSTM", "mood"), ">", 10, "cannot be evaluated"),
    (of_context("LSTM", "3"), ">", 10, "cannot be evaluated"),
    (at("LSTM", number="ngrams"), ">", 10, "cannot be evaluated"),
    (best_possible(where="mood"), ">", 10, "cannot be evaluated"),
    (of_kind("transformer", "topic"), "<", 10, "not run"),
    (best_possible(x=3), "<", 10, "not run"),
  ],
)
def test_claims_compare_numbers_of_language_models(
  trials, left, op, right, verdict
):
  (evaluation,) = evaluate([claim("?", left, op, right)], parts_of(trials))
  assert evaluation.verdict == verdict


def test_claims_say_what_was_compared(trials, fractions):
  best = best_possible(where="topic", times=1.05)
  said = claim("?", at("LSTM", number="bytes"), "<=", best)
  (evaluation,) = evaluate([said], parts_of(trials))
  shown = (evaluation.left.name, evaluation.left.words)
  assert shown == ("LSTM: bytes", "682,448")
  assert (evaluation.right.name, evaluation.right.words) == (
    "best possible: topic × 1.05", "1.050",
  )  # fmt: skip
  less, more = of_kind("LSTM", "topic", 0.25), of_kind("LSTM", "topic", 0.5)
  said = claim("?", more, "<", less)
  (evaluation,) = evaluate([said], parts_of(load_trials(fractions)))
  assert evaluation.verdict == "holds"
  assert evaluation.left.name == "LSTM at 0.5: perplexity by kind, topic"
  assert evaluation.left.words == "1.160"


def test_the_best_possible_of_two_texts_is_named_by_its_x(tmp_path):
  path = lm.write_fractions(tmp_path) / "LSTM,0.5" / "result.json"
  result = json.loads(path.read_text())
  result["details"]["floor_perplexity"] *= 2
  path.write_text(json.dumps(result))
  claims = [claim("?", best_possible(x=x), ">", 1) for x in (None, 0.5, 1)]
  evaluations = evaluate(claims, parts_of(load_trials(tmp_path)))
  differ = "not the same for all trials"
  shown = [e.left.words for e in evaluations]
  assert shown == [differ, differ, f"{lm.FLOOR:.3f}"]


def test_training_time_is_that_of_all_sessions(tmp_path):
  lm.write_network(tmp_path, "LSTM")
  fakes.write_rows(tmp_path / "timing.jsonl", [
    {"event": "start", "step": 0, "time": 100.0},
    {"event": "evaluated", "step": 500, "time": 130.0, "steps_per_second": 9.0},
    {"event": "start", "step": 500, "time": 5000.0},
    {"event": "evaluated", "step": 900, "time": 5004.0,
     "steps_per_second": 10.0},
    {"event": "evaluated", "step": 990, "time": 5006.0,
     "steps_per_second": 99.0},
    {"event": "finished", "step": 990, "time": 5007.0, "seconds": 7.0},
  ])  # fmt: skip
  (trial,) = load_trials(tmp_path)
  assert training_seconds(trial) == 37.0
  assert tokens_per_second(trial) == 10.0 * 32 * 32 * 3


def test_page_and_summary_of_a_ladder(ladder):
  html = write_report(ladder).read_text(encoding="utf-8")
  heads = re.findall(r"<h2>(.*?)</h2>", html)
  assert heads == [
    "Results",
    "Which series is better",
    "How far back each model looks",
    "What each model finds hard",
    "What an n-gram model stores",
    "Learning curves",
    "All trials",
    "To reproduce",
  ]
  assert html.count("<img") == 6
  assert "fixed discounts" in html
  assert "Left out, as infinite: 2-gram, maximum likelihood; 3-gram" in html
  content = json.loads((ladder / "summary.json").read_text(encoding="utf-8"))
  details = {row["name"]: row["details"] for row in content["trials"]}
  assert details["LSTM"]["parameters"] == 170_612
  assert details["LSTM"]["floor_perplexity"] == lm.FLOOR
  assert len(details["LSTM"]["perplexity_by_context"]["256"]) == 3
  ngram = details["kneser_ney,3"]
  assert (ngram["order"], ngram["ngrams"]) == (3, sum(lm.NGRAMS[:3]))
  assert ngram["perplexity_by_kind"]["topic"]["floor"] == 1.0
  assert details["maximum_likelihood,5"]["probability_undefined"] == [0.093]


def test_a_ladder_that_has_only_begun(tmp_path):
  sweep = lm.write_ladder(tmp_path)
  (sweep / "LSTM" / "result.json").unlink()
  (sweep / "GRU" / "config.json").unlink()
  (sweep / "GRU" / "result.json").unlink()
  html = write_report(sweep).read_text(encoding="utf-8")
  assert '<td colspan="4">unfinished</td>' in html
  grid = ladder_grid(fakes.part_of(sweep))
  assert _row(grid, "GRU")["test perplexity"] == "not run"
