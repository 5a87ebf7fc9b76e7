"""The commands of language models, as a user types them."""

import json

import pytest
from commands import ROOT, assert_refused, call
from tiny import everything, tiny_language

from rnn_lab.runs import train

SMOKE = f"--config={ROOT}/configs/language_model.py:smoke"
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
  """A command, and words of the message."""

  def text(name):
    return [
      "train",
      SMOKE,
      "--config.task.corpus=text",
      f"--config.task.train_path={folder / name}",
    ]

  arpa = ["--config.model.kind=ngram", "--config.model.ngram.estimator=arpa"]
  generate = ["generate", f"--workdir={folder / 'run'}"]
  no_output = ["export_arpa", f"--workdir={folder / 'run'}"]
  return {
    "empty": (text("empty.txt"), "task.train_path"),
    "not utf-8": (text("latin.txt"), "not UTF-8"),
    "short": (text("short.txt"), "task.window must be at most 1"),
    "missing": (text("none.txt"), "task.train_path"),
    "no text": (
      ["train", SMOKE, "--config.task.corpus=text"],
      "task.train_path",
    ),
    "arpa": (
      [
        "train",
        SMOKE,
        *arpa,
        f"--config.model.ngram.arpa_file={folder / 'damaged.arpa'}",
      ],
      "model.ngram.arpa_file",
    ),
    "no arpa": (["train", SMOKE, *arpa], "model.ngram.arpa_file"),
    "cut": (["train", SMOKE, "--config.task.reach=3"], "task.reach must be"),
    "corpus": (
      ["train", SMOKE, "--config.task.corpus=brown"],
      "task.corpus must be one of",
    ),
    "unknown words": (
      [*generate, "--prompt=foo bar"],
      "prompt must have at least one known word, got 'foo bar'",
    ),
    "twice unknown": ([*generate, "--prompt=foo foo"], "got 'foo foo'"),
    "no prompt": (generate, "--prompt is required"),
    "top_p": ([*generate, PROMPT, "--top_p=0"], "top_p must be"),
    "temperature": (
      [*generate, PROMPT, "--temperature=-1"],
      "temperature must be a finite number of at least 0, got -1.0",
    ),
    "top": ([*generate, PROMPT, "--top=0"], "top must be an integer"),
    "seed": ([*generate, PROMPT, "--seed=-1"], "seed must be an integer"),
    "a seed beyond int64": (
      [*generate, PROMPT, "--seed=99999999999999999999"],
      "seed must be an integer from 0 to 9223372036854775807",
    ),
    "too many tokens": (
      [*generate, PROMPT, "--num_tokens=10000000000"],
      "num_tokens must be an integer from 1 to 1000000",
    ),
    "too many samples": (
      [*generate, PROMPT, "--num_tokens=1000000", "--samples=101"],
      "samples times num_tokens must be at most 100000000",
    ),
    "no run": (["generate", PROMPT], "run directory"),
    "no output": (no_output, "--output is required"),
    "no folder": (
      [*no_output, f"--output={folder / 'none' / 'a.arpa'}"],
      "output must be a file in an existing folder",
    ),
    "not counted": (
      ["export_arpa", f"--output={folder / 'a.arpa'}"],
      "workdir must be the run of an n-gram model",
    ),
  }


def test_wrong_input_gets_one_line_and_leaves_nothing(run, tmp_path):
  before = everything(run)
  for (module, *arguments), words in wrong(run).values():
    if not any(a.startswith("--workdir") for a in arguments):
      arguments.append(f"--workdir={tmp_path / 'run'}")
    assert_refused(call(module, *arguments), words)
  assert list(tmp_path.iterdir()) == []
  assert everything(run) == before


def test_generate_prints_a_table_and_samples(run):
  arguments = (f"--workdir={run / 'run'}", PROMPT, "--samples=2", "--top=400")
  first, again = [call("generate", *arguments, "--seed=5") for _ in range(2)]
  assert (first.code, first.err) == (0, "") and first == again
  assert "next word" in first.out and "true probability" in first.out
  assert "1: as the proctor started the clock" in first.out
  assert "\n2: " in first.out
  rows = [line for line in first.out.splitlines() if "1.0000" in line]
  assert len(rows) == 1 and "exams" in rows[0]
  named = call(
    "generate",
    f"--workdir={run / 'run'}",
    "--prompt=the students opened foo",
    "--samples=0",
  )
  assert "not in the vocabulary: foo" in named.out


def test_a_model_is_exported_and_read_again(run, tmp_path):
  file = tmp_path / "model.arpa"
  arguments = (f"--workdir={run / 'run'}", f"--output={file}")
  ended = call("export_arpa", *arguments)
  assert (ended.code, ended.err) == (0, "")
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


def test_characters_of_one_line_with_markup(tmp_path):
  path = tmp_path / "text.txt"
  path.write_text("[/b] is [b] or [red] " * 40, encoding="utf-8")
  config = tiny_language(
    model__kind="ngram",
    task__corpus="text",
    task__train_path=str(path),
    task__unit="character",
  )
  assert train(config, tmp_path / "run") == "finished"
  arguments = ("--prompt=[/b]", "--samples=1", "--num_tokens=4", "--warmup=0")
  ended = call("generate", f"--workdir={tmp_path / 'run'}", *arguments)
  assert (ended.code, ended.err) == (0, "")
  assert "next character" in ended.out and "' '" in ended.out
  assert "\n1: [/b] " in ended.out
  refused = call("generate", f"--workdir={tmp_path / 'run'}", "--prompt=ZZ")
  assert_refused(refused, "prompt must have at least one known character")
