"""Writes torch_reference.npz: torch's recurrent layers with random weights.

  pip install torch numpy && python tests/data/make_torch_reference.py

Its output is committed, so that the tests do not need torch. All weights and
biases are random, so that the tests notice if any two are swapped.
"""

import pathlib

import numpy as np
import torch

T, B, D, H = 6, 3, 4, 5
LENGTHS = (6, 2, 4)


def layer_arrays(kind: str, layer: torch.nn.RNNBase) -> dict[str, np.ndarray]:
  """Returns inputs, weights, outputs and gradients of one layer."""
  x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
  h = torch.randn(layer.num_layers * 2, B, H, dtype=torch.float64)
  first = h if kind != "lstm" else (h, torch.randn_like(h))
  packed = torch.nn.utils.rnn.pack_padded_sequence(
    x, torch.tensor(LENGTHS), enforce_sorted=False
  )
  y, last = layer(packed, first)
  y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=T)
  cost_weights = torch.randn_like(y)
  (y * cost_weights).sum().backward()
  arrays = {"x": x, "y": y, "cost_weights": cost_weights, "x_grad": x.grad}
  firsts = first if kind == "lstm" else (first,)
  lasts = last if kind == "lstm" else (last,)
  for name, before, after in zip("hc", firsts, lasts):
    arrays[f"first_{name}"] = before
    arrays[f"last_{name}"] = after
  for name, weight in layer.named_parameters():
    arrays[name] = weight
    arrays[f"{name}_grad"] = weight.grad
  return {f"{kind}/{k}": v.detach().numpy() for k, v in arrays.items()}


def main() -> None:
  """Writes two bidirectional layers of each kind."""
  torch.manual_seed(0)
  arrays = {"lengths": np.array(LENGTHS)}
  for kind, factory in {
    "elman": torch.nn.RNN,
    "gru": torch.nn.GRU,
    "lstm": torch.nn.LSTM,
  }.items():
    layer = factory(D, H, num_layers=2, bidirectional=True).double()
    arrays |= layer_arrays(kind, layer)
  path = pathlib.Path(__file__).parent / "torch_reference.npz"
  np.savez_compressed(path, **arrays)


if __name__ == "__main__":
  main()
