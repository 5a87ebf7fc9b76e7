"""The layers that `experiments.benchmark --name=layers` measures.

  python -m experiments.benchmark --name=layers --workdir=runs/benchmarks

Each shape is a cell with B sequences of T steps, D inputs and H hidden units:
speech-like, the adding task, the medium and the small Penn Treebank network,
pixels of MNIST and sizes between.
"""

import ml_collections

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


def get_config():
  return ml_collections.ConfigDict(
    {
      "shapes": tuple(
        (cell, *sizes) for cell in ("lstm", "gru", "elman") for sizes in SIZES
      ),
      "rounds": 7,
      "cores": 0,
    }
  )
