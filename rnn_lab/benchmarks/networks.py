"""Updates of whole networks in every library: recurrence, loss, Adam, clipping.

The networks of `small_networks`, with the layer of each library. Those on JAX
share all else, compiled, with a call for each update; rnn_lab also has its
updates in one program, as in its runs. PyTorch trains in an eager loop.
"""

import functools
from collections.abc import Mapping
from typing import Any

from rnn_lab.benchmarks import peers
from rnn_lab.benchmarks.layers import GATES, line
from rnn_lab.benchmarks.libraries import (
  Ask,
  asked,
  check_timing,
  check_tuples,
  differences,
)
from rnn_lab.benchmarks.rounds import means, run_in_turns, summarize
from rnn_lab.benchmarks.small_networks import PROBLEMS, UPDATES, trainer
from rnn_lab.errors import check_choice, check_fields, in_section

FIELDS = ("cells", "networks", "cores", "rounds", "seconds")
# PyTorch, Keras and the GRU of NNX have two biases for a gate, of which Adam
# moves both: after the first update their losses are near, not equal.
LARGEST_DIFFERENCE = {"first loss": 1e-5, "losses": 0.02}


def measure(section: Mapping[str, Any]) -> dict[str, Any]:
  """Measures milliseconds of an update in each library.

  Args:
    section: `networks` of configs/benchmark.py.

  Returns:
    As `layers.measure`; "difference" is of the losses of UPDATES updates.

  Raises:
    FieldError: a field is out of its range.
    RuntimeError: a library's process has ended, or its losses differ.
  """
  with in_section("networks"):
    check_fields(section, FIELDS, required=FIELDS)
    check_tuples(section, ("cells", "networks"))
    for cell in section["cells"]:
      check_choice("cells", cell, GATES)
    for name in section["networks"]:
      check_choice("networks", name, PROBLEMS)
    check_timing(section)
  one_call = f"rnn_lab, {UPDATES} updates a call"
  names = [name for name in peers.installed() if peers.trains(name)]
  names.insert(1, one_call)
  rows = []
  timing = (section["cores"], section["seconds"])
  with asked(names, build, *timing) as ask:
    for cell in section["cells"]:
      for network in section["networks"]:
        rows.append(_measure_network(cell, network, ask, section["rounds"]))
  return {
    "cores": section["cores"],
    "libraries": names,
    "rows": rows,
    "means": means(rows),
  }


def _measure_network(
  cell: str, network: str, ask: Ask, rounds: int
) -> dict[str, Any]:
  """Returns the row of one network."""
  shape = {"cell": cell, "network": network}
  built = {name: answer(("build", shape)) for name, answer in ask.items()}
  losses = {name: found for name, found in built.items() if found is not None}
  _check_losses(losses, shape)

  def one_round(name: str) -> float:
    return ask[name](("time", "update")) / UPDATES

  turns = {name: functools.partial(one_round, name) for name in losses}
  ms = summarize(run_in_turns(turns, rounds), "rnn_lab")
  ms.pop("ratios")
  row = {
    "shape": shape,
    "name": network,
    "pass": "update",
    "ms": ms,
    "difference": differences(losses, "rnn_lab"),
  }
  print(line(row), flush=True)
  return row


def build(name: str, shape: Mapping[str, str]) -> tuple[Any, Any]:
  """Builds the training of a network; see `libraries.Build`."""
  problem, gates = PROBLEMS[shape["network"]], GATES[shape["cell"]]
  library, _, one_call = name.partition(f", {UPDATES}")
  if library == "torch":
    # Imported here: it may not be installed.
    from rnn_lab.benchmarks import torch_networks

    train = torch_networks.trainer(problem, shape["cell"], gates)
  else:
    recurrence = functools.partial(
      peers.module(library).recurrence, shape["cell"]
    )
    train = trainer(problem, recurrence, gates, bool(one_call))
  losses = train()
  return {"first loss": losses[:1], "losses": losses}, {"update": train}


def _check_losses(
  losses: Mapping[str, Mapping[str, Any]], shape: Mapping[str, str]
) -> None:
  for key, largest in LARGEST_DIFFERENCE.items():
    found = {name: {key: of[key]} for name, of in losses.items()}
    for name, size in differences(found, "rnn_lab").items():
      if not size < largest:  # nan, too
        raise RuntimeError(
          f"{name} computes another {key} for {shape}: {size:.1e}"
        )
