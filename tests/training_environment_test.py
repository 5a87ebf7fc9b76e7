"""What a run records of where it was computed."""

import shutil
import subprocess

import pytest

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
