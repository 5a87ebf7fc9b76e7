"""The commands of language models, as a user types them."""

import json

import pytest
from commands import start
from tiny import everything, tiny_language

from rnn_lab.training.loop import train

SMOKE = "--config=configs/language_model.py:smoke"
PROMPT = "--prompt=as the proctor started the clock the students opened their"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """A bigram model of the grammar, and a directory of texts."""
  folder = tmp_path_factory.mktemp("language")
  train(tiny_language(model__kind="ngram"), folder / "run")
  (folder / "empty.txt").write_bytes(b"")
  (folder / "latin.txt").write_bytes("caf\xe9\n".encode("latin-1") * 100)
  (folder / "short.txt").write_text("a b c d e f g h i j\n" * 4)
  (folder / "damaged.arpa").write_text("\\data\\\nngram 1=7\n\n\\1-grams:\n")
  return folder


def wrong(folder):
  """arguments, and words of the message"""

  def text(name):
    return [
      "train",
      SMOKE,
      "--config.task.corpus=text",
      f"--config.task.train_path={folder / name}",
    ]

  arpa = ["--config.model.kind=ngram", "--config.model.ngram.estimator=arpa"]
  return {
    "empty": (text("empty.txt"), "task.train_path is"),
    "not utf-8": (text("latin.txt"), "not UTF-8"),
    "short": (text("short.txt"), "task.window is 8; it may be at most 1"),
    "missing": (text("none.txt"), "task.train_path is"),
    "no text": (
      ["train", SMOKE, "--config.task.corpus=text"],
      "task.train_path is None",
    ),
    "arpa": (
      [
        "train",
        SMOKE,
        *arpa,
        f"--config.model.ngram.arpa_file={folder / 'damaged.arpa'}",
      ],
      "model.ngram.arpa_file is damaged",
    ),
    "no arpa": (["train", SMOKE, *arpa], "model.ngram.arpa_file is None"),
    "cut": (
      ["train", SMOKE, "--config.task.reach=3"],
      "task.reach is 3; it may be 8 or more",
    ),
    "corpus": (
      ["train", SMOKE, "--config.task.corpus=brown"],
      "task.corpus is 'brown'; it may be one of",
    ),
  }


def asked(folder):
  """arguments of `generate` after --workdir, and words of the message"""
  return {
    "unknown words": (["--prompt=foo bar"], "prompt is 'foo bar'"),
    "twice unknown": (["--prompt=foo foo"], "prompt is 'foo foo'"),
    "no prompt": ([], "prompt is missing"),
    "top_p": ([PROMPT, "--top_p=0"], "top_p is 0.0"),
    "temperature": ([PROMPT, "--temperature=-1"], "temperature is -1.0"),
  }


def test_wrong_input_gets_one_line_and_leaves_nothing(run, tmp_path):
  before = everything(run)
  started = {}
  for name, ((module, *arguments), words) in wrong(run).items():
    process = start(module, f"--workdir={tmp_path / name}", *arguments)
    started[name] = process, words
  for name, (arguments, words) in asked(run).items():
    process = start("generate", f"--workdir={run / 'run'}", *arguments)
    started[f"generate: {name}"] = process, words
  process = start("generate", f"--workdir={tmp_path}", PROMPT)
  started["no run"] = process, "it may be a run directory"
  ended = {
    name: (process.communicate(timeout=240), process, words)
    for name, (process, words) in started.items()
  }
  for name, ((out, err), process, words) in ended.items():
    assert process.returncode == 2, (name, out, err)
    assert words in err, (name, err)
    assert len(err.strip().splitlines()) == 1, (name, err)
  assert list(tmp_path.iterdir()) == []
  assert everything(run) == before


def test_generate_prints_a_table_and_samples(run):
  arguments = (f"--workdir={run / 'run'}", PROMPT, "--samples=2", "--top=400")
  twice = [start("generate", *arguments, "--seed=5") for _ in range(2)]
  named = start(
    "generate",
    f"--workdir={run / 'run'}",
    "--prompt=the students opened foo",
    "--samples=0",
  )
  (out, err), again = [process.communicate(timeout=240) for process in twice]
  assert err == "" and (out, err) == again
  assert "next word" in out and "true probability" in out
  assert "1: as the proctor started the clock" in out and "\n2: " in out
  rows = [line for line in out.splitlines() if "1.0000" in line]
  assert len(rows) == 1 and "exams" in rows[0]
  out, _ = named.communicate(timeout=240)
  assert "not in the vocabulary: foo" in out


def test_a_model_is_exported_and_read_again(run, tmp_path):
  file = tmp_path / "model.arpa"
  arguments = (f"--workdir={run / 'run'}", f"--output={file}")
  process = start("export_arpa", *arguments)
  out, err = process.communicate(timeout=240)
  assert process.returncode == 0, err
  config = tiny_language(model__kind="ngram")
  config.model.ngram.estimator = "arpa"
  config.model.ngram.arpa_file = str(file)
  assert train(config, tmp_path / "again") == "finished"
  results = [
    json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for folder in (run / "run", tmp_path / "again")
  ]
  a, b = [r["metrics"]["test/perplexity"]["values"][0] for r in results]
  assert a == pytest.approx(b, rel=1e-4)
