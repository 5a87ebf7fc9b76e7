"""Metrics of each layer, and gradients through time, against plain loops."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import (
  initial_params,
  numbers,
  rows,
  tiny_config,
  tiny_language,
)

from rnn_lab import models
from rnn_lab._stack import unroll_stack
from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.opening import load_run
from rnn_lab.runs.planning import plan
from rnn_lab.studies.problem import recurrence_of, study_batch
from rnn_lab.tasks.temporal_order import temporal_order
from rnn_lab.training.checkpoint import Checkpoints
from rnn_lab.training.diagnostics import flow_step, layer_norms, saturation
from rnn_lab.training.loop import Trainer
from rnn_lab.training.state import seed_keys


def with_norms(make=tiny_config, **fields):
  return make(train__gradient_norms=True, **fields)


# One program for all tests of these.
TWO_LAYERS = {
  "model__num_layers": 2,
  "num_seeds": 1,
  "optimizer__name": "sgd",
  "train__clip_norm": 0.3,
  "train__gradient_flow_every": 0,
}


def test_norms_and_saturation_equal_a_plain_loop(tmp_path):
  config = with_norms(**TWO_LAYERS)
  train(config, tmp_path)
  planned = plan(config)
  [data] = planned.task.data
  keys = seed_keys(jnp.int32(0))
  params = initial_params(planned.model, planned.task, keys.params)
  clip = optax.clip_by_global_norm(0.3)

  @jax.jit
  def update(params, step):
    batch = planned.task.batch(data, keys.data, step)

    def cost(params):
      (total, count), _ = planned.model.apply(
        {"params": params}, batch, (), method="loss"
      )
      return total / count

    grads = jax.grad(cost)(params)
    clipped, _ = clip.update(grads, clip.init(params))
    steps = jax.tree.map(lambda g: -0.01 * g, clipped)
    return grads, steps, optax.apply_updates(params, steps)

  for step in range(5):
    grads, steps, after = update(params, step)
    trees = {"grad_norm": grads, "param_norm": params, "update_norm": steps}
    params = after
  row = rows(tmp_path)[0]
  seen = set()
  for name, tree in trees.items():
    layers = {f"stack.{n}.forward": tree["stack"][n].forward for n in (0, 1)}
    for layer, arrays in (layers | {"readout": tree["readout"]}).items():
      key = f"layers/{layer}/{name}"
      squares = [np.sum(np.square(a)) for a in jax.tree.leaves(arrays)]
      np.testing.assert_allclose(row[key], [np.sqrt(sum(squares))], rtol=1e-5)
      seen.add(key)
  assert {key for key in row if key.endswith("_norm")} == {
    "train/grad_norm",
    *seen,
  }

  inputs = planned.task.batch(data, keys.data, 5).inputs
  h = np.zeros((16, 8))
  p = jax.tree.map(np.asarray, params["stack"][0].forward)
  shares = []
  for x in np.asarray(inputs).swapaxes(0, 1):
    h = np.tanh(x @ p.input_kernel + h @ p.recurrent_kernel + p.bias)
    shares.append(np.mean(1 - h**2 < 0.1))
  assert np.mean(shares) > 0.0
  logged = row["layers/stack.0.forward/saturated/h"]
  np.testing.assert_allclose(logged, [np.mean(shares)], atol=0.002)


def test_an_array_of_its_own_is_a_layer():
  params = {
    "embedding": jnp.array([3.0, -4.0]),
    "readout": {"kernel": jnp.array([[6e25]]), "bias": jnp.array([8e25])},
  }
  grads = jax.tree.map(lambda a: 2 * a, params)
  updates = jax.tree.map(lambda a: -a / 5, params)
  found = layer_norms(params, grads, updates)
  for layer, size in (("embedding", 5), ("readout", 1e26)):
    for kind, factor in zip(("param", "grad", "update"), (1, 2, 0.2)):
      norm = found.pop(f"layers/{layer}/{kind}_norm")
      np.testing.assert_allclose(norm, factor * size, rtol=1e-6)
  assert not found


def test_skipped_steps_are_as_if_they_were_not_there():
  """In the gradient flow, the saturation and the batch of a study."""
  task = temporal_order(4, length=20)
  section = tiny_config(model__cell="gru").model.to_dict()
  model = models.build(section, task)
  batch = task.batch(task.data[0], jax.random.key(0), 0)
  params = initial_params(model, task, jax.random.key(1))
  kept = np.array([0, 3, 4, 6, 7, 8, 11])
  short = batch._replace(inputs=batch.inputs[:, :7], input_lengths=None)
  mask = np.zeros(batch.inputs.shape[:2], bool)
  mask[:, kept] = True
  scattered = jnp.full_like(batch.inputs, jnp.nan)
  scattered = scattered.at[:, kept].set(short.inputs)
  masked = short._replace(inputs=scattered, input_mask=jnp.asarray(mask))

  def measured(batch):
    fixed = types.SimpleNamespace(
      batch=lambda data, key, step: data, eval_batches=lambda split: [batch]
    )
    state = types.SimpleNamespace(params=params, carry=())
    args = (model, fixed, (batch, 0), (0, state))
    studied = study_batch(fixed, 4)
    return (
      jax.jit(lambda: (flow_step(*args), saturation(*args)))(),
      recurrence_of(model, params, studied)._replace(stack=None, cost=None),
    )

  (flow, shares), recurrence = measured(masked)
  (want_flow, want_shares), want = measured(short)
  [norms], [want_norms] = jax.tree.leaves(flow), jax.tree.leaves(want_flow)
  np.testing.assert_allclose(norms[kept], want_norms, rtol=1e-5)
  assert (np.delete(norms, kept) == 0.0).all() and (norms[kept] > 0.0).all()
  np.testing.assert_allclose(
    jax.tree.leaves(shares), jax.tree.leaves(want_shares), rtol=1e-6
  )
  for a, e in zip(jax.tree.leaves(recurrence), jax.tree.leaves(want)):
    np.testing.assert_array_equal(a, e)

  @jax.jit
  def costs(batch):
    variables = {"params": params}
    r = model.apply(variables, batch, (), method="recurrences")["stack"]
    _, y = unroll_stack(r.stack, r.params, r.xs, mask_TB=r.mask_TB)
    each = jax.vmap(r.cost, in_axes=(None, 0, 0))(r.readout, y, r.targets)
    (total, _), _ = model.apply(variables, batch, (), method="loss")
    return r.weights_T @ each, total

  for batch in (masked, short):
    np.testing.assert_allclose(*costs(batch), rtol=1e-5)


def test_they_change_no_other_number_and_survive_an_end(tmp_path):
  plain = tiny_config(**TWO_LAYERS)
  train(plain, tmp_path / "plain")
  whole = with_norms(**TWO_LAYERS)
  train(whole, tmp_path / "whole")
  part = with_norms(train__num_steps=10, **TWO_LAYERS)
  train(part, tmp_path / "parts")
  train(whole, tmp_path / "parts")
  assert numbers(tmp_path / "parts") == numbers(tmp_path / "whole")
  for without, row in zip(rows(tmp_path / "plain"), rows(tmp_path / "whole")):
    other = {k: v for k, v in row.items() if not k.startswith("layers/")}
    assert len(other) < len(row) or "train/loss" not in row
    assert other == without
  with pytest.raises(FieldError, match="train.gradient_norms"):
    train(plain, tmp_path / "whole")


def test_every_gate_of_a_language_model_has_a_share_of_saturated_units():
  trainer = Trainer(plan(with_norms(tiny_language, model__cell="lstm")))
  [member] = trainer.members
  seed = jax.ShapeDtypeStruct((), np.int32)
  shapes = jax.eval_shape(
    functools.partial(saturation, trainer.model, trainer.task),
    (trainer.task.data[0], seed),
    (seed, jax.eval_shape(member.init, member.hyper, seed)),
  )
  kind = "layers/stack.0.forward/saturated/"
  assert {*shapes} == {f"{kind}{gate}" for gate in ("i", "f", "g", "o")}


def test_a_window_network_has_norms_and_nothing_saturated(tmp_path):
  config = with_norms(tiny_language, num_seeds=1, train__num_steps=5)
  config.model.kind = "window"
  assert train(config, tmp_path) == "finished"
  [row] = [row for row in rows(tmp_path) if "train/loss" in row]
  kinds = {k.rsplit("/")[-1] for k in row if k.startswith("layers/")}
  assert kinds == {"grad_norm", "param_norm", "update_norm"}
  assert row["layers/hidden_kernel/grad_norm"][0] > 0.0


def last_state(workdir):
  """The train state of the last checkpoint, by the names of its fields."""
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    return checkpoints.newest(None)[0].state


def test_an_epochs_first_batch_is_measured_from_the_zero_state(tmp_path):
  """After step 7 comes the second epoch's first batch."""
  config = with_norms(
    tiny_language,
    num_seeds=1,
    train__num_steps=7,
    train__log_every=7,
    eval__select="last",
    # States that are large, and remembered.
    model__embedding_scale=3.0,
    model__elman__recurrent_scale=2.0,
  )
  assert train(config, tmp_path) == "finished"
  _, task, _, params = load_run(tmp_path)
  corpus = task.corpus
  before = np.concatenate([[corpus.vocabulary.start], corpus.train.tokens])
  inputs_BT = before[:600].reshape(10, 60)[:, :8]
  [old] = jax.tree.leaves(last_state(tmp_path)["carry"])
  assert old.shape == (1, 10, 8) and np.abs(old).max() > 0.5
  p = params["stack"][0].forward

  def saturated(h):
    count = 0
    for tokens_B in inputs_BT.T:
      x = params["embedding"][tokens_B]
      h = np.tanh(x @ p.input_kernel + h @ p.recurrent_kernel + p.bias)
      count += np.sum(1 - h**2 < 0.1)
    return int(count)

  [row] = rows(tmp_path)
  assert row["step"] == 7
  assert row["layers/embedding/grad_norm"][0] > 0.0
  [share] = row["layers/stack.0.forward/saturated/h"]
  found = round(share * 8 * 10 * 8)
  assert 0 < found == saturated(np.zeros((10, 8))) != saturated(old[0])


