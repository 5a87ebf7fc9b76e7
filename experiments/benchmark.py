"""Measures speed or memory, and writes the numbers as JSON.

  python -m experiments.benchmark --name=layers --workdir=DIR
  python -m experiments.benchmark --name=ptb_small --workdir=DIR
  python -m experiments.benchmark --name=loss_memory --workdir=DIR
  python -m experiments.benchmark --name=gradient_norms --workdir=DIR

layers: one recurrent layer of eight sizes, forwards and for training, beside
those of every library that is installed (PyTorch, Flax, Haiku, Equinox, Keras).
ptb_small: training tokens per second of the recipe in configs/ptb_small.py,
beside PyTorch's nn.LSTM where PyTorch is installed. loss_memory: what the loss
in chunks saves. gradient_norms: what logging them costs, in the main
experiment, configs/vanishing_gradient.py. Leave the machine alone meanwhile.
"""

import importlib
import json
from collections.abc import Sequence

from absl import flags

from configs import ptb_small, vanishing_gradient
from experiments import cli

# Modules of rnn_lab.benchmarks, and the configs that each one measures.
BENCHMARKS = {
  "layers": (),
  "ptb_small": (ptb_small,),
  "loss_memory": (),
  "gradient_norms": (vanishing_gradient,),
}
FLAGS = {"name": (flags.DEFINE_string, None, f"one of {', '.join(BENCHMARKS)}")}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(benchmark, argv, __doc__, FLAGS)


def benchmark(args: cli.Arguments) -> int:
  """Writes the file `--name`.json into `--workdir`."""
  from rnn_lab.errors import check_choice
  from rnn_lab.rundir import check_can_hold, write_json
  from rnn_lab.training.environment import machine

  check_choice("name", args.name, BENCHMARKS)
  check_can_hold(args.workdir, tuple(f"{name}.json" for name in BENCHMARKS))
  module = importlib.import_module(f"rnn_lab.benchmarks.{args.name}")
  configs = [c.get_config().to_dict() for c in BENCHMARKS[args.name]]
  result = module.measure(*configs)
  args.workdir.mkdir(parents=True, exist_ok=True)
  path = args.workdir / f"{args.name}.json"
  write_json(path, {"machine": machine(), "result": result})
  print(json.dumps(result, indent=2))
  print(f"written: {path}")
  return 0


if __name__ == "__main__":
  cli.run(main)
