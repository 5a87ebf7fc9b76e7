"""Judging the parameters of all seeds on a split, whatever the task is."""

from typing import Any

import jax
import numpy as np

from rnn_lab.tasks.base import STREAM
from rnn_lab.text.base import Split
from rnn_lab.training import streams
from rnn_lab.training.evaluate import divide
from rnn_lab.training.programs import Programs
from rnn_lab.training.run import Plan
from rnn_lab.types import Batch, Params


class Judge:
  """The task of a run, its model, and the programs compiled for them."""

  def __init__(self, ready: Plan, programs: Programs):
    self._ready = ready
    self._programs = programs
    self._is_stream = ready.task.pattern == STREAM

  def split(self, name: str) -> list[Batch] | Split:
    """The batches of a split, on the devices; of a stream, its tokens."""
    task = self._ready.task
    if self._is_stream:
      return getattr(task.stream.corpus, name)
    leaves, form = jax.tree.flatten(task.eval_batches(name))
    share = self._programs.population.share
    return [share(form.unflatten(batch)) for batch in zip(*leaves)]

  def metrics(
    self, split: list[Batch] | Split, params: Params
  ) -> dict[str, np.ndarray]:
    """The task's metrics over a split, `[S]` each, while training."""
    if self._is_stream:
      tracks = self._ready.settings.eval.valid_tracks
      return streams.metrics(self._log_probs(split, params, tracks), split)
    sums = [self._programs.sums(batch, params) for batch in split]
    return divide(self._programs.population.get(sums))

  def test(self, params: Params) -> tuple[dict[str, np.ndarray], dict]:
    """The metrics of the test split, and the details of a stream's result."""
    split = self.split("test")
    if not self._is_stream:
      return self.metrics(split, params), {}
    settings = self._ready.settings.eval
    log_p = self._log_probs(split, params, settings.tracks)
    details = streams.details(
      self._scorer(params),
      self._ready.task.stream,
      log_p,
      settings,
      streams.size_of(params),
    )
    return streams.metrics(log_p, split), details

  def _scorer(self, params: Params) -> Any:
    return streams.scorer(self._programs, self._ready.model, params)

  def _log_probs(self, split: Split, params: Params, tracks: int) -> np.ndarray:
    return streams.log_probs(
      self._scorer(params),
      self._ready.task.stream,
      split,
      self._ready.settings.eval,
      tracks,
    )
