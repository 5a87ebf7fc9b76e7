"""The executor "local": this process runs a sweep's trials."""

from collections.abc import Sequence

from rnn_lab.runs.planning import Plan
from rnn_lab.sweeps.jobs import (
  Job,
  Named,
  OnResult,
  Resources,
  grouped,
  run_job,
  run_together,
)
from rnn_lab.training.records import Listener, Stop


def local(
  jobs: Sequence[Job[Plan]],
  listener: Listener,
  stop: Stop,
  on_result: OnResult,
  resources: Resources | None = None,
) -> None:
  """Runs the jobs in this process, those of one group as one population."""
  del resources  # all of this machine's
  for several in grouped(jobs):
    if stop.requested:
      return
    for job in several:
      listener.line(f"{job.name}: begins")
    if len(several) == 1:
      [job] = several
      on_result(run_job(job, Named(job.name, listener), stop))
      continue
    for result in run_together(several, listener, stop):
      on_result(result)
