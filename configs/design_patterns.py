"""The four sequence design patterns, each with three cells.

  python -m experiments.sweep --config=configs/design_patterns.py \\
    --workdir=runs/design_patterns

Sequence to vector: an image of a digit is read row by row, and its class is
named. Vector to sequence: an image of a digit is named letter by letter.
Sequence to sequence: a chaotic series is predicted, value by value. Encoder-
decoder: dates as people write them become ISO dates, with attention. Each by a
tanh RNN, a GRU and an LSTM of 64 units. The report draws each pattern from its
own run, with examples that came out right and wrong.

6 minutes on two CPU cores. Test results to expect, one seed (tanh RNN, GRU,
LSTM): digits 0.981, 0.994, 0.983; names of digits 0.986, 0.986, 0.958; error of
forecasts 84 steps ahead 0.036, 0.0056, 0.0056; dates 1.000, 1.000, 0.950: with
attention the LSTM is the slowest to learn them, and its errors are on the short
ones. `:smoke` takes two minutes.
"""

from configs import captioning, common, digits, forecasting, transduction
from configs.claims import at, claim

# The config of each pattern, and the steps that it gets here.
PATTERNS = {
  "sequence to vector": (digits, 1000),
  "vector to sequence": (captioning, 1000),
  "sequence to sequence": (forecasting, 2000),
  "encoder-decoder": (transduction, 1000),
}
EXAMPLES = 12


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.writing_config()
  config.task = digits.get_config(argument).task
  config.eval.examples = EXAMPLES
  config.run.tensorboard = False
  if argument == "smoke":
    common.shrink(config)
  return config


def sweep(add, argument: str = "") -> None:
  base = get_config(argument)
  for module, steps in PATTERNS.values():
    config = module.get_config(argument)
    config.eval.examples = EXAMPLES
    config.run.tensorboard = False
    if argument != "smoke":
      config.train.num_steps = steps
    overrides = common.differences(base, config)
    for series, fields in common.CELLS.items():
      name = f"{config.task.name},{fields['model.cell']}"
      add(overrides | fields, series, name)


def report() -> dict:
  return {
    "title": "Four design patterns, three cells",
    "text": (
      "The same recurrence serves four kinds of problem, which differ in when "
      "it reads and when it answers: an image of a digit is read row by row "
      "and its class named (sequence to vector); an image is given and its "
      "name written letter by letter (vector to sequence); the next value of "
      "a chaotic series is predicted at every step (sequence to sequence); a "
      "date as people write it is read and its ISO form written "
      "(encoder-decoder, with attention).\n\n"
      "Each network has one layer of 64 units and is trained by Adam at the "
      "learning rate of its task's own config, the same for all cells: it was "
      "tuned for none of them. One seed each."
    ),
    "claims": [
      claim(
        "Sequence to vector: the LSTM names at least 95% of the digits.",
        at("LSTM", task="digits"),
        ">=",
        0.95,
      ),
      claim(
        "Vector to sequence: the LSTM spells at least 95% of the names "
        "exactly.",
        at("LSTM", task="digit_names"),
        ">=",
        0.95,
      ),
      claim(
        "Sequence to sequence: 84 steps ahead the LSTM's error is below 0.1 "
        "standard deviations.",
        at("LSTM", task="forecasting"),
        "<",
        0.1,
      ),
      claim(
        "Encoder-decoder: the LSTM writes at least 99% of the dates exactly.",
        at("LSTM", task="transduction"),
        ">=",
        0.99,
      ),
      *[
        claim(
          f"Textbook: the LSTM is better than the tanh RNN ({pattern}).",
          at("LSTM", task=task),
          op,
          at("tanh RNN", task=task),
        )
        for pattern, task, op in [
          ("sequence to vector", "digits", ">"),
          ("vector to sequence", "digit_names", ">"),
          ("sequence to sequence", "forecasting", "<"),
          ("encoder-decoder", "transduction", ">"),
        ]
      ],
    ],
  }
