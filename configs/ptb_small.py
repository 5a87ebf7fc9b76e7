"""The Penn Treebank with the small LSTM of Zaremba et al. 2014.

  python -m experiments.train --config=configs/ptb_small.py \\
    --workdir=runs/ptb_small [--config.task.data_dir=FOLDER]

Two layers of 200 units without dropout, 13 epochs of plain SGD; the test is
taken with the last epoch's weights, as one unbroken stream. Published: valid
120.7, test 114.5; the authors' own code and a port of it say 115 to 116. The
paper's learning rate of 1 and norm of 5 belong to a loss that is summed over
the 20 steps; with the mean over tokens they are 20 and 0.25.

The corpus is downloaded, or read from `task.data_dir`. What to expect here is
not measured: the corpus could not be reached where this was written. `:smoke`
takes half a minute once the corpus is there.
"""

from configs import common

# Of batch 20 and window 20: who changes those changes the epochs, too.
STEPS_PER_EPOCH = 929_589 // 20 // 20


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.language_config()
  config.task.corpus = "ptb"
  config.task.window = 20
  config.task.reach = 20
  model = config.model
  model.num_layers = 2
  model.hidden_size = 200
  model.embedding_size = 200
  # Every parameter, biases too, is uniform in +-0.1.
  for section in (model, model.lstm):
    for field in [*section]:
      if field.endswith("_init") and field != "forget_init":
        section[field] = "uniform"
        section[field.replace("_init", "_scale")] = 0.1
  model.lstm.forget_bias = 0.0
  optimizer = config.optimizer
  optimizer.name = "sgd"
  optimizer.learning_rate = 20.0
  optimizer.schedule = "staircase"
  optimizer.hold_steps = 4 * STEPS_PER_EPOCH
  optimizer.decay_steps = STEPS_PER_EPOCH
  optimizer.decay_rate = 0.5
  config.train.clip_norm = 0.25
  config.train.batch_size = 20
  config.train.num_steps = 13 * STEPS_PER_EPOCH
  config.eval.every = STEPS_PER_EPOCH
  config.eval.select = "last"
  config.run.checkpoint_every = STEPS_PER_EPOCH
  config.run.steps_per_call = 100
  if argument == "smoke":
    common.shrink_language(config)
    optimizer.hold_steps = 5
    optimizer.decay_steps = 5
  return config
