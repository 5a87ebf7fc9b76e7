"""An encoder-decoder with attention in PyTorch, with our weights copied."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models_cases import section

from rnn_lab import models
from rnn_lab.models.base import init_params
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import SYMBOLS, Spec
from rnn_lab.tasks.written import WrittenTask
from rnn_lab.types import Batch

torch = pytest.importorskip("torch")

N, S, T, V_IN, V, E, H, A = 100, 12, 10, 40, 30, 8, 16, 12
START, END = 0, 1


def data():
  rng = np.random.default_rng(0)
  sources = rng.integers(2, V_IN, (N, S)).astype(np.int32)
  lengths = rng.integers(1, S + 1, N).astype(np.int32)
  targets = rng.integers(2, V, (N, T)).astype(np.int32)
  ends = rng.integers(1, T + 1, N)
  t_T = np.arange(T)[None]
  targets = np.where(t_T >= ends[:, None] - 1, END, targets).astype(np.int32)
  weights = (t_T < ends[:, None]).astype(np.float32)
  return Batch(*map(jnp.asarray, (sources, lengths, targets, weights)))


def ours():
  task = WrittenTask(
    name="toy",
    pattern="encoder_decoder",
    input_spec=Spec(S, V_IN, SYMBOLS),
    output_spec=Spec(T, V),
    output="softmax",
    data=(data(),),
    batch=lambda data, key, step: data,
    eval_batches=lambda split: (data(),),
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="loss",
    maximize=False,
    baselines={},
    score=lambda split, sequences: {},
    start=START,
    end=END,
  )
  fields = section(
    cell="gru",
    hidden_size=H,
    bidirectional=True,
    inputs__embedding_size=E,
    decoder__embedding_size=E,
    decoder__attention="additive",
    decoder__attention_size=A,
  )
  model = models.build(fields, task)
  params = jax.jit(init_params, static_argnums=(0, 1))(
    model, task, jax.random.key(0)
  )
  rng = np.random.default_rng(1)
  # Large enough that the model is sure of something.
  return model, jax.tree.map(
    lambda a: np.asarray(a + 0.4 * rng.normal(size=a.shape), np.float32), params
  )


def leaf(array):
  return torch.tensor(np.asarray(array), requires_grad=True)


class Theirs:
  """The same network of torch's GRU cells."""

  def __init__(self, params):
    self.p = jax.tree.map(leaf, params)

  def gru(self, weights, x, h):
    bias_n = weights.recurrent_bias_n
    zeros = torch.zeros(2 * H)
    return torch.gru_cell(
      x,
      h,
      weights.input_kernel.T,
      weights.recurrent_kernel.T,
      weights.bias,
      torch.cat([zeros, bias_n]),
    )

  def encode(self, source):
    """One sentence, without padding: the memory `[s, 2H]`, the vector."""
    p = self.p
    x = p["inputs"]["embedding"][source.tolist()][:, None]
    both = p["encoder"][0]
    outputs = []
    for weights, order in (
      (both.forward, range(len(x))),
      (both.backward, reversed(range(len(x)))),
    ):
      h, ys = torch.zeros(1, H), {}
      for t in order:
        h = ys[t] = self.gru(weights, x[t], h)
      outputs.append((torch.cat([ys[t] for t in range(len(x))]), h))
    (y_f, h_f), (y_b, h_b) = outputs
    vector = torch.cat([h_f, h_b], -1)
    bridge = p["bridge"]["state_0"]
    state = torch.tanh(vector @ bridge["kernel"] + bridge["bias"])
    return torch.cat([y_f, y_b], -1), state

  def step(self, memory, state, symbol):
    decoder, x = self.p["decoder"], self.p["embedding"][symbol][None]
    score = decoder.score
    hidden = torch.tanh(
      state @ score["query_kernel"]
      + score["bias"]
      + memory @ score["key_kernel"]
    )
    weights = torch.softmax((hidden @ score["score_kernel"])[:, 0], 0)
    context = weights[None] @ memory
    read = torch.cat([x, context], -1)
    state = self.gru(decoder.layers[0].forward, read, state)
    parts = torch.cat([state, context, x], -1)
    output = torch.tanh(
      parts @ decoder.output["kernel"] + decoder.output["bias"]
    )
    readout = self.p["readout"]
    return state, (output @ readout["kernel"] + readout["bias"])[0]


def test_loss_gradient_and_greedy_output_equal_torchs():
  model, params = ours()
  batch = data()

  @jax.jit
  def value_and_gradient(params):
    def cost(params):
      (total, count), _ = model.apply(
        {"params": params}, batch, (), method="loss"
      )
      return total / count

    return jax.value_and_grad(cost)(params)

  loss, gradient = value_and_gradient(params)
  decoded = jax.jit(
    lambda p: model.apply({"params": p}, batch, method="decode")
  )(params)
  theirs, total = Theirs(params), 0.0
  for n in range(N):
    source = np.asarray(batch.inputs[n, : int(batch.input_lengths[n])])
    memory, first = theirs.encode(source)
    state, before = first, START
    for t in range(int(batch.weights[n].sum())):
      state, logits = theirs.step(memory, state, before)
      before = int(batch.targets[n, t])
      total = total - torch.log_softmax(logits, -1)[before]
    with torch.no_grad():
      state, before, want = first, START, []
      while len(want) < T and END not in want:
        state, logits = theirs.step(memory, state, before)
        before = int(logits.argmax())
        want.append(before)
    assert decoded[n].tolist() == want + [END] * (T - len(want)), n
  total = total / float(batch.weights.sum())
  total.backward()
  np.testing.assert_allclose(loss, total.item(), rtol=1e-5)
  wanted = jax.tree.map(lambda a: a.grad.numpy(), theirs.p)
  for got, want in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted)):
    np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())
