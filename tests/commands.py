"""The commands, called in this process or as processes of their own."""

import contextlib
import importlib
import io
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parent.parent


class Ended(NamedTuple):
  code: int
  out: str
  err: str


def call(module, *arguments):
  """`python -m experiments.MODULE arguments`, in this process."""
  main = importlib.import_module(f"experiments.{module}").main
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    code = main([str(argument) for argument in arguments])
  return Ended(code, out.getvalue(), err.getvalue())


def assert_refused(ended, words):
  """Exit code 2, and one line on stderr that says why."""
  assert ended.code == 2, ended
  assert words in ended.err, ended
  assert ended.err.startswith("error: "), ended
  assert len(ended.err.splitlines()) == 1, ended
  assert ended.out == "", ended


def start(module, *arguments):
  """`python -m experiments.MODULE arguments`, its output in pipes."""
  return subprocess.Popen(
    [sys.executable, "-m", f"experiments.{module}", *arguments],
    cwd=ROOT,
    env=os.environ | {"JAX_PLATFORMS": "cpu"},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
