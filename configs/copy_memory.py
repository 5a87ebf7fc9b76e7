"""Copy memory: repeat ten symbols after a delay.

  python -m experiments.train --config=configs/copy_memory.py \\
    --workdir=runs/copy_memory [--config.task.delay=100]

Ten of eight symbols, `delay` steps of nothing, then the ten again. Without
memory the loss is at best 10 ln 8 / (delay + 20), 0.5199 at a delay of 20, and
1/8 of the ten symbols are right.

An LSTM of 128 units, 3,000 steps, about 3 minutes on two CPU cores. To expect,
2 seeds: test loss 0.082 and 0.094, accuracy 0.87 and 0.85. `:smoke` takes
seconds.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "copy_memory"
  config.task.delay = 20
  config.task.eval_size = 1000
  config.model.hidden_size = 128
  config.model.lstm.forget_init = "chrono"
  config.model.lstm.chrono_max = 40
  config.optimizer.learning_rate = 3e-3
  config.train.num_steps = 3000
  config.num_seeds = 2
  if argument == "smoke":
    common.shrink(config)
    config.task.delay = 5
  return config
