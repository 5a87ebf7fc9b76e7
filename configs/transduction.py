"""Dates and numbers to be written in digits, letter by letter.

  python -m experiments.train --config=configs/transduction.py --workdir=DIR
  python -m experiments.train --config=configs/transduction.py:numbers \\
    --workdir=DIR
  python -m experiments.sweep --config=configs/transduction.py --workdir=DIR

An encoder-decoder with additive attention (Bahdanau et al. 2015): a
bidirectional GRU reads a date as people write it, "thursday, march 5th, 1987",
and a GRU of 64 units writes 1987-03-05. `:dates` is the default; `:numbers`
reads numbers in words, up to 999,999,999. 20,000 pairs, 1,500 steps, minutes on
two CPU cores. Exact match to expect on the test split: dates 1.000, numbers
1.000. The sweep compares three cells. `:smoke` takes half a minute.
"""

from configs import common
from configs.claims import at, claim


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "dates", "numbers", "smoke")
  config = common.writing_config()
  config.task.name = "transduction"
  config.task.kind = "numbers" if argument == "numbers" else "dates"
  config.task.train_size = 20_000
  config.task.eval_size = 1000
  config.task.seed = 0
  config.model.cell = "gru"
  config.model.bidirectional = True
  config.model.inputs.embedding_size = 32
  config.model.decoder.embedding_size = 32
  config.model.decoder.attention = "additive"
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.run.steps_per_call = 2  # the bucket changes almost every step
  if argument == "smoke":
    common.shrink(config)
    config.task.train_size = 30
    config.task.eval_size = 20
  return config


def sweep(add, argument: str = "") -> None:
  common.sweep_cells(add)


def report() -> dict:
  return {
    "title": "Dates and numbers, from words to digits",
    "text": (
      "An encoder reads a date or a number as people write it, letter by "
      "letter and in both directions; a decoder with attention writes its "
      "digits. An answer counts if it is right to the last digit (exact "
      "match). No date and no number of the test was seen in training."
    ),
    "claims": [
      claim(
        "The GRU writes 99% of the answers exactly.", at("GRU"), ">=", 0.99
      ),
      claim(
        "The LSTM writes 99% of the answers exactly.", at("LSTM"), ">=", 0.99
      ),
      claim(
        "With attention the tanh RNN also writes 99% of the answers exactly.",
        at("tanh RNN"),
        ">=",
        0.99,
      ),
    ],
  }
