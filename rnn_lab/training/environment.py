"""Where and with what a run was computed: `environment.json`."""

import importlib.metadata
import pathlib
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import jax

from rnn_lab.machine import cores
from rnn_lab.rundir import ENVIRONMENT, read_json, write_sealed
from rnn_lab.tasks.base import Task

_TRAIN = "experiments.train"
PACKAGES = (
  "jax",
  "jaxlib",
  "flax",
  "optax",
  "orbax-checkpoint",
  "ml-collections",
  "numpy",
  "scikit-learn",
  "tokenizers",
)


def machine() -> dict[str, Any]:
  """Returns versions, device and commit, and the command of a single run."""
  device = jax.local_devices()[0]
  return {
    **_command(),
    "python": platform.python_version(),
    "system": f"{platform.system()} {platform.machine()}",
    "device": device.device_kind,
    "platform": device.platform,
    "device_count": jax.local_device_count(),
    "process_count": jax.process_count(),
    "cores": cores(),
    "commit": commit(),
    "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
  }


def _command() -> dict[str, str]:
  """The command of this process if it trains one run, as no sweep.json has."""
  spec = getattr(sys.modules["__main__"], "__spec__", None)
  if spec is None or spec.name != _TRAIN:
    return {}
  words = shlex.join(["python", "-m", spec.name, *sys.argv[1:]])
  return {"command": words}


def commit() -> str | None:
  """Returns this checkout's commit, with "+" if changed; None without git."""
  folder = pathlib.Path(__file__).parent

  def git(*arguments: str) -> str | None:
    try:
      done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
      )
    except (OSError, subprocess.CalledProcessError):
      return None  # no git, or not a checkout
    return done.stdout.strip()

  head = git("rev-parse", "HEAD")
  root = git("rev-parse", "--show-toplevel")
  if head is None or root is None:
    return None  # no commit yet, or a bare repository
  if pathlib.Path(root) != folder.parents[1]:
    return None  # somebody else's checkout
  return head + ("+" if git("status", "--porcelain") else "")


def record(
  workdir: pathlib.Path, task: Task, run: Mapping[str, Any], step: int
) -> str:
  """Writes `environment.json`; on a resume, what has changed since then.

  Args:
    workdir: the run directory.
    task: whose data is read.
    run: the config's section `run`, which decides no number.
    step: updates made so far.

  Returns:
    A line if a run on CPU goes on with another number of cores than it was
    begun with, or "".
  """
  path = workdir / ENVIRONMENT
  now = machine() | {"data_sha256": dict(task.hashes), "run": dict(run)}
  if not path.exists():
    write_sealed(path, now)
    return ""
  then = read_json(path)
  changes = {k: v for k, v in now.items() if v != then.get(k)}
  if changes:
    resumed = [*then.get("resumed", []), {"step": step, **changes}]
    write_sealed(path, then | {"resumed": resumed})
  begun, count = then.get("cores"), now["cores"]
  is_cpu = then.get("platform") == now["platform"] == "cpu"
  if not is_cpu or begun is None or begun == count:
    return ""
  # XLA cuts large products and sums by them.
  return (
    f"this run may use {count} cores and was begun with {begun}: the last bits "
    "of its numbers may differ from those of one that keeps them"
  )
