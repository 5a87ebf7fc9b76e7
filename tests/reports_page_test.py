"""The report page, its claims, and that it needs nothing but itself."""

import base64
import re
import shutil

import pytest
import reports_fakes as fakes
from matplotlib.figure import Figure

from configs.claims import at, best_possible, claim
from rnn_lab.errors import FieldError
from rnn_lab.reports import load_trials, page, write_report
from rnn_lab.reports.claims import check_claims, evaluate
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.section import Cell, Figures, Grid, Section, Text

_PNG = b"\x89PNG\r\n\x1a\n"


def _images(html):
  found = re.findall(r'src="data:image/png;base64,([^"]*)"', html)
  return [base64.b64decode(text, validate=True) for text in found]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
  """A sweep with a diverged seed, an unfinished, a failed and a lost trial."""
  root = tmp_path_factory.mktemp("reports") / "sweep"
  fakes.write_all_endings(root, "MemoryError: <8 GB>")
  write_report(root)
  return root


@pytest.fixture(scope="module")
def html(sweep):
  return (sweep / "report.html").read_text(encoding="utf-8")


def test_images_are_inside_the_page_and_nothing_is_outside(sweep, html):
  images = _images(html)
  files = [
    sweep / "figures" / f"{stem}.png"
    for stem in (
      "headline",
      "gradient_flow",
      "gradient_flow-2",
      "learning_curves",
    )
  ]
  assert images == [path.read_bytes() for path in files]
  assert all(image.startswith(_PNG) for image in images)
  assert not any(b"Software" in image for image in images)
  assert html.count("src=") == len(images)
  without_images = re.sub(r"base64,[^\"]*", "", html)
  assert not re.search(r"https?://|href=|url\(|@import", without_images)


def test_page_tells_question_command_and_environment(html):
  assert "<h1>How an RNN forgets</h1>" in html
  assert "<p>Can it remember?</p>\n<p>A second paragraph.</p>" in html
  command = "python -m experiments.sweep --config=configs/vanishing_gradient.py"
  assert command in html
  for key, value in [("versions.jax", "0.10.2"), ("commit", "abc123")]:
    assert f">{key}</th><td>{value}</td></tr>" in html
  assert "chance: accuracy 0.100" in html


def test_what_is_missing_is_named(html):
  for words in [
    "12 trials: 8 finished, 1 partial, 1 not run, 1 failed, 1 unfinished",
    "<code>cell=gru,gap=200</code>: not run",
    "<code>going</code>: unfinished",
    "<code>broken</code>: failed: MemoryError: &lt;8 GB&gt;",
    "<code>cell=elman,gap=100</code>: diverged: seed 1 after step 750",
    "0.160 [0.160, 0.160] (2 of 3 seeds)",
    "0.160, diverged, 0.160",
    "1000, 1250, 1500",
  ]:
    assert words in html


def test_claims_are_evaluated_on_the_means(sweep):
  trials = load_trials(sweep)
  extra = [
    claim("The next room.", at("GRU", x=200), ">", 0.1),
    claim("Equal is enough.", at("GRU", x=20), ">=", at("GRU", x=20)),
    claim("Equal is too little.", at("GRU", x=20), "<", at("GRU", x=20)),
    claim("Equal is enough below.", at("GRU", x=20), "<=", at("GRU", x=20)),
    claim("Equal is not more.", at("GRU", x=20), ">", at("GRU", x=20)),
    claim("Another x.", at("GRU", x=20.0), "<=", at("GRU", x=0)),
  ]
  evaluations = evaluate(fakes.CLAIMS + extra, parts_of(trials))
  verdicts = {e.sentence: e.verdict for e in evaluations}
  assert verdicts == {
    "An LSTM remembers.": "holds",
    "An LSTM beats a tanh RNN.": "holds",
    "A GRU beats an LSTM.": "does not hold",
    "Nobody ran this.": "not run",
    "The next room.": "not run",
    "Equal is enough.": "holds",
    "Equal is too little.": "does not hold",
    "Equal is enough below.": "holds",
    "Equal is not more.": "does not hold",
    "Another x.": "holds",
  }
  assert evaluations[2].left.words == "0.880 [0.870, 0.900]"
  assert evaluations[2].right.words == "0.930 [0.920, 0.950]"
  assert evaluations[3].left.words == "no such trial"
  assert evaluations[4].left.words == "not run"


