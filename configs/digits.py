"""One network that reads handwritten digits, row by row.

  python -m experiments.train --config=configs/digits.py --workdir=runs/digits

An LSTM of 64 units, 1,500 steps, half a minute on two CPU cores. Test accuracy
to expect: 0.983 (chance is 0.10). `:smoke` takes seconds.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "digits"
  config.task.order = "row"
  config.task.gap = 0
  config.task.gap_fill = "noise"
  config.optimizer.learning_rate = 3e-3
  if argument == "smoke":
    common.shrink(config)
  return config
