"""Models: from a config's section to outputs, and what padding does."""

import functools
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import common
from rnn_lab import models
from rnn_lab._stack import final_state, unroll_stack
from rnn_lab._unroll import static_unroll
from rnn_lab.errors import FieldError
from rnn_lab.models.base import OUTPUTS
from rnn_lab.tasks.copy_memory import copy_memory
from rnn_lab.tasks.temporal_order import temporal_order


def section(**fields):
  config = common.default_config().model
  config.hidden_size = 6
  for field, value in fields.items():
    *sections, name = field.split("__")
    target = config
    for part in sections:
      target = target[part]
    target[name] = value
  return config.to_dict()


TASK = temporal_order(4, length=20)
COPY = copy_memory(4, delay=3)


@functools.cache
def batch_of(task):
  return jax.jit(task.batch)(task.data[0], jax.random.key(0), jnp.int32(0))


def model_and_batch(task=TASK, **fields):
  model = models.build(section(**fields), task)
  batch = batch_of(task)
  params = jax.jit(model.init)({"params": jax.random.key(1)}, batch)["params"]
  return model, params, batch


# Compiled whole: op by op the tests would take minutes.
@functools.partial(jax.jit, static_argnums=0)
def outputs_of(model, params, batch):
  return model.apply({"params": params}, batch, (), method="outputs")


@functools.partial(jax.jit, static_argnums=0, static_argnames="train")
def loss_of(model, params, batch, train=False, key=None):
  rngs = None if key is None else {"dropout": key}
  (total, count), carry = model.apply(
    {"params": params}, batch, (), method="loss", train=train, rngs=rngs
  )
  assert carry == ()
  return total / count


def test_a_vector_is_the_readout_of_the_last_hidden_state():
  """v h of a plain loop over each sequence, cut to its length."""
  model, params, batch = model_and_batch()
  outputs = outputs_of(model, params, batch)
  cell = model.stack.forward[0]
  readout = params["readout"]
  for b, length in enumerate(np.asarray(batch.input_lengths)):
    carry, _ = static_unroll(
      cell, params["stack"][0].forward, batch.inputs[b, :length]
    )
    expected = carry.h @ readout["kernel"] + readout["bias"]
    np.testing.assert_allclose(outputs[b], expected, atol=1e-5)


def test_a_sequence_is_read_out_at_every_step():
  model, params, batch = model_and_batch(COPY, cell="gru")
  outputs = outputs_of(model, params, batch)
  assert outputs.shape == (4, 23, 9)
  _, y_TBH = static_unroll(
    model.stack.forward[0],
    params["stack"][0].forward,
    batch.inputs.swapaxes(0, 1),
  )
  expected = y_TBH @ params["readout"]["kernel"]
  np.testing.assert_allclose(outputs, expected.swapaxes(0, 1), atol=1e-5)


def test_padding_changes_nothing():
  """More padding, and other numbers in it: the same loss and gradients."""
  model, params, batch = model_and_batch(
    num_layers=2, bidirectional=True, final_state="all"
  )
  pad = ((0, 0), (0, 9), (0, 0))
  inputs = jnp.pad(batch.inputs, pad, constant_values=7.0)
  steps = jnp.arange(inputs.shape[1])[None, :, None]
  is_padding = steps >= batch.input_lengths[:, None, None]
  padded = batch._replace(inputs=jnp.where(is_padding, 123.0, inputs))

  grad = jax.value_and_grad(loss_of, 1)
  expected, actual = grad(model, params, batch), grad(model, params, padded)
  for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-6)


def test_all_layers_or_the_top_one_are_read():
  for final, width in (("top", 12), ("all", 24)):
    model, params, batch = model_and_batch(
      num_layers=2, bidirectional=True, final_state=final
    )
    assert params["readout"]["kernel"].shape == (width, 4)
    carry, _ = jax.jit(unroll_stack, static_argnums=0)(
      model.stack,
      params["stack"],
      batch.inputs.swapaxes(0, 1),
      lengths_B=batch.input_lengths,
    )
    layers = carry if final == "all" else carry[1:]
    states = [state.h for layer in layers for state in layer]
    expected = np.concatenate(states, -1) @ params["readout"]["kernel"]
    outputs = outputs_of(model, params, batch)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_predict_applies_g():
  model, params, batch = model_and_batch()
  logits = np.asarray(outputs_of(model, params, batch))
  args = ({"params": params}, batch.inputs, batch.input_lengths)
  p = model.apply(*args, method="predict")
  expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
  np.testing.assert_allclose(p, expected, rtol=1e-5)
  np.testing.assert_allclose(
    OUTPUTS["sigmoid"](logits), 1 / (1 + np.exp(-logits)), rtol=1e-5
  )
  np.testing.assert_array_equal(OUTPUTS["linear"](logits), logits)


