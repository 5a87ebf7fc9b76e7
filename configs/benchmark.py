"""What `experiments.benchmark` measures.

  python -m experiments.benchmark --config=configs/benchmark.py --workdir=DIR

measures `layers`; `:networks`, `:ptb_small`, `:loss_memory`, `:gradient_norms`
and `:long_sequences` after the file's name measure these. Of `layers` and
`networks`, --config.layers.cores=1 uses one core, and
--config.layers.sizes="((32, 100, 10, 64),)" another size.
"""

from ml_collections import config_dict

from configs import common

# B sequences of T steps, D inputs and H hidden units: speech-like, the adding
# task, the medium Penn Treebank network, a large layer, a small one, the small
# Penn Treebank network, and sizes between.
SIZES = (
  (32, 128, 128, 256),
  (128, 200, 2, 128),
  (20, 35, 650, 650),
  (64, 256, 256, 512),
  (48, 108, 8, 64),
  (20, 20, 200, 200),
  (48, 60, 300, 384),
  (7, 333, 11, 96),
)


def get_config(name: str = "") -> config_dict.ConfigDict:
  """Returns the fields of a benchmark, layers unless it is named."""
  common.parse_argument(
    name,
    "layers",
    "networks",
    "ptb_small",
    "loss_memory",
    "gradient_norms",
    "long_sequences",
  )
  config = config_dict.ConfigDict({"name": name or "layers"})
  if config.name == "layers":
    config.layers = {
      "cells": ("elman", "gru", "lstm"),
      "sizes": SIZES,
      "passes": ("forward", "training"),
      "cores": 0,  # all
      "rounds": 7,
      "seconds": 0.2,  # a round lasts at least so long
    }
  if config.name == "networks":
    config.networks = {
      "cells": ("gru", "lstm"),
      "networks": ("adding", "digits", "language", "encoder_decoder"),
      "cores": 0,
      "rounds": 7,
      "seconds": 0.2,
    }
  if config.name == "long_sequences":
    config.long_sequences = {"steps": 1_000_000, "hidden_size": 128}
  return config
