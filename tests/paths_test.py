"""Paths of users: homes, and addresses that are no folders."""

import pathlib

import pytest
from commands import assert_refused, call

from rnn_lab import load_run, runs
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path


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