@functools.partial(jax.jit, static_argnums=(0, 4))
def plain_flow(model, params, carry, batch, truncated_every):
  """The norm of dE/ds_t by time, by a loop that adds zero to every state."""
  stepper = model.apply({"params": params}, batch, method="stepper")
  num_steps = batch.inputs.shape[1]

  def cost(added):
    state, total = carry, 0.0
    for t in range(num_steps):
      if t % truncated_every == 0:
        state = jax.lax.stop_gradient(state)
      state, outputs = stepper.step(state, batch.inputs[:, t])
      # What is added to h_t is read out, too: the readout is linear.
      state = jax.tree.map(jnp.add, state, added[t])
      readout = params["readout_kernel"]
      outputs = outputs + added[t][0].forward.h @ readout
      log_p = jax.nn.log_softmax(outputs)
      log_p = log_p[jnp.arange(10), batch.targets[:, t]]
      total -= jnp.sum(log_p * batch.weights[:, t])
    return total

  zeros = [jax.tree.map(jnp.zeros_like, stepper.initial)] * num_steps
  gradients = jax.grad(cost)(zeros)
  return {
    state: jnp.stack(
      [
        jnp.mean(jnp.linalg.norm(getattr(g[0].forward, state), axis=-1))
        for g in gradients
      ]
    )
    for state in stepper.initial[0].forward._fields
  }


