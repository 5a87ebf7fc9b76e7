"""The Penn Treebank recipe against PyTorch, from the same weights."""

import jax
import numpy as np
import pytest

from configs import ptb_small
from rnn_lab.models import build
from rnn_lab.tasks.language import of_corpus
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.vocabulary_training import vocabulary_of
from rnn_lab.training import optimizers
from rnn_lab.training.population import population, programs
from rnn_lab.training.settings import parse
from rnn_lab.training.state import init_states, initializer

V, H, B, T, STEPS = 12, 5, 3, 4, 11  # 5 windows an epoch


def torchs_updates(torch, first, tokens, start):
  """The modules after STEPS updates from the weights `first`, and the norms."""
  embedding = torch.nn.Embedding(V, H)
  layers = torch.nn.LSTM(H, H, 2)
  readout = torch.nn.Linear(H, V)
  with torch.no_grad():
    embedding.weight.copy_(first["embedding"])
    readout.weight.copy_(first["readout_kernel"].T)
    readout.bias.copy_(first["readout_bias"])
    for n, layer in enumerate(first["stack"]):
      weights = layers.all_weights[n]
      weights[0].copy_(layer.forward.input_kernel.T)
      weights[1].copy_(layer.forward.recurrent_kernel.T)
      weights[2].copy_(layer.forward.bias)
      weights[3].zero_()
      weights[3].requires_grad_(False)  # one bias a gate, not two
  learnt = [
    p
    for module in (embedding, layers, readout)
    for p in module.parameters()
    if p.requires_grad
  ]
  length = len(tokens) // B
  tracks = torch.tensor(tokens[: B * length].reshape(B, length).T).long()
  before = np.concatenate([[start], tokens[:-1]])[: B * length]
  before = torch.tensor(before.reshape(B, length).T).long()
  norms = []
  for step in range(STEPS):
    n = step % 5
    if n == 0:
      carry = (torch.zeros(2, B, H), torch.zeros(2, B, H))
    window = slice(n * T, n * T + T)
    output, carry = layers(embedding(before[window]), carry)
    carry = tuple(c.detach() for c in carry)
    loss = torch.nn.functional.cross_entropy(
      readout(output).reshape(-1, V), tracks[window].reshape(-1)
    )
    grads = torch.autograd.grad(loss, learnt)
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    norms.append(float(norm))
    # The staircase of the smoke's schedule: held for 5 steps, halved every 5.
    rate = 20.0 * (1.0 if step < 5 else 0.5 if step < 10 else 0.25)
    scale = rate * min(1.0, 0.25 / float(norm))
    with torch.no_grad():
      for p, g in zip(learnt, grads):
        p -= scale * g
  return embedding, layers, readout, norms


def test_eleven_updates_equal_torchs():
  """SGD at rate 20 with clipping, the state carried on and zeroed."""
  torch = pytest.importorskip("torch")
  tokens = np.random.default_rng(0).integers(0, V, B * T * 5 + 2, np.int32)
  config = ptb_small.get_config("smoke")
  config.model.hidden_size = config.model.embedding_size = H
  config.train.batch_size = B
  config.task.window = config.task.reach = T
  settings = parse(config.to_dict())
  split = Split(tokens, None, 0)
  words = vocabulary_of(("<unk>", "<eos>", *(f"w{n}" for n in range(V - 2))))
  corpus = Corpus("random", words, split, split, split, None, (), {}, {})
  task = of_corpus(corpus, B, T, T)
  model = build(config.model.to_dict(), task)
  static, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  init = initializer(model, task, static, None)
  state = init_states(init, hyper, [0])
  first = jax.tree.map(lambda a: torch.tensor(a[0]), state.params)

  seeds = population(1)
  state = programs(model, task, static, STEPS, seeds, None).train(
    (seeds.share(task.data[0]), np.int32(0), np.int32(STEPS)),
    (
      seeds.put(jax.tree.map(np.atleast_1d, hyper)),
      seeds.put(np.zeros(1, np.int32)),
      seeds.put(state),
    ),
  )
  ours = jax.tree.map(lambda a: a[0], seeds.get(state.params))

  embedding, layers, readout, norms = torchs_updates(
    torch, first, tokens, words.start
  )
  assert min(norms) < 0.25 < max(norms)  # clipped at some steps only

  def same(array, tensor):
    expected = tensor.detach().numpy()
    np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-5)

  same(ours["embedding"], embedding.weight)
  same(ours["readout_kernel"], readout.weight.T)
  same(ours["readout_bias"], readout.bias)
  for n, layer in enumerate(ours["stack"]):
    same(layer.forward.input_kernel, layers.all_weights[n][0].T)
    same(layer.forward.recurrent_kernel, layers.all_weights[n][1].T)
    same(layer.forward.bias, layers.all_weights[n][2])
