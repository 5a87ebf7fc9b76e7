"""The small Penn Treebank LSTM in PyTorch, as an eager training loop."""

import importlib.util
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any


def is_installed() -> bool:
  """Returns whether PyTorch can be imported."""
  return importlib.util.find_spec("torch") is not None


def serve(pipe: Connection, sizes: Mapping[str, Any]) -> None:
  """Answers each message with the tokens per second of `steps` updates."""
  import torch
  from torch import nn

  torch.manual_seed(0)
  words, hidden = sizes["words"], sizes["hidden_size"]
  batch, window = sizes["batch"], sizes["window"]
  embedding = nn.Embedding(words, hidden)
  layers = nn.LSTM(hidden, hidden, sizes["num_layers"])
  readout = nn.Linear(hidden, words)
  model = nn.ModuleList([embedding, layers, readout])
  for parameter in model.parameters():
    nn.init.uniform_(parameter, -0.1, 0.1)
  optimizer = torch.optim.SGD(model.parameters(), lr=sizes["learning_rate"])
  loss_of = nn.CrossEntropyLoss()
  tokens = torch.randint(words, (sizes["steps"] * window + 1, batch))
  zeros = torch.zeros(sizes["num_layers"], batch, hidden)
  state = (zeros, zeros)
  while True:
    try:
      pipe.recv()
    except EOFError:
      return
    start = time.perf_counter()
    for n in range(sizes["steps"]):
      x = tokens[n * window : (n + 1) * window]
      y = tokens[n * window + 1 : (n + 1) * window + 1]
      optimizer.zero_grad()
      output, state = layers(embedding(x), tuple(s.detach() for s in state))
      loss = loss_of(readout(output).reshape(-1, words), y.reshape(-1))
      loss.backward()
      nn.utils.clip_grad_norm_(model.parameters(), sizes["clip_norm"])
      optimizer.step()
    seconds = time.perf_counter() - start
    pipe.send(sizes["steps"] * batch * window / seconds)
