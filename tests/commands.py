"""The commands as processes of their own."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent


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
