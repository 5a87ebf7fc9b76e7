"""The adding problem: add the two marked ones of 100 numbers.

  python -m experiments.sweep --config=configs/adding.py --workdir=runs/adding
  python -m experiments.train --config=configs/adding.py --workdir=DIR

The sweep compares an LSTM, an IRNN and a tanh RNN, 3 seeds each. Always
answering 1 gives a mean squared error of 1/6. 13 minutes on two CPU cores, with
other work running beside it. Test error to expect, 3 seeds: LSTM 0.0004 to
0.0011, IRNN 0.003 to 0.006, tanh RNN 0.09 to 0.16. `:smoke` takes half a
minute.
"""

from configs import common
from configs.claims import at, claim


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "adding"
  config.task.length = 100
  config.task.eval_size = 1000
  config.model.hidden_size = 128
  config.optimizer.learning_rate = 2e-3
  config.train.batch_size = 128
  config.num_seeds = 3
  if argument == "smoke":
    common.shrink(config)
    config.task.length = 10
  return config


def sweep(add, argument: str = "") -> None:
  add({"model.cell": "lstm", "optimizer.learning_rate": 2e-3}, series="LSTM")
  add({**common.IRNN, "optimizer.learning_rate": 1e-3}, series="IRNN")
  add(
    {"model.cell": "elman", "optimizer.learning_rate": 1e-3},
    series="tanh RNN, orthogonal",
  )


def report() -> dict:
  return {
    "title": "The adding problem over 100 steps",
    "text": (
      "Of 100 numbers in [0, 1] one in each half is marked; after the last "
      "one the network must say the sum of the two. Always answering 1 gives "
      "a mean squared error of 1/6."
    ),
    "claims": [
      claim("The LSTM solves it.", at("LSTM"), "<", 0.01),
      claim("The IRNN solves it.", at("IRNN"), "<", 0.01),
      claim("The tanh RNN does not.", at("tanh RNN, orthogonal"), ">", 0.05),
    ],
  }