def test_page_shows_each_verdict_with_its_numbers(html):
  rows = re.findall(r'<tr><td>([^<]*)</td>\s*<td class="verdict (\w+)', html)
  assert rows == [
    ("An LSTM remembers.", "holds"),
    ("An LSTM beats a tanh RNN.", "holds"),
    ("A GRU beats an LSTM.", "fails"),
    ("Nobody ran this.", "open"),
  ]
  assert "does not hold</td>" in html
  assert "0.840 [0.830, 0.860]" in html


def test_a_claim_about_a_diverged_trial_and_a_wrong_claim(tmp_path):
  fakes.write_run(tmp_path / "a", fakes.config("lstm"), fakes.result([None]))
  fakes.write_run(tmp_path / "b", fakes.config("gru"), fakes.result([0.25]))
  parts = parts_of(load_trials(tmp_path))
  learns = claim("It learns.", at("cell=lstm"), ">", at("cell=gru"))
  (evaluation,) = evaluate([learns], parts)
  assert evaluation.verdict == "cannot be evaluated"
  assert (evaluation.left.words, evaluation.right.words) == (
    "diverged",
    "0.250",
  )


@pytest.mark.parametrize(
  ("change", "problem"),
  [
    ({"op": "=="}, r"op must be one of <, <=, >, >=, got '=='"),
    ({"sentence": 3}, r"sentence must be a text that is not empty, got 3"),
    ({"why": "?"}, r"why is not a known field; it may be left, op, right, "),
    ({"left": "LSTM"}, r"left must be a number or an object .*, got 'LSTM'"),
    (
      {"left": at("A", number="solvd")},
      r"left\.number .*'solvd'; did you mean",
    ),
    ({"right": at("A", where="new")}, r"right\.where must be '', got 'new'"),
    (
      {"right": at("A", number="scores_by_length")},
      r"right\.where must be 'shortest' or 'longest', got ''",
    ),
    (
      {"left": at("A", number="half-life", where="new")},
      r"left\.where must be '' or 'trained', got 'new'",
    ),
    (
      {"left": at("A", number="perplexity_by_kind")},
      r"left\.where must be a text that is not empty, got ''",
    ),
    ({"left": {"x": 3}}, r"left\.series is required"),
    (
      {"left": best_possible() | {"series": "A"}},
      r"left\.series is not a known",
    ),
    ({"left": at(3)}, r"left\.series must be a text that is not empty, got 3"),
    ({"left": at("A", task=3)}, r"left\.task must be a text .*, got 3"),
    ({"left": at("A", x="3")}, r"left\.x must be a finite number, got '3'"),
    ({"right": at("A", times="2")}, r"right\.times must be .*, got '2'"),
  ],
)
def test_a_wrong_claim_is_an_error_of_one_line(change, problem):
  good = claim("It is.", at("A"), ">", 1)
  check_claims([good])
  with pytest.raises(FieldError, match=rf"^claims\[1\]\.{problem}") as caught:
    check_claims([good, good | change])
  assert "\n" not in str(caught.value)


def test_a_claim_that_is_no_object_is_an_error():
  with pytest.raises(FieldError, match=r"^claims\[0\]\.sentence is required"):
    check_claims([("It is.", "LSTM", ">", 1)])


def test_claims_of_an_earlier_version_are_not_evaluated(tmp_path):
  claims = [["It learns.", "LSTM @ 3", ">", 0.5], []]
  fakes.write_run(tmp_path / "a", fakes.config(), fakes.result([0.5]))
  fakes.write_json(tmp_path / "sweep.json", {"claims": claims})
  first, _ = evaluate(claims, parts_of(load_trials(tmp_path)))
  assert first.verdict == "cannot be evaluated"
  html = write_report(tmp_path).read_text(encoding="utf-8")
  words = re.sub(r"\s+", " ", html)
  assert (
    "LSTM @ 3: written by an earlier version<br>should be &gt; 0.5" in words
  )


def test_report_made_again_is_equal_byte_for_byte(sweep, tmp_path):
  # The title and the command hold the path, so the place must be the same.
  before = {
    path: path.read_bytes()
    for path in (sweep / "summary.json", sweep / "report.html")
  }
  for path in before:
    path.unlink()
  shutil.rmtree(sweep / "figures")
  assert write_report(sweep) == sweep / "report.html"
  assert {path: path.read_bytes() for path in before} == before
  write_report(sweep)
  assert {path: path.read_bytes() for path in before} == before
  assert not list(sweep.rglob("*.tmp"))


