"""An encoder-decoder with attention against PyTorch, with its weights copied.

The arrays are those of tests/data/make_torch_writing_reference.py.
"""

import pathlib

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

NAME = "torch_writing_reference.npz"
START, END = 0, 1


@pytest.fixture(scope="module")
def theirs():
  with np.load(pathlib.Path(__file__).parent / "data" / NAME) as arrays:
    return dict(arrays)


def batch_of(theirs):
  weights = np.arange(10)[None] < theirs["target_lengths"][:, None]
  return Batch(
    jnp.asarray(theirs["sources"]),
    jnp.asarray(theirs["lengths"]),
    jnp.asarray(theirs["targets"]),
    jnp.asarray(weights, jnp.float32),
  )


def ours(batch, theirs):
  """The model of the same sizes, its task and the tree of its parameters."""
  vocabulary, embedding_size = theirs["target.weight"].shape
  task = WrittenTask(
    name="toy",
    pattern="encoder_decoder",
    input_spec=Spec(
      batch.inputs.shape[1], len(theirs["source.weight"]), SYMBOLS
    ),
    output_spec=Spec(batch.targets.shape[1], vocabulary),
    output="softmax",
    data=(batch,),
    batch=lambda data, key, step: data,
    eval_batches=lambda split: (batch,),
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="loss",
    maximize=False,
    baselines={},
    score=lambda split, sequences: {},
    start=START,
    end=END,
  )
  attention_size, hidden_size = theirs["query.weight"].shape
  fields = section(
    cell="gru",
    hidden_size=hidden_size,
    bidirectional=True,
    inputs__embedding_size=embedding_size,
    decoder__embedding_size=embedding_size,
    decoder__attention="additive",
    decoder__attention_size=attention_size,
  )
  model = models.build(fields, task)
  shapes = jax.eval_shape(
    lambda key: init_params(model, task, key), jax.random.key(0)
  )
  return model, shapes


def gru(theirs, name, end="", of="{}"):
  """The arrays of one GRU of ours: of weights or, with `of`, of gradients.

  Two of torch's biases of each gate are always added: ours has their sum, and
  the gradient of the sum is that of either.
  """

  def get(kind):
    return theirs[of.format(f"{name}{kind}{end}")]

  input_bias, recurrent_bias = get("bias_ih"), get("bias_hh")
  size = len(input_bias) // 3
  bias = input_bias.copy()
  if of == "{}":
    bias[: 2 * size] += recurrent_bias[: 2 * size]
  return {
    "input_kernel": get("weight_ih").T,
    "recurrent_kernel": get("weight_hh").T,
    "bias": bias,
    "recurrent_bias_n": recurrent_bias[2 * size :],
  }


def in_our_tree(shapes, theirs, of="{}"):
  """Lays out torch's weights, or with `of` gradients, as our parameters."""

  def get(name):
    return theirs[of.format(name)]

  linear = {
    "['bridge']['state_0']": "bridge",
    "['decoder'].output": "output",
    "['readout']": "readout",
  }
  flat = {
    "['inputs']['embedding']": get("source.weight"),
    "['embedding']": get("target.weight"),
    "['decoder'].score['bias']": get("key.bias"),
    "['decoder'].score['key_kernel']": get("key.weight").T,
    "['decoder'].score['query_kernel']": get("query.weight").T,
    "['decoder'].score['score_kernel']": get("score.weight").T,
  }
  for path, name in linear.items():
    flat[f"{path}['kernel']"] = get(f"{name}.weight").T
    flat[f"{path}['bias']"] = get(f"{name}.bias")
  for path, name, end in (
    ("['encoder'][0].forward", "encoder.", "_l0"),
    ("['encoder'][0].backward", "encoder.", "_l0_reverse"),
    ("['decoder'].layers[0].forward", "cell.", ""),
  ):
    for field, array in gru(theirs, name, end, of).items():
      flat[f"{path}.{field}"] = array
  tree = jax.tree_util.tree_map_with_path(
    lambda path, _: flat.pop(jax.tree_util.keystr(path)), shapes
  )
  assert not flat
  jax.tree.map(
    lambda a, b: np.testing.assert_equal(a.shape, b.shape), tree, shapes
  )
  return tree


def test_loss_and_gradient_equal_torchs(theirs):
  batch = batch_of(theirs)
  model, shapes = ours(batch, theirs)

  @jax.jit
  def value_and_gradient(params):
    def cost(params):
      variables = {"params": params}
      (total, count), _ = model.apply(variables, batch, (), method="loss")
      return total / count

    return jax.value_and_grad(cost)(params)

  loss, gradient = value_and_gradient(in_our_tree(shapes, theirs))
  np.testing.assert_allclose(loss, theirs["loss"], rtol=1e-5)
  wanted = in_our_tree(shapes, theirs, of="{}_grad")
  for got, want in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted)):
    np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())


def test_greedy_output_equals_torchs_on_100_sentences(theirs):
  batch = batch_of(theirs)
  model, shapes = ours(batch, theirs)
  written = jax.jit(
    lambda params: model.apply({"params": params}, batch, method="decode")
  )(in_our_tree(shapes, theirs))
  assert len(written) == 100
  np.testing.assert_array_equal(written, theirs["written"])
  lengths = (theirs["written"] != END).sum(axis=1)
  assert 0 < (lengths < 10).mean() < 1 and len({*lengths.tolist()}) > 3
