"""Temporal order: in which order did the relevant symbols come?

  python -m experiments.train --config=configs/temporal_order.py \\
    --workdir=runs/temporal_order [--config.task.num_relevant=3]

Sequences of 100 to 110 symbols of which two (4 classes), or three (8), are
relevant; as in Hochreiter and Schmidhuber 1997, tasks 6a and 6b. A guess is
right in 1 of 4 cases, or of 8.

An LSTM of 64 units with a chrono forget gate, 1,500 steps, about 2 minutes on
two CPU cores. Test accuracy to expect: 1.000 for both seeds. `:smoke` takes
seconds.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "temporal_order"
  config.task.num_relevant = 2
  config.task.length = 100
  config.task.eval_size = 1000
  config.model.lstm.forget_init = "chrono"
  config.optimizer.learning_rate = 3e-3
  config.num_seeds = 2
  if argument == "smoke":
    common.shrink(config)
    config.task.length = 20
  return config