def test_text_from_outside_is_escaped(tmp_path):
  evil = "<script>alert('$x_$')</script>"
  label = {"name": evil, "overrides": {"task.name": evil}, "series": evil}
  fakes.write_run(
    tmp_path / "a", fakes.config(), fakes.result([0.5, 0.6]), [], []
  )
  fakes.write_json(tmp_path / "a" / "trial.json", label)
  fakes.write_json(tmp_path / "a" / "environment.json", {evil: evil})
  claims = [claim(evil, at(evil), ">", 0.1)]
  content = {"title": evil, "text": evil, "claims": claims, "config": evil}
  fakes.write_json(tmp_path / "sweep.json", content)
  html = write_report(tmp_path).read_text(encoding="utf-8")
  assert "<script" not in html
  assert html.count("&lt;script&gt;") > 8


def test_report_of_a_single_run(tmp_path):
  run = tmp_path / "by_hand"
  values = [0.31, 0.52]
  fakes.write_run(
    run,
    fakes.config(),
    fakes.result(values),
    fakes.learning_rows(values),
    fakes.flow_rows(12, 0.5, seeds=2, steps=(0,)),
  )
  html = write_report(run).read_text(encoding="utf-8")
  assert "<h1>by_hand</h1>" in html
  assert "0.415 [0.310, 0.520]" in html
  assert len(_images(html)) == 3
  assert "<h2>Claims</h2>" not in html
  assert "experiments.sweep" not in html


def test_report_before_any_trial_finished(tmp_path):
  planned = {"name": "later", "overrides": {"task.gap": 3}, "series": "S"}
  fakes.write_json(
    tmp_path / "sweep.json", {"claims": fakes.CLAIMS, "trials": [planned]}
  )
  html = write_report(tmp_path).read_text(encoding="utf-8")
  assert "No trial has finished yet" in html
  assert not _images(html)
  rows = fakes.learning_rows([0.4, None])
  fakes.write_run(tmp_path / "now", fakes.config(), rows=rows)
  html = write_report(tmp_path).read_text(encoding="utf-8")
  assert "No trial has finished yet" in html
  assert len(_images(html)) == 1
  assert "0 finished" not in html


def test_a_wrong_claim_leaves_the_directory_as_it_was(tmp_path):
  fakes.write_run(tmp_path / "a", fakes.config(), fakes.result([0.5]))
  fakes.write_json(
    tmp_path / "sweep.json", {"claims": [claim("?", at("a"), "!", 1)]}
  )
  with pytest.raises(FieldError):
    write_report(tmp_path)
  assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "sweep.json"]


def test_a_section_is_rendered_without_knowing_which_it_is(
  tmp_path, monkeypatch
):
  fakes.write_run(tmp_path / "a", fakes.config(), fakes.result([0.5]))
  grid = Grid("T", ["k", "v", "w"], [["x", "1", "2"], ["y", "none", None]], "c")
  cells = Grid("", [], [[Cell(["a", "b"], "open")]], "", row_heads=False)
  text = Text("Of dh_t, `code` & more.", lead="First.", look="small")
  figures = Figures("mine", "Two", [Figure((1, 1)), Figure((2, 1))])
  made = (
    lambda results: Section("One", [text, grid._replace(notes=["n"])]),
    lambda results: None,
    lambda results: Section("One", [figures, cells._replace(numeric=False)]),
  )
  monkeypatch.setattr(page, "SECTIONS", made)
  html = write_report(tmp_path).read_text(encoding="utf-8")
  assert html.count("<h2>One</h2>") == 1
  for words in [
    '<p class="small"><strong>First.</strong> Of dh<sub>t</sub>, '
    "<code>code</code> &amp; more.</p>",
    "<figcaption>T: c.\n<br>n\n</figcaption>",
    '<th class="nowrap">y</th><td colspan="2">none</td></tr>',
    '<td class="open">a<br>b</td>',
  ]:
    assert words in html
  names = [path.name for path in sorted((tmp_path / "figures").iterdir())]
  assert names == ["mine-2.png", "mine.png"]
  assert len(_images(html)) == 2


def test_the_commands_of_single_runs_are_given(tmp_path):
  for name in ("a", "b"):
    run = tmp_path / name
    fakes.write_run(run, fakes.config(), fakes.result([0.5]))
    command = f"python -m experiments.train --workdir={name}"
    environment = {"commit": "abc+", "command": command}
    fakes.write_json(run / "environment.json", environment)
  html = write_report(tmp_path).read_text(encoding="utf-8")
  lines = "python -m experiments.train --workdir={}"
  assert f"<pre>{lines.format('a')}\n{lines.format('b')}</pre>" in html
  # One environment, as the runs differ in their commands alone.
  assert "Environment of every trial" in html
  assert "+ stands for changes that were not committed" in html
