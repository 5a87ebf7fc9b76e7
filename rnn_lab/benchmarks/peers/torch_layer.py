"""PyTorch's recurrent layers, time first, on the GPU if there is one."""

from typing import Any

import numpy as np
import torch

from rnn_lab.benchmarks.peers.base import Layer, Weights

_MODULES = {
  "elman": torch.nn.RNN,
  "gru": torch.nn.GRU,
  "lstm": torch.nn.LSTM,
}


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer; see `base.Layer`."""
  device = "cuda" if torch.cuda.is_available() else "cpu"
  size, hidden = x.shape[-1], weights.recurrent_kernel.shape[0]
  module = _MODULES[kind](size, hidden)
  with torch.no_grad():
    module.weight_ih_l0.copy_(torch.tensor(weights.input_kernel.T))
    module.weight_hh_l0.copy_(torch.tensor(weights.recurrent_kernel.T))
    module.bias_ih_l0.copy_(torch.tensor(weights.bias))
    module.bias_hh_l0.zero_()
  module.to(device)
  inputs = torch.tensor(x, device=device, requires_grad=True)

  def wait(value: Any) -> Any:
    if device == "cuda":
      torch.cuda.synchronize()
    return value

  def forward() -> Any:
    with torch.no_grad():
      return wait(module(inputs)[0])

  def training() -> None:
    module.zero_grad()
    inputs.grad = None
    torch.square(module(inputs)[0]).sum().backward()
    wait(None)

  def results() -> dict[str, np.ndarray]:
    training()
    arrays = {
      "outputs": forward(),
      "inputs": inputs.grad,
      "input_kernel": module.weight_ih_l0.grad.T,
      "recurrent_kernel": module.weight_hh_l0.grad.T,
    }
    return {name: a.cpu().numpy() for name, a in arrays.items()}

  return Layer({"forward": forward, "training": training}, results)
