"""x"""

from ml_collections import config_dict

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "lorenz", "csv", "smoke")
  config = common.default_config()
  config.task = config_dict.ConfigDict(
    {
      "name": "forecasting",
      "series": "mackey_glass",
      "tau": 17,
      "size": 10_000,
      "seed": 0,
      "path": config_dict.placeholder(str),
      "columns": (),
      "window": 200,
      "horizon": 84,
      "warmup": 100,
      "predict": "change",
      "noise": 0.0,
      "valid_fraction": 0.1,
      "test_fraction": 0.2,
      "eval_size": 200,
    }
  )
  config.model.cell = "gru"
  config.model.hidden_size = 64
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.optimizer.decay_steps = 2000
  config.train.num_steps = 2000
  config.train.batch_size = 16
  config.eval.every = 500
  config.run.checkpoint_every = 500
  config.run.tensorboard = False
  return config
