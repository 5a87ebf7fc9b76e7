"""Training by gradient: from a plan and a directory to a finished run."""

import contextlib
import pathlib
import pkgutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.evaluators import EVALUATORS
from rnn_lab.rundir import (
  CHECKPOINTS,
  CONFIG,
  EXAMPLES,
  RESULT,
  write_sealed,
)
from rnn_lab.tasks.checks import check_targets
from rnn_lab.training import environment, optimizers
from rnn_lab.training.checkpoint import Checkpoints, Saved
from rnn_lab.training.population import population, programs
from rnn_lab.training.records import (
  Listener,
  Records,
  Stop,
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
  selected,
  state_shapes,
  to_saved,
)
from rnn_lab.types import Params, PyTree

STOPPED = "stopped"


class Trainer:
  """A way of fitting (see `rnn_lab.runs`): K steps in one program.

  Making one writes nothing; `run` does.
  """

  def __init__(self, plan: Plan):
    """Prepares the programs.

    Raises:
      FieldError: a stored target of the task is no class.
    """
    check_targets(plan.task)
    self.plan = plan
    self.task = plan.task
    self.settings = plan.settings
    num_seeds = plan.settings.num_seeds
    self.seeds = [plan.settings.seed + s for s in range(num_seeds)]
    self.static, self.hyper = optimizers.split(
      plan.settings.optimizer, plan.settings.train.clip_norm
    )
    self.init, norms = state_initializer(plan)
    self.population = population(num_seeds, plan.settings.train.batch_shards)
    self.programs = programs(
      plan.model,
      plan.task,
      self.static,
      min(plan.settings.run.steps_per_call, plan.settings.train.num_steps),
      self.population,
      norms,
    )
    self.diagnostics = None
    if norms is not None or plan.settings.train.gradient_flow_every:
      self.diagnostics = _diagnostics().diagnostics(
        plan.model, plan.task, self.population
      )
    self.evaluator = pkgutil.resolve_name(EVALUATORS[plan.task.evaluator])(
      plan.model, plan.task, plan.settings.eval, self.population
    )

  def run(self, workdir: pathlib.Path, listener: Listener, stop: Stop) -> str:
    """Trains to the end, or until asked to stop.

    Args:
      workdir: the run directory, locked by the caller.
      listener: receives progress.
      stop: asks the run to stop between calls of the compiled program.

    Returns:
      A status of `make_result`, or STOPPED.

    Raises:
      FieldError: the directory's checkpoints, or a row that one rests on, are
        missing or damaged. Nothing has been lost then.
      OSError: its files cannot be written, or somebody else changes them.
    """
    self.workdir, self.listener = workdir, listener
    with contextlib.ExitStack() as stack:
      if not (workdir / CONFIG).exists():
        write_sealed(workdir / CONFIG, self.plan.config)
      self.checkpoints = stack.enter_context(Checkpoints(workdir / CHECKPOINTS))
      saved = self.newest_checkpoint()
      if saved is None:
        self.place(init_states(self.init, self.hyper, self.seeds), 0)
      else:
        states = from_saved(saved.state)
        check_rows(
          workdir, self.settings, self.task, states, saved.step, saved.rows
        )
        self.place(states, saved.step)
      self.task.save_files(workdir)
      last_step = -1 if saved is None else saved.step
      events = self.settings.run.tensorboard
      self.records = stack.enter_context(Records(workdir, last_step, events))
      changed = environment.record(workdir, self.task, self.plan.run, self.step)
      if changed:
        self.listener.line(changed)
      # Not before all of the above: a finished run that cannot go on is left
      # as it was. The result first, so that a kill between the two leaves an
      # unfinished run.
      (workdir / RESULT).unlink(missing_ok=True)
      write_sealed(workdir / CONFIG, self.plan.config)
      if saved is not None:
        self.checkpoints.go_on_from(saved)
      return self.train(stop, resumed=saved is not None)

  def newest_checkpoint(self) -> Saved | None:
    """Reads the checkpoint to go on from; None begins anew."""
    shapes = state_shapes(self.init, self.hyper, self.settings.num_seeds)
    saved, problems = self.checkpoints.newest(to_saved(shapes))
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

  def place(self, states: PyTree, step: int) -> None:
    """Places the states of all seeds, and what updates need, on the devices.

    Args:
      states: numpy arrays with leading dimension S.
      step: updates that were made.
    """
    self.step = step
    self.state = self.population.put(states)
    self.seed = self.population.put(np.asarray(self.seeds, np.int32))
    self.per_seed_hyper = self.population.repeat(self.hyper)
    self.data = [self.population.share(data) for data in self.task.data]

  def train(self, stop: Stop, resumed: bool) -> str:
    """Trains from the current state; see `run`."""
    total = self.settings.train.num_steps
    self.listener.start(self.workdir.name, self.step, total)
    if resumed:
      self.listener.line(f"going on from step {self.step}")
    if self.task.describe():
      self.listener.line(self.task.describe())
    self.records.time("start", self.step)
    began = self.evaluated_at = time.monotonic()
    self.evaluated_step = self.step
    if not resumed and self.settings.train.gradient_flow_every:
      self.write_flow()
    while self.step < total:
      self.advance()
      self.write_rows()
      stopping = stop.requested
      if stopping or self.is_due(self.settings.run.checkpoint_every):
        state = jax.tree.map(np.asarray, self.population.get(self.state))
        self.records.check()
        rows = self.records.sha256()
        self.checkpoints.save(self.step, to_saved(state), rows)
      self.listener.advance(self.step)
      if stopping and self.step < total:
        self.records.time("stopped", self.step)
        return STOPPED
    result = self.write_result()
    self.records.time("finished", self.step, seconds=time.monotonic() - began)
    return result["status"]

  def is_due(self, every: int) -> bool:
    """Whether something done every so many steps is to be done now."""
    total = self.settings.train.num_steps
    return every > 0 and (self.step % every == 0 or self.step == total)

  def advance(self) -> None:
    """Trains to the next step at which something is due, at most K steps."""
    settings = self.settings
    intervals = (
      settings.run.checkpoint_every,
      settings.train.log_every,
      settings.eval.every,
      settings.train.gradient_flow_every,
    )
    bucket, until = self.task.bucket(self.step)
    count = min(
      settings.run.steps_per_call,
      settings.train.num_steps - self.step,
      until - self.step,
      *[every - self.step % every for every in intervals if every > 0],
    )
    self.update(bucket, count)

  def update(self, bucket: int, count: int) -> None:
    """Makes `count` updates, at most K, on the data of one bucket."""
    shared = (self.data[bucket], np.int32(self.step), np.int32(count))
    per_seed = (self.per_seed_hyper, self.seed, self.state)
    self.state = self.programs.train(shared, per_seed)
    self.step += count

  def write_rows(self) -> None:
    """Writes what is due: training metrics, an evaluation, gradient norms."""
    row = {}
    if self.is_due(self.settings.train.log_every):
      row |= self.training_metrics()
    is_evaluation = self.is_due(self.settings.eval.every)
    if is_evaluation:
      metrics = self.evaluator.evaluate(self.state.params, "valid")
      row |= {f"valid/{name}": value for name, value in metrics.items()}
      headline = self.population.put(metrics[self.task.headline])
      self.state = self.programs.keep_best(
        np.int32(self.step), (headline, self.state)
      )
    alive = self.population.get(self.state.alive)
    if row:
      self.records.metrics(self.step, row, alive)
    if is_evaluation:
      self.report_progress(row, alive)
    if self.is_due(self.settings.train.gradient_flow_every):
      self.write_flow()

  def training_metrics(self) -> dict[str, np.ndarray]:
    """Returns means since the last row, and the layers' metrics if wanted."""
    self.state, metrics = self.programs.read(None, self.state)
    if self.settings.train.gradient_norms:
      assert self.diagnostics is not None  # as there are norms
      per_seed = (self.seed, self.state)
      metrics = metrics | self.diagnostics.saturation(
        self.next_batch(), per_seed
      )
    return self.population.get(metrics)

  def next_batch(self) -> tuple[PyTree, np.int32]:
    """Returns the data and number of the step that comes next."""
    bucket, _ = self.task.bucket(self.step)
    return self.data[bucket], np.int32(self.step)

  def report_progress(
    self, row: dict[str, np.ndarray], alive: np.ndarray
  ) -> None:
    """Passes the metrics of an evaluation and the speed to the listener."""
    now = time.monotonic()
    rate = (self.step - self.evaluated_step) / (now - self.evaluated_at)
    self.evaluated_at, self.evaluated_step = now, self.step
    self.records.time("evaluated", self.step, steps_per_second=rate)
    total = self.settings.train.num_steps
    self.listener.line(
      progress_line(self.task, total, self.step, row, alive, rate)
    )

  def write_flow(self) -> None:
    """Writes the gradient through time with the current parameters."""
    assert self.diagnostics is not None  # as `gradient_flow_every` is set
    norms = self.diagnostics.flow(self.next_batch(), (self.seed, self.state))
    alive = self.population.get(self.state.alive)
    self.records.flow(self.step, self.population.get(norms), self.seeds, alive)

  def write_result(self) -> dict[str, Any]:
    """Evaluates on the test split, once, and ends the run."""
    state = self.population.get(self.state)
    seeds = seed_rows(self.seeds, state, self.settings.eval.select)
    for text in ending_lines(seeds, state):
      self.listener.line(text)
    params, best_metric = self.selected(state)
    metrics = self.evaluator.evaluate(params, "test")
    details = self.evaluator.details(params)
    result = make_result(self.task, seeds, best_metric, metrics)
    if details:
      result["details"] = details
    examples = None
    if self.settings.eval.examples:
      examples = self.examples(params, seeds)
    self.records.check()
    if examples is not None:
      write_sealed(self.workdir / EXAMPLES, examples)
    result["rows"] = self.records.sha256()
    write_sealed(self.workdir / RESULT, result)
    return result

  def selected(self, state: TrainState) -> tuple[Params, np.ndarray]:
    """Returns the parameters to test and their headline metrics, `[S]`.

    Args:
      state: on the host; the parameters are on the devices.
    """
    if self.settings.eval.select == "last":
      valid = self.evaluator.evaluate(self.state.params, "valid")
      return self.state.params, valid[self.task.headline]
    best_metric_S = np.asarray(state.best_metric)
    if (state.best_step >= 0).all():
      return self.state.best_params, best_metric_S
    return self.population.put(selected(state, "best")), best_metric_S

  def examples(
    self, params: Params, seeds: Sequence[Mapping[str, Any]]
  ) -> dict[str, Any]:
    """Returns the answers of the first seed that did not diverge."""
    finished = [seed["status"] == "finished" for seed in seeds]
    seed_index = int(np.argmax(finished))
    count = self.settings.eval.examples
    examples = self.evaluator.examples(params, seed_index, count)
    seed = self.seeds[seed_index]
    return {"seed": seed, "pattern": self.task.pattern, **examples}


def _diagnostics() -> Any:
  # Imported here: most runs need none, nor the gradient tools.
  from rnn_lab.training import diagnostics

  return diagnostics