def test_dropout_only_while_training():
  model, params, batch = model_and_batch(num_layers=2, dropout=0.5)
  keys = jax.random.split(jax.random.key(5), 3)
  still = loss_of(model, params, batch)
  assert still == loss_of(model, params, batch, key=keys[0])
  dropped = [loss_of(model, params, batch, train=True, key=key) for key in keys]
  assert dropped[0] == loss_of(model, params, batch, train=True, key=keys[0])
  assert len({float(loss) for loss in [still, *dropped]}) == 4


@pytest.mark.parametrize("task", [TASK, COPY])
def test_the_loss_is_the_tasks(task):
  model, params, batch = model_and_batch(task)
  total, count = task.loss(outputs_of(model, params, batch), batch)
  got = loss_of(model, params, batch)
  np.testing.assert_allclose(got, total / count, rtol=1e-6)


def test_readout_begins_at_its_deviation():
  model, params, _ = model_and_batch(hidden_size=500)
  kernel = params["readout"]["kernel"]
  np.testing.assert_allclose(kernel.std(), 1 / np.sqrt(500), rtol=0.05)
  del model


def test_equal_sections_build_equal_models():
  one = models.build(section(), TASK)
  assert one == models.build(section(), TASK)
  assert hash(one) == hash(models.build(section(), TASK))
  assert one != models.build(section(cell="gru"), TASK)


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    (
      {"cell": "lstn"},
      "model.cell must be one of elman, gru, lstm, got 'lstn'; did you mean "
      "'lstm'?",
    ),
    (
      {"hidden_size": 0},
      "model.hidden_size must be an integer from 1 to 1048576, got 0",
    ),
    (
      {"num_layers": 0},
      "model.num_layers must be an integer from 1 to 256, got 0",
    ),
    (
      {"dropout": 1.0},
      "model.dropout must be a finite number of at least 0 and below 1, got "
      "1.0",
    ),
    (
      {"final_state": "both"},
      "model.final_state must be one of all, top, got 'both'",
    ),
    (
      {"lstm__forget_init": "one"},
      "model.lstm.forget_init must be one of chrono, constant, got 'one'",
    ),
    # Also in the section of a cell that is not used.
    (
      {"gru__update_bias": float("nan")},
      "model.gru.update_bias must be a finite number, got nan",
    ),
    (
      {"readout_scale": -1.0},
      "model.readout_scale must be a finite number of at least 0, got -1.0",
    ),
    ({"readout_init": "odd"}, "model.readout_init must be one of "),
    (
      {"checkpoint_every": -1},
      "model.checkpoint_every must be an integer from 0 to 2147483647, got -1",
    ),
    (
      {"kind": "sequence_to_vectors"},
      "model.kind must be one of encoder_decoder, ngram, pattern, recurrent, "
      "sequence_to_sequence, sequence_to_vector, vector_to_sequence, window, "
      "got 'sequence_to_vectors'; did you mean 'sequence_to_vector'?",
    ),
    (
      {"kind": "sequence_to_sequence"},
      "model.kind must be 'pattern' or 'sequence_to_vector', the pattern of "
      "task 'temporal_order', got 'sequence_to_sequence'",
    ),
    (
      {"pooling": "median"},
      "model.pooling must be one of last, max, mean, mean_max, got 'median'",
    ),
    (
      {"pooling": "max", "final_state": "all"},
      "model.final_state must be 'top' with pooling 'max', got 'all'",
    ),
    (
      {"initial_state": "ones"},
      "model.initial_state must be one of learned, zeros, got 'ones'",
    ),
    (
      {"kind": "recurrent"},
      "model.kind 'recurrent' needs a language task, not 'temporal_order'",
    ),
    (
      {"kind": "ngram"},
      "model.kind 'ngram' needs a language task, not 'temporal_order'",
    ),
  ],
)
def test_wrong_fields_are_named(fields, message):
  with pytest.raises(FieldError) as error:
    models.build(section(**fields), TASK)
  assert str(error.value).startswith(message)


def test_unknown_and_missing_fields_are_named():
  fields = section()
  with pytest.raises(FieldError, match="model.hiden is not a known field"):
    models.build(fields | {"hiden": 3}, TASK)
  with pytest.raises(FieldError, match="model.lstm.bias is not a known field"):
    models.build(fields | {"lstm": fields["lstm"] | {"bias": 1.0}}, TASK)
  with pytest.raises(FieldError, match="bidirectional must be true or false"):
    models.build(fields | {"bidirectional": 1}, TASK)
  for field in ("dropout", "kind", "lstm", "readout_init"):
    with pytest.raises(FieldError, match=f"^model.{field} is required$"):
      models.build({k: v for k, v in fields.items() if k != field}, TASK)