@pytest.mark.parametrize(
  "cell, reach", [("elman", 8), ("lstm", 4), ("elman", 12)]
)
def test_gradient_flow_of_a_language_model_equals_a_plain_loop(
  tmp_path, cell, reach
):
  """Before training, within an epoch, and where the next one begins."""
  config = tiny_language(
    model__cell=cell,
    task__reach=reach,
    train__num_steps=14,
    train__gradient_flow_every=7,
    eval__select="last",
  )
  assert train(config, tmp_path) == "finished"
  planned = plan(config)
  names = ("h", "c") if cell == "lstm" else ("h",)
  flow = rows(tmp_path, "gradient_flow.jsonl")
  assert [(row["step"], row["seed"], row["state"]) for row in flow] == [
    (step, seed, state)
    for step in (0, 7, 14)
    for state in names
    for seed in (0, 1)
  ]
  keys = seed_keys(jnp.int32(1))
  first = initial_params(planned.model, planned.task, keys.params)
  zeros = planned.model.initial_carry(10)
  last = load_run(tmp_path, seed_index=1).params
  for step, params in ((0, first), (14, last)):
    batch = planned.task.batch(planned.task.data[0], keys.data, step)
    assert batch.fresh and batch.inputs.shape == (10, max(8, reach))
    expected = plain_flow(planned.model, params, zeros, batch, reach)
    for row in flow:
      if (row["step"], row["seed"]) == (step, 1):
        assert (row["recurrence"], row["layer"]) == ("stack", 0)
        assert row["direction"] == "forward"
        np.testing.assert_allclose(
          row["norm"], expected[row["state"]], rtol=1e-4, atol=1e-7
        )


def test_gradient_flow_begins_at_the_state_that_was_handed_on(tmp_path):
  config = tiny_language(
    train__num_steps=10, train__gradient_flow_every=10, eval__select="last"
  )
  assert train(config, tmp_path) == "finished"
  planned = plan(config)
  params = load_run(tmp_path, seed_index=1).params
  [old] = jax.tree.leaves(last_state(tmp_path)["carry"])
  carry = jax.tree.map(lambda _: old[1], planned.model.initial_carry(10))
  batch = planned.task.batch(planned.task.data[0], None, 10)
  assert not batch.fresh
  row = rows(tmp_path, "gradient_flow.jsonl")[-1]
  assert (row["step"], row["seed"]) == (10, 1)
  for state, same in ((carry, True), (planned.model.initial_carry(10), False)):
    expected = plain_flow(planned.model, params, state, batch, 8)["h"]
    assert np.allclose(row["norm"], expected, rtol=1e-5) == same
