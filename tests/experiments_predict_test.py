"""experiments.predict, as a user types it, and what it refuses."""

import io
import json

import pytest
from commands import assert_refused, call
from tiny import everything, tiny_config, tiny_dates

from rnn_lab import load_run
from rnn_lab.runs import train

DATE = "the fifth of march 1987"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
  """Runs on dates, and on digits, which are no inputs of a user."""
  folder = tmp_path_factory.mktemp("predict")
  fields = {"train__num_epochs": 0, "num_seeds": 1, "run__checkpoint_every": 1}
  for name, make in (("dates", tiny_dates), ("digits", tiny_config)):
    config = make(**fields, train__num_steps=1)
    if name == "digits":
      config.train.gradient_flow_every = 0
    train(config, folder / name)
  return folder


def test_an_answer_is_printed_and_its_attention_drawn(runs, tmp_path):
  path = tmp_path / "attention.png"
  workdir = f"--workdir={runs / 'dates'}"
  ended = call("predict", workdir, f"--input={DATE}", f"--figure={path}")
  assert (ended.code, ended.err) == (0, "")
  first, second = ended.out.splitlines()
  [row] = load_run(runs / "dates").predict([DATE])
  probability = f"(probability {row['probability']:.3g})"
  assert first == f"{row['prediction']}  {probability}"
  assert second == f"figure: {path}"
  assert path.read_bytes().startswith(b"\x89PNG")
  assert row["places"] == [*DATE]
  for weights in row["attention"]:
    assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_lines_are_answered_by_lines_of_json(runs, monkeypatch):
  lines = [DATE, "5 march 1987"]
  monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
  ended = call("predict", f"--workdir={runs / 'dates'}", "--beam_size=2")
  assert (ended.code, ended.err) == (0, "")
  rows = [json.loads(line) for line in ended.out.splitlines()]
  assert [row["input"] for row in rows] == lines
  assert all(0 <= row["probability"] <= 1 for row in rows)


@pytest.mark.parametrize(
  "name, arguments, text, words",
  [
    ("dates", ["--input=5 # 1987"], "", "input"),
    ("dates", [], "", "input must have at least one line, got none"),
    ("dates", [], f"{DATE}\n\n", "input must not be empty, got ''"),
    ("dates", ["--input=x", "--seed_index=1"], "", "seed_index must be"),
    ("dates", ["--input=x", "--beam_size=-1"], "", "beam_size must be"),
    ("dates", ["--input=x", "--horizon=3"], "", "horizon must be one of"),
    ("dates", ["--figure=a.png"], "", "figure needs a single input"),
    ("digits", ["--input=x"], "", "and 'digits' has none"),
    ("missing", ["--input=x"], "", "workdir must be a run directory"),
  ],
)
def test_wrong_input_is_one_line(
  runs, monkeypatch, name, arguments, text, words
):
  monkeypatch.setattr("sys.stdin", io.StringIO(text))
  before = everything(runs)
  ended = call("predict", f"--workdir={runs / name}", *arguments)
  assert_refused(ended, words)
  assert everything(runs) == before
