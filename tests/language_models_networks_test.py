"""The recurrent and the window network against plain loops over their steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab import _dropout as dropout_module
from rnn_lab import _stack as stack_module
from rnn_lab._dropout import dropout
from rnn_lab._stack import stack
from rnn_lab.cells import elman, gru, lstm
from rnn_lab.initializers import uniform
from rnn_lab.language_models import recurrent as recurrent_module
from rnn_lab.language_models.recurrent import RecurrentLM
from rnn_lab.language_models.window_mlp import WindowLM, num_parameters
from rnn_lab.types import Batch

V, D, H, B = 7, 4, 4, 3


def recurrent(window=6, reach=6, cell=None, layers=2, **fields):
  cell = cell or lstm(H)
  cells = fields.pop("stack", None) or stack([cell] * layers)
  return RecurrentLM(
    stack=cells,
    vocabulary_size=V,
    embedding_size=D,
    embedding_init=uniform(0.5),
    readout_init=uniform(0.5),
    readout_bias_init=uniform(0.5),
    tied=fields.pop("tied", False),
    window=window,
    reach=reach,
    loss_chunk=fields.pop("loss_chunk", 1000),
    **fields,
  )


def window_model(context=3, direct=False):
  return WindowLM(
    vocabulary_size=V,
    context=context,
    embedding_size=D,
    hidden_size=5,
    direct=direct,
    embedding_init=uniform(0.5),
    hidden_init=uniform(0.5),
    readout_init=uniform(0.5),
    readout_bias_init=uniform(0.5),
    start=2,
    window=6,
    loss_chunk=1000,
  )


@functools.cache
def params_of(model):
  batch = stream_of(np.zeros((1, 1), np.int32))
  init = jax.jit(model.init)
  return init({"params": jax.random.key(0)}, batch)["params"]


# Compiled whole: op by op the tests would take minutes.
@functools.partial(
  jax.jit, static_argnums=0, static_argnames=("method", "train")
)
def apply(model, params, *args, method, key=None, **kwargs):
  rngs = None if key is None else {"dropout": key}
  return model.apply(
    {"params": params}, *args, rngs=rngs, method=method, **kwargs
  )


def logits_of(model, params, inputs_BT):
  """The logits of all tokens, from the initial carry."""
  batch, carry = stream_of(inputs_BT), model.initial_carry(B)
  return apply(model, params, batch, carry, method="outputs")


def words(steps, seed=0):
  return np.random.default_rng(seed).integers(0, V, (B, steps)).astype(np.int32)


def batch_of(tokens_BT, window, fresh=False):
  """Tokens `[B, span + 1]` as a batch of which the last `window` count."""
  span = tokens_BT.shape[1] - 1
  weights = np.zeros((B, span), np.float32)
  weights[:, span - window :] = 1.0
  return Batch(
    tokens_BT[:, :-1], None, tokens_BT[:, 1:], weights, jnp.bool_(fresh)
  )


def stream_of(inputs_BT):
  """Tokens as a batch whose targets are of no interest."""
  weights = np.ones(inputs_BT.shape, np.float32)
  return Batch(inputs_BT, None, inputs_BT, weights, jnp.bool_(False))


def some_carry(model):
  """A carry of distinct numbers."""
  leaves, form = jax.tree.flatten(model.initial_carry(B))
  return form.unflatten(
    [
      0.1 * n + jnp.linspace(-0.5, 0.5, leaf.size).reshape(leaf.shape)
      for n, leaf in enumerate(leaves)
    ]
  )


@functools.partial(jax.jit, static_argnums=0)
def one_step(model, params, carry, word_B):
  """A step by the book: one-hot word, embedding, cells, softmax."""
  x = jax.nn.one_hot(word_B, V) @ params["embedding"]
  after = []
  for cell, p, c in zip(model.stack.forward, params["stack"], carry):
    c, x = cell.step(p.forward, c.forward, x)
    after.append(type(carry[0])(c))
  kernel = params["embedding"].T if model.tied else params["readout_kernel"]
  return tuple(after), x @ kernel + params["readout_bias"][None]


def by_the_book(model, params, carry, batch, cuts=()):
  """The loss by a Python loop; no gradient passes the steps in `cuts`."""
  total = 0.0
  for t in range(batch.inputs.shape[1]):
    if t in cuts:
      carry = jax.lax.stop_gradient(carry)
    carry, logits = one_step(model, params, carry, batch.inputs[:, t])
    log_p = jax.nn.log_softmax(logits)
    chosen = log_p[jnp.arange(B), batch.targets[:, t]]
    total = total - jnp.sum(chosen * batch.weights[:, t])
  return total


def loss_of(model, params, carry, batch):
  (total, count), carry = apply(model, params, batch, carry, method="loss")
  return total, (count, carry)


def assert_close(got, want):
  assert jax.tree.structure(got) == jax.tree.structure(want)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want)):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_a_look_up_is_a_product_with_a_one_hot_word(tied):
  model = recurrent(tied=tied)
  params = params_of(model)
  assert ("readout_kernel" in params) != tied
  inputs = words(5)
  logits = logits_of(model, params, inputs)
  carry = model.initial_carry(B)
  for t in range(5):
    carry, want = one_step(model, params, carry, inputs[:, t])
    np.testing.assert_allclose(logits[:, t], want, rtol=1e-5, atol=1e-6)


# (k1, k2, steps at which the gradient is cut)
grad = jax.jit(jax.value_and_grad(loss_of, 1, has_aux=True), static_argnums=0)
CUTS = [(6, 6, ()), (6, 2, (2, 4)), (6, 1, range(6)), (2, 5, ()), (1, 4, ())]


@pytest.mark.parametrize("window,reach,cuts", CUTS)
def test_truncated_bptt_equals_a_loop_that_stops_gradients(window, reach, cuts):
  model = recurrent(window, reach)
  # Of parameters and steps neither has a say.
  step_model = recurrent()
  params = params_of(step_model)
  batch = batch_of(words(max(window, reach) + 1), window)
  carry = some_carry(model)
  (total, (count, after)), got = grad(model, params, carry, batch)
  total_want, want = jax.jit(
    jax.value_and_grad(by_the_book, 1), static_argnums=(0, 4)
  )(step_model, params, carry, batch, tuple(cuts))
  assert count == window * B
  np.testing.assert_allclose(total, total_want, rtol=1e-5)
  assert_close(got, want)
  # What is handed on lies k1 tokens further, whatever k2 is.
  for t in range(window):
    carry, _ = one_step(step_model, params, carry, batch.inputs[:, t])
  assert_close(after, carry)


def test_a_shorter_reach_gives_another_gradient():
  batch = batch_of(words(7), 6)
  grads = {}
  for reach in (6, 2):
    model = recurrent(6, reach)
    params = params_of(recurrent())
    _, grads[reach] = grad(model, params, some_carry(model), batch)
  kernel = [g["stack"][0].forward.recurrent_kernel for g in grads.values()]
  assert np.abs(kernel[0] - kernel[1]).max() > 1e-3


@pytest.mark.parametrize("kind", ["recurrent", "window"])
def test_the_state_begins_anew_with_a_fresh_batch(kind):
  model = recurrent() if kind == "recurrent" else window_model()
  params = params_of(model)
  tokens = words(7)
  if kind == "recurrent":
    carry = some_carry(model)
  else:
    carry = model.initial_carry(B) + 3
  first = model.initial_carry(B)
  want, _ = loss_of(model, params, first, batch_of(tokens, 6))
  got, _ = loss_of(model, params, carry, batch_of(tokens, 6, fresh=True))
  other, _ = loss_of(model, params, carry, batch_of(tokens, 6))
  np.testing.assert_allclose(got, want, rtol=1e-6)
  assert abs(other - want) > 1e-3


def test_the_window_network_has_no_use_for_a_longer_reach():
  model = window_model()
  params, tokens = params_of(model), words(10)
  short, long = batch_of(tokens[:, 3:], 6), batch_of(tokens, 6)
  carry = tokens[:, 1:3]  # the words in front of the window
  want, (count, after) = loss_of(model, params, carry, short)
  got, (count_again, after_again) = loss_of(model, params, carry, long)
  assert got == want and count == count_again == 6 * B
  np.testing.assert_array_equal(after, after_again)
  np.testing.assert_array_equal(after, tokens[:, 7:9])


@pytest.mark.parametrize("kind", ["recurrent", "window", "direct"])
def test_scores_in_pieces_equal_the_softmax_of_one_pass(kind):
  model = recurrent() if kind == "recurrent" else window_model()
  if kind == "direct":
    model = window_model(direct=True)
  params = params_of(model)
  tokens = words(10)
  logits = logits_of(model, params, tokens[:, :-1])
  log_p = jax.nn.log_softmax(logits)
  want = np.take_along_axis(log_p, tokens[:, 1:, None], axis=2)[..., 0]
  carry, got = model.initial_carry(B), []
  for a, b in ((0, 4), (4, 8), (8, 9)):
    carry, part = apply(
      model,
      params,
      tokens[:, a:b],
      tokens[:, a + 1 : b + 1],
      carry,
      method="score",
    )
    got.append(part)
  np.testing.assert_allclose(np.concatenate(got, 1), want, rtol=1e-5, atol=1e-6)
  # Only the last ones asked for.
  _, last = apply(
    model,
    params,
    tokens[:, :9],
    tokens[:, 8:10],
    model.initial_carry(B),
    method="score",
  )
  np.testing.assert_allclose(last, want[:, -2:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("direct", [False, True])
def test_the_window_network_by_the_book(direct):
  model = window_model(context=3, direct=direct)
  params = params_of(model)
  inputs = words(6)
  logits = logits_of(model, params, inputs)
  first = model.initial_carry(B)
  carry, _ = apply(model, params, inputs, inputs, first, method="score")
  padded = np.concatenate([np.full((B, 2), 2), inputs], axis=1)
  np.testing.assert_array_equal(carry, padded[:, -2:])
  e = np.asarray(params["embedding"])
  for b in range(B):
    for t in range(6):
      x = np.concatenate([np.eye(V)[w] @ e for w in padded[b, t : t + 3]])
      h = np.tanh(x @ params["hidden_kernel"] + params["hidden_bias"])
      y = h @ params["readout_kernel"] + params["readout_bias"]
      if direct:
        y = y + x @ params["direct_kernel"]
      np.testing.assert_allclose(logits[b, t], y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("direct", [False, True])
def test_the_window_network_sees_its_window_and_no_more(direct):
  model = window_model(context=3, direct=direct)
  params = params_of(model)
  a, b = words(6), words(6)
  b[:, 2] = (a[:, 2] + 1) % V
  logits_a, logits_b = (logits_of(model, params, x) for x in (a, b))
  differs = np.abs(logits_a - logits_b).max(axis=(0, 2)) > 0
  np.testing.assert_array_equal(
    differs, [False, False, True, True, True, False]
  )


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("context", [1, 4])
def test_parameters_of_the_window_network_are_counted_right(context, direct):
  params = params_of(window_model(context=context, direct=direct))
  count = sum(leaf.size for leaf in jax.tree.leaves(params))
  assert count == num_parameters(context, V, D, 5, direct)


@pytest.mark.parametrize("variational", [False, True])
def test_dropout_only_while_training(variational):
  layers = stack([lstm(H)] * 2, dropout=0.5, variational=variational)
  model = recurrent(stack=layers)
  params, carry = params_of(model), some_carry(model)
  batch = batch_of(words(7), 6)

  def loss(key, train):
    key = jax.random.key(key)
    return apply(
      model, params, batch, carry, train=train, key=key, method="loss"
    )[0][0]

  plain = jax.jit(by_the_book, static_argnums=0)(model, params, carry, batch)
  np.testing.assert_allclose(loss(0, False), plain, rtol=1e-5)
  assert loss(0, True) == loss(0, True)
  assert len({float(loss(key, True)) for key in range(3)}) == 3


def test_every_place_of_dropout_has_a_mask_of_its_own():
  """The inputs, those of the second layer in both pieces, the outputs."""
  model = recurrent(3, 6, stack=stack([elman(H)] * 2, dropout=0.5))
  batch, carry = batch_of(words(7), 3), model.initial_carry(B)
  rngs = {"params": jax.random.key(0), "dropout": jax.random.key(3)}
  keys = []

  def spy(key, *args, **options):
    keys.append(jax.random.key_data(key))
    return dropout(key, *args, **options)

  @jax.jit
  def of_all_places():
    # Only the keys are computed: what they are used for is compiled away.
    model.init_with_output(rngs, batch, carry, train=True, method="loss")
    return jnp.stack(keys)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(recurrent_module, "dropout", spy)
    patch.setattr(stack_module, "dropout", spy)
    found = np.asarray(of_all_places())
  assert len(found) == len(np.unique(found, axis=0)) == 4


def test_variational_masks_are_those_of_all_pieces():
  """Where gradients stop changes no mask, and so no value."""
  layers = stack([elman(H)], dropout=0.5, variational=True)
  losses = []
  for reach in (6, 2):
    model = recurrent(6, reach, stack=layers)
    params, carry = params_of(model), some_carry(model)
    batch, key = batch_of(words(7), 6), jax.random.key(3)
    loss = apply(
      model, params, batch, carry, method="loss", train=True, key=key
    )
    losses.append(float(loss[0][0]))
  assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("window,reach", [(6, 6), (3, 6)])
def test_variational_dropout_by_the_book(window, reach):
  """One mask a sequence for all steps, dropped rows of U for all steps."""
  model = recurrent(
    window,
    reach,
    stack=stack([elman(H)], dropout=0.5, variational=True),
  )
  params, carry = params_of(model), some_carry(model)
  tokens = words(max(window, reach) + 1)
  batch = batch_of(tokens, window)
  key = jax.random.key(3)
  got = apply(model, params, batch, carry, method="loss", train=True, key=key)
  masks = []

  def spy(key, rate, x, variational):
    y = dropout(key, rate, x, variational)
    masks.append((x, y))
    return y

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(recurrent_module, "dropout", spy)
    patch.setattr(dropout_module, "dropout", spy)
    model.apply(
      {"params": params},
      batch,
      carry,
      train=True,
      rngs={"dropout": key},
      method="loss",
    )
  # In order: the input's mask, the rows of U (once a piece), the output's.
  (x, dropped), *rows, (h, output) = masks
  input_mask = np.asarray(dropped[0] / x[0])
  output_mask = np.asarray(output[0] / h[0])
  row_masks = np.stack([np.asarray(mask) for _, mask in rows])
  assert (row_masks == row_masks[:1]).all()
  for mask in (input_mask, output_mask, row_masks):
    assert set(np.unique(mask)) == {0.0, 2.0}
  assert (np.asarray(dropped) == np.asarray(x) * input_mask[None]).all()
  assert (np.asarray(output) == np.asarray(h) * output_mask[None]).all()
  cell = params["stack"][0].forward
  cell = cell._replace(recurrent_kernel=cell.recurrent_kernel * row_masks[0])
  state, total = carry[0].forward, 0.0
  for t in range(tokens.shape[1] - 1):
    e = params["embedding"][tokens[:, t]] * input_mask
    state, h_BH = model.stack.forward[0].step(cell, state, e)
    logits = h_BH * output_mask @ params["readout_kernel"]
    log_p = jax.nn.log_softmax(logits + params["readout_bias"][None])
    chosen = log_p[jnp.arange(B), tokens[:, t + 1]]
    total = total - jnp.sum(chosen * batch.weights[:, t])
  np.testing.assert_allclose(got[0][0], total, rtol=1e-5)


def test_variational_dropout_of_a_gru_drops_rows_not_the_state():
  # With the update gate shut h_t = h_{t-1}, whatever is dropped.
  cell = gru(H, update_bias=50.0)
  layers = stack([cell], dropout=0.5, variational=True)
  model = recurrent(stack=layers)
  params, carry = params_of(model), some_carry(model)
  _, after = apply(
    model,
    params,
    batch_of(words(7), 6),
    carry,
    train=True,
    key=jax.random.key(0),
    method="loss",
  )
  np.testing.assert_allclose(after[0].forward.h, carry[0].forward.h, atol=1e-6)
