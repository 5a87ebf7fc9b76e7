"""The README and docs/: every link, name and command exists; code runs."""

import importlib
import pathlib
import re
import shlex

import pytest
from tiny import result, tiny_config, tiny_language

from rnn_lab.training.loop import train

ROOT = pathlib.Path(__file__).parent.parent
LECTURE = ROOT / "docs" / "lecture.md"
README = ROOT / "README.md"
PAGES = (LECTURE, README)


def resolve(dotted):
  """The object that a dotted name means; modules win over attributes."""
  parts = dotted.split(".")
  for cut in range(len(parts), 0, -1):
    try:
      found = importlib.import_module(".".join(parts[:cut]))
    except ModuleNotFoundError:
      continue
    for name in parts[cut:]:
      found = getattr(found, name)
    return found
  raise ModuleNotFoundError(dotted)


def joined(page):
  """The text with line breaks inside of code spans taken out."""
  text = page.read_text(encoding="utf-8")
  return re.sub(
    r"`[^`\n]*\n[^`\n]*(\n[^`\n]*)?`", lambda m: m[0].replace("\n", " "), text
  )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page):
  for target in re.findall(r"\]\(([^)]+)\)", joined(page)):
    if not target.startswith(("http", "#")):
      assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_names_resolve(page):
  names = re.findall(r"`(rnn_lab(?:\.\w+)+)(?:\(.*?\))?`", joined(page))
  assert names
  for name in names:
    resolve(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_tests_exist(page):
  for path, name in re.findall(r"`(tests/\w+\.py)::(\w+)`", joined(page)):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text, name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_name_configs_and_fields_that_exist(page):
  commands = re.findall(r"python -m experiments\.[^`\n]*", joined(page))
  assert commands
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


def test_every_topic_of_the_lecture_is_there():
  text = LECTURE.read_text(encoding="utf-8").lower()
  for topic in (
    "n-grams",
    "sparsity",
    "storage",
    "one-hot",
    "window network",
    "recurrent neuron",
    "three weights",
    "unfolding",
    "layers",
    "rnn language model",
    "manual rnn",
    "dynamic rnn",
    "backpropagation through time",
    "twenty steps",
    "four design patterns",
    "growing gaps",
    "four steps of the lstm",
    "multi-layer lstm",
  ):
    assert topic in text, topic


def blocks():
  return re.findall(
    r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S
  )


def test_the_readmes_lstm_learns(capsys):
  [program] = [code for code in blocks() if "predict the next value" in code]
  exec(program, {})  # noqa: S102
  assert float(capsys.readouterr().out) < 1e-3


def test_the_readmes_other_programs_run(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  programs = {}
  for code in blocks():
    if "predict the next value" in code:
      continue
    own = {"__name__": "readme"}  # each must stand on its own
    exec(code, own)  # noqa: S102
    programs |= own
  train(tiny_config(), "digits")
  found = float(programs["first_test_accuracy"]("digits"))
  # One of two batches of 180: near the accuracy on both.
  assert found * 180 == pytest.approx(round(found * 180), abs=1e-3)
  whole = result(tmp_path / "digits")["metrics"]["test/accuracy"]["values"][0]
  assert found == pytest.approx(whole, abs=0.1)
  train(tiny_language(model__kind="ngram"), "words")
  words = programs["most_probable_words"]("words", "the students opened their")
  assert {*words} >= {"exams", "books", "letters", "umbrellas"}
