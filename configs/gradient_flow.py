"""Gradients through time: cells and gains, before and after training.

  python -m experiments.gradient_flow --config=configs/gradient_flow.py \\
    --workdir=runs/gradient_flow

For seven kinds of cell, and a tanh RNN with gains of the recurrent weights from
0.5 to 2: the gradient of the last output by lag, the singular values of
dh_t/dh_k, Lyapunov exponents, the forget gates, and the error of truncation; at
initialisation and after training on a digit that is followed by 40 steps of
noise. `:adding`, `:copy_memory` and `:temporal_order` use those tasks. Any
other config can be measured, too; one without a sweep is one trial. `:smoke`,
of the tanh RNN alone, takes 36 seconds.

2 minutes 27 seconds on two cores. To expect: at initialisation 0.63 of the
gradient is left 47 steps back in the IRNN, 0.18 in the LSTM with forget bias 3,
a millionth in the tanh RNN; test accuracy 0.81 for the LSTM with forget bias 3,
0.72 for the IRNN, 0.70 for the chrono LSTM, 0.69 for the GRU, and chance (0.10)
for all the others.
"""

from configs import common
from configs.claims import at, claim

CELLS = {
  "tanh RNN": {"model.cell": "elman"},
  "IRNN": common.IRNN,
  "GRU": {"model.cell": "gru"},
  "LSTM, forget bias 0": {"model.cell": "lstm", "model.lstm.forget_bias": 0.0},
  "LSTM, forget bias 1": {"model.cell": "lstm", "model.lstm.forget_bias": 1.0},
  "LSTM, forget bias 3": {"model.cell": "lstm", "model.lstm.forget_bias": 3.0},
  "LSTM, chrono": {
    "model.cell": "lstm",
    "model.lstm.forget_init": "chrono",
    "model.lstm.chrono_max": 60,
  },
}
# Orthogonal weights times a gain; the tanh RNN above has the gain 1.
GAINS = {
  f"tanh RNN, gain {gain:g}": {
    "model.cell": "elman",
    "model.elman.recurrent_scale": gain,
  }
  for gain in (0.5, 0.9, 1.1, 1.5, 2.0)
}
# The smoke test takes the network that compiles soonest.
FEW = ("tanh RNN",)
TASKS = {
  "digits": {"name": "digits", "order": "row", "gap": 40, "gap_fill": "noise"},
  "adding": {"name": "adding", "length": 50, "eval_size": 1000},
  "copy_memory": {"name": "copy_memory", "delay": 30, "eval_size": 1000},
  "temporal_order": {
    "name": "temporal_order",
    "num_relevant": 2,
    "length": 50,
    "eval_size": 1000,
  },
}


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke", *TASKS)
  config = common.default_config()
  config.task.update(TASKS.get(argument, TASKS["digits"]))
  config.optimizer.learning_rate = 2e-3
  config.train.batch_size = 48
  config.train.num_steps = 600
  config.eval.every = 200
  # The networks are looked at after the same number of updates.
  config.eval.update({"select": "last"})
  config.run.checkpoint_every = 600
  config.run.tensorboard = False
  if argument == "smoke":
    common.shrink(config)
    config.task.gap = 4
  return config


def sweep(add, argument: str = "") -> None:
  for series, overrides in (CELLS | GAINS).items():
    if argument != "smoke" or series in FEW:
      add(overrides, series=series)


def report() -> dict:
  return {
    "title": "Gradients through time",
    "text": (
      "Backpropagation through time multiplies the gradient by one Jacobian a "
      "step. What does the product of many of them look like, in which cell, "
      "and does training change it?\n\n"
      "All networks have 64 hidden units and are measured before training and "
      "after 600 steps of Adam at batch 48 and a learning rate of 0.002, which "
      "was not tuned for any of them; each is one seed. If no other task was "
      "set, they read a handwritten digit row by row, then 40 steps of noise, "
      "and must name the digit. Everything is measured in float64 on the same "
      "eight validation sequences."
    ),
    "claims": [
      claim(
        "A gain of 0.5 makes the gradient vanish.",
        at("tanh RNN, gain 0.5", number="gradient left"),
        "<",
        1e-10,
      ),
      claim(
        "A gain of 2 makes it explode.",
        at("tanh RNN, gain 2", number="gradient left"),
        ">",
        10.0,
      ),
      claim(
        "Textbook: orthogonal weights, of gain 1, keep a tanh RNN's gradient.",
        at("tanh RNN", number="gradient left"),
        ">",
        0.1,
      ),
      claim(
        "Identity weights keep that of a rectified RNN.",
        at("IRNN", number="gradient left"),
        ">",
        0.1,
      ),
      claim(
        "Textbook: an LSTM, forget bias 1, keeps more of it than a tanh RNN.",
        at("LSTM, forget bias 1", number="gradient left"),
        ">",
        at("tanh RNN", number="gradient left"),
      ),
      claim(
        "A larger forget bias keeps more.",
        at("LSTM, forget bias 3", number="gradient left"),
        ">",
        at("LSTM, forget bias 1", number="gradient left"),
      ),
      claim(
        "Training lengthens the memory of the LSTM with forget bias 3.",
        at("LSTM, forget bias 3", number="half-life", where="trained"),
        ">",
        at("LSTM, forget bias 3", number="half-life"),
      ),
    ],
    "groups": {
      "Cells": list(CELLS),
      "Gain of the recurrent weights": ["tanh RNN", *GAINS],
    },
  }
