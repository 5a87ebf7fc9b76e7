"""Which cell learns which long memory task, at which length?

  python -m experiments.sweep --config=configs/long_lags.py \\
    --workdir=runs/long_lags
  python -m experiments.sweep --config=configs/long_lags.py:long \\
    --workdir=runs/long_lags_long

Adding, copy memory and temporal order over their length, for a tanh RNN, an
IRNN, a GRU, an LSTM with forget bias 1 and one with a chrono forget gate, two
seeds each, every row with a budget of steps; beside each the outcome that was
published. `:long` has the rows that take hours on two cores (adding over 400
to 1,000 steps, copying over 500). `:smoke` takes two minutes.

{EXPECT}
"""

from configs import common

# The steps each row gets, by task and length (the delay of copy memory).
BUDGETS = {
  "": {
    "adding": {50: 1500, 100: 2000, 200: 3000},
    "copy_memory": {20: 3000, 50: 3000, 100: 3000},
    "temporal_order": {50: 1500, 100: 2000, 200: 3000},
  },
  "long": {
    "adding": {400: 10_000, 700: 10_000, 1000: 10_000},
    "copy_memory": {500: 20_000},
  },
  "smoke": {
    "adding": {10: 20},
    "copy_memory": {5: 20},
    "temporal_order": {20: 20},
  },
}
GATED = {"optimizer.learning_rate": 3e-3}
SERIES = {
  "tanh RNN": {"model.cell": "elman"},
  "IRNN": common.IRNN,
  "GRU": {"model.cell": "gru", **GATED},
  "LSTM, forget bias 1": {"model.cell": "lstm", **GATED},
  "LSTM, chrono": {
    "model.cell": "lstm",
    "model.lstm.forget_init": "chrono",
    **GATED,
  },
}


def task(name: str, length: int) -> dict:
  """Section `task`, of 1,000 examples a split."""
  section = {"name": name, "eval_size": 1000}
  if name == "copy_memory":
    return section | {"delay": length}
  if name == "temporal_order":
    section["num_relevant"] = 2
  return section | {"length": length}


def longest(name: str, length: int) -> int:
  """The steps of a task's longest sequence."""
  return length + (20 if name == "copy_memory" else length // 10)


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "long", "smoke")
  config = common.default_config()
  config.task.update(task("adding", 100))
  config.train.batch_size = 32
  config.train.num_steps = 2000
  config.train.log_every = 100
  config.eval.every = 500
  config.run.steps_per_call = 100
  config.run.checkpoint_every = 1000
  config.run.tensorboard = False
  config.optimizer.learning_rate = 1e-3
  config.num_seeds = 2
  if argument == "smoke":
    common.shrink(config)
    config.task.length = 10
  return config


def sweep(add, argument: str = "") -> None:
  for name, rows in BUDGETS[argument].items():
    for length, steps in rows.items():
      for series, overrides in SERIES.items():
        add(
          {
            "task": task(name, length),
            "train.num_steps": steps,
            **overrides,
            "model.lstm.chrono_max": longest(name, length),
          },
          series=series,
        )


def report() -> dict:
  return {}
