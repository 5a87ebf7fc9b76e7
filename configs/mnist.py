"""Full-size MNIST, read row by row, pixel by pixel, or in a permuted order.

  python -m experiments.train \\
    --config=configs/mnist.py[:pixel|:permuted|:irnn_pixel|:irnn_permuted] \\
    --workdir=runs/mnist [--config.task.data_dir=FOLDER]

`data_dir` holds the four idx files; without it they are downloaded and
checked. An LSTM of 128 units. To expect, row by row, 10,000 steps: test
accuracy 0.987 (0.990 on the validation split), one seed, in 4 minutes on two
CPU cores with other work running; chance is 0.10.

`:pixel` reads 784 steps of one pixel, `:permuted` the same in a fixed random
order, with a chrono forget gate (Tallec and Ollivier 2018) and a cosine decay,
14,000 steps of 256. To expect: test accuracy 0.980 and 0.919 (0.986 and 0.925
on the validation split), one seed, in 2 min 32 s each on an NVIDIA H200; on two
CPU cores hours. Published for LSTMs of 100 to 128 units: 0.989 and 0.902
(Cooijmans et al. 2017), 0.982 and 0.880 (Arjovsky et al. 2016).

`:irnn_pixel` and `:irnn_permuted` train a rectified network of 128 units with
identity recurrent weights (Le et al. 2015) for 84 epochs, 72,000 steps of 64,
at the better of two learning rates (0.0001, not 0.0004) after 2,400 steps. To
expect: test accuracy 0.941 and 0.802 (0.949 and 0.820 on the validation split),
one seed, in 54 minutes on one CPU core each, both at a time, and still rising
when the learning rate has fallen to zero. Published: 0.970 and 0.820 (Le et al.
2015).
`:smoke` takes seconds once the files are there.
"""

from ml_collections import config_dict

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(
    argument, "pixel", "permuted", "irnn_pixel", "irnn_permuted", "smoke"
  )
  config = common.default_config()
  config.task.name = "mnist"
  config.task.order = "row"
  config.task.gap = 0
  config.task.gap_fill = "noise"
  config.task.data_dir = config_dict.placeholder(str)
  config.model.hidden_size = 128
  config.train.num_steps = 10_000
  config.eval.every = 500
  if argument.endswith(("pixel", "permuted")):
    config.task.order = argument.removeprefix("irnn_")
    config.optimizer.schedule = "cosine"
  if argument in ("pixel", "permuted"):
    config.model.lstm.forget_init = "chrono"
    config.model.lstm.chrono_max = 784
    config.optimizer.learning_rate = 2e-3
    config.train.batch_size = 256
    config.train.num_steps = 14_000
  if argument.startswith("irnn"):
    config.update_from_flattened_dict(common.IRNN)
    config.optimizer.learning_rate = 1e-4
    config.train.num_steps = 72_000
    config.eval.every = 2_000
  if argument == "smoke":
    common.shrink(config)
  return config
