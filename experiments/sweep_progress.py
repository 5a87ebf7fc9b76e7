"""What the command of a sweep prints of its progress."""

import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from experiments import cli

# Between two readings of the directory for the table on a terminal.
SECONDS = 2.0


def show(args: cli.Arguments) -> int:
  """Prints how far the sweep in `--workdir` has come."""
  from experiments.terminal import Terminal
  from rnn_lab.machine import cores
  from rnn_lab.sweeps import progress

  with Terminal() as terminal:
    trials = progress.read_progress(args.workdir)
    terminal.table(progress.progress_table(trials))
    terminal.line(progress.summary_line(trials, cores()))
  return 0


def show_planned(jobs: Sequence[Any], workdir: pathlib.Path) -> int:
  """Prints the trials that a sweep would run, and writes nothing."""
  from experiments.terminal import Terminal
  from rnn_lab.machine import cores
  from rnn_lab.sweeps import progress

  trials = [
    progress.trial_progress(job.workdir, job.plan.task.headline) for job in jobs
  ]
  with Terminal() as terminal:
    for job in jobs:
      terminal.line(job.name)
    terminal.line(progress.summary_line(trials, cores()))
    if progress.seconds_left(trials, cores()) is None:
      terminal.line(
        f"how long they take is estimated once one in {workdir} has finished"
      )
  return 0


def live(workdir: pathlib.Path) -> Callable[[], Any]:
  """Returns a function that returns what a terminal shows while a sweep runs.

  A row for each trial that is running, read every two seconds.
  """
  last: list[Any] = [None, -SECONDS]

  def render() -> Any:
    from rich.console import Group

    from rnn_lab.errors import FieldError
    from rnn_lab.machine import cores
    from rnn_lab.sweeps import progress

    if time.monotonic() - last[1] < SECONDS:
      return last[0]
    try:
      trials = progress.read_progress(workdir)
    except (FieldError, OSError):
      trials = []  # not begun, or a file that is damaged: the sweep says so
    running = [t for t in trials if t.status == progress.RUNNING]
    shown = None
    if running:
      line = progress.summary_line(trials, cores())
      shown = Group(progress.progress_table(running), line)
    last[:] = shown, time.monotonic()
    return shown

  return render
