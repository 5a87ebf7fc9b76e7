"""How far apart may two events be for SGD to learn their order?

  python -m experiments.sweep --config=configs/vanish_and_explode.py \\
    --workdir=runs/vanish_and_explode

The picture of Pascanu, Mikolov and Bengio 2013 (figure 7): the share of 10
seeds that learn temporal order, against the length of the sequence, for a tanh
RNN and an LSTM, with and without clipping the gradient's norm at 1. `:smoke`
takes a minute.

{EXPECT}
"""

from configs import common

LENGTHS = {"": (10, 20, 30, 50, 100, 200), "smoke": (10, 20)}
CELLS = {"tanh RNN": "elman", "LSTM": "lstm"}
CLIPS = {"clipped": 1.0, "not clipped": 0.0}


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "temporal_order"
  config.task.num_relevant = 2
  config.task.length = 20
  config.task.eval_size = 1000
  config.model.hidden_size = 50
  config.optimizer.name = "sgd"
  config.optimizer.learning_rate = 0.1
  config.train.batch_size = 20
  config.train.num_steps = 4000
  config.train.log_every = 200
  config.eval.every = 400
  config.run.steps_per_call = 200
  config.run.checkpoint_every = 2000
  config.run.tensorboard = False
  config.num_seeds = 10
  if argument == "smoke":
    common.shrink(config)
    config.num_seeds = 3
  return config


def sweep(add, argument: str = "") -> None:
  for length in LENGTHS[argument]:
    for cell, kind in CELLS.items():
      for clip, norm in CLIPS.items():
        add(
          {
            "task.length": length,
            "model.cell": kind,
            "train.clip_norm": norm,
          },
          series=f"{cell}, {clip}",
        )


def report() -> dict:
  return {}