@pytest.mark.parametrize("kind", models.MODELS)
def test_every_kind_is_that_of_a_builder(kind):
  assert callable(pkgutil.resolve_name(models.MODELS[kind]))


@pytest.mark.parametrize("pooling", ["mean", "max", "mean_max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_are_pooled_over_the_valid_steps(pooling, bidirectional):
  fields = {"pooling": pooling, "bidirectional": bidirectional}
  model, params, batch = model_and_batch(**fields)
  steps = batch.inputs.shape[1]
  mask = np.random.default_rng(0).random((4, steps)) < 0.7
  mask[1] = False
  batch = batch._replace(input_mask=jnp.asarray(mask))
  _, y_TBH = unroll_stack(
    model.stack,
    params["stack"],
    batch.inputs.swapaxes(0, 1),
    lengths_B=batch.input_lengths,
    mask_TB=mask.T,
  )
  rows = []
  for b, length in enumerate(batch.input_lengths):
    valid = [t for t in range(int(length)) if mask[b, t]]
    values = np.asarray(y_TBH)[valid, b]
    parts = {"mean": values.mean, "max": values.max} if valid else {}
    zeros = np.zeros(y_TBH.shape[-1])
    wanted = {n: parts[n](axis=0) if parts else zeros for n in ("mean", "max")}
    rows.append(np.concatenate([wanted[n] for n in pooling.split("_")]))
  readout = params["readout"]
  want = np.stack(rows) @ readout["kernel"] + readout["bias"][None]
  got = outputs_of(model, params, batch)
  np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)


def test_a_masked_sequence_is_the_sequence_without_those_steps():
  """In front, in gaps and behind, and in both directions."""
  model, params, batch = model_and_batch(bidirectional=True, num_layers=2)
  batch = batch._replace(input_lengths=jnp.full(4, 9))
  kept = np.array([3, 4, 6, 7, 8, 11, 12, 15, 17])
  steps = batch.inputs.shape[1]
  mask = np.zeros((4, steps), bool)
  mask[:, kept] = True
  scattered = jnp.full_like(batch.inputs, jnp.nan)
  scattered = scattered.at[:, kept].set(batch.inputs[:, :9])
  masked = batch._replace(
    inputs=scattered, input_lengths=None, input_mask=jnp.asarray(mask)
  )
  got = outputs_of(model, params, masked)
  want = outputs_of(model, params, batch)
  np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def test_a_learned_initial_state_is_where_sequences_begin():
  fields = {"initial_state": "learned", "num_layers": 2, "bidirectional": True}
  model, params, batch = model_and_batch(**fields)
  start = params["initial_state"]
  assert all((a == 0).all() for a in jax.tree.leaves(start))  # at first
  plain, _, _ = model_and_batch(num_layers=2, bidirectional=True)
  rest = {k: v for k, v in params.items() if k != "initial_state"}
  want = outputs_of(plain, rest, batch)
  np.testing.assert_array_equal(outputs_of(model, params, batch), want)
  gradient = jax.jit(jax.grad(lambda p: loss_of(model, p, batch)))(params)
  assert all(
    np.abs(a).max() > 0 for a in jax.tree.leaves(gradient["initial_state"])
  )
  moved = jax.tree.map(lambda a: a + 0.5, start)
  carry = jax.tree.map(lambda a: jnp.tile(a[None], (4, 1)), moved)
  last, _ = unroll_stack(
    model.stack,
    params["stack"],
    batch.inputs.swapaxes(0, 1),
    carry,
    lengths_B=batch.input_lengths,
  )
  readout = params["readout"]
  want = final_state(last, "top") @ readout["kernel"] + readout["bias"][None]
  got = outputs_of(model, params | {"initial_state": moved}, batch)
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_all_states_come_out():
  model, params, batch = model_and_batch(num_layers=2)
  states = model.apply({"params": params}, batch, method="states")
  steps = batch.inputs.shape[1]
  assert states[1].forward.c.shape == (steps, 4, 6)
  last, _ = unroll_stack(
    model.stack,
    params["stack"],
    batch.inputs.swapaxes(0, 1),
    lengths_B=batch.input_lengths,
  )
  for b, length in enumerate(batch.input_lengths):
    for got, want in zip(jax.tree.leaves(states), jax.tree.leaves(last)):
      np.testing.assert_allclose(got[length - 1, b], want[b], rtol=1e-5)
