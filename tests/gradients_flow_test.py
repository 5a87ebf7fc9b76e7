"""The gradient through time against the definition, h_t by h_t."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import rows, tiny_config

from rnn_lab.cells import CELLS, gru, lstm
from rnn_lab.gradients.flow import gradient_flow
from rnn_lab.stack import (
  init_stack,
  stack,
  unroll_stack,
  zero_perturbations,
)
from rnn_lab.training.loop import train
from rnn_lab.training.run import plan
from rnn_lab.training.state import form_of, init_params, seed_keys
from rnn_lab.unroll import static_unroll

T, B, D, H = 5, 3, 2, 4


def cost_of(y_TBH, weights_TBH):
  return jnp.sum(jnp.sin(y_TBH) * weights_TBH)


def direct_norms(cell, params, xs, weights):
  """dE/dh_t by cutting the loop at t and differentiating the rest."""
  norms = np.zeros((T, B))
  carries = [cell.initial_carry((B,), xs.dtype)]
  for t in range(T):
    carries.append(cell.step(params, carries[-1], xs[t])[0])
  for t in range(T):

    def rest(h, t=t):
      carry = carries[t + 1]._replace(h=h)
      total = cost_of(h, weights[t])
      if t + 1 < T:
        _, y = static_unroll(cell, params, xs[t + 1 :], carry)
        total += cost_of(y, weights[t + 1 :])
      return total

    norms[t] = np.linalg.norm(jax.grad(rest)(carries[t + 1].h), axis=-1)
  return norms


@pytest.mark.parametrize("kind", CELLS)
def test_one_backward_pass_gives_every_step(kind):
  with jax.enable_x64(True):
    layers = stack([CELLS[kind](H)])
    params = init_stack(layers, jax.random.key(0), D)
    xs = jax.random.normal(jax.random.key(1), (T, B, D), jnp.float64)
    weights = jax.random.normal(jax.random.key(2), (T, B, H), jnp.float64)

    def cost(perturbations):
      _, y = unroll_stack(layers, params, xs, perturbations=perturbations)
      return cost_of(y, weights)

    zeros = zero_perturbations(layers, T, B)
    flow = gradient_flow(cost, zeros)[0].forward
    direct = direct_norms(layers.forward[0], params[0].forward, xs, weights)
  # The perturbations are float32, and so are their gradients.
  np.testing.assert_allclose(flow, direct.mean(axis=1), rtol=1e-6)


def test_padding_counts_for_nothing():
  layers = stack([lstm(H), gru(H)], bidirectional=True)
  params = init_stack(layers, jax.random.key(0), D)
  xs = jax.random.normal(jax.random.key(1), (T, B, D))
  weights = jax.random.normal(jax.random.key(2), (T, B, 2 * H))
  lengths = jnp.array([2, 4, 4])

  def flow(xs, lengths):
    def cost(perturbations):
      _, y = unroll_stack(
        layers, params, xs, lengths_B=lengths, perturbations=perturbations
      )
      return jnp.sum(y * weights[: len(xs), : xs.shape[1]])

    zeros = zero_perturbations(layers, *xs.shape[:2])
    return gradient_flow(cost, zeros, lengths)

  padded = flow(xs, lengths)
  cut = flow(xs[:4], lengths)
  for a, e in zip(jax.tree.leaves(padded), jax.tree.leaves(cut)):
    np.testing.assert_allclose(a[:4], e, rtol=1e-5)
    assert a[4] == 0.0


def test_what_training_writes(tmp_path):
  config = tiny_config(
    model__num_layers=2, model__bidirectional=True, num_seeds=1
  )
  train(config, tmp_path / "run")
  written = rows(tmp_path / "run", "gradient_flow.jsonl")
  assert [row["step"] for row in written] == [0] * 4 + [10] * 4 + [20] * 4
  assert [(row["layer"], row["direction"]) for row in written[:4]] == [
    (0, "forward"),
    (0, "backward"),
    (1, "forward"),
    (1, "backward"),
  ]
  ready = plan(config)
  keys = seed_keys(jnp.int32(0))
  params = init_params(ready.model, form_of(ready.task), keys.params)
  batch = ready.task.batch(ready.task.data, keys.data, 0)

  def loss_of_last_h(h):
    # The top layer forward: its last h goes straight into the readout.
    kernel = params["readout"]["kernel"][:8]
    others = ready.model.apply({"params": params}, batch.inputs)
    logits = others + (h - jax.lax.stop_gradient(h)) @ kernel
    return -jnp.sum(jax.nn.log_softmax(logits)[jnp.arange(16), batch.targets])

  gradient = jax.grad(loss_of_last_h)(jnp.zeros((16, 8)))
  np.testing.assert_allclose(
    written[2]["norm"][-1],
    np.linalg.norm(gradient, axis=-1).mean(),
    rtol=1e-5,
  )
