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


def module_of(kind: str, weights: Weights) -> torch.nn.RNNBase:
  """Returns the module with these weights."""
  module = _MODULES[kind](weights.inputs, weights.hidden)
  with torch.no_grad():
    module.weight_ih_l0.copy_(torch.tensor(weights.input_kernel.T))
    module.weight_hh_l0.copy_(torch.tensor(weights.recurrent_kernel.T))
    module.bias_ih_l0.copy_(torch.tensor(weights.bias))
    module.bias_hh_l0.zero_()
  return module


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer; see `base.Layer`."""
  device = "cuda" if torch.cuda.is_available() else "cpu"
  module = module_of(kind, weights).to(device)
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
    gradients = {name: p.grad for name, p in module.named_parameters()}
    w, u = gradients["weight_ih_l0"], gradients["weight_hh_l0"]
    assert w is not None and u is not None and inputs.grad is not None
    arrays = {
      "outputs": forward(),
      "inputs": inputs.grad,
      "input_kernel": w.T,
      "recurrent_kernel": u.T,
    }
    return {name: a.cpu().numpy() for name, a in arrays.items()}

  return Layer({"forward": forward, "training": training}, results)
