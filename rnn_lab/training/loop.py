"""Training by gradient: from plans and directories to finished runs."""

import contextlib
import pathlib
import pkgutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from rnn_lab import processes
from rnn_lab.evaluators import EVALUATORS
from rnn_lab.tasks.checks import check_targets
from rnn_lab.training import optimizers
from rnn_lab.training.follower import Follower, share_start
from rnn_lab.training.member import Member
from rnn_lab.training.patience import patience_of
from rnn_lab.training.population import (
  Population,
  population,
  program_of,
  programs,
)
from rnn_lab.training.records import Listener, Stop
from rnn_lab.training.settings import Plan
from rnn_lab.training.state import TrainState, selected
from rnn_lab.types import Params, PyTree

STOPPED = "stopped"
# Of a run that has come as far as it was to come for now.
PAUSED = "paused"


class Trainer:
  """A way of fitting (see `rnn_lab.runs`): K steps in one program.

  Runs that differ only in numbers, seeds and initial values are trained
  together: all their seeds are one population. Each ends with the bits that it
  has alone. Making a trainer writes nothing; `run` does.
  """

  def __init__(self, *plans: Plan):
    """Prepares the programs.

    Args:
      *plans: of one `group`.

    Raises:
      FieldError: a stored target of the task is no class.
    """
    first = plans[0]
    check_targets(first.task)
    self.model, self.task, self.settings = (
      first.model,
      first.task,
      first.settings,
    )
    self.members: list[Member] = []
    for plan in plans:
      lanes = sum(len(member.seeds) for member in self.members)
      kind = Member if processes.is_first() else Follower
      self.members.append(kind(plan, lanes))
    self.seeds = [seed for member in self.members for seed in member.seeds]
    norms = self.members[0].norms
    settings = self.settings
    static, _ = optimizers.split(settings.optimizer, settings.train.clip_norm)
    self.patience = patience_of(settings)
    self.population = self.population_of(len(self.seeds))
    self.programs = programs(
      self.model,
      self.task,
      static,
      min(settings.run.steps_per_call, settings.train.num_steps),
      self.population,
      norms,
      self.patience,
    )
    self.diagnostics = None
    if norms is not None or settings.train.gradient_flow_every:
      self.diagnostics = _diagnostics().diagnostics(
        self.model, self.task, self.population
      )
    self.evaluator = self.evaluator_for(self.population)

  @staticmethod
  def group(plan: Plan) -> tuple[Any, ...]:
    """Returns what plans have in common that are trained together, hashable."""
    train, evaluation = plan.settings.train, plan.settings.eval
    return (
      *program_of(plan, with_seeds=False),
      train._replace(clip_norm=0.0),
      evaluation._replace(options=repr(evaluation.options)),
      plan.settings.run,
    )

  def population_of(self, num_seeds: int) -> Population:
    """Returns a population of so many seeds."""
    run = self.settings.run
    return population(
      num_seeds,
      self.settings.train.batch_shards,
      run.mesh_data,
      run.mesh_model,
    )

  def evaluator_for(self, seeds: Population) -> Any:
    """Returns the task's evaluator for a population."""
    return pkgutil.resolve_name(EVALUATORS[self.task.evaluator])(
      self.model, self.task, self.settings.eval, seeds
    )

  def run(
    self,
    workdir: pathlib.Path,
    listener: Listener,
    stop: Stop,
    until: int | None = None,
  ) -> str:
    """Trains a single run; see `run_all`.

    Raises:
      FieldError: the directory's checkpoints, or a row that one rests on, are
        missing or damaged. Nothing has been lost then.
      OSError: its files cannot be written, or somebody else changes them.
    """
    [ended] = self.run_all([workdir], [listener], listener, stop, until)
    if isinstance(ended, Exception):
      raise ended
    return ended

  def run_all(
    self,
    workdirs: Sequence[pathlib.Path],
    listeners: Sequence[Listener],
    progress: Listener,
    stop: Stop,
    until: int | None = None,
  ) -> list[str | Exception]:
    """Trains all runs to the end, or until asked to stop.

    Those that go on from different steps are trained one after the other.

    Args:
      workdirs: the run directories, locked by the caller.
      listeners: receive lines, one for each run.
      progress: receives the progress of all.
      stop: asks the runs to stop between calls of the compiled program.
      until: a step at which the runs pause; None for none.

    Returns:
      For each run a status of `make_result`, STOPPED, PAUSED, or what ended it
      alone: the error of its directory.
    """
    with contextlib.ExitStack() as stack:
      for member, workdir, listener in zip(self.members, workdirs, listeners):
        _guarded(
          member,
          lambda m, *args: m.open(*args, stack, len(workdirs)),
          workdir,
          listener,
        )
      opened = [m for m in self.members if m.error is None]
      for member in opened:
        share_start(member)
      for step in sorted({member.step for member in opened}):
        part = [member for member in opened if member.step == step]
        trainer = self
        if len(part) < len(self.members):
          trainer = Trainer(*[member.plan for member in part])
          for member, lane in zip(part, trainer.members):
            member.lanes = lane.lanes
          trainer.members = part
        unfinished = trainer.train(progress, stop, until)
        for member in part:
          member.status = member.status or unfinished
    return [m.error or str(m.status) for m in self.members]

  def initial_states(self) -> PyTree:
    """Returns the states before the first update, numpy arrays `[S, ...]`."""
    return _joined([member.initial_states() for member in self.members])

  def place(self, states: PyTree, step: int) -> None:
    """Places the states of all seeds, and what updates need, on the devices.

    Args:
      states: numpy arrays with leading dimension S.
      step: updates that were made.
    """
    self.step = step
    self.state = self.population.put(states)
    self.seed = self.population.put(np.asarray(self.seeds, np.int32))
    self.per_seed_hyper = self.population.put(
      _joined(
        [
          jax.tree.map(lambda a: np.repeat(a, len(m.seeds)), m.hyper)  # noqa: B023
          for m in self.members
        ]
      )
    )
    self.data = [self.population.share(data) for data in self.task.data]

  def each(
    self,
    function: Callable[..., Any],
    *trees: PyTree,
    members: Sequence[Member] | None = None,
  ) -> None:
    """Calls `function(member, *its part of each tree)` for all that go on.

    Args:
      function: an error of it ends the member, not the others.
      *trees: numpy arrays with leading dimension S.
      members: of them these alone; None for all.
    """
    for member in self.members if members is None else members:
      if member.goes_on:
        parts = [
          jax.tree.map(lambda a: a[member.lanes], tree)  # noqa: B023
          for tree in trees
        ]
        _guarded(member, function, *parts)

  def train(
    self, progress: Listener, stop: Stop, until: int | None = None
  ) -> str:
    """Trains from the step at which the members stand; see `run_all`.

    Returns:
      The status of members that have no result yet.
    """
    members = self.members
    self.place(_joined([m.states for m in members]), members[0].step)
    for member in members:
      member.states = None
    total = self.settings.train.num_steps
    name = members[0].workdir.name
    if len(members) > 1:
      name = f"{len(members)} runs"
    progress.start(name, self.step, total)
    if self.task.describe():
      progress.line(self.task.describe())
    self.began = self.evaluated_at = time.monotonic()
    self.evaluated_step = self.step
    if not members[0].is_resumed and self.settings.train.gradient_flow_every:
      self.write_flow()
    end = total if until is None else min(until, total)
    self.end_members()
    while self.step < end and any(member.goes_on for member in members):
      self.advance(end)
      self.write_rows()
      is_stopped = stop.agreed()
      stopping = is_stopped or self.step == end < total
      if stopping or self.is_due(self.settings.run.checkpoint_every):
        self.save(members)
      if self.is_due(self.settings.eval.every):
        self.end_members()
      progress.advance(self.step)
      if stopping and self.step < total:
        self.each(lambda member: member.records.time("stopped", self.step))
        return STOPPED if is_stopped else PAUSED
    if self.step == total:
      self.write_results(members)
    return PAUSED

  def save(self, members: Sequence[Member]) -> None:
    """Writes a checkpoint of those of the members that go on."""
    state = jax.tree.map(np.asarray, self.population.get(self.state))
    self.each(
      lambda member, part: member.save(self.step, part), state, members=members
    )

  def end_members(self) -> None:
    """Ends the runs whose seeds no longer get better; see `Patience`."""
    if self.patience is None or self.step == self.settings.train.num_steps:
      return
    state = self.population.get(
      self.state._replace(params=(), best_params=(), opt_state=(), carry=())
    )
    ended: list[Member] = []

    def judge(member: Member, part: TrainState) -> None:
      if member.has_ended(self.step, part):
        ended.append(member)

    self.each(judge, state)
    if ended:
      self.save(ended)
      self.write_results(ended)

  def is_due(self, every: int) -> bool:
    """Whether something done every so many steps is to be done now."""
    total = self.settings.train.num_steps
    return every > 0 and (self.step % every == 0 or self.step == total)

  def advance(self, end: int) -> None:
    """Trains to the next step at which something is due, at most K steps.

    Args:
      end: not beyond this step.
    """
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
      end - self.step,
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
    if is_evaluation:
      rate = self.rate()
      self.each(
        lambda member, *parts: member.write_evaluation(self.step, *parts, rate),
        row,
        alive,
      )
    elif row:
      self.each(
        lambda member, *parts: member.write_row(self.step, *parts), row, alive
      )
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

  def rate(self) -> float:
    """Returns the updates a second since this was asked last."""
    now = time.monotonic()
    rate = (self.step - self.evaluated_step) / (now - self.evaluated_at)
    self.evaluated_at, self.evaluated_step = now, self.step
    return rate

  def write_flow(self) -> None:
    """Writes the gradient through time with the current parameters."""
    assert self.diagnostics is not None  # as `gradient_flow_every` is set
    norms = self.diagnostics.flow(self.next_batch(), (self.seed, self.state))
    self.each(
      lambda member, *parts: member.write_flow(self.step, *parts),
      self.population.get(norms),
      self.population.get(self.state.alive),
    )

  def write_results(self, members: Sequence[Member]) -> None:
    """Evaluates on the test split, once, and ends those that go on."""
    if not any(member.goes_on for member in members):
      return
    state = self.population.get(self.state)
    params, best_metric = self.selected(state)
    metrics = self.evaluator.evaluate(params, "test")

    def write(
      member: Member,
      states: TrainState,
      best: np.ndarray,
      metrics: Mapping[str, np.ndarray],
    ) -> None:
      seeds = member.ended_seeds(states)
      details = self.details(member, params)
      examples = None
      if self.settings.eval.examples:
        examples = self.examples(member, params, seeds)
      seconds = time.monotonic() - self.began
      member.write_result(seeds, best, metrics, details, examples)
      member.records.time("finished", self.step, seconds=seconds)

    self.each(write, state, best_metric, metrics, members=members)

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

  def details(self, member: Member, params: Params) -> dict[str, Any]:
    """Returns what a run's result says beside its metrics.

    Args:
      member: the run.
      params: of all seeds, on the devices.
    """
    if len(self.seeds) == len(member.seeds):
      return self.evaluator.details(params)
    own = self.population_of(len(member.seeds))
    part = jax.tree.map(lambda a: a[member.lanes], self.population.get(params))
    return self.evaluator_for(own).details(own.put(part))

  def examples(
    self, member: Member, params: Params, seeds: Sequence[Mapping[str, Any]]
  ) -> dict[str, Any]:
    """Returns the answers of a run's first seed that did not diverge."""
    finished = [seed["status"] == "finished" for seed in seeds]
    index = int(np.argmax(finished))
    count = self.settings.eval.examples
    examples = self.evaluator.examples(
      params, member.lanes.start + index, count
    )
    return {
      "seed": member.seeds[index],
      "pattern": self.task.pattern,
      **examples,
    }


def _guarded(member: Member, function: Callable[..., Any], *args: Any) -> None:
  """Calls `function(member, *args)`; an error of it ends this run alone.

  Of several processes it ends the run in all of them.
  """
  error = None
  try:
    function(member, *args)
  except Exception as raised:
    error = raised
  member.error = processes.shared_error(error)


def _joined(trees: Sequence[PyTree]) -> PyTree:
  """Joins numpy arrays along their leading dimension."""
  return jax.tree.map(lambda *a: np.concatenate(a), *trees)


def _diagnostics() -> Any:
  # Imported here: most runs need none, nor the gradient tools.
  from rnn_lab.training import diagnostics

  return diagnostics
