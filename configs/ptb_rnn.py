"""The Penn Treebank with a simple recurrent network.

  python -m experiments.train --config=configs/ptb_rnn.py \\
    --workdir=runs/ptb_rnn [--config.task.data_dir=FOLDER]

One Elman layer of 300 logistic units. Mikolov's RNN language model has a test
perplexity of 124.7 (Mikolov and Zweig 2012); the size of that network is not
certain and its softmax was factored by classes, so that the two are neighbours
and not the same experiment.

The corpus is downloaded, or read from `task.data_dir`. To expect: test
perplexity 128.7, valid 135.1 (means of three seeds, 128.5 to 128.8), in 1 min 4
s for all three on an NVIDIA H100 with `--config.num_seeds=3`. `:smoke` takes
half a minute once the corpus is there.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.treebank_config(held_epochs=6)
  config.model.cell = "elman"
  config.model.elman.activation = "sigmoid"
  config.model.hidden_size = 300
  config.model.embedding_size = 300
  config.optimizer.learning_rate = 5.0
  if argument == "smoke":
    common.shrink_treebank(config)
  return config
