"""The README and docs/: every link, name and command exists; code runs."""

import importlib
import pathlib
import re
import shlex
import types

import pytest
import reports_fakes
from tiny import result, tiny_config, tiny_language

from configs import common
from rnn_lab import load_run, tasks
from rnn_lab.errors import FieldError
from rnn_lab.runs import train

ROOT = pathlib.Path(__file__).parent.parent
LECTURE = ROOT / "docs" / "lecture.md"
README = ROOT / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def resolve(dotted):
  """The object that a dotted name means to a user of the package.

  After `import rnn_lab` names are attributes. A subpackage or module that
  nothing has imported yet is imported, and only then: a function that has a
  module's name hides it.
  """
  top, *names = dotted.split(".")
  found = importlib.import_module(top)
  for name in names:
    if isinstance(found, types.ModuleType) and not hasattr(found, name):
      importlib.import_module(f"{found.__name__}.{name}")
    found = getattr(found, name)
  return found


def test_names_are_attributes():
  assert callable(resolve("rnn_lab.cells.lstm"))
  assert callable(resolve("rnn_lab.unroll"))
  assert isinstance(resolve("rnn_lab.cells.LSTMCarry"), type)
  assert callable(resolve("rnn_lab.load_run"))
  with pytest.raises(AttributeError):
    resolve("rnn_lab.unroll.unroll")
  with pytest.raises(ModuleNotFoundError):
    resolve("rnn_lab.nothing")


def test_the_readme_is_one_page():
  assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def joined(page):
  """The text with line breaks inside of code spans taken out."""
  text = page.read_text(encoding="utf-8")
  return re.sub(
    r"`[^`\n]*\n[^`\n]*(\n[^`\n]*)?`", lambda m: m[0].replace("\n", " "), text
  )


@every_page
def test_links_resolve(page):
  for target in re.findall(r"\]\(([^)]+)\)", joined(page)):
    if not target.startswith(("http", "#")):
      assert (page.parent / target.split("#")[0]).exists(), target


@every_page
def test_names_resolve(page):
  names = re.findall(r"`(rnn_lab(?:\.\w+)+)(?:\(.*?\))?`", joined(page))
  assert names or page != LECTURE
  for name in names:
    resolve(name)


@every_page
def test_tests_exist(page):
  for path, name in re.findall(r"`(tests/\w+\.py)::(\w+)`", joined(page)):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text, name


@every_page
def test_commands_name_configs_and_fields_that_exist(page):
  commands = re.findall(r"python -m experiments\.[^`\n]*", joined(page))
  assert commands or page not in (LECTURE, README)
  for command in commands:
    words = shlex.split(command.replace("\\", ""), comments=True)
    module = importlib.util.find_spec(words[2])
    assert module is not None, command
    configs = [w for w in words if w.startswith("--config=")]
    for word in configs:
      path, _, argument = word.removeprefix("--config=").partition(":")
      name = path.removesuffix(".py").replace("/", ".")
      config = importlib.import_module(name).get_config(argument)
      for override in words:
        if override.startswith("--config."):
          field = override.removeprefix("--config.").split("=")[0]
          for part in field.split("."):
            config = config[part]
          config = importlib.import_module(name).get_config(argument)


def entries():
  """The text of each topic of the lecture, by its title."""
  text = LECTURE.read_text(encoding="utf-8")
  title = re.compile(r"^\*\*([^*]+?)\.?\*\*|^## (.+)$", re.M)
  starts = [*title.finditer(text)]
  ends = [start.start() for start in starts[1:]] + [len(text)]
  return {
    start[1] or start[2]: text[start.end() : end]
    for start, end in zip(starts, ends)
  }


@pytest.mark.parametrize(
  "topic, words",
  [
    ("n-grams", "count(context)"),
    ("Sparsity", "0/0"),
    ("Storage", "storage_table"),
    ("One-hot words and embeddings", "look-up"),
    ("The fixed-window network", "WindowLM"),
    ("The RNN language model", "softmax(v h_t)"),
    ("The neuron and its three weights", "h_t = f(u x_t + w h_{t-1} + b)"),
    ("Unfolding", "h_1 = f(u x_1 + w h_0)"),
    ("The manual RNN", "two steps"),
    ("The dynamic RNN", "as long as the sequence"),
    ("Layers", "layer l-1"),
    ("Two directions", "backwards"),
    ("The cost", "softmax(z_t)"),
    ("Backpropagation through time", "twenty steps"),
    ("A cost on some outputs only", "weight(t)"),
    ("Growing gaps: vanishing and exploding gradients", "dh(t)/dh(k)"),
    ("The four design patterns", "encoder_decoder"),
    ("Attention", "single vector"),
    ("Teacher forcing and scheduled sampling", "scheduled_sampling"),
    ("Decoding", "beam search"),
    ("Masks", "not valid"),
    ("Buckets", "padding"),
    ("The four steps of the LSTM", "i_t = sigma("),
    ("The constant error carousel", "c_t = f_t * c_{t-1}"),
    ("The multi-layer LSTM", "num_layers"),
  ],
)
def test_every_topic_of_the_lecture_has_an_entry_with_a_test(topic, words):
  entry = entries()[topic]
  assert words in " ".join(entry.split())
  assert re.search(r"`tests/\w+\.py::\w+`", entry)


