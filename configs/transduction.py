"""Dates and numbers as people write them, to be written in digits."""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "dates", "numbers", "smoke")
  config = common.pattern_config()
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
  config.optimizer.decay_steps = config.train.num_steps
  if argument == "smoke":
    common.shrink(config)
    config.task.train_size = 30
    config.task.eval_size = 20
  return config


def sweep(add, argument: str = "") -> None:
  add({"model.cell": "elman"}, series="tanh RNN")
  add({"model.cell": "gru"}, series="GRU")
  add({"model.cell": "lstm"}, series="LSTM")
