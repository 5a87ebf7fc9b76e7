"""Every kind of report page in a real browser, on a wide and a narrow screen.

Nothing is on the console, every picture loads, nothing needs the network,
nothing is wider than the page, and every text has contrast enough.
"""

import json

import browser
import pytest
import reports_examples_test as examples
import reports_fakes as fakes
import reports_forecasts_test as forecasts
import reports_goals_test as goals
import reports_gradient_fakes as gradients
import reports_language_fakes as language
import reports_lengths_test as lengths
import reports_repeats_test as repeats
import reports_search_test as search
import reports_success_test as success

from rnn_lab.gradients.unfolded import LECTURE, unfold
from rnn_lab.gradients.unfolded_lstm import LECTURE_LSTM, unfold_lstm
from rnn_lab.reports import write_report

pytestmark = pytest.mark.slow

WIDTHS = (1280, 400)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
  program = browser.find_program()
  if program is None:
    names = ", ".join(browser.PROGRAMS)
    pytest.skip(f"no browser is installed: none of {names} is on the PATH")
  with browser.open_browser(program, tmp_path_factory.mktemp("profile")) as it:
    yield it


def add_to_sweep(root, **content):
  path = root / "sweep.json"
  before = json.loads(path.read_text(encoding="utf-8"))
  fakes.write_json(path, before | content)


def write_unfinished_sweep(root):
  """Trials that diverged, failed, never ran or have not ended."""
  error = f"FileNotFoundError: {'/a/long/path' * 12}"
  fakes.write_all_endings(root, error)


def write_study(root):
  gradients.write_study(root)
  lecture = LECTURE | unfold(**LECTURE)._asdict()
  lecture["lstm"] = LECTURE_LSTM | unfold_lstm(**LECTURE_LSTM)._asdict()
  claims = [["It vanishes.", "decades lost of LSTM, chrono", "<", 1.0]]
  add_to_sweep(root, unfolded=lecture, claims=claims)


def write_ladder(root):
  sentence = "An LSTM has a lower perplexity than the best n-gram model."
  best = "5-gram, Kneser-Ney"
  language.write_ladder(root, [[sentence, "LSTM", "<", best]])


def write_run(root):
  values = [0.31, 0.52, None]
  rows, flow = fakes.learning_rows(values), fakes.flow_rows(12, 0.5)
  fakes.write_run(root, fakes.config(), fakes.result(values), rows, flow)


def write_unlike_runs(root):
  """Runs by hand, of three tasks, without a sweep."""
  fakes.write_run(root / "lstm", fakes.config(), fakes.result([0.7, 0.8]))
  language.write_network(root / "words", "GRU")
  gradients.write_trial(root, "tanh RNN", gradients.of_series("tanh RNN"))


def write_planned_sweep(root):
  planned = {"name": "later", "overrides": {"task.gap": 3}, "series": "S"}
  sweep = {"claims": fakes.CLAIMS, "trials": [planned]}
  fakes.write_json(root / "sweep.json", sweep)


def write_begun_sweep(root):
  write_planned_sweep(root)
  rows = fakes.learning_rows([0.4, None])
  fakes.write_run(root / "now", fakes.config(), rows=rows)


def write_examples(root):
  """Symbols, images and series, each of a task of its own."""
  examples.write(root, "LSTM", [0.9, 0.6])
  reads = {"form": "images", "values": [[[0.2], [0.4]], [[0.6], [0.8]]]}
  images = [row | {"reads": reads} for row in examples.ROWS]
  examples.write(root, "GRU", [0.7], rows=images, task="pictures")
  series = {
    "reads": {"form": "vectors", "values": [[0.1], [0.2]]},
    "output": [[0.3], [0.5]],
    "target": [[0.4], [0.6]],
    "right": None,
  }
  examples.write(root, "Elman", [0.7], rows=[series], task="forecasts")


def write_success(root):
  success.write(root, success.LEARNT)
  fakes.write_json(root / "sweep.json", {"goals": [success.GOAL]})


def write_folds(root):
  repeats.write(root, references=[0.6, 0.65, 0.7])


KINDS = {
  "a sweep": write_unfinished_sweep,
  "a gradient study": write_study,
  "a language ladder": write_ladder,
  "shares of a text": language.write_fractions,
  "several tasks": goals.write_tasks,
  "who learns": write_success,
  "a search": search.write_search,
  "folds": write_folds,
  "one run": write_run,
  "unlike runs": write_unlike_runs,
  "nothing begun": write_planned_sweep,
  "nothing finished": write_begun_sweep,
  "examples": write_examples,
  "forecasts": forecasts.write,
  "lengths": lengths.write,
}


