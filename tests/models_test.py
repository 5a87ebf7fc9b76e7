"""Models: from a config's section to outputs, and what padding does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import common
from rnn_lab import models, tasks
from rnn_lab.errors import FieldError
from rnn_lab._stack import final_state, unroll_stack
from rnn_lab._unroll import static_unroll


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


TASK = tasks.TASKS["temporal_order"](4, length=20)
COPY = tasks.TASKS["copy_memory"](4, delay=3)


def model_and_batch(task=TASK, **fields):
  model = models.build(section(**fields), task)
  batch = task.batch(task.data, jax.random.key(0), jnp.int32(0))
  params = model.init({"params": jax.random.key(1)}, batch.inputs)["params"]
  return model, params, batch


def test_a_vector_is_the_readout_of_the_last_hidden_state():
  """v h of a plain loop over each sequence, cut to its length."""
  model, params, batch = model_and_batch()
  outputs = model.apply({"params": params}, batch.inputs, batch.input_lengths)
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
  outputs = model.apply({"params": params}, batch.inputs)
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

  def loss(params, batch):
    outputs = model.apply({"params": params}, batch.inputs, batch.input_lengths)
    total, count = TASK.loss(outputs, batch)
    return total / count

  expected = jax.jit(jax.value_and_grad(loss))(params, batch)
  actual = jax.jit(jax.value_and_grad(loss))(params, padded)
  for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-6)


def test_all_layers_or_the_top_one_are_read():
  for final, width in (("top", 12), ("all", 24)):
    model, params, batch = model_and_batch(
      num_layers=2, bidirectional=True, final_state=final
    )
    assert params["readout"]["kernel"].shape == (width, 4)
    carry, _ = unroll_stack(
      model.stack,
      params["stack"],
      batch.inputs.swapaxes(0, 1),
      lengths_B=batch.input_lengths,
    )
    expected = final_state(carry, final) @ params["readout"]["kernel"]
    outputs = model.apply({"params": params}, batch.inputs, batch.input_lengths)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_predict_applies_g():
  model, params, batch = model_and_batch()
  args = ({"params": params}, batch.inputs, batch.input_lengths)
  logits = np.asarray(model.apply(*args))
  p = model.apply(*args, method="predict")
  expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
  np.testing.assert_allclose(p, expected, rtol=1e-5)
  np.testing.assert_allclose(
    models.OUTPUTS["sigmoid"](logits), 1 / (1 + np.exp(-logits)), rtol=1e-5
  )
  np.testing.assert_array_equal(models.OUTPUTS["linear"](logits), logits)


def test_dropout_only_while_training():
  model, params, batch = model_and_batch(num_layers=2, dropout=0.5)
  args = ({"params": params}, batch.inputs, batch.input_lengths)
  still = model.apply(*args)
  np.testing.assert_array_equal(still, model.apply(*args))
  rngs = {"dropout": jax.random.key(5)}
  dropped = model.apply(*args, train=True, rngs=rngs)
  assert not np.allclose(still, dropped)


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
    ({"cell": "lstn"}, "model.cell is 'lstn'; it may be one of elman, gru"),
    ({"hidden_size": 0}, "model.hidden_size is 0; it may be an integer from 1"),
    ({"num_layers": 0}, "model.num_layers is 0"),
    ({"dropout": 1.0}, "model.dropout is 1.0"),
    ({"final_state": "both"}, "model.final_state is 'both'"),
    ({"lstm__forget_init": "one"}, "model.lstm.forget_init is 'one'"),
    ({"readout_scale": -1.0}, "model.readout_scale is -1.0"),
    ({"readout_init": "odd"}, "model.readout_init is 'odd'"),
  ],
)
def test_wrong_fields_are_named(fields, message):
  with pytest.raises(FieldError) as error:
    models.build(section(**fields), TASK)
  assert str(error.value).startswith(message)


def test_unknown_and_missing_fields_are_named():
  fields = section()
  with pytest.raises(FieldError, match="model.hiden is not a field"):
    models.build(fields | {"hiden": 3}, TASK)
  with pytest.raises(FieldError, match="model.lstm.bias is not a field"):
    models.build(fields | {"lstm": fields["lstm"] | {"bias": 1.0}}, TASK)
  del fields["dropout"]
  with pytest.raises(FieldError, match="model.dropout is missing"):
    models.build(fields, TASK)
