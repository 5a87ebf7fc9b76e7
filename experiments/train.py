"""Trains one config, or goes on with it.

  python -m experiments.train --config=configs/digits.py[:smoke] \\
    --workdir=DIR [--config.section.field=value ...]
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from rnn_lab.training.run import RESULT

from experiments import cli
from rnn_lab.training.listener import Terminal
from rnn_lab.training.loop import ALREADY_FINISHED, STOPPED, train

cli.define_config()


def main(workdir: pathlib.Path) -> int:
  """Trains `--config` in `workdir`; see `rnn_lab.training.loop.train`."""
  with Terminal() as terminal:
    status = train(cli.FLAGS.config, workdir, terminal)
    if status == STOPPED:
      terminal.line("stopped; the same command goes on from here")
      return 0
    if status == ALREADY_FINISHED:
      terminal.line(f"{workdir} is already finished")
    result = json.loads((workdir / RESULT).read_text(encoding="utf-8"))
    for name, metric in result["metrics"].items():
      values = [
        f"{value:.4f}" if value is not None else _no_number(seed)
        for value, seed in zip(metric["values"], result["seeds"])
      ]
      terminal.line(f"{name}: {', '.join(values)}")
    for name, value in result["baselines"].items():
      terminal.line(f"a constant guess reaches {name} {value:.4f}")
    terminal.line(f"{result['status']}: {workdir / RESULT}")
  return 0


def _no_number(seed: Mapping[str, Any]) -> str:
  """Why a seed has no number: JSON knows neither infinity nor nan."""
  return "diverged" if seed["status"] == "diverged" else "infinite"


if __name__ == "__main__":
  cli.run(main)
