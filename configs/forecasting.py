"""Forecasting a chaotic series, 84 steps ahead, or a CSV file of the user.

  python -m experiments.sweep --config=configs/forecasting.py \\
    --workdir=runs/forecasting
  python -m experiments.train --config=configs/forecasting.py:csv \\
    --config.task.path=FILE --workdir=DIR
"""

from ml_collections import config_dict

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "lorenz", "csv", "smoke")
  config = common.default_config()
  config.task = config_dict.ConfigDict(
    {
      "name": "forecasting",
      "series": "mackey_glass",
      "tau": 17,
      "size": 10_000,
      "seed": 0,
      "path": common.placeholder(str),
      "columns": (),
      "window": 200,
      "horizon": 84,
      "warmup": 100,
      "predict": "change",
      "noise": 0.0,
      "valid_fraction": 0.1,
      "test_fraction": 0.2,
      "eval_size": 200,
    }
  )
  config.model.cell = "gru"
  config.optimizer.learning_rate = 1e-2
  config.optimizer.b2 = 0.99
  config.optimizer.schedule = "cosine"
  config.optimizer.decay_steps = 4000
  config.train.num_steps = 4000
  config.train.batch_size = 16
  config.train.clip_norm = 0.1
  config.eval.every = 500
  config.run.checkpoint_every = 500
  if argument == "lorenz":
    config.task.series = "lorenz"
  if argument == "csv":
    config.task.series = "csv"
    config.task.window = 48
    config.task.horizon = 12
    config.task.warmup = 24
    config.model.hidden_size = 32
    config.optimizer.learning_rate = 3e-3
    config.optimizer.decay_steps = 1000
    config.train.num_steps = 1000
    config.eval.every = 100
  if argument == "smoke":
    common.shrink(config)
    config.task.size = 1000
    config.task.window = 40
    config.task.warmup = 20
    config.optimizer.decay_steps = config.train.num_steps
  return config


def sweep(add, argument: str = "") -> None:
  add({"model.cell": "elman"}, series="tanh RNN")
  add({"model.cell": "gru"}, series="GRU")
  add({"model.cell": "lstm"}, series="LSTM")


def report() -> dict:
  return {
    "title": "Forecasting a chaotic series",
    "text": (
      "The Mackey-Glass equation with a delay of 17 is weakly chaotic. "
      "Networks learn to predict the next value from all before; tested, they "
      "read 100 values and then their own predictions, 84 steps far. A linear "
      "autoregression does the same, of an order that was chosen on the "
      "validation split."
    ),
    "claims": [
      ("The GRU forecasts 84 steps ahead.", "GRU", "<", 0.05),
      ("The LSTM forecasts 84 steps ahead.", "LSTM", "<", 0.05),
      ("The GRU is better than the tanh RNN.", "GRU", "<", "tanh RNN"),
    ],
  }
