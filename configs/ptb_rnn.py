"""The Penn Treebank with a simple recurrent network.

  python -m experiments.train --config=configs/ptb_rnn.py \\
    --workdir=runs/ptb_rnn [--config.task.data_dir=FOLDER]

One Elman layer of 300 logistic units. Mikolov's RNN language model has a test
perplexity of 124.7 (Mikolov and Zweig 2012); the size of that network is not
certain and its softmax was factored by classes, so that the two are neighbours
and not the same experiment.

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
  config.model.cell = "elman"
  config.model.elman.activation = "sigmoid"
  config.model.hidden_size = 300
  config.model.embedding_size = 300
  config.optimizer.name = "sgd"
  config.optimizer.learning_rate = 5.0
  config.optimizer.schedule = "staircase"
  config.optimizer.hold_steps = 6 * STEPS_PER_EPOCH
  config.optimizer.decay_steps = STEPS_PER_EPOCH
  config.optimizer.decay_rate = 0.5
  config.train.clip_norm = 0.25
  config.train.batch_size = 20
  config.train.num_steps = 13 * STEPS_PER_EPOCH
  config.eval.every = STEPS_PER_EPOCH
  config.run.checkpoint_every = STEPS_PER_EPOCH
  config.run.steps_per_call = 100
  if argument == "smoke":
    common.shrink_language(config)
    config.optimizer.hold_steps = 5
    config.optimizer.decay_steps = 5
  return config
