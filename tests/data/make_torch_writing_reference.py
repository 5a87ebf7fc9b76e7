"""Writes torch_writing_reference.npz: an encoder-decoder of torch's modules.

  pip install torch numpy && python tests/data/make_torch_writing_reference.py

A bidirectional GRU, additive attention (Bahdanau et al. 2015) and a GRU that
writes, with random weights: the loss of 100 pairs of sentences of unequal
lengths under teacher forcing, its gradient, and what greedy decoding writes.
The output is committed, so that the tests do not need torch.
"""

import pathlib

import numpy as np
import torch
from torch import nn

N, S, T, V_IN, V, E, H, A = 100, 12, 10, 40, 30, 8, 16, 12
START, END = 0, 1


class Writer(nn.Module):
  """Reads a sentence and writes another one, symbol by symbol."""

  def __init__(self):
    super().__init__()
    self.source = nn.Embedding(V_IN, E)
    self.encoder = nn.GRU(E, H, bidirectional=True, batch_first=True)
    self.bridge = nn.Linear(2 * H, H)
    self.query = nn.Linear(H, A, bias=False)
    self.key = nn.Linear(2 * H, A)
    self.score = nn.Linear(A, 1, bias=False)
    self.target = nn.Embedding(V, E)
    self.cell = nn.GRUCell(E + 2 * H, H)
    self.output = nn.Linear(H + 2 * H + E, H)
    self.readout = nn.Linear(H, V)

  def encode(self, sources: torch.Tensor, lengths: torch.Tensor) -> tuple:
    """Returns the memory `[N, S, 2H]` and the first state `[N, H]`."""
    packed = nn.utils.rnn.pack_padded_sequence(
      self.source(sources), lengths, batch_first=True, enforce_sorted=False
    )
    outputs, last = self.encoder(packed)
    memory, _ = nn.utils.rnn.pad_packed_sequence(
      outputs, batch_first=True, total_length=S
    )
    return memory, torch.tanh(self.bridge(torch.cat([*last], -1)))

  def step(
    self,
    memory: torch.Tensor,
    is_padding: torch.Tensor,
    state: torch.Tensor,
    symbols: torch.Tensor,
  ) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the next state, and the logits `[N, V]` of the next symbols."""
    x = self.target(symbols)
    hidden = torch.tanh(self.query(state)[:, None] + self.key(memory))
    scores = self.score(hidden)[..., 0].masked_fill(is_padding, -torch.inf)
    context = torch.einsum("ns,nsh->nh", torch.softmax(scores, -1), memory)
    state = self.cell(torch.cat([x, context], -1), state)
    parts = torch.cat([state, context, x], -1)
    return state, self.readout(torch.tanh(self.output(parts)))


def sentences() -> dict[str, np.ndarray]:
  """Returns sources and targets, whose lengths count an end symbol."""
  rng = np.random.default_rng(0)
  lengths = rng.integers(1, S + 1, N)
  target_lengths = rng.integers(1, T + 1, N)
  targets = rng.integers(2, V, (N, T))
  ended = np.arange(T)[None] >= target_lengths[:, None] - 1
  return {
    "sources": rng.integers(2, V_IN, (N, S)).astype(np.int32),
    "lengths": lengths.astype(np.int32),
    "targets": np.where(ended, END, targets).astype(np.int32),
    "target_lengths": target_lengths.astype(np.int32),
  }


def main() -> None:
  """Writes the arrays of one network, computed in float64."""
  torch.manual_seed(0)
  network = Writer()
  with torch.no_grad():
    for weight in network.parameters():
      weight.copy_(0.5 * torch.randn(weight.shape))
  network.double()
  arrays = sentences()
  sources, lengths, targets, target_lengths = map(torch.tensor, arrays.values())
  sources, targets = sources.long(), targets.long()
  is_padding = torch.arange(S)[None] >= lengths[:, None]
  memory, first = network.encode(sources, lengths)
  state, before = first, torch.full((N,), START)
  total = 0.0
  for t in range(T):
    state, logits = network.step(memory, is_padding, state, before)
    before = targets[:, t]
    log_p = torch.log_softmax(logits, -1)[torch.arange(N), before]
    total = total - log_p[t < target_lengths].sum()
  loss = total / target_lengths.sum()
  loss.backward()
  arrays["loss"] = loss.detach().numpy()
  with torch.no_grad():
    state, before, ended = first, torch.full((N,), START), torch.zeros(N).bool()
    written = []
    for _ in range(T):
      state, logits = network.step(memory, is_padding, state, before)
      before = torch.where(ended, END, logits.argmax(-1))
      ended = ended | (before == END)
      written.append(before.numpy().astype(np.int32))
  arrays["written"] = np.stack(written, axis=1)
  for name, weight in network.named_parameters():
    arrays[name] = weight.detach().float().numpy()
    arrays[f"{name}_grad"] = weight.grad.float().numpy()
  path = pathlib.Path(__file__).parent / "torch_writing_reference.npz"
  np.savez_compressed(path, **arrays)


if __name__ == "__main__":
  main()