@pytest.mark.parametrize("kind", KINDS)
def test_page_has_no_fault(chromium, tmp_path, kind):
  # Without a title in sweep.json the name of the directory is the heading.
  root = tmp_path / "vanishing_gradient_two_layers"
  KINDS[kind](root)
  page = write_report(root)
  faults = [
    f"at {width} px: {fault}"
    for width in WIDTHS
    for fault in chromium.faults(page, width)
  ]
  assert not faults, "\n".join(faults)


HEAD = """<!DOCTYPE html><html lang="en"><head><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0 } %s</style></head><body>"""
DOT = (
  "data:image/gif;base64,"
  "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
)


# Bodies of pages, and the faults that they have on a screen of 400 px.
PAGES = {
  "sound": (
    f"<h1>One</h1><h2>Two</h2><p>Words</p><h2>Three</h2><img src='{DOT}' "
    "alt='a dot'><div style='overflow-x: auto'><table><tr><td><div "
    "style='width: 2000px; text-align: right'>1.5</div></table></div>",
    [],
  ),
  "missing image": (
    "<h1>One</h1><img src='gone.png' alt='a dot'>",
    [
      "request: FOLDER/gone.png",
      "console: Failed to load resource: net::ERR_FILE_NOT_FOUND",
      "an image that does not load: 'a dot'",
    ],
  ),
  "damaged image": (
    "<h1>One</h1><img src='data:image/png;base64,AAAA' alt='a dot'>",
    ["an image that does not load: 'a dot'"],
  ),
  "no alt text": (
    f"<h1>One</h1><img src='{DOT}' alt=' '><img src='{DOT}'>",
    ["an image without an alt text"],
  ),
  "console": (
    "<h1>One</h1><script>console.log('a', 1); nothing()</script>",
    ["console: a 1", "console: ReferenceError: nothing is not defined"],
  ),
  "network": (
    "<h1>One</h1><link rel='stylesheet' href='https://example.org/a.css'>",
    [
      "request: https://example.org/a.css",
      "console: Failed to load resource: net::ERR_NAME_NOT_RESOLVED",
    ],
  ),
  "wide box": (
    "<h1>One</h1><div style='width: 2000px'><b>Two</b></div>",
    [
      "the page scrolls sideways over 2000 px",
      "outside the page, to 2000 px: div 'Two'",
    ],
  ),
  "wide box in one that hides it": (
    "<h1>One</h1><div style='overflow: hidden'><div style='width: 2000px'>"
    "Two</div></div>",
    ["outside the page, to 2000 px: div 'Two'"],
  ),
  "caption of a wide table": (
    "<h1>One</h1><div style='overflow-x: auto'><table style='width: 2000px'>"
    "<caption style='text-align: right'>Two</caption><tr><td>3</table></div>",
    ["text outside the page, to 2000 px: caption 'Two'"],
  ),
  "text left of the page": (
    "<h1>One</h1><p style='margin-left: -90px'>Two</p>",
    [
      "outside the page, to -90 px: p 'Two'",
      "text outside the page, to -90 px: p 'Two'",
    ],
  ),
  "grey text": (
    "<h1>One</h1><p style='color: #888'>Two</p>",
    ["contrast 3.54: p 'Two'"],
  ),
  "coloured background": (
    "<h1>One</h1><div style='background: #666'><p class='a'>Two</p></div>",
    ["contrast 3.66: p.a 'Two'"],
  ),
  "transparent text": (
    "<h1>One</h1><p style='opacity: 0.5'>Two</p>",
    ["contrast 3.98: p 'Two'"],
  ),
  "headings": ("<h2>One</h2><h1>Two</h1>", ["headings of levels 2,1"]),
  "headings that skip a level": (
    "<h1>One</h1><h3>Two</h3>",
    ["headings of levels 1,3"],
  ),
  "no heading": ("<p>Words</p>", ["headings of levels "]),
  "two headings": ("<h1>A</h1><h1>B</h1>", ["headings of levels 1,1"]),
}


def test_each_kind_of_fault_is_found(chromium, tmp_path):
  path = tmp_path / "page.html"

  def faults(text, width=400):
    path.write_text(text, encoding="utf-8")
    return chromium.faults(path, width)

  found = {name: faults(HEAD % "" + body) for name, (body, _) in PAGES.items()}
  folder = tmp_path.resolve().as_uri()
  assert found == {
    name: [fault.replace("FOLDER", folder) for fault in expected]
    for name, (_, expected) in PAGES.items()
  }
  bare = faults("<!DOCTYPE html><h1>One</h1>")
  assert bare == [
    "the layout is 980 px wide",
    "the page scrolls sideways over 980 px",
    "no language",
    "no title",
  ]
  # The page's own rules see the width of the screen.
  rule = "@media (max-width: 400px) { h1 { color: #bbb } }"
  narrow = HEAD % rule + "<h1>One</h1>"
  assert [len(faults(narrow, width)) for width in (1280, 401, 400)] == [0, 0, 1]
