"""The cost of logging gradient norms: updates per second with and without.

Each function does what training does between two rows of metrics: updates in
calls of the compiled program, then the row, with or without the norms of each
layer and the share of saturated units.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from rnn_lab.benchmarks.rounds import run_in_turns, summarize
from rnn_lab.training import optimizers, programs
from rnn_lab.training.run import plan
from rnn_lab.training.state import init_states

ON, OFF = "logged", "not logged"
ROUNDS = 15
ROWS = 10  # rows of metrics per round


def measure(config: Mapping[str, Any], rounds: int = ROUNDS) -> dict[str, Any]:
  """Measures updates per second with and without; see `rounds.summarize`.

  Args:
    config: of any task with sequences, as nested dicts; its `train.log_every`
      is the number of updates per row.
    rounds: the number of rounds that count.
  """
  functions = {OFF: trainer(config, False), ON: trainer(config, True)}
  return summarize(run_in_turns(functions, rounds), ON)


def trainer(config: Mapping[str, Any], log_norms: bool) -> Callable[[], float]:
  """Returns a function that trains for ROWS rows and returns its rate."""
  run = plan(config)
  settings = run.settings
  steps = settings.train.log_every
  static, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  built = programs.build(run.model, run.task, static, steps, 1)
  population = built.population
  data = population.share(run.task.data)
  seed = population.put(np.zeros(1, np.int32))
  state = population.put(
    init_states(run.model, run.task, static, hyper, [0], log_norms)
  )
  step = 0

  def one_row() -> None:
    nonlocal state, step
    shared = (hyper, data, np.int32(step), np.int32(steps))
    state = built.train(shared, (seed, state))
    step += steps
    state, metrics = built.read(None, state)
    if log_norms:
      shared = (data, np.int32(step))
      metrics = metrics | built.saturation(shared, (seed, state))
    jax.block_until_ready((state, metrics))

  def one_round() -> float:
    start = time.perf_counter()
    for _ in range(ROWS):
      one_row()
    return ROWS * steps / (time.perf_counter() - start)

  return one_round
