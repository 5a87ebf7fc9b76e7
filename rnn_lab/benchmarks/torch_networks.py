"""The networks of `small_networks` in PyTorch, trained in an eager loop."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from rnn_lab.benchmarks.peers.base import Weights
from rnn_lab.benchmarks.peers.torch_layer import module_of
from rnn_lab.benchmarks.small_networks import (
  CLIP_NORM,
  LEARNING_RATE,
  UPDATES,
  Problem,
  batches,
  network,
)


def trainer(
  problem: Problem, kind: str, gates: int
) -> Callable[[], np.ndarray]:
  """Returns a function that makes UPDATES updates and returns their losses."""
  values, data = network(problem, gates), batches(problem)

  def layer(weights: Weights) -> nn.Module:
    return module_of(kind, weights)

  def embedding(array: np.ndarray) -> nn.Module:
    return nn.Embedding.from_pretrained(torch.tensor(array), freeze=False)

  readout = nn.Linear(problem.hidden, problem.outputs)
  with torch.no_grad():
    readout.weight.copy_(torch.tensor(values.kernel.T))
    readout.bias.copy_(torch.tensor(values.bias))
  parts = {"layer": layer(values.layer), "readout": readout}
  if values.embedding is not None:
    parts["embedding"] = embedding(values.embedding)
  if values.encoder is not None and values.source_embedding is not None:
    parts["encoder"] = layer(values.encoder)
    parts["source_embedding"] = embedding(values.source_embedding)
  model = nn.ModuleDict(parts)
  device = "cuda" if torch.cuda.is_available() else "cpu"
  model.to(device)
  optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
  inputs, targets, source = (
    None if array is None else torch.tensor(array, device=device)
    for array in data
  )
  assert inputs is not None and targets is not None
  if problem.outputs > 1:
    targets = targets.long()  # the only integers that its loss takes

  def cost(n: int) -> torch.Tensor:
    x, carry = inputs[n], None
    if source is not None:
      read = model["source_embedding"](source[n])
      carry = model["encoder"](read)[1]
    if problem.embedding:
      x = model["embedding"](x)
    y, _ = model["layer"](x, carry)
    z = model["readout"](y if problem.every else y[-1])
    if problem.outputs == 1:
      return nn.functional.mse_loss(z, targets[n])
    return nn.functional.cross_entropy(
      z.reshape(-1, problem.outputs), targets[n].reshape(-1)
    )

  def train() -> np.ndarray:
    losses = []
    for n in range(UPDATES):
      optimizer.zero_grad()
      loss = cost(n)
      loss.backward()
      nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
      optimizer.step()
      losses.append(loss.detach())
    return torch.stack(losses).cpu().numpy()

  return train
