"""A run in the processes that do not write its files."""

import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from rnn_lab import processes
from rnn_lab.training.member import Member
from rnn_lab.training.records import Listener, NoRecords, Silent, make_result
from rnn_lab.training.state import TrainState, state_shapes


class Follower(Member):
  """A member whose files the first process reads and writes.

  It computes what that one computes, and has its status in the end.
  """

  def open(
    self,
    workdir: pathlib.Path,
    listener: Listener,
    stack: contextlib.ExitStack,
    together: int = 1,
  ) -> None:
    """Prepares for `share_start`, which gives it the state."""
    del listener, stack, together
    self.workdir, self.listener, self.records = workdir, Silent(), NoRecords()
    shapes = state_shapes(self.init, self.hyper, len(self.seeds))
    self.step, self.is_resumed = 0, False
    self.states = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes)

  def save(self, step: int, states: TrainState) -> None:
    """Writes nothing."""
    del step, states

  def write_result(
    self,
    seeds: list[dict[str, Any]],
    best_metric: np.ndarray,
    metrics: Mapping[str, np.ndarray],
    details: Mapping[str, Any],
    examples: Mapping[str, Any] | None,
  ) -> None:
    """Ends the run; see `Member`."""
    del details, examples
    result = make_result(self.plan.task, seeds, best_metric, metrics)
    self.status = result["status"]


def share_start(member: Member) -> None:
  """Gives the followers what the first process has read of a run."""
  start = np.array([member.step, member.is_resumed])
  start, member.states = processes.of_first((start, member.states))
  member.step, member.is_resumed = int(start[0]), bool(start[1])
