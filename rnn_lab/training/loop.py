"""Training: from a plan and a directory to a finished run."""

import contextlib
import pathlib
import time
from typing import Any

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.language_models.build import NGramSettings
from rnn_lab.tasks.base import STREAM
from rnn_lab.training import environment, optimizers, programs, streams
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.training.counting import count
from rnn_lab.rundir import lock, write_json
from rnn_lab.training.judge import Judge
from rnn_lab.training.listener import Listener, Silent
from rnn_lab.training.records import Records
from rnn_lab.training.result import make_result, progress_line
from rnn_lab.training.run import (
  CONFIG,
  ENVIRONMENT,
  RESULT,
  VOCABULARY,
  Plan,
  check_workdir,
  is_finished,
  plan,
)
from rnn_lab.training.state import (
  from_saved,
  init_states,
  state_form,
  to_saved,
)
from rnn_lab.training.stopping import Stop, stop_on_signal
from rnn_lab.types import PyTree

ALREADY_FINISHED = "already finished"
STOPPED = "stopped"


def train(
  config: Any,
  workdir: str | pathlib.Path,
  listener: Listener | None = None,
  stop: Stop | None = None,
) -> str:
  """Trains what `config` describes, or goes on with it, in `workdir`.

  An interrupted run goes on from its last checkpoint and ends with the same
  bits as one left alone; a finished one goes on if `train.num_steps` is
  larger now, and is left as it is otherwise.

  Args:
    config: a ConfigDict, or nested dicts.
    workdir: the run directory; made if it does not exist.
    listener: is told of progress.
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
  ready = plan(config)
  check_workdir(ready, workdir)
  if isinstance(ready.model, NGramSettings):
    if is_finished(ready, workdir):
      return ALREADY_FINISHED
    return count(ready, workdir, listener or Silent())
  with contextlib.ExitStack() as stack:
    stack.enter_context(lock(workdir))
    if stop is None:
      stop = stack.enter_context(stop_on_signal())
    # Again, as another process may have been here before the lock.
    check_workdir(ready, workdir)
    if is_finished(ready, workdir):
      return ALREADY_FINISHED
    return _Loop(ready, workdir, listener or Silent()).run(stop)


class _Loop:
  """The state of a run in progress."""

  def __init__(self, ready: Plan, workdir: pathlib.Path, listener: Listener):
    self.ready = ready
    self.settings = ready.settings
    self.workdir = workdir
    self.listener = listener
    settings = ready.settings
    self.seeds = [settings.seed + s for s in range(settings.num_seeds)]
    self.static, self.hyper = optimizers.split(
      settings.optimizer, settings.train.clip_norm
    )
    self.programs = programs.build(
      ready.model,
      ready.task,
      self.static,
      settings.run.steps_per_call,
      settings.num_seeds,
    )
    population = self.programs.population
    self.data = population.share(ready.task.data)
    self.is_stream = ready.task.pattern == STREAM
    self.judge = Judge(ready, self.programs)
    self.valid = self.judge.split("valid")
    self.seed = population.put(np.asarray(self.seeds, np.int32))
    if not (workdir / CONFIG).exists():
      write_json(workdir / CONFIG, ready.config)
    if self.is_stream:
      ready.task.stream.corpus.vocabulary.save(workdir / VOCABULARY)
    self.checkpoints = Checkpoints(workdir / "checkpoints")
    latest = self.checkpoints.latest_step()
    self.resumed = latest is not None
    self.step = latest or 0
    self.state = population.put(self.first_states(latest))
    # Not before all of the above: a finished run that cannot go on is left as
    # it was. The result first, so that a kill between the two leaves an
    # unfinished run.
    (workdir / RESULT).unlink(missing_ok=True)
    write_json(workdir / CONFIG, ready.config)
    self.records = Records(
      workdir,
      last_step=-1 if latest is None else latest,
      events=settings.run.tensorboard,
    )
    environment.record(
      workdir / ENVIRONMENT,
      environment.describe(ready.task, ready.how),
      self.step,
    )

  def first_states(self, latest: int | None) -> PyTree:
    """The states of the checkpoint at `latest`, or the initial ones."""
    model, task = self.ready.model, self.ready.task
    if latest is not None:
      form = state_form(
        model,
        task,
        self.static,
        self.hyper,
        self.settings.num_seeds,
        self.settings.train.gradient_health,
      )
      return from_saved(self.checkpoints.restore(latest, to_saved(form)))
    if (self.workdir / RESULT).exists():
      raise FieldError(
        "workdir",
        str(self.workdir),
        "a run with its checkpoints, if it is to go on",
        f"{str(self.workdir)!r}, of a finished run without checkpoints",
      )
    health = self.settings.train.gradient_health
    return init_states(model, task, self.static, self.hyper, self.seeds, health)

  def run(self, stop: Stop) -> str:
    """Trains to the end, or until asked to stop; see `train`."""
    total = self.settings.train.num_steps
    self.listener.start(self.workdir.name, self.step, total)
    if self.resumed:
      self.listener.line(f"going on from step {self.step}")
    if self.is_stream:
      self.listener.line(streams.about(self.ready.task.stream))
    self.records.time("start", self.step)
    began = time.monotonic()
    if not self.resumed and self.settings.train.gradient_flow_every:
      self.write_flow()
    self.mark, self.mark_step = time.monotonic(), self.step
    while self.step < total:
      self.advance()
      self.write_rows()
      ask = stop.requested
      if ask or self.is_due(self.settings.run.checkpoint_every):
        self.save()
      self.listener.advance(self.step)
      if ask and self.step < total:
        self.records.time("stopped", self.step)
        self.close()
        return STOPPED
    result = self.write_result()
    self.records.time("finished", self.step, seconds=time.monotonic() - began)
    self.close()
    return result["status"]

  def is_due(self, every: int) -> bool:
    """Whether something done every so many steps is to be done now."""
    total = self.settings.train.num_steps
    return every > 0 and (self.step % every == 0 or self.step == total)

  def advance(self) -> None:
    """Trains to the next step at which something is due, at most K steps."""
    settings = self.settings
    paces = (
      settings.run.steps_per_call,
      settings.run.checkpoint_every,
      settings.train.log_every,
      settings.eval.every,
      settings.train.gradient_flow_every,
    )
    to_next = [pace - self.step % pace for pace in paces[1:] if pace > 0]
    left = settings.train.num_steps - self.step
    count = min(paces[0], left, *to_next)
    shared = (
      self.hyper,
      self.data,
      np.int32(self.step),
      np.int32(count),
    )
    self.state = self.programs.train(shared, (self.seed, self.state))
    self.step += count

  def write_rows(self) -> None:
    """Whatever is due now: training metrics, an evaluation, the flow."""
    row = {}
    if self.is_due(self.settings.train.log_every):
      row |= self.training_metrics()
    if self.is_due(self.settings.eval.every):
      metrics = self.judge.metrics(self.valid, self.state.params)
      row |= {f"valid/{name}": value for name, value in metrics.items()}
      headline = metrics[self.ready.task.headline]
      headline = self.programs.population.put(headline)
      self.state = self.programs.keep_best(
        np.int32(self.step), (headline, self.state)
      )
    if row:
      self.records.metrics(self.step, row, self.alive())
      self.tell(row)
    if self.is_due(self.settings.train.gradient_flow_every):
      self.write_flow()

  def training_metrics(self) -> dict[str, np.ndarray]:
    """Means since the last row, and the health of the gradient if wanted."""
    self.state, metrics = self.programs.read(None, self.state)
    if self.settings.train.gradient_health:
      shared = (self.data, np.int32(self.step))
      mine = (self.seed, self.state)
      metrics = metrics | self.programs.saturation(shared, mine)
    return self.programs.population.get(metrics)

  def tell(self, row: dict[str, np.ndarray]) -> None:
    """Says how it goes, and how fast, at each evaluation."""
    if not any(name.startswith("valid/") for name in row):
      return
    now = time.monotonic()
    rate = (self.step - self.mark_step) / (now - self.mark)
    self.mark, self.mark_step = now, self.step
    self.records.time("evaluated", self.step, steps_per_second=rate)
    self.listener.line(
      progress_line(
        self.ready.task,
        self.settings.train.num_steps,
        self.step,
        row,
        self.alive(),
        rate,
      )
    )

  def write_flow(self) -> None:
    """The gradient through time, with the parameters as they are now."""
    shared = (self.data, np.int32(self.step))
    norms = self.programs.flow(shared, (self.seed, self.state))
    norms = self.programs.population.get(norms)
    self.records.flow(self.step, norms, self.seeds, self.alive())

  def write_result(self) -> dict[str, Any]:
    """Reads the test split, once, and ends the run."""
    if self.settings.eval.select == "last":
      valid = self.judge.metrics(self.valid, self.state.params)
      put = self.programs.population.put
      self.state = self.state._replace(
        best_params=self.state.params,
        best_metric=put(valid[self.ready.task.headline]),
        best_step=self.state.last_step,
      )
    metrics, details = self.judge.test(self.state.best_params)
    state = self.programs.population.get(self.state)
    result = make_result(self.ready.task, self.seeds, state, metrics)
    if details:
      result["details"] = details
    write_json(self.workdir / RESULT, result)
    return result

  def alive(self) -> np.ndarray:
    """`[S]`: the seeds that have not diverged."""
    return self.programs.population.get(self.state.alive)

  def save(self) -> None:
    """Writes a checkpoint of the states of all seeds."""
    state = self.programs.population.get(self.state)
    saved = to_saved(jax.tree.map(np.asarray, state))
    self.checkpoints.save(self.step, saved)

  def close(self) -> None:
    """Closes what is open."""
    self.records.close()
    self.checkpoints.close()
