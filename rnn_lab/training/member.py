"""One of the runs that are trained together: its seeds and its directory."""

import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.rundir import (
  CHECKPOINTS,
  CONFIG,
  EXAMPLES,
  RESULT,
  write_sealed,
)
from rnn_lab.training import environment, optimizers
from rnn_lab.training.checkpoint import Checkpoints, Saved
from rnn_lab.training.initial import read_params
from rnn_lab.training.patience import patience_of
from rnn_lab.training.records import (
  Listener,
  Records,
  ending_lines,
  make_result,
  progress_line,
  seed_rows,
)
from rnn_lab.training.restoring import state_initializer
from rnn_lab.training.resumption import check_rows
from rnn_lab.training.settings import Plan
from rnn_lab.training.state import (
  TrainState,
  from_saved,
  init_states,
  state_shapes,
  to_saved,
)
from rnn_lab.types import PyTree


class Member:
  """A run, and which of the population's seeds are its own.

  Making one writes nothing; `open` does.

  Attributes:
    plan: of the run.
    seeds: its seeds.
    lanes: where they are among the seeds of all runs.
    init: `(hyper, seed) -> state`.
    hyper: the numbers of its optimizer.
    norms: what is logged of its layers; None for nothing.
    step: updates that its checkpoint is of, 0 without one; since `open`.
    states: of its seeds at that step, numpy arrays; since `open`.
    status: of its result; None until it has one.
    error: what ended it before the others; None as long as nothing has.
  """

  def __init__(self, plan: Plan, first: int):
    """Takes the seeds of the population from `first` on."""
    settings = plan.settings
    self.plan = plan
    self.seeds = [settings.seed + s for s in range(settings.num_seeds)]
    self.lanes = slice(first, first + settings.num_seeds)
    _, self.hyper = optimizers.split(
      settings.optimizer, settings.train.clip_norm
    )
    self.init, self.norms = state_initializer(plan)
    self.status: str | None = None
    self.error: Exception | None = None

  @property
  def goes_on(self) -> bool:
    """Whether it has neither a result nor an error."""
    return self.status is None and self.error is None

  def initial_states(self) -> PyTree:
    """Returns the states before the first update, numpy arrays `[S, ...]`.

    Raises:
      FieldError: `train.init_from` is no run with weights of these shapes.
    """
    states = init_states(self.init, self.hyper, self.seeds)
    init_from = self.plan.settings.train.init_from
    if not init_from:
      return states
    params = read_params(init_from, states.params)
    return states._replace(params=params, best_params=params)

  def has_ended(self, step: int, states: TrainState) -> bool:
    """Whether no seed is trained further; see `train.patience`.

    Args:
      step: updates that were made.
      states: of its seeds, numpy arrays `[S]` or more.
    """
    patience = patience_of(self.plan.settings)
    if patience is None:
      return False
    over = patience.is_over(step, np.asarray(states.best_step))
    return bool(np.all(over | ~np.asarray(states.alive)))

  def open(
    self,
    workdir: pathlib.Path,
    listener: Listener,
    stack: contextlib.ExitStack,
    together: int = 1,
  ) -> None:
    """Reads where the run stands, and opens its files.

    Args:
      workdir: the run directory, locked by the caller.
      listener: receives lines.
      stack: closes the files.
      together: how many runs there are, for `timing.jsonl`.

    Raises:
      FieldError: the directory's checkpoints, or a row that one rests on, are
        missing or damaged. Nothing has been lost then.
      OSError: its files cannot be written.
    """
    self.workdir, self.listener = workdir, listener
    task, settings = self.plan.task, self.plan.settings
    if not (workdir / CONFIG).exists():
      write_sealed(workdir / CONFIG, self.plan.config)
    self._checkpoints = stack.enter_context(Checkpoints(workdir / CHECKPOINTS))
    saved = self._newest_checkpoint()
    self.is_resumed = saved is not None
    self._saved_step = saved.step if saved is not None else -1
    if saved is None:
      self.step, self.states = 0, self.initial_states()
    else:
      self.step, self.states = saved.step, from_saved(saved.state)
      check_rows(workdir, settings, task, self.states, saved.step, saved.rows)
    task.save_files(workdir)
    last_step = self.step if self.is_resumed else -1
    events = settings.run.tensorboard
    self.records = stack.enter_context(Records(workdir, last_step, events))
    changed = environment.record(workdir, task, self.plan.run, self.step)
    if changed:
      listener.line(changed)
    # Not before all of the above: a finished run that cannot go on is left
    # as it was. The result first, so that a kill between the two leaves an
    # unfinished run.
    (workdir / RESULT).unlink(missing_ok=True)
    write_sealed(workdir / CONFIG, self.plan.config)
    if saved is not None:
      self._checkpoints.go_on_from(saved)
      listener.line(f"going on from step {self.step}")
    self.records.time("start", self.step, together=together)

  def _newest_checkpoint(self) -> Saved | None:
    """Reads the checkpoint to go on from; None begins anew."""
    shapes = state_shapes(self.init, self.hyper, self.plan.settings.num_seeds)
    saved, problems = self._checkpoints.newest(to_saved(shapes))
    if saved is None and problems:
      raise problems[0]
    for problem in problems:
      self.listener.line(f"{problem}; an older one is used")
    if saved is None and (self.workdir / RESULT).exists():
      raise FieldError(
        "workdir",
        f"workdir {self.workdir} holds a finished run without checkpoints, "
        "which cannot be continued",
      )
    return saved

  def write_row(
    self, step: int, row: Mapping[str, np.ndarray], alive: np.ndarray
  ) -> None:
    """Writes a row of metrics, `[S]` each."""
    self.records.metrics(step, row, alive)

  def write_evaluation(
    self,
    step: int,
    row: Mapping[str, np.ndarray],
    alive: np.ndarray,
    rate: float,
  ) -> None:
    """Writes the row of an evaluation, and tells the listener."""
    self.write_row(step, row, alive)
    self.records.time("evaluated", step, steps_per_second=rate)
    total = self.plan.settings.train.num_steps
    self.listener.line(
      progress_line(self.plan.task, total, step, row, alive, rate)
    )

  def write_flow(self, step: int, norms: PyTree, alive: np.ndarray) -> None:
    """Writes the gradient through time, `[S, T]` for each state."""
    self.records.flow(step, norms, self.seeds, alive)

  def save(self, step: int, states: TrainState) -> None:
    """Writes a checkpoint of its seeds' states, numpy arrays `[S, ...]`.

    Unless there is one of this step.
    """
    self.records.check()
    if step == self._saved_step:
      return
    self._saved_step = step
    self._checkpoints.save(step, to_saved(states), self.records.sha256())

  def ended_seeds(self, states: TrainState) -> list[dict[str, Any]]:
    """Returns how each seed ended; those that ended early have a line.

    Args:
      states: of its seeds, numpy arrays `[S, ...]`.
    """
    settings = self.plan.settings
    rows = seed_rows(self.seeds, states, settings.eval.select)
    for text in ending_lines(rows, states):
      self.listener.line(text)
    for row in rows:
      is_short = row["last_step"] < settings.train.num_steps
      if settings.train.patience and is_short and row["status"] == "finished":
        self.listener.line(
          f"seed {row['seed']} ended at step {row['last_step']}, after "
          f"{settings.train.patience} evaluations without a better one"
        )
    return rows

  def write_result(
    self,
    seeds: list[dict[str, Any]],
    best_metric: np.ndarray,
    metrics: Mapping[str, np.ndarray],
    details: Mapping[str, Any],
    examples: Mapping[str, Any] | None,
  ) -> None:
    """Ends the run, which has a status then.

    Args:
      seeds: of `ended_seeds`.
      best_metric: `[S]`, the headline metric on the validation split.
      metrics: `[S]` each, on the test split.
      details: what the result says beside them.
      examples: with the answers of a seed, where they are kept.
    """
    result = make_result(self.plan.task, seeds, best_metric, metrics)
    if details:
      result["details"] = dict(details)
    self.records.check()
    if examples is not None:
      write_sealed(self.workdir / EXAMPLES, examples)
    result["rows"] = self.records.sha256()
    write_sealed(self.workdir / RESULT, result)
    self.status = result["status"]
