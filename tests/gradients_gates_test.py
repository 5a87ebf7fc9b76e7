"""Gates against the equations, and paths against products of Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import sigmoid

from rnn_lab._stack import init_stack, stack, unroll_stack
from rnn_lab.cells import elman, gru, lstm
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.errors import FieldError
from rnn_lab.gradients.gates import (
  activations,
  gate_statistics,
  log_direct_path,
  log_root_mean_square,
  memory_gate,
  saturated_share,
)
from rnn_lab.gradients.jacobians import log_norms, product, step_jacobians

T, B, D, H = 6, 3, 2, 4


def case(cells, **kwargs):
  layers = stack(cells, **kwargs)
  params = init_stack(layers, jax.random.key(0), D)
  return layers, params, jax.random.normal(jax.random.key(1), (T, B, D))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_derivatives(name):
  f = ACTIVATIONS[name]
  z = jnp.array([-3.0, -0.7, 0.1, 0.4, 2.0])
  slopes = jax.vmap(jax.grad(f.function))(z)
  share = f.slope(f.function(z))
  np.testing.assert_allclose(share * f.largest_slope, slopes, atol=1e-6)
  steepest = jax.grad(f.function)(1e-6)
  np.testing.assert_allclose(steepest, f.largest_slope, rtol=1e-5)


def test_the_gates_of_an_lstm_are_those_of_its_equations():
  layers, params, x = case([gru(H), lstm(H)])
  values = activations(layers, params, x)
  p = jax.tree.map(np.asarray, params[1].forward)
  x = np.asarray(unroll_stack(stack([gru(H)]), params[:1], x)[1])
  h = c = np.zeros((B, H))
  for t in range(T):
    z = x[t] @ p.input_kernel + h @ p.recurrent_kernel + p.bias
    i, f, g, o = np.split(z, 4, axis=-1)
    gates = {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g)}
    gates["o"] = sigmoid(o)
    for name, value in gates.items():
      got = values[1].forward[name]
      np.testing.assert_allclose(got.value[t], value, atol=1e-6)
      slope = 1 - value**2 if name == "g" else 4 * value * (1 - value)
      np.testing.assert_allclose(got.slope[t], slope, atol=1e-6)
    c = gates["f"] * c + gates["i"] * gates["g"]
    h = gates["o"] * np.tanh(c)


def test_two_directions_and_ends_of_sequences():
  layers, params, x = case([elman(H)], bidirectional=True)
  lengths = jnp.array([6, 2, 4])
  values = activations(layers, params, x, lengths_B=lengths)
  _, y = unroll_stack(layers, params, x, lengths_B=lengths)
  for way, part in zip(values[0], (y[..., :H], y[..., H:])):
    np.testing.assert_allclose(way["h"].value, part, atol=1e-6)
  slope = 1 - np.asarray(y[..., :H]) ** 2
  valid = np.arange(T)[:, None] < np.asarray(lengths)
  limit = float(np.median(slope[valid]))
  forward = values[0].forward["h"]._replace(slope=slope / limit * 0.1)
  share = saturated_share(forward, lengths)
  np.testing.assert_allclose(share, np.mean(slope[valid] < limit), atol=0.02)
  assert 0.4 < share < 0.6


def test_resets_are_those_of_the_stack():
  layers, params, x = case([elman(H)], bidirectional=True)
  resets = jnp.zeros((T, B), bool).at[2, 0].set(True).at[4, 1].set(True)
  values = activations(layers, params, x, resets_TB=resets)
  _, y = unroll_stack(layers, params, x, resets_TB=resets)
  _, without = unroll_stack(layers, params, x)
  for way, part in zip(values[0], (y[..., :H], y[..., H:])):
    np.testing.assert_allclose(way["h"].value, part, atol=1e-6)
  assert np.abs(y - without).max() > 1e-3


def test_statistics_and_half_lives():
  gate = np.full((T, B, 3), 0.5)
  gate[:, :, 1] = 0.5**0.1
  gate[::2, :, 2], gate[1::2, :, 2] = 0.95, 0.05
  about = gate_statistics(jnp.asarray(gate))
  want = [1.0, 10.0, 2 * np.log(2) / -np.log(0.95 * 0.05)]
  np.testing.assert_allclose(about.half_life_by_unit, want, rtol=1e-5)
  np.testing.assert_allclose(about.mean_by_unit[2], 0.5, rtol=1e-6)
  np.testing.assert_allclose(
    about.mean_by_time[1], (0.5 + 0.5**0.1 + 0.05) / 3, rtol=1e-6
  )
  np.testing.assert_allclose(about.closed, 1 / 6, rtol=1e-6)
  np.testing.assert_allclose(about.open, 1 / 6 + 1 / 3, rtol=1e-6)
  near = jnp.array([0.11, 0.09, 0.08, 0.89, 0.91]).reshape(5, 1, 1)
  near = gate_statistics(near)
  np.testing.assert_allclose([near.closed, near.open], [0.4, 0.2], rtol=1e-6)
  always = gate_statistics(jnp.ones((T, B, 1))).half_life_by_unit
  np.testing.assert_array_equal(always, [np.inf])
  padded = np.where(np.arange(T)[:, None, None] < 4, gate, 0.0)
  cut = gate_statistics(jnp.asarray(gate[:4]))
  found = gate_statistics(jnp.asarray(padded), jnp.full(B, 4))
  for a, e in zip(found, cut):
    np.testing.assert_allclose(a[:4] if a.shape == (T,) else a, e, rtol=1e-5)


def test_lengths_in_every_form_and_wrong_ones():
  layers, params, x = case([gru(H)])
  expected = activations(layers, params, x, lengths_B=jnp.array([6, 2, 4]))
  values = activations(layers, params, x, lengths_B=[6, 2, 4])
  gate, same = (memory_gate(gru(H), v[0].forward) for v in (expected, values))
  np.testing.assert_array_equal(same, gate)
  expected = gate_statistics(gate, jnp.array([6, 2, 4]))
  for a, e in zip(gate_statistics(np.asarray(gate), [6, 2, 4]), expected):
    np.testing.assert_array_equal(a, e)
  for lengths, message in (
    ([7, 2, 4], "lengths_B must hold integers from 0 to .* 6, got 7"),
    ([6, 2], r"lengths_B must have shape \(3,\), got \(2,\)"),
  ):
    for function in (
      lambda: activations(layers, params, x, lengths_B=lengths),  # noqa: B023
      lambda: gate_statistics(gate, lengths),  # noqa: B023
      lambda: saturated_share(values[0].forward["z"], lengths),  # noqa: B023
    ):
      with pytest.raises(FieldError, match=message):
        function()
  with pytest.raises(FieldError, match=r"gate_TBH must be .* \(6, 3\)"):
    gate_statistics(gate[..., 0])


@pytest.mark.parametrize("make", [lstm, gru])
def test_without_recurrent_weights_the_direct_path_is_all_there_is(make):
  cell = make(H, recurrent_init="zeros")
  layers, params, x = case([cell])
  with jax.enable_x64(True):
    params, x = jax.tree.map(lambda a: a.astype(jnp.float64), (params, x))
    values = activations(layers, params, x)
    gate = memory_gate(cell, values[0].forward)
    direct = log_direct_path(gate)
    state = cell.memory[0]
    jacobians = step_jacobians(cell, params[0].forward, x)
    for lag in (0, 1, T - 1):
      total = product(jacobians, T - 1, T - 1 - lag, state, state)
      diagonal = jax.vmap(jnp.diag)(jnp.exp(direct[lag]))
      np.testing.assert_allclose(total, diagonal, rtol=1e-10, atol=1e-14)
    rms = log_norms(
      jacobians, rows=state, columns=state, kind="root mean square"
    )
    np.testing.assert_allclose(
      log_root_mean_square(direct), rms, rtol=1e-9, atol=1e-12
    )


def test_a_cell_without_gates_says_so():
  layers, params, x = case([elman(H)])
  values = activations(layers, params, x)
  with pytest.raises(FieldError, match="cell must have a gate .* 'elman'"):
    memory_gate(layers.forward[0], values[0].forward)
  with pytest.raises(FieldError, match=r"stack must be a Stack, got a Cell; "):
    activations(layers.forward[0], params[0].forward, x)
  closed = layers.forward[0]._replace(inside=None)
  assert activations(stack([closed]), params, x)[0].forward == {}
