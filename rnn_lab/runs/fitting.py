"""Fitting a model: by gradient, or by counting."""

import contextlib
import pathlib
import pkgutil
from typing import Any

from rnn_lab.rundir import lock
from rnn_lab.runs import planning
from rnn_lab.training.listener import Listener, Silent
from rnn_lab.training.loop import STOPPED
from rnn_lab.training.settings import Plan
from rnn_lab.training.stopping import Stop, stop_on_signal

__all__ = ["ALREADY_FINISHED", "FITS", "STOPPED", "train"]

ALREADY_FINISHED = "already finished"
# From a model's `fit` to a class, imported when used. It is made of a plan,
# which touches no file, and has `run(workdir, listener, stop) -> status`.
FITS = {
  "gradient": "rnn_lab.training.loop:Trainer",
  "counts": "rnn_lab.runs.counting:Counter",
}


def train(
  config: Any,
  workdir: str | pathlib.Path,
  listener: Listener | None = None,
  stop: Stop | None = None,
) -> str:
  """Fits the model that `config` describes, or goes on with it, in `workdir`.

  An interrupted run goes on from its last checkpoint and ends with the same
  bits as one left alone; a finished one goes on if `train.num_steps` is
  larger now, and is left as it is otherwise.

  Args:
    config: a ConfigDict, nested dicts, or a plan.
    workdir: the run directory; made if it does not exist.
    listener: receives progress.
    stop: asks the run to stop between calls of the compiled program; None
      lets SIGTERM and SIGINT ask.

  Returns:
    "finished", "partial" (some seeds diverged), "diverged" (all did),
    "already finished", or "stopped" (by a signal; the same call goes on).

  Raises:
    FieldError: the config or the directory cannot be used. Nothing has been
      written or lost then.
  """
  workdir = pathlib.Path(workdir)
  plan = config if isinstance(config, Plan) else planning.plan(config)
  planning.check_workdir(plan, workdir)
  if planning.is_finished(plan, workdir):
    return ALREADY_FINISHED
  fit = pkgutil.resolve_name(FITS[plan.model.fit])(plan)
  with contextlib.ExitStack() as stack:
    stack.enter_context(lock(workdir))
    if stop is None:
      stop = stack.enter_context(stop_on_signal())
    # Again, as another process may have been here before the lock.
    planning.check_workdir(plan, workdir)
    if planning.is_finished(plan, workdir):
      return ALREADY_FINISHED
    return fit.run(workdir, listener or Silent(), stop)
