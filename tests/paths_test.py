"""Paths of users: homes, and addresses that are no folders."""

import pathlib

import pytest
from commands import assert_refused, call

from rnn_lab import load_run, reports, runs
from rnn_lab.errors import FieldError
from rnn_lab.language_models import arpa, ngram
from rnn_lab.paths import local_path
from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.predictions import draw_prediction
from rnn_lab.tasks.mnist import read_mnist
from rnn_lab.text.vocabulary import Vocabulary
from rnn_lab.text.words import SPECIALS, WordIds


def test_a_home_is_expanded_and_nothing_else(monkeypatch):
  monkeypatch.setenv("HOME", "/home/ada")
  for given, expected in {
    "~": "/home/ada",
    "~/x": "/home/ada/x",
    pathlib.Path("~/x"): "/home/ada/x",
    "a/~/b": "a/~/b",
    "./~": "~",
    "c:d/e": "c:d/e",
  }.items():
    assert local_path("workdir", given) == pathlib.Path(expected)


@pytest.mark.parametrize(
  ("path", "words"),
  [
    ("gs://bucket/x", "workdir must be a path on this machine, got 'gs://bu"),
    (pathlib.Path("s3://b"), "a path on this machine, got 's3:/b'"),
    ("file:///x", "a path on this machine"),
    ("", "workdir must be a path, got ''"),
    (3, "workdir must be a path, got 3"),
    ("x\0y", "a path without null bytes, got 'x\\x00y'"),
    (b"x\xff".decode(errors="surrogateescape"), "a path in UTF-8, got 'x\\ud"),
  ],
)
def test_what_is_no_path_of_this_machine_is_refused(path, words):
  for use in (load_run, lambda p: runs.train({}, p)):
    with pytest.raises(FieldError) as error:
      use(path)
    assert words in str(error.value)


def test_commands_read_homes_and_make_no_folder(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  monkeypatch.chdir(tmp_path)
  ended = call("report", "--workdir=~/runs")
  assert_refused(ended, f"{tmp_path}/runs holds no run")
  for name in ("report", "predict"):
    ended = call(name, "--workdir=gs://bucket/x")
    assert_refused(ended, "workdir must be a path on this machine, got 'gs://")
  with pytest.raises(FieldError, match=f"{tmp_path}/runs has no config"):
    load_run("~/runs")
  assert list(tmp_path.iterdir()) == []


READERS = {
  "a run's trials": (reports.load_trials, "holds no run"),
  "a report": (reports.write_report, "holds no run"),
  "an ARPA file": (arpa.read_arpa, "'~/x' cannot be read (Is a directory)"),
  "n-grams": (ngram.load, "{}' cannot be read (IsADirectoryError)"),
  "a vocabulary": (Vocabulary.load, "{}' cannot be read (IsADirectoryError)"),
  "words": (WordIds.load, "{}' cannot be read (Is a directory)"),
  "MNIST": (read_mnist, "'~/x' has no train-images"),
}


@pytest.mark.parametrize("name", READERS)
def test_all_that_read_files_know_homes_and_no_address(
  name, tmp_path, monkeypatch
):
  read, words = READERS[name]
  monkeypatch.setenv("HOME", str(tmp_path))
  monkeypatch.chdir(tmp_path / "..")
  (tmp_path / "x").mkdir()
  with pytest.raises(FieldError) as error:
    read("~/x")
  assert words.format(tmp_path / "x") in str(error.value)
  with pytest.raises(FieldError, match="path on this machine"):
    read("gs://bucket/x")


def test_all_that_write_files_know_homes_and_no_address(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  monkeypatch.chdir(tmp_path)
  words = WordIds((*SPECIALS, "a"))
  row = {"places": ["a"], "symbols": ["b"], "attention": [[1.0]]}
  for write in words.save, lambda path: draw_prediction(row, path):
    with pytest.raises(FieldError, match="must be a path on this machine"):
      write("gs://bucket/x")
    write("~/written.png")
    assert [path.name for path in tmp_path.iterdir()] == ["written.png"]
  assert load_sweep("~") == load_sweep(tmp_path)
