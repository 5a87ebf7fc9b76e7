"""Stacks against layers that are unrolled one by one."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import EMITTERS_OF_RUNS

from rnn_lab import _stack as stack_module
from rnn_lab._dropout import drop_rows
from rnn_lab._stack import (
  Directions,
  final_state,
  init_stack,
  initial_for_batch,
  program_stack,
  stack,
  stack_output_size,
  unroll_stack,
  zero_initial,
  zero_perturbations,
)
from rnn_lab._stack_cell import as_cell
from rnn_lab._unroll import unroll
from rnn_lab.cells import Cell, LSTMCarry, elman, gru, lstm
from rnn_lab.errors import FieldError
from rnn_lab.gradients.gates import activations
from rnn_lab.gradients.jacobians import step_jacobians
from rnn_lab.perturbations import perturbed, zeros_like_carries

T, B, D = 6, 3, 4
LENGTHS = jnp.array([6, 2, 4])


def inputs(seed=0):
  return jax.random.normal(jax.random.key(seed), (T, B, D))


def test_layers_of_different_cells_read_each_others_outputs():
  layers = stack([gru(5), lstm(7), elman(3)])
  params = init_stack(layers, jax.random.key(1), D)
  carry, y = unroll_stack(layers, params, inputs(), lengths_B=LENGTHS)
  x = inputs()
  for layer, cell in enumerate(layers.forward):
    expected, x = unroll(cell, params[layer].forward, x, lengths_B=LENGTHS)
    np.testing.assert_array_equal(carry[layer].forward.h, expected.h)
  np.testing.assert_array_equal(y, x)
  assert stack_output_size(layers, D) == 3
  np.testing.assert_array_equal(final_state(carry, "top"), expected.h)
  side_by_side = final_state(carry, "all")
  assert side_by_side.shape == (B, 15)
  np.testing.assert_array_equal(side_by_side[:, :5], carry[0].forward.h)
  np.testing.assert_array_equal(side_by_side[:, 12:], carry[2].forward.h)


def test_two_directions():
  layers = stack([gru(5), lstm(7)], bidirectional=True)
  params = init_stack(layers, jax.random.key(1), D)
  assert not np.allclose(
    params[0].forward.input_kernel, params[0].backward.input_kernel
  )
  carry, y = unroll_stack(layers, params, inputs(), lengths_B=LENGTHS)
  x = inputs()
  for layer, cell in enumerate(layers.forward):
    ends, ys = [], []
    for direction in range(2):
      end, out = unroll(
        cell,
        params[layer][direction],
        x,
        lengths_B=LENGTHS,
        reverse=direction == 1,
      )
      ends.append(end)
      ys.append(out)
    x = jnp.concatenate(ys, -1)
  np.testing.assert_array_equal(y, x)
  np.testing.assert_array_equal(
    final_state(carry, "top"), jnp.concatenate([e.h for e in ends], -1)
  )
  assert final_state(carry, "all").shape == (B, 24)
  assert stack_output_size(layers, D) == 14


def test_a_carry_handed_on_equals_one_long_sequence():
  layers = stack([lstm(5), gru(4)])
  params = init_stack(layers, jax.random.key(1), D)
  whole, y = unroll_stack(layers, params, inputs())
  middle, y_first = unroll_stack(layers, params, inputs()[:2])
  end, y_second = unroll_stack(layers, params, inputs()[2:], middle)
  np.testing.assert_allclose(jnp.concatenate([y_first, y_second]), y, atol=1e-6)
  np.testing.assert_allclose(end[1].forward.h, whole[1].forward.h, atol=1e-6)


def test_checkpointing_and_resets_reach_every_layer():
  layers = stack([lstm(5), gru(4)], checkpoint_every=2)
  params = init_stack(layers, jax.random.key(1), D)
  resets = jnp.zeros((T, B), bool).at[3].set(True)
  program = jax.make_jaxpr(functools.partial(unroll_stack, layers))
  assert str(program(params, inputs())).count("remat") >= 2
  _, y = unroll_stack(layers, params, inputs(), resets_TB=resets)
  _, second_half = unroll_stack(layers, params, inputs()[3:])
  np.testing.assert_allclose(y[3:], second_half, atol=1e-6)


def test_dropout_is_between_layers_only():
  params = init_stack(stack([lstm(64)]), jax.random.key(1), D)
  one = stack([lstm(64)], dropout=0.5)
  key = jax.random.key(2)
  dropped = unroll_stack(one, params, inputs(), dropout_key=key)[1]
  np.testing.assert_array_equal(dropped, unroll_stack(one, params, inputs())[1])

  # An identity above the first layer shows what reaches the second.
  echo = elman(64, "linear", "identity", 1.0, "zeros")
  two = stack([lstm(64), echo], dropout=0.25)
  params = init_stack(two, jax.random.key(1), D)
  kept = unroll_stack(two, params, inputs())[1]
  np.testing.assert_allclose(
    kept, unroll_stack(one, params[:1], inputs())[1], rtol=1e-6
  )
  dropped = unroll_stack(two, params, inputs(), dropout_key=key)[1]
  zero = dropped == 0.0
  np.testing.assert_allclose(
    dropped, np.where(zero, 0.0, kept / 0.75), rtol=1e-5, atol=1e-7
  )
  # 1,152 draws: the share's deviation is 0.013.
  assert abs(zero.mean() - 0.25) < 0.05
  again = unroll_stack(two, params, inputs(), dropout_key=jax.random.key(3))[1]
  assert not np.array_equal(dropped, again)
  # Not one mask for all steps: that would be variational dropout.
  assert not np.array_equal(zero[0], zero[1])


def test_zero_perturbations_change_nothing_and_others_propagate():
  layers = stack([lstm(5), gru(4)], bidirectional=True, implementation="scan")
  params = init_stack(layers, jax.random.key(1), D)
  # With the emitters that runs have; those of other tests round differently.
  unrolled = jax.jit(
    lambda e: unroll_stack(
      layers, params, inputs(), lengths_B=LENGTHS, perturbations=e
    ),
    compiler_options=EMITTERS_OF_RUNS,
  )
  plain, same = unrolled(None), unrolled(zero_perturbations(layers, T, B))
  for a, e in zip(jax.tree.leaves(same), jax.tree.leaves(plain)):
    np.testing.assert_array_equal(a, e)

  cell, x = lstm(5), inputs()
  p = params[0].forward
  e = LSTMCarry(
    h=jnp.zeros((T, B, 5)).at[2].set(0.1),
    c=jnp.zeros((T, B, 5)).at[2].set(-0.2),
  )
  _, y = unroll(perturbed(cell), p, (x, e))
  carry, before = unroll(cell, p, x[:3])
  _, after = unroll(cell, p, x[3:], LSTMCarry(carry.h + 0.1, carry.c - 0.2))
  np.testing.assert_allclose(y[:2], before[:2], atol=1e-6)
  np.testing.assert_allclose(y[2], before[2] + 0.1, atol=1e-6)
  np.testing.assert_allclose(y[3:], after, atol=1e-6)


class Carry(NamedTuple):
  h: jax.Array
  steps: jax.Array


def state_output(params, carry, x):
  h = params * carry.h + x
  return Carry(h, carry.steps + 1), h


def other_output(params, carry, x):
  carry, h = state_output(params, carry, x)
  return carry, 3.0 * h


@pytest.mark.parametrize(
  "step, is_state",
  [
    (state_output, True),
    (jax.jit(state_output), True),
    (other_output, False),
    (jax.jit(other_output), False),
  ],
)
def test_perturbations_reach_the_output_iff_it_is_a_state(step, is_state):
  def first(batch_shape, dtype):
    return Carry(
      jnp.zeros((*batch_shape, D), dtype), jnp.zeros(batch_shape, int)
    )

  # h_t = 2 h_{t-1} + x_t + 1 moves by 1, 3, 7, ...
  moved = 2.0 ** np.arange(1, T + 1) - 1.0
  before = np.concatenate([[0.0], moved[:-1]])
  cell = Cell(None, first, step)
  params = jnp.float32(2.0)
  _, plain = unroll(cell, params, inputs())
  zeros = zeros_like_carries(first((B,), jnp.float32), T)
  (_, steps), same = unroll(perturbed(cell), params, (inputs(), zeros))
  np.testing.assert_array_equal(same, plain)
  assert (steps == T).all()
  added = zeros._replace(h=zeros.h + 1.0)
  _, y = unroll(perturbed(cell), params, (inputs(), added))
  expected = moved if is_state else 6.0 * before
  np.testing.assert_allclose(y[:, 0, 0] - plain[:, 0, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("final", ["top", "all"])
def test_a_stack_as_one_cell(final):
  layers = stack([gru(5), lstm(7)], implementation="scan")
  cell = as_cell(layers, final)
  params = cell.init(jax.random.key(1), D)
  carry, y = unroll(cell, params, inputs())
  expected, top = unroll_stack(layers, params, inputs())
  for a, e in zip(jax.tree.leaves(carry), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, rtol=1e-6)
  np.testing.assert_allclose(y[..., -7:], top, rtol=1e-6)
  np.testing.assert_array_equal(y[-1], final_state(carry, final))
  other = as_cell(stack([gru(5), lstm(7, forget_bias=3.0)]), final)
  assert other.step is cell.step
  assert other.initial_carry is cell.initial_carry


def test_a_bidirectional_stack_is_no_cell():
  with pytest.raises(ValueError, match="as_cell: .* got a bidirectional one"):
    as_cell(stack([gru(5)], bidirectional=True))


def _of_another_form(layers, form):
  """Parameters or carries of one layer more or less, or both directions."""
  if form == "another direction":
    return tuple(Directions(layer.forward, layer.forward) for layer in layers)
  return layers[:1] if form == "fewer" else (*layers, layers[-1])


FORMS = {
  "more": "{} must hold one entry for each of the 2 layers, got 3",
  "fewer": "{} must hold one entry for each of the 2 layers, got 1",
  "another direction": (
    "{}[0] must have a forward part only, got forward and backward"
  ),
}


@pytest.mark.parametrize("form", FORMS)
def test_another_depth_is_refused_wherever_layers_are_taken(form):
  layers = stack([gru(4), gru(4)])
  params = init_stack(layers, jax.random.key(1), 4)
  x = jnp.ones((T, B, 4))
  # Values for one sequence, for a batch and for every step.
  initial, carry = (zero_initial(layers), initial_for_batch(layers, B))
  zeros = zero_perturbations(layers, T, B)
  first = as_cell(layers)
  calls = {
    "params": [
      lambda p: unroll_stack(layers, p, x),
      lambda p: activations(layers, p, x),
      lambda p: first.step(p, carry, x[0]),
      lambda p: unroll(first, p, x),
      lambda p: step_jacobians(first, p, x),
    ],
    "carry": [
      lambda c: unroll_stack(layers, params, x, c),
      lambda c: activations(layers, params, x, c),
      lambda c: first.step(params, c, x[0]),
    ],
    "initial": [
      lambda i: unroll_stack(layers, params, x, initial=i),
      lambda i: initial_for_batch(layers, B, i),
    ],
    "perturbations": [
      lambda e: unroll_stack(layers, params, x, perturbations=e)
    ],
  }
  given = {
    "params": params,
    "carry": carry,
    "initial": initial,
    "perturbations": zeros,
  }
  for field, functions in calls.items():
    wrong = _of_another_form(given[field], form)
    for function in functions:
      with pytest.raises(FieldError) as error:
        function(wrong)
      assert str(error.value) == FORMS[form].format(field)


def test_layers_of_wrong_types_are_named():
  layers = stack([lstm(4), lstm(4)], bidirectional=True)
  params = init_stack(layers, jax.random.key(1), 4)
  x = jnp.ones((T, B, 4))
  one = tuple(Directions(layer.forward) for layer in params)
  carry = lstm(4).initial_carry((B,), jnp.float32)
  for arguments, message in (
    ((one,), "params[0] must have a forward and a backward part, got forward"),
    ((None,), "params must be those of init_stack, got None"),
    (({},), "params must hold one entry for each of the 2 layers, got a dict"),
    ((params, carry), "carry[0] must be a Directions(forward, backward), got"),
  ):
    with pytest.raises(FieldError) as error:
      unroll_stack(layers, arguments[0], x, *arguments[1:])
    assert str(error.value).startswith(message)
  with pytest.raises(FieldError, match="which must be one of all, top, got"):
    final_state(unroll_stack(layers, params, x)[0], "both")
  with pytest.raises(FieldError, match="input_size must be an integer"):
    init_stack(layers, jax.random.key(0), 2.5)


def test_every_layer_and_direction_has_its_own_first_state():
  layers = stack([elman(3), elman(2)], bidirectional=True)
  params = init_stack(layers, jax.random.key(1), 2)
  keys = iter(jax.random.split(jax.random.key(2), 4))
  initial = jax.tree.map(
    lambda a: jax.random.normal(next(keys), a.shape), zero_initial(layers)
  )
  carry = initial_for_batch(layers, B, initial)
  x = jax.random.normal(jax.random.key(3), (T, B, 2))
  for a, e in zip(
    jax.tree.leaves(unroll_stack(layers, params, x, initial=initial)),
    jax.tree.leaves(unroll_stack(layers, params, x, carry)),
  ):
    np.testing.assert_array_equal(a, e)


def test_variational_dropout_drops_whole_rows():
  params = lstm(6).init(jax.random.key(0), 2)
  dropped = drop_rows(lstm(6), params, jax.random.key(1), 0.5)
  factor = dropped.recurrent_kernel / params.recurrent_kernel
  np.testing.assert_allclose(factor, np.tile(factor[:, :1], (1, 24)))
  assert {*np.unique(factor.round(6))} == {0.0, 2.0}
  assert dropped.input_kernel is params.input_kernel


def test_every_layer_and_direction_has_its_own_mask(monkeypatch):
  cells = [elman(2)] * 2
  layers = stack(cells, bidirectional=True, dropout=0.5, variational=True)
  params = init_stack(layers, jax.random.key(1), 2)
  keys = []

  def spy(key):
    keys.append(jax.random.key_data(key))

  def of_features(key, rate, x, variational):
    spy(key)
    return x

  def of_rows(cell, params, key, rate):
    spy(key)
    return params

  monkeypatch.setattr(stack_module, "dropout", of_features)
  monkeypatch.setattr(stack_module, "drop_rows", of_rows)
  x, key = jnp.ones((T, B, 2)), jax.random.key(3)
  unroll_stack(layers, params, x, dropout_key=key)
  assert len(np.unique(np.stack(keys), axis=0)) == len(keys) == 5


def test_parameters_that_are_no_arrays_are_refused():
  layers = stack([gru(3)], dropout=0.5, variational=True)
  params = init_stack(layers, jax.random.key(1), 2)
  lists = jax.tree.map(lambda a: a.tolist(), params)
  x = jnp.ones((T, B, 2))
  words = "params must hold arrays, got a float at"
  with pytest.raises(FieldError, match=f"^{words} .*forward.input_kernel"):
    unroll_stack(layers, lists, x, dropout_key=jax.random.key(0))
  cell = as_cell(layers)
  with pytest.raises(FieldError, match=f"^gru: {words} .input_kernel"):
    unroll(cell, lists, x)
  with pytest.raises(FieldError, match="^params must be that of the stack"):
    unroll(cell, None, x)
  # Tuples stand for Directions wherever a stack is unrolled.
  plain = [[layer.forward] for layer in params]
  found = unroll(cell, plain, x)[1]
  layers = layers._replace(implementation="scan")
  np.testing.assert_array_equal(found, unroll_stack(layers, plain, x)[1])


def test_complex_perturbations_and_states_are_refused():
  layers = stack([gru(5)])
  params = init_stack(layers, jax.random.key(1), D)
  zeros = zero_perturbations(layers, T, B)
  turned = jax.tree.map(lambda a: a * 1j, zeros)
  with pytest.raises(FieldError, match="^gru: perturbations must hold real"):
    unroll_stack(layers, params, inputs(), perturbations=turned)
  with pytest.raises(FieldError, match="^carry must hold real numbers"):
    zero_perturbations(layers, T, B, jnp.complex64)


def test_wrong_stacks():
  for name in ("bidirectional", "variational"):
    with pytest.raises(FieldError, match=f"{name} must be .*, got 'false'"):
      stack([lstm(3)], **{name: "false"})
  for size in (0, -1, 2.0):
    with pytest.raises(FieldError, match="input_size must be an integer"):
      init_stack(stack([lstm(3)]), jax.random.key(0), size)
  with pytest.raises(FieldError, match="cells must be a list .*, got a Cell"):
    stack(lstm(3))
  with pytest.raises(FieldError, match=r"cells\[1\] must be a Cell, got a str"):
    stack([lstm(3), "gru"])
  with pytest.raises(FieldError, match="dropout must be a .*, got 1.0"):
    stack([lstm(3)], dropout=1.0)
  with pytest.raises(FieldError, match="checkpoint_every must be .*, got 0"):
    stack([lstm(3)], checkpoint_every=0)
  with pytest.raises(FieldError, match="implementation must be .*, got 'fast'"):
    stack([lstm(3)], implementation="fast")
  with pytest.raises(ValueError, match="at least one cell"):
    stack([])


def test_variational_dropout_needs_a_recurrent_kernel():
  def step(params, carry, x):
    return carry + x, carry

  cell = Cell(None, lambda shape, dtype: jnp.zeros((*shape, D), dtype), step)
  layers = stack([cell], dropout=0.5, variational=True)
  with pytest.raises(ValueError, match="a field `recurrent_kernel`, got tuple"):
    unroll_stack(layers, (((), None),), inputs(), dropout_key=jax.random.key(0))


def test_program_stacks_are_equal_iff_only_initial_values_differ():
  options = {"bidirectional": True, "dropout": 0.5, "checkpoint_every": 2}
  plain = stack([gru(5), lstm(7)], **options)
  other = stack([gru(5, update_bias=1.0), lstm(7, "chrono")], **options)
  assert other != plain
  assert program_stack(other) == program_stack(plain) == plain
  for different in ({"bidirectional": False}, {"checkpoint_every": 3}):
    assert program_stack(stack(plain.forward, **options | different)) != plain
