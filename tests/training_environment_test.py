"""What a run records of where it was computed."""

import shutil
import subprocess
import types

import pytest

from rnn_lab.rundir import read_json
from rnn_lab.training import environment


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_bare_repository_is_no_checkout_and_has_no_commit(
  tmp_path, monkeypatch
):
  # As a hook of a repository on a server sets it.
  monkeypatch.setenv("GIT_DIR", str(tmp_path))
  person = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
  subprocess.run(["git", "init", "--quiet", "--bare"], check=True)
  made = {"check": True, "capture_output": True, "text": True}
  tree = subprocess.run(["git", "mktree"], input="", **made).stdout.strip()
  command = ["git", *person, "commit-tree", "-m", "first", tree]
  head = subprocess.run(command, **made).stdout.strip()
  subprocess.run(["git", "update-ref", "HEAD", head], check=True)
  assert environment.commit() is None


def test_a_run_that_goes_on_with_other_cores_says_so(tmp_path, monkeypatch):
  task = types.SimpleNamespace(hashes={})

  def record(count, step):
    monkeypatch.setattr(environment, "cores", lambda: count)
    return environment.record(tmp_path, task, {}, step)

  assert record(2, 0) == ""
  assert record(2, 5) == ""
  assert record(1, 10).startswith(
    "this run may use 1 cores and was begun with 2"
  )
  assert record(2, 15) == ""
  resumed = read_json(tmp_path / "environment.json")["resumed"]
  assert [(r["step"], r.get("cores")) for r in resumed] == [(10, 1)]
  gpu = environment.machine() | {"platform": "gpu"}
  monkeypatch.setattr(environment, "machine", lambda: gpu | {"cores": 1})
  assert record(1, 20) == ""
