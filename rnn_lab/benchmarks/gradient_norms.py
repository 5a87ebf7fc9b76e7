"""The cost of logging gradient norms: updates per second with and without.

Each function does what training does between two rows of metrics: updates in
calls of the compiled program, then the row, with or without the norms of each
layer and the share of saturated units.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from rnn_lab.benchmarks.rounds import run_in_turns, summarize, timed
from rnn_lab.runs import planning
from rnn_lab.training import loop

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
  plan = planning.plan(config)
  settings = plan.settings
  steps = settings.train.log_every
  plan = plan._replace(
    settings=settings._replace(
      train=settings.train._replace(gradient_norms=log_norms),
      run=settings.run._replace(steps_per_call=steps),
      num_seeds=1,
    )
  )
  run = loop.Trainer(plan)
  run.place(run.initial_states(), 0)

  def train() -> None:
    for _ in range(ROWS):
      run.update(0, steps)
      jax.block_until_ready((run.state, run.training_metrics()))

  return timed(train, ROWS * steps)