def blocks(page):
  """The page's programs, but for the one that learns something."""
  text = page.read_text(encoding="utf-8")
  codes = re.findall(r"```python\n(.*?)```", text, re.S)
  return [code for code in codes if "predict the next value" not in code]


def run(code):
  """Runs a program, which must stand on its own; returns its names."""
  names = {"__name__": "page"}
  exec(code, names)  # noqa: S102
  return names


def test_the_readmes_lstm_learns(capsys):
  text = README.read_text(encoding="utf-8")
  codes = re.findall(r"```python\n(.*?)```", text, re.S)
  [program] = [code for code in codes if "predict the next value" in code]
  run(program)
  assert float(capsys.readouterr().out) < 1e-3


@every_page
def test_programs_run(page, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for code in blocks(page):
    run(code)


def test_what_opens_a_run(tmp_path):
  """The functions of the pages, on runs."""
  codes = [code for page in PAGES for code in blocks(page)]

  def function(name):
    [code] = [code for code in codes if f"def {name}(" in code]
    return run(code)[name]

  train(tiny_config(), tmp_path / "digits")
  found = float(function("first_test_accuracy")(tmp_path / "digits"))
  # One of two batches of 180: near the accuracy on both.
  assert found * 180 == pytest.approx(round(found * 180), abs=1e-3)
  whole = result(tmp_path / "digits")["metrics"]["test/accuracy"]["values"][0]
  assert found == pytest.approx(whole, abs=0.1)
  train(tiny_language(model__kind="ngram"), tmp_path / "words")
  prompt = "the students opened their"
  words = function("most_probable_words")(tmp_path / "words", prompt)
  assert {*words} >= {"exams", "books", "letters", "umbrellas"}
  sweep = reports_fakes.write_sweep(tmp_path / "sweep")
  table = function("mean_accuracy")(sweep)
  assert list(table.columns) == [0, 20, 100]
  assert table.loc["GRU"].tolist() == pytest.approx([0.95, 0.88, 0.79])


def test_a_task_of_a_pattern_trains(tmp_path, monkeypatch):
  [code] = [c for page in PAGES for c in blocks(page) if "def reversal(" in c]
  assert len(code.splitlines()) < 100
  monkeypatch.setitem(globals(), "reversal", run(code)["reversal"])
  monkeypatch.setitem(tasks.TASKS, "reversal", f"{__name__}:reversal")
  config = common.writing_config()
  common.shrink(config)
  config.task = {"name": "reversal", "length": 3, "eval_size": 20}
  config.model.cell = "elman"
  assert train(config, tmp_path / "run") == "finished"
  assert "test/exact_match" in result(tmp_path / "run")["metrics"]

  opened = load_run(tmp_path / "run")
  [batch] = opened.task.eval_batches("test")
  names = opened.task.output_names
  words = [
    "".join(names[n] for n in word[:length])
    for word, length in zip(batch.inputs, batch.input_lengths)
  ]
  backwards = [[*map(names.index, word[::-1]), 1] for word in words]
  assert opened.task.score("test", backwards)["exact_match"] == 1.0
  backwards[0][0] = 0
  assert opened.task.score("test", backwards)["exact_match"] == 0.95
  params = {"params": opened.params}
  symbols = opened.model.apply(params, batch, method="decode")
  rows = opened.predict(words[:2])
  for row, word, written in zip(rows, words, symbols):
    assert row["input"] == word
    assert row["prediction"] == opened.task.text_of(written)
  with pytest.raises(FieldError, match="^input must consist of letters a to"):
    opened.predict(["Abc"])


@every_page
def test_paths_exist_and_hold_the_names_beside_them(page):
  """`rnn_lab/x.py` (`name`, `Class.method`), as tables of files have it."""
  pattern = r"`((?:rnn_lab|experiments|configs)/[\w/.]*)`(?: \(([^)]*)\))?"
  for path, names in re.findall(pattern, joined(page)):
    if path.endswith(("NAME.py", "leaky.py", "sign.py")):
      continue  # files that the reader is to write
    assert (ROOT / path).exists(), path
    if path.endswith(".py"):
      text = (ROOT / path).read_text(encoding="utf-8")
      for name in re.findall(r"`([\w.]+)`", names):
        assert name.split(".")[-1] in text, (path, name)
