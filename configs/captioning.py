"""Describing images: the names of handwritten digits, captions of scenes.

  python -m experiments.train --config=configs/captioning.py --workdir=DIR
  python -m experiments.train --config=configs/captioning.py:scenes \\
    --workdir=DIR

To expect: TODO
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "scenes", "smoke")
  config = common.pattern_config()
  config.task.name = "digit_names"
  config.model.cell = "gru"
  config.model.readout_dropout = 0.5
  config.optimizer.learning_rate = 2e-3
  config.optimizer.schedule = "cosine"
  config.optimizer.decay_steps = config.train.num_steps
  if argument == "scenes":
    config.task.name = "scenes"
    config.task.train_size = 20_000
    config.task.eval_size = 1000
    config.task.seed = 0
    config.model.hidden_size = 128
    config.model.inputs.image_features = 128
  if argument == "smoke":
    common.shrink(config)
  return config


def sweep(add, argument: str = "") -> None:
  add({"model.cell": "elman"}, series="tanh RNN")
  add({"model.cell": "gru"}, series="GRU")
  add({"model.cell": "lstm"}, series="LSTM")
