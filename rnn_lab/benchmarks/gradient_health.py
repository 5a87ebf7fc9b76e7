"""What logging the health of the gradient costs: updates a second, on and off.

Each contestant does what training does between two rows of metrics: updates in
calls of the compiled program, then the row, here with and without the norms of
each layer and the share of saturated units.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from rnn_lab.benchmarks.rounds import in_turns, summary
from rnn_lab.training import optimizers, programs
from rnn_lab.training.run import plan
from rnn_lab.training.state import init_states

ON, OFF = "logged", "not logged"
ROUNDS = 15
ROWS = 10  # of metrics in a round


def measure(config: Mapping[str, Any], rounds: int = ROUNDS) -> dict[str, Any]:
  """Updates a second with and without, in turns; see `rounds.summary`.

  Args:
    config: of any task with sequences, as nested dicts; its `train.log_every`
      is the number of updates to a row.
    rounds: that count.
  """
  contestants = {OFF: contestant(config, False), ON: contestant(config, True)}
  return summary(in_turns(contestants, rounds), ON)


def contestant(config: Mapping[str, Any], health: bool) -> Callable[[], float]:
  """A function that trains for some rows and returns updates a second."""
  ready = plan(config)
  settings = ready.settings
  steps = settings.train.log_every
  static, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  built = programs.build(ready.model, ready.task, static, steps, 1)
  population = built.population
  data = population.share(ready.task.data)
  seed = population.put(np.zeros(1, np.int32))
  state = population.put(
    init_states(ready.model, ready.task, static, hyper, [0], health)
  )
  step = 0

  def one_row() -> None:
    nonlocal state, step
    shared = (hyper, data, np.int32(step), np.int32(steps))
    state = built.train(shared, (seed, state))
    step += steps
    state, metrics = built.read(None, state)
    if health:
      shared = (data, np.int32(step))
      metrics = metrics | built.saturation(shared, (seed, state))
    jax.block_until_ready((state, metrics))

  def one_round() -> float:
    began = time.perf_counter()
    for _ in range(ROWS):
      one_row()
    return ROWS * steps / (time.perf_counter() - began)

  return one_round
