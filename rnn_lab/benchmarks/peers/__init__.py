"""One recurrent layer in each library, with the same weights.

`PEERS` names the module of each library, whose `layer` builds it; a library
that is not installed is left out, and so is a cell that a library lacks or
defines by other equations.
"""

import importlib
import importlib.util

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


def module(name: str):
  """Imports the module of a library."""
  return importlib.import_module(f"{__name__}.{PEERS[name][0]}")
