"""Models that write sequences, against plain loops: teacher forcing, masks,
attention, decoding, scheduled sampling."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models_cases import (
  END,
  SOURCE_LENGTHS,
  START,
  B,
  S,
  T,
  V,
  section,
  written_batch,
  written_model,
  written_task,
)
from oracles import NUMPY_STEPS

from rnn_lab import initializers, models
from rnn_lab._stack import zero_perturbations
from rnn_lab._unroll import static_unroll
from rnn_lab.errors import FieldError
from rnn_lab.models.base import init_params
from rnn_lab.models.inputs import Inputs, InputSettings
from rnn_lab.models.steps import reverse_sequences
from rnn_lab.tasks.base import SYMBOLS, Spec

ATTENTIVE = [
  {"decoder__attention": "additive"},
  {
    "cell": "lstm",
    "decoder__attention": "multiplicative",
    "decoder__input_feeding": True,
  },
  {
    "cell": "elman",
    "decoder__attention": "additive",
    "decoder__input_feeding": True,
    "decoder__vector_use": "carry_and_every_step",
    "bidirectional": True,
  },
]
WITHOUT = [
  {"cell": "lstm", "decoder__bridge": "copy"},
  {
    "cell": "elman",
    "decoder__vector_use": "first_step",
    "initial_state": "learned",
  },
  {"decoder__vector_use": "every_step", "final_state": "all"},
  {
    "cell": "lstm",
    "decoder__reverse_source": True,
    "num_layers": 2,
    "initial_state": "learned",
  },
]


@functools.cache
def params_of(model, task):
  params = jax.jit(init_params, static_argnums=(0, 1))(
    model, task, jax.random.key(3)
  )
  # No bias or initial state at zero, where faults would hide.
  leaves, form = jax.tree.flatten(params)
  rng = np.random.default_rng(4)
  return form.unflatten(
    [a + 0.3 * rng.normal(size=a.shape).astype(a.dtype) for a in leaves]
  )


@functools.partial(
  jax.jit, static_argnums=0, static_argnames=("method", "train")
)
def apply(model, params, *args, method, **kwargs):
  return model.apply({"params": params}, *args, method=method, **kwargs)


def in_float64(params):
  return jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), params)


def encode_by_hand(model, params, symbols):
  """The top layer's outputs `[s, M]`, and the carries of each layer.

  Those of a direction are a list, in the order that its steps are read in.
  """
  step = NUMPY_STEPS[model.stack.forward[0].kind]
  x, every = params["inputs"]["embedding"][symbols], []
  for layer, encoder in enumerate(params["encoder"]):
    outputs, states = [], []
    for way, order in (("forward", 1), ("backward", -1)):
      weights = getattr(encoder, way)
      if weights is None:
        continue
      zero = model.encoder.forward[layer].initial_carry((), np.float64)
      carry = type(zero)(*map(np.asarray, zero))
      if model.learns_initial_state:
        carry = getattr(params["initial_state"][layer], way)
      ys, carries = {}, []
      for t in range(len(x))[::order]:
        carry, ys[t] = step(weights, carry, x[t])
        carries.append(carry)
      outputs.append(np.stack([ys[t] for t in range(len(x))]))
      states.append(carries)
    x = np.concatenate(outputs, axis=-1)
    every.append(states)
  return x, every


def by_hand(model, params, batch):
  """One sequence at a time: logits `[B, T, V]`, attention `[B, T, S]`, states.

  The states of a sequence are those of the encoder and those of the decoder:
  each a list of layers, of one direction, of steps.
  """
  params = jax.tree.map(np.asarray, params)
  step = NUMPY_STEPS[model.stack.forward[0].kind]
  settings, decoder = model.attention_settings, params["decoder"]
  score, readout = decoder.score, params["readout"]
  logits, attention, states = [], [], []
  for b in range(B):
    symbols = np.asarray(batch.inputs[b, : int(batch.input_lengths[b])])
    if model.reverse_source:
      symbols = symbols[::-1]
    memory, encoder = encode_by_hand(model, params, symbols)
    finals = [[carries[-1] for carries in layer] for layer in encoder]
    chosen = finals if model.final == "all" else finals[-1:]
    vector = np.concatenate([s.h for states in chosen for s in states])
    carries = [states[0] for states in finals]
    if "decoder_initial_state" in params:
      carries = [d.forward for d in params["decoder_initial_state"]]
    elif not settings.sets_carry:
      carries = [type(c)(*map(np.zeros_like, c)) for c in carries]
    elif model.bridge == "dense":
      leaves, form = jax.tree.flatten(carries)
      layers = [params["bridge"][f"state_{n}"] for n in range(len(leaves))]
      carries = form.unflatten(
        [np.tanh(vector @ d["kernel"] + d["bias"]) for d in layers]
      )
    fed = np.zeros_like(carries[0].h)
    rows, weights, steps = [], [], []

    def attend(scores, memory=memory, weights=weights):
      a = np.exp(scores - scores.max())
      a /= a.sum()
      weights.append(np.concatenate([a, np.zeros(S - len(a))]))
      return [a @ memory]

    for t in range(T):
      before = START if t == 0 else int(batch.targets[b, t - 1])
      embedded = params["embedding"][before]
      given = vector if settings.reads_vector else vector[:0]
      if settings.vector_use == "first_step" and t > 0:
        given = np.zeros_like(given)
      context = []
      if settings.attention == "additive":
        hidden = carries[-1].h @ score["query_kernel"] + score["bias"]
        hidden = np.tanh(hidden[None] + memory @ score["key_kernel"])
        context = attend(hidden @ score["score_kernel"][:, 0])
      read = [embedded, given]
      read += [fed] if settings.input_feeding else []
      h = np.concatenate([*read, *context])
      for n, layer in enumerate(decoder.layers):
        carries[n], h = step(layer.forward, carries[n], h)
      if settings.attention == "multiplicative":
        context = attend(memory @ score["key_kernel"] @ h)
      if settings.has_output_layer:
        parts = np.concatenate([h, *context, embedded, given])
        of_output = decoder.output
        h = np.tanh(parts @ of_output["kernel"] + of_output["bias"])
      fed = h
      steps.append([*carries])
      rows.append(h @ readout["kernel"] + readout["bias"])
    logits.append(np.stack(rows))
    attention.append(np.stack(weights) if weights else None)
    states.append((encoder, [[[*layer]] for layer in zip(*steps)]))
  return np.stack(logits), attention, states


@pytest.mark.parametrize("fields", [*ATTENTIVE, *WITHOUT])
def test_an_encoder_decoder_equals_a_loop_over_single_sequences(fields):
  model, task = written_model(**fields)
  batch = written_batch()
  with jax.enable_x64(True):
    params = in_float64(params_of(model, task))
    want, attention, _ = by_hand(model, params, batch)
    got = apply(model, params, batch, (), method="outputs")
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
    if attention[0] is not None:
      got = apply(model, params, batch, method="attention")
      np.testing.assert_allclose(got, attention, rtol=1e-9, atol=1e-12)


def test_all_states_come_out():
  """All c_t and h_t, of each layer of encoder and decoder."""
  model, task = written_model(**WITHOUT[3])
  batch = written_batch()
  with jax.enable_x64(True):
    params = in_float64(params_of(model, task))
    got = apply(model, params, batch, method="states")
    got = jax.tree.map(np.asarray, got)
    _, _, wanted = by_hand(model, params, batch)
  assert {*got} == {"encoder", "decoder"}
  assert got["decoder"][1].forward.c.shape == (T, B, 3)
  for b, states in enumerate(wanted):
    for name, want in zip(("encoder", "decoder"), states):
      layers = got[name]
      for layer, [steps] in zip(layers, want, strict=True):
        for t, carry in enumerate(steps):
          for a, e in zip(layer.forward, carry, strict=True):
            np.testing.assert_allclose(a[t, b], e, rtol=1e-9, atol=1e-12)
        if len(steps) < len(layer.forward.c):
          assert (layer.forward.c[len(steps) :, b] == 0).all()


@pytest.mark.parametrize(
  "inputs,fields",
  [
    ("symbols", ATTENTIVE[0]),
    ("symbols", ATTENTIVE[2]),
    ("symbols", WITHOUT[3]),
    ("vectors", WITHOUT[1]),
  ],
)
def test_padding_changes_nothing(inputs, fields):
  model, task = written_model(inputs, **fields)
  batch = written_batch(inputs)
  padded = batch._replace(
    targets=jnp.pad(batch.targets, ((0, 0), (0, 2)), constant_values=END),
    weights=jnp.pad(batch.weights, ((0, 0), (0, 2))),
  )
  if inputs == "symbols":
    more = jnp.pad(batch.inputs, ((0, 0), (0, 3)), constant_values=6)
    padded = padded._replace(inputs=more)

  @jax.jit
  def run(params, batch):
    def cost(params):
      variables = {"params": params}
      outputs = model.apply(variables, batch, (), method="outputs")
      return model.loss_function(outputs, batch)[0], outputs

    return jax.value_and_grad(cost, has_aux=True)(params)

  with jax.enable_x64(True):
    params = in_float64(params_of(model, task))
    if inputs == "vectors":
      vectors = in_float64(batch.inputs)
      batch, padded = (b._replace(inputs=vectors) for b in (batch, padded))
    got, want = (run(params, b) for b in (padded, batch))
  (loss, outputs), gradient = jax.tree.map(np.asarray, got)
  (want_loss, want_outputs), wanted = jax.tree.map(np.asarray, want)
  np.testing.assert_allclose(loss, want_loss, rtol=1e-12)
  np.testing.assert_allclose(outputs[:, :T], want_outputs, rtol=1e-12)
  for a, e in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted)):
    np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-14)
  if inputs == "symbols":
    # Symbol 6 stands in the padding alone.
    valid = np.arange(S)[None] < SOURCE_LENGTHS[:, None]
    assert 6 not in np.asarray(batch.inputs)[valid]
    assert (gradient["inputs"]["embedding"][6] == 0).all()
  for name in ("initial_state", "decoder_initial_state"):
    for a in jax.tree.leaves(gradient.get(name, ())):
      assert (a != 0).all()


@pytest.mark.parametrize("is_reversed", [False, True])
def test_masked_steps_of_the_source_are_skipped(is_reversed):
  fields = {
    "decoder__attention": "additive",
    "decoder__reverse_source": is_reversed,
  }
  model, task = written_model(**fields)
  params, batch = params_of(model, task), written_batch()
  kept = np.array([0, 2, 3, 4])
  mask_BS = np.zeros((B, S), bool)
  mask_BS[:, kept] = True
  short = batch._replace(
    inputs=batch.inputs[:, kept], input_lengths=jnp.array([4, 1, 2])
  )
  masked = batch._replace(input_mask=jnp.asarray(mask_BS))
  want = apply(model, params, short, (), method="outputs")
  got = apply(model, params, masked, (), method="outputs")
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fields", [ATTENTIVE[1], WITHOUT[1]])
def test_step_by_step_equals_the_teacher_forced_pass(fields):
  model, task = written_model(**fields)
  params, batch = params_of(model, task), written_batch()
  want = apply(model, params, batch, (), method="outputs")

  @jax.jit
  def steps(params, batch):
    stepper = model.apply({"params": params}, batch, method="stepper")
    start = jnp.full((1, B), START, jnp.int32)
    before = jnp.concatenate([start, batch.targets.T[:-1]])
    return jax.lax.scan(stepper.step, stepper.initial, before)[1]

  got = steps(params, batch).swapaxes(0, 1)
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_decoding_is_greedy_or_the_best_of_a_beam():
  model, task = written_model(**ATTENTIVE[2])
  params, batch = params_of(model, task), written_batch()
  none = batch._replace(targets=jnp.zeros_like(batch.targets))
  greedy = apply(model, params, none, method="decode")
  assert greedy.shape == (B, T)
  # The teacher-forced pass on what was decoded predicts just that.
  read = batch._replace(targets=greedy)
  outputs = apply(model, params, read, (), method="outputs")
  chosen = np.asarray(outputs.argmax(-1))
  log_p = jax.nn.log_softmax(outputs)

  def score(tokens, log_p, penalty):
    count = [*tokens.tolist(), END].index(END) + 1
    total = sum(log_p[t, tokens[t]] for t in range(min(count, T)))
    return total / ((5 + min(count, T)) / 6) ** penalty

  for b in range(B):
    tokens = greedy[b].tolist()
    count = [*tokens, END].index(END) + 1
    assert chosen[b, :count].tolist() == tokens[:count]
    assert set(tokens[count:]) <= {END}
  beam = jax.jit(
    lambda p: model.apply(
      {"params": p}, none, beam_size=50, length_penalty=0.6, method="decode"
    )
  )(params)
  read = batch._replace(targets=beam)
  beam_p = jax.nn.log_softmax(apply(model, params, read, (), method="outputs"))
  for b in range(B):
    best, first = (
      score(beam[b], beam_p[b], 0.6),
      score(greedy[b], log_p[b], 0.6),
    )
    assert best >= first - 1e-5


def test_scheduled_sampling_reads_the_models_own_symbols():
  fields = ATTENTIVE[1]
  model, task = written_model(**fields, decoder__scheduled_sampling=1.0)
  forced, _ = written_model(**fields)
  params, batch = params_of(model, task), written_batch()

  @functools.partial(jax.jit, static_argnums=0)
  def loss(model, batch, seed=0):
    rngs = {"dropout": jax.random.key(seed)}
    return model.apply(
      {"params": params}, batch, (), train=True, rngs=rngs, method="loss"
    )[0][0]

  # At rate 1 every symbol read is the most probable one after those before it.
  tokens = jnp.full((B, T), 0, jnp.int32)
  for t in range(T):
    read = batch._replace(targets=tokens)
    outputs = apply(forced, params, read, (), method="outputs")
    tokens = tokens.at[:, t].set(outputs[:, t].argmax(-1))
  read = batch._replace(targets=tokens)
  outputs = apply(forced, params, read, (), method="outputs")
  want = task.loss(outputs, batch)[0]
  np.testing.assert_allclose(loss(model, batch), want, rtol=1e-5)
  plain = apply(forced, params, batch, (), method="loss")[0][0]
  np.testing.assert_allclose(loss(forced, batch), plain, rtol=1e-6)
  assert abs(plain - want) > 1e-3
  half = written_model(**fields, decoder__scheduled_sampling=0.5)[0]
  assert len({float(loss(half, batch, seed)) for seed in range(4)}) > 1


def test_a_models_own_symbols_are_dropped_as_those_of_the_target_are():
  """Where all symbols are dropped, each is read as an embedding of zeros."""
  fields = {
    "inputs__symbol_dropout": 1.0 - 1e-6,
    "decoder__scheduled_sampling": 1.0,
  }
  model, task = written_model("vectors", **fields)
  params, batch = params_of(model, task), written_batch("vectors")
  zeros = params | {"embedding": jnp.zeros_like(params["embedding"])}

  @functools.partial(jax.jit, static_argnums=1)
  def loss(params, train):
    rngs = {"dropout": jax.random.key(0)}
    return model.apply(
      {"params": params}, batch, (), train=train, rngs=rngs, method="loss"
    )[0][0]

  want = loss(zeros, False)
  np.testing.assert_allclose(loss(params, True), want, rtol=1e-6)
  assert abs(loss(params, False) - want) > 1e-3


def test_dropout_acts_on_embeddings_and_not_on_vectors():
  settings = InputSettings(
    (
      ("before", Spec(S, 2)),
      ("words", Spec(S, 7, SYMBOLS)),
      ("after", Spec(S, 3)),
    ),
    embedding_size=4,
    dropout=0.5,
    symbol_dropout=0.25,
  )
  inputs = Inputs(settings, initializers.normal(1.0))
  x = {
    "before": jnp.ones((B, S, 2)),
    "words": jnp.ones((B, S), jnp.int32),
    "after": jnp.full((B, S, 3), 2.0),
  }
  embedded = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
  params = {"embedding_words": jnp.tile(embedded[None], (7, 1))}
  rngs = {"dropout": jax.random.key(0)}
  got = np.asarray(inputs.apply({"params": params}, x, True, rngs=rngs))
  assert (got[..., :2] == 1.0).all() and (got[..., 6:] == 2.0).all()
  scale = got[..., 2:6] / embedded
  assert {*scale.ravel().tolist()} == {0.0, 2.0}
  assert (scale == 0).all(axis=-1).any()
  still = np.asarray(inputs.apply({"params": params}, x))
  assert (still[..., 2:6] == embedded).all()


def test_dropout_is_drawn_anew_at_every_place_and_only_in_training():
  fields = {
    "num_layers": 2,
    "dropout": 0.5,
    "readout_dropout": 0.2,
    "inputs__dropout": 0.2,
    "inputs__symbol_dropout": 0.2,
  }
  model, task = written_model(**ATTENTIVE[0], **fields)
  plain, _ = written_model(**ATTENTIVE[0], num_layers=2)
  params, batch = params_of(model, task), written_batch()

  @functools.partial(jax.jit, static_argnums=(0, 1))
  def loss(model, train, seed):
    rngs = {"dropout": jax.random.key(seed)}
    return model.apply(
      {"params": params}, batch, (), train=train, rngs=rngs, method="loss"
    )[0][0]

  values = {float(loss(model, True, seed)) for seed in range(3)}
  assert len(values) == 3
  np.testing.assert_allclose(
    loss(model, False, 0), loss(plain, True, 0), rtol=1e-6
  )


@pytest.mark.parametrize("fields", [ATTENTIVE[2], WITHOUT[0]])
def test_recurrences_and_perturbations(fields):
  """Of the encoder and of the decoder, whose costs add up to the loss."""
  model, task = written_model(**fields)
  params, batch = params_of(model, task), written_batch()
  recurrences = model.apply({"params": params}, batch, (), method="recurrences")
  assert [*recurrences] == ["encoder", "decoder"]
  assert recurrences["encoder"].cost is None
  decoder = recurrences["decoder"]
  _, y_TBO = static_unroll(
    decoder.cell, decoder.cell_params, decoder.xs, decoder.carry[0].forward
  )
  total = sum(
    decoder.cost(
      decoder.readout, y_TBO[t], tuple(a[t] for a in decoder.targets)
    )
    for t in range(T)
  )
  (loss, _), _ = apply(model, params, batch, (), method="loss")
  np.testing.assert_allclose(total, loss, rtol=1e-5)
  zeros = {
    name: zero_perturbations(recurrence.stack, *recurrence.shape)
    for name, recurrence in recurrences.items()
  }

  @jax.jit
  def cost(e):
    return model.apply(
      {"params": params}, batch, (), perturbations=e, method="loss"
    )[0][0]

  np.testing.assert_allclose(cost(zeros), loss, rtol=1e-6)
  gradients = jax.jit(jax.grad(cost))(zeros)
  assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradients["encoder"]))
  h = gradients["decoder"][0].forward.layers[0].forward.h
  eps, entry = 1e-2, (1, 2, 0)
  moved = jax.tree.map(lambda a: np.array(a), zeros)
  values = []
  for sign in (1, -1):
    moved["decoder"][0].forward.layers[0].forward.h[entry] = sign * eps
    values.append(float(cost(moved)))
  want = (values[0] - values[1]) / (2 * eps)
  np.testing.assert_allclose(h[entry], want, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize("inputs", ["vectors", "images"])
@pytest.mark.parametrize("use", ["carry", "first_step", "every_step"])
def test_a_vector_is_written_out(inputs, use):
  if inputs == "images" and use != "carry":
    pytest.skip("one way is enough to see that images are read")
  initial = "learned" if use == "first_step" else "zeros"
  fields = {"decoder__vector_use": use, "initial_state": initial}
  model, task = written_model(inputs, **fields)
  params, batch = params_of(model, task), written_batch(inputs)
  outputs = apply(model, params, batch, (), method="outputs")
  assert outputs.shape == (B, T, V)
  for b in range(B):  # what is written depends on the sequence's own vector
    other = batch._replace(inputs=batch.inputs.at[b].add(0.5))
    changed = apply(model, params, other, (), method="outputs") != outputs
    assert np.flatnonzero(changed.any(axis=(1, 2))).tolist() == [b]
    assert changed[b].any(axis=-1).all()
  if inputs == "vectors" and use != "carry":
    decoder, x = params["decoder"], batch.inputs
    cell = model.stack.forward[0]
    carry = cell.initial_carry((B,), jnp.float32)
    if initial == "learned":
      [learned] = params["decoder_initial_state"]
      carry = type(carry)(jnp.tile(learned.forward.h[None], (B, 1)))
    before = jnp.concatenate(
      [jnp.full((B, 1), START), batch.targets[:, :-1]], axis=1
    )
    for t in range(T):
      given = x if t == 0 or use == "every_step" else jnp.zeros_like(x)
      read = [params["embedding"][before[:, t]], given]
      carry, h = cell.step(
        decoder.layers[0].forward, carry, jnp.concatenate(read, -1)
      )
      if use == "every_step":
        parts = jnp.concatenate([h, *read], -1)
        h = jnp.tanh(
          parts @ decoder.output["kernel"] + decoder.output["bias"][None]
        )
      readout = params["readout"]
      want = h @ readout["kernel"] + readout["bias"][None]
      np.testing.assert_allclose(outputs[:, t], want, rtol=1e-4, atol=1e-5)


def test_sequences_are_reversed_within_their_lengths():
  x = np.arange(B * S * 2).reshape(B, S, 2)
  got = np.asarray(reverse_sequences(jnp.asarray(x), SOURCE_LENGTHS))
  for b, n in enumerate(SOURCE_LENGTHS):
    np.testing.assert_array_equal(got[b, :n], x[b, :n][::-1])
    np.testing.assert_array_equal(got[b, n:], x[b, n:])
  whole = reverse_sequences(jnp.asarray(x), None)
  np.testing.assert_array_equal(whole, x[:, ::-1])


@pytest.mark.parametrize(
  "fields,message",
  [
    (
      {"decoder__attention": "dot"},
      "model.decoder.attention must be one of additive, multiplicative, none",
    ),
    (
      {"decoder__bridge": "copy", "bidirectional": True},
      "model.decoder.bridge must be 'dense' with a bidirectional encoder, got "
      "'copy'",
    ),
    (
      {"decoder__input_feeding": True},
      "model.decoder.input_feeding must be false without attention",
    ),
    (
      {"decoder__scheduled_sampling": 1.5},
      "model.decoder.scheduled_sampling must be a finite number",
    ),
    (
      {"pooling": "mean"},
      "model.pooling must be 'last', as a decoder starts from final states",
    ),
    ({"kind": "recurrent"}, "model.kind 'recurrent' needs a language task"),
  ],
)
def test_wrong_fields_are_named(fields, message):
  with pytest.raises(FieldError) as error:
    models.build(section(**fields), written_task())
  assert str(error.value).startswith(message)


@pytest.mark.parametrize(
  "fields,message",
  [
    (
      {"decoder__attention": "additive"},
      "model.decoder.attention must be 'none', as a vector has no steps to "
      "read, got 'additive'",
    ),
    ({"bidirectional": True}, "model.bidirectional must be False, as a vector"),
    (
      {"decoder__reverse_source": True},
      "model.decoder.reverse_source must be False, as a vector",
    ),
  ],
)
def test_settings_without_effect_are_named(fields, message):
  with pytest.raises(FieldError) as error:
    models.build(section(**fields), written_task("vectors"))
  assert str(error.value).startswith(message)


def test_sections_that_a_pattern_needs():
  fields = section()
  for name in ("inputs", "decoder"):
    rest = {k: v for k, v in fields.items() if k != name}
    with pytest.raises(FieldError, match=f"^model.{name} is required"):
      models.build(rest, written_task())
