"""The Penn Treebank with the small LSTM of Zaremba et al. 2014.

  python -m experiments.train --config=configs/ptb_small.py \\
    --workdir=runs/ptb_small [--config.task.data_dir=FOLDER]

Two layers of 200 units without dropout, 13 epochs of plain SGD; the test is
taken with the last epoch's weights, as one unbroken stream. Published: valid
120.7, test 114.5; the authors' own code and a port of it say 115 to 116. The
paper's learning rate of 1 and norm of 5 belong to a loss that is summed over
the 20 steps; with the mean over tokens they are 20 and 0.25.

The corpus is downloaded, or read from `task.data_dir`. To expect: test
perplexity 114.7, valid 119.5 (means of three seeds, 114.4 to 115.1), in 1 min
43 s for all three on an NVIDIA H100 with `--config.num_seeds=3`; on two CPU
cores a seed takes about an hour. `:smoke` takes half a minute once the corpus
is there.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.treebank_config(held_epochs=4)
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
  config.optimizer.learning_rate = 20.0
  config.eval.select = "last"
  if argument == "smoke":
    common.shrink_treebank(config)
  return config
