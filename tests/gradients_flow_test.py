"""The gradient through time against the definition, h_t by h_t."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import (
  initial_params,
  rows,
  tiny_config,
)

from rnn_lab._stack import init_stack, stack, unroll_stack, zero_perturbations
from rnn_lab.cells import CELLS, gru, lstm
from rnn_lab.errors import FieldError
from rnn_lab.gradients.flow import (
  gradient_flow,
  norm_by_lag,
  norm_by_time,
  size_by_unit,
  state_gradients,
)
from rnn_lab.gradients.norms import norm
from rnn_lab.runs import train
from rnn_lab.runs.planning import plan
from rnn_lab.training.state import seed_keys

T, B, D, H = 5, 3, 2, 4


def cost_of(y_TBH, weights_TBH):
  return jnp.sum(jnp.sin(y_TBH) * weights_TBH)


def direct_gradients(cell, params, xs, weights):
  """dE/ds_t by cutting the loop at t and differentiating the rest."""
  carries = [cell.initial_carry((B,), xs.dtype)]
  for t in range(T):
    carries.append(cell.step(params, carries[-1], xs[t])[0])

  def rest(carry, t):
    total = cost_of(carry.h, weights[t])
    for later in range(t + 1, T):
      carry, y = cell.step(params, carry, xs[later])
      total += cost_of(y, weights[later])
    return total

  rest = jax.jit(jax.grad(rest), static_argnums=1)
  found = [rest(carries[t + 1], t) for t in range(T)]
  return jax.tree.map(lambda *g: np.stack(g), *found)


@pytest.mark.parametrize("kind", CELLS)
def test_one_backward_pass_gives_every_step_of_every_state(kind):
  with jax.enable_x64(True):
    layers = stack([CELLS[kind](H)])
    params = init_stack(layers, jax.random.key(0), D)
    xs = jax.random.normal(jax.random.key(1), (T, B, D), jnp.float64)
    weights = jax.random.normal(jax.random.key(2), (T, B, H), jnp.float64)

    def cost(perturbations):
      _, y = unroll_stack(layers, params, xs, perturbations=perturbations)
      return cost_of(y, weights)

    zeros = zero_perturbations(layers, T, B, jnp.float64)
    gradients = jax.jit(lambda zeros: state_gradients(cost, zeros))(zeros)
    flow = gradient_flow(cost, zeros)[0].forward
    direct = direct_gradients(layers.forward[0], params[0].forward, xs, weights)
  assert type(flow) is type(direct)
  for g, e, mean in zip(gradients[0].forward, direct, flow):
    np.testing.assert_allclose(g, e, rtol=1e-12, atol=1e-14)
    norms = np.linalg.norm(e, axis=-1).mean(axis=1)
    np.testing.assert_allclose(mean, norms, rtol=1e-12, atol=1e-14)


def test_padding_counts_for_nothing():
  layers = stack([lstm(H), gru(H)], bidirectional=True)
  params = init_stack(layers, jax.random.key(0), D)
  xs = jax.random.normal(jax.random.key(1), (T, B, D))
  weights = jax.random.normal(jax.random.key(2), (T, B, 2 * H))
  lengths = jnp.array([2, 4, 4])

  @jax.jit
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


def test_by_time_by_lag_and_by_unit():
  gradient = np.random.default_rng(0).normal(size=(T, B, H))
  lengths = np.array([5, 2, 4])
  norms = np.linalg.norm(gradient, axis=-1)
  for t in range(T):
    here = [b for b in range(B) if t < lengths[b]]
    back = [norms[lengths[b] - 1 - t, b] for b in here]
    g = jnp.asarray(gradient)
    want = norms[t, here].mean()
    np.testing.assert_allclose(norm_by_time(g, lengths)[t], want, rtol=1e-5)
    np.testing.assert_allclose(
      norm_by_lag(g, jnp.asarray(lengths))[t], np.mean(back), rtol=1e-5
    )
    np.testing.assert_allclose(
      size_by_unit(g, lengths)[t],
      np.abs(gradient[t, here]).mean(axis=0),
      rtol=1e-5,
    )
  mask = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]], bool)
  valid = mask & (np.arange(T)[:, None] < lengths)
  steps = [np.flatnonzero(valid[:, b])[::-1] for b in range(B)]
  for t in range(T):
    want = norms[t][valid[t]].mean() if valid[t].any() else 0.0
    got = norm_by_time(g, lengths, mask)[t]
    np.testing.assert_allclose(got, want, rtol=1e-5)
    back = [norms[s[t], b] for b, s in enumerate(steps) if t < len(s)]
    got = norm_by_lag(g, lengths, mask)[t]
    np.testing.assert_allclose(got, np.mean(back or [0.0]), rtol=1e-5)
  np.testing.assert_array_equal(norm_by_lag(g), norm_by_time(g)[::-1])
  matrices = g.reshape(T, B, 2, H // 2)
  np.testing.assert_array_equal(norm_by_time(matrices), norm_by_time(g))


@pytest.mark.parametrize("function", [norm_by_time, norm_by_lag, size_by_unit])
def test_lengths_in_every_form_and_wrong_ones(function):
  gradient = np.random.default_rng(0).normal(size=(T, B, H))
  expected = function(jnp.asarray(gradient), jnp.array([5, 0, 4]))
  for lengths in (
    [5, 0, 4],
    (5.0, 0.0, 4.0),
    np.array([5, 0, 4], np.uint8),
    [*jnp.array([5, 0, 4])],
  ):
    np.testing.assert_array_equal(function(gradient, lengths), expected)
  traced = jax.jit(lambda lengths: function(gradient, lengths))
  np.testing.assert_allclose(
    traced(jnp.array([5.0, 0.0, 4.0])), expected, rtol=1e-6
  )
  for lengths, got in (([6, 1, 1], 6), ([1, -1, 1], -1), ([1, 1, 1.5], 1.5)):
    with pytest.raises(FieldError, match=f"steps 5, got {got}$"):
      function(gradient, lengths)
  with pytest.raises(FieldError, match=r"lengths_B must have shape \(3,\)"):
    function(gradient, [3])
  with pytest.raises(FieldError, match=r"gradient_TBH must be .* shape \(4,\)"):
    function(gradient[0, 0])


def test_norms_do_not_underflow():
  tiny = jnp.array([[3e-30, 4e-30], [0.0, 0.0], [jnp.inf, 1.0]])
  np.testing.assert_allclose(norm(tiny, axis=1), [5e-30, 0.0, jnp.inf])
  np.testing.assert_allclose(norm(jnp.array([3e30, 4e30])), 5e30, rtol=1e-6)


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
  assert {row["recurrence"] for row in written} == {"stack"}
  run = plan(config)
  keys = seed_keys(jnp.int32(0))
  params = initial_params(run.model, run.task, keys.params)
  batch = run.task.batch(run.task.data[0], keys.data, 0)

  def loss_of_last_h(h):
    # The top layer forward: its last h goes straight into the readout.
    kernel = params["readout"]["kernel"][:8]
    others = run.model.apply({"params": params}, batch)
    logits = others + (h - jax.lax.stop_gradient(h)) @ kernel
    return -jnp.sum(jax.nn.log_softmax(logits)[jnp.arange(16), batch.targets])

  gradient = jax.grad(loss_of_last_h)(jnp.zeros((16, 8)))
  np.testing.assert_allclose(
    written[2]["norm"][-1],
    np.linalg.norm(gradient, axis=-1).mean(),
    rtol=1e-5,
  )
