"""Measures speed or memory, and writes the numbers as JSON.

  python -m experiments.benchmark --config=configs/benchmark.py --workdir=DIR

measures one recurrent layer of eight sizes, forwards and for training, beside
those of every library that is installed (PyTorch, Flax, Haiku, Equinox, Keras).
With :NAME after the name of the config it measures something else: networks,
updates of small networks in these libraries; ptb_small, training tokens per
second of the recipe in configs/ptb_small.py, beside PyTorch's nn.LSTM where
PyTorch is installed; loss_memory, what the loss in chunks saves;
gradient_norms, what logging them costs in the main experiment,
configs/vanishing_gradient.py; long_sequences, memory and time of the gradient
of a million steps. Leave the machine alone meanwhile.
"""

import importlib
import json
import sys
from collections.abc import Sequence

from absl import flags

from configs import ptb_small, vanishing_gradient
from experiments import cli

# Modules of rnn_lab.benchmarks, and the configs that each one measures; None
# for those that have a section in configs/benchmark.py instead.
BENCHMARKS = {
  "layers": None,
  "networks": None,
  "ptb_small": (ptb_small,),
  "loss_memory": (),
  "gradient_norms": (vanishing_gradient,),
  "long_sequences": None,
}
# Of those that compare libraries, what a row of the table is called.
TABLES = {"layers": "B, T, D, H", "networks": "network"}
FLAGS = cli.CONFIG | {
  "compare": (
    flags.DEFINE_string,
    "",
    "the JSON file of an earlier benchmark of layers: rows that have become "
    "slower are printed, and the exit code is 1",
  )
}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(benchmark, argv, __doc__, FLAGS)


def benchmark(args: cli.Arguments) -> int:
  """Writes the file NAME.json into `--workdir`.

  Returns:
    The exit code: 1 if a row is slower than that of `--compare`.
  """
  from rnn_lab.benchmarks import comparing, figure, tables
  from rnn_lab.errors import FieldError, check_choice, check_fields
  from rnn_lab.paths import local_path
  from rnn_lab.rundir import check_can_hold, write_json
  from rnn_lab.training.environment import machine

  fields = args.config.fields.to_dict()
  check_choice("name", fields.get("name"), BENCHMARKS)
  name, before = fields.pop("name"), {}
  # A section of its own, or that of a config; nothing else has an effect.
  sections = () if BENCHMARKS[name] is not None else (name,)
  check_fields(fields, sections, required=sections)
  if args.compare:
    if name != "layers":
      raise FieldError("compare", f"{{field}} is of layers, not of {name}")
    path = local_path("compare", args.compare)
    before = comparing.read(path, fields[name].get("cores"))
  check_can_hold(args.workdir, tuple(f"{name}.json" for name in BENCHMARKS))
  module = importlib.import_module(f"rnn_lab.benchmarks.{name}")
  recipes = [c.get_config().to_dict() for c in BENCHMARKS[name] or ()]
  try:
    result = module.measure(*fields.values(), *recipes)
  except RuntimeError as error:  # of another library's process
    print(f"error: {error}", file=sys.stderr)
    return 1
  args.workdir.mkdir(parents=True, exist_ok=True)
  path = args.workdir / f"{name}.json"
  write_json(path, {"machine": machine(), "result": result})
  if name in TABLES:
    print(tables.markdown(result, TABLES[name]))
    figure.write(result, args.workdir / f"{name}.png")
  else:
    print(json.dumps(result, indent=2))
  print(f"written: {path}")
  if not args.compare:
    return 0
  lines = comparing.slower(before, comparing.spread(result["rows"]))
  print("\n".join(lines) or "no row is slower")
  return 1 if lines else 0


if __name__ == "__main__":
  cli.run(main)
