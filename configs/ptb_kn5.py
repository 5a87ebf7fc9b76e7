"""The Penn Treebank with an interpolated modified Kneser-Ney 5-gram.

  python -m experiments.train --config=configs/ptb_kn5.py \\
    --workdir=runs/ptb_kn5 [--config.task.data_dir=FOLDER]

Test perplexity to expect, over words and sentence ends: 141.19, validation
148.01, in 10 seconds on two CPU cores. Published: 141.2 (Mikolov 2012).

The corpus is downloaded, or read from `task.data_dir`. `:smoke` counts bigrams
only.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.language_config()
  config.task.corpus = "ptb"
  config.model.kind = "ngram"
  config.model.ngram.order = 5
  if argument == "smoke":
    common.shrink_language(config)
    config.model.ngram.order = 2
  return config
