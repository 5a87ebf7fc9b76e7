"""Measures speed or memory, and writes the numbers as JSON.

  python -m experiments.benchmark --name=ptb_small --workdir=DIR
  python -m experiments.benchmark --name=loss_memory --workdir=DIR
  python -m experiments.benchmark --name=gradient_health --workdir=DIR

ptb_small: training tokens per second of the recipe in configs/ptb_small.py,
beside PyTorch's nn.LSTM where PyTorch is installed. loss_memory: what the
loss in chunks saves. gradient_health: what logging it costs, in the main job of
configs/vanishing_gradient.py. Leave the machine alone meanwhile.
"""

import json
import pathlib

from absl import flags

from configs import ptb_small as recipe
from configs import vanishing_gradient
from experiments import cli
from rnn_lab.benchmarks import gradient_health, loss_memory, ptb_small
from rnn_lab.errors import check_choice
from rnn_lab.rundir import check_can_hold, write_json
from rnn_lab.training.environment import machine

BENCHMARKS = {
  "ptb_small": lambda: ptb_small.measure(recipe.get_config().to_dict()),
  "loss_memory": loss_memory.measure,
  "gradient_health": lambda: gradient_health.measure(
    vanishing_gradient.get_config().to_dict()
  ),
}
flags.DEFINE_string("name", None, f"One of {', '.join(BENCHMARKS)}.")


def main(workdir: pathlib.Path) -> int:
  """Writes `--name`.json into `workdir`."""
  check_choice("name", cli.FLAGS.name, BENCHMARKS)
  file = f"{cli.FLAGS.name}.json"
  check_can_hold(workdir, tuple(f"{name}.json" for name in BENCHMARKS))
  result = BENCHMARKS[cli.FLAGS.name]()
  workdir.mkdir(parents=True, exist_ok=True)
  write_json(workdir / file, {"machine": machine(), "result": result})
  print(json.dumps(result, indent=2))
  print(f"written: {workdir / file}")
  return 0


if __name__ == "__main__":
  cli.run(main)
