"""One recurrent layer in each library, with the same weights.

`PEERS` names the module of each library; one that is not installed is left out,
and so is a cell that a library lacks or defines by other equations. A module of
a library on JAX has `recurrence`, any other `layer`.
"""

import importlib
import importlib.util

import numpy as np

from rnn_lab.benchmarks.peers.base import Layer, Weights, jax_layer

# By name: the module here, and the package that it needs. Ours come first.
PEERS = {
  "rnn_lab": ("ours", "rnn_lab"),
  "rnn_lab, scan": ("ours_scan", "rnn_lab"),
  "rnn_lab, batch over devices": ("ours_sharded", "rnn_lab"),
  "torch": ("torch_layer", "torch"),
  "flax linen": ("linen", "flax"),
  "flax nnx": ("nnx", "flax"),
  "haiku": ("haiku_layer", "haiku"),
  "equinox": ("equinox_layer", "equinox"),
  "keras": ("keras_layer", "keras"),
  "products alone": ("products", "rnn_lab"),
}


def installed() -> list[str]:
  """Returns the names of the libraries that can be imported."""
  return [
    name
    for name, (_, package) in PEERS.items()
    if importlib.util.find_spec(package) is not None
  ]


def layer(name: str, kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer of a library.

  Args:
    name: of PEERS.
    kind: of the cell.
    weights: of the layer.
    x: its inputs, `[T, B, D]`.

  Raises:
    Missing: the library has no cell with these equations.
  """
  built = module(name)
  if hasattr(built, "recurrence"):
    return jax_layer(built.recurrence(kind, weights), x)
  return built.layer(kind, weights, x)


def trains(name: str) -> bool:
  """Whether whole networks are trained with a library."""
  return name == "torch" or hasattr(module(name), "recurrence")


def module(name: str):
  """Imports the module of a library."""
  return importlib.import_module(f"{__name__}.{PEERS[name][0]}")
