"""Fused programs against a Python loop over the steps, and their derivatives.

What `unroll` promises for every implementation is in unroll_test.py.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from unroll_test import (
  LENGTHS,
  RESETS,
  B,
  D,
  T,
  assert_close,
  random_like,
  setting,
)

from rnn_lab import fused
from rnn_lab._stack import (
  init_stack,
  stack,
  unroll_stack,
  zero_perturbations,
)
from rnn_lab._unroll import static_unroll, unroll
from rnn_lab.cells import CELLS, elman, lstm
from rnn_lab.errors import FieldError

fused_unroll = functools.partial(unroll, implementation="fused")


def cost_of(function, cell, xs, **options):
  """A scalar of all outputs and the last carry, with distinct weights."""

  def cost(params, xs, carry, initial):
    results = function(cell, params, xs, carry, initial=initial, **options)
    return sum(
      jnp.sum(a * jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape))
      for a in jax.tree.leaves(results)
    )

  return cost


def all_gradients(function, cell, params, xs, carry, initial, **options):
  cost = cost_of(function, cell, xs, **options)
  return jax.grad(cost, (0, 1, 2, 3))(params, xs, carry, initial)


@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_gradients_equal_those_of_a_loop(data):
  """For any shape, with lengths, resets, a mask and in both directions."""
  num_steps = data.draw(st.integers(1, 4), "T")
  batch = data.draw(st.integers(1, 3), "B")
  flags = st.lists(
    st.booleans(), min_size=num_steps * batch, max_size=num_steps * batch
  )

  def draw_flags(name):
    flat = data.draw(st.none() | flags, name)
    return None if flat is None else np.reshape(flat, (num_steps, batch))

  lengths = st.lists(
    st.integers(0, num_steps), min_size=batch, max_size=batch
  ).map(np.array)
  options = {
    "lengths_B": data.draw(st.none() | lengths, "lengths"),
    "mask_TB": draw_flags("mask"),
    "resets_TB": draw_flags("resets"),
    "reverse": data.draw(st.booleans(), "reverse"),
  }
  kind = data.draw(st.sampled_from(sorted(CELLS)), "kind")
  with jax.enable_x64(True):
    cell, params, _, _ = setting(kind)
    xs = random_like(np.zeros((num_steps, batch, D)), num_steps)
    carry = random_like(cell.initial_carry((batch,), jnp.float64), batch)
    initial = random_like(cell.initial_carry((), jnp.float64), 8)
    arrays = (cell, params, xs, carry, initial)
    assert_close(
      all_gradients(fused_unroll, *arrays, **options),
      all_gradients(static_unroll, *arrays, **options),
      rtol=1e-9,
      atol=1e-11,
    )


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
def test_every_activation_of_an_elman_cell(activation):
  with jax.enable_x64(True):
    _, params, carry, xs = setting("elman")
    cell = elman(4, activation)
    initial = random_like(cell.initial_carry((), jnp.float64), 8)
    arrays = (cell, params, xs, carry, initial)
    assert_close(
      all_gradients(fused_unroll, *arrays, lengths_B=LENGTHS),
      all_gradients(static_unroll, *arrays, lengths_B=LENGTHS),
      rtol=1e-10,
      atol=1e-12,
    )


@pytest.mark.parametrize("size", [(), (1,)])
@pytest.mark.parametrize("kind", CELLS)
def test_one_number_as_bias_of_all_gates_and_inputs_of_no_size(kind, size):
  with jax.enable_x64(True):
    cell, params, _, _ = setting(kind)
    number = {
      name: jnp.full(size, 0.3 + n)
      for n, name in enumerate(params._fields)
      if "bias" in name
    }
    nothing = params.input_kernel[:0]
    params = params._replace(input_kernel=nothing, **number)
    carry = cell.initial_carry((2,), jnp.float64)
    initial = random_like(cell.initial_carry((), jnp.float64), 8)
    arrays = (cell, params, np.zeros((3, 2, 0)), carry, initial)
    assert_close(
      all_gradients(fused_unroll, *arrays),
      all_gradients(static_unroll, *arrays),
      rtol=1e-10,
      atol=1e-12,
    )


@pytest.mark.parametrize("kind", CELLS)
def test_every_program_with_lengths_resets_and_in_reverse(kind, monkeypatch):
  """Also a GPU's, where T is no multiple of the steps taken at once."""
  with jax.enable_x64(True):
    cell, params, carry, xs = setting(kind)
    initial = random_like(cell.initial_carry((), jnp.float64), 8)
    arrays = (cell, params, xs, carry, initial)
    options = {"lengths_B": LENGTHS, "resets_TB": RESETS, "reverse": True}
    want = all_gradients(static_unroll, *arrays, **options)
    for fields in ((1, False), (3, True)):
      monkeypatch.setitem(fused.AUTOMATIC, jax.default_backend(), fields)
      found = all_gradients(fused_unroll, *arrays, **options)
      assert_close(found, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", CELLS)
def test_second_derivatives(kind):
  with jax.enable_x64(True):
    cell, params, carry, xs = setting(kind)
    options = {"lengths_B": LENGTHS}

    def gradient(function):
      cost = cost_of(function, cell, xs, **options)
      return jax.grad(lambda xs: cost(params, xs, carry, None))

    direction = random_like(xs, 9)
    got, want = (
      # Forward over reverse: a Hessian times a vector.
      jax.jit(lambda xs, f=f: jax.jvp(gradient(f), (xs,), (direction,))[1])(xs)
      for f in (fused_unroll, static_unroll)
    )
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
    # Reverse over reverse.
    again = jax.jit(
      jax.grad(lambda xs: jnp.sum(gradient(fused_unroll)(xs) * direction))
    )(xs)
    np.testing.assert_allclose(again, want, rtol=1e-9, atol=1e-11)


def test_a_batch_of_parameters_is_mapped_over():
  with jax.enable_x64(True):
    cell, params, carry, xs = setting("gru")
    two = jax.tree.map(lambda a: jnp.stack([a, a + 0.1]), params)

    def gradient(params):
      cost = cost_of(fused_unroll, cell, xs, lengths_B=LENGTHS)
      return jax.grad(cost)(params, xs, carry, None)

    mapped = jax.vmap(gradient)(two)
    for n in range(2):
      alone = gradient(jax.tree.map(lambda a: a[n], two))  # noqa: B023
      assert_close(
        jax.tree.map(lambda a: a[n], mapped),  # noqa: B023
        alone,
        rtol=1e-11,
        atol=1e-13,
      )


@pytest.mark.parametrize("kind", CELLS)
def test_bfloat16_kernels_keep_a_float32_carry(kind):
  cell, params, carry, xs = setting(kind, np.float32)
  params, xs = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, xs))
  (last, y), scanned = (
    unroll(cell, params, xs, carry, implementation=name)
    for name in ("fused", "scan")
  )
  assert {a.dtype.name for a in (*last, y)} == {"float32"}
  assert_close((last, y), scanned, rtol=2e-2, atol=2e-2)
  got, want = (
    jax.grad(cost_of(function, cell, xs), (0, 1))(params, xs, carry, None)
    for function in (fused_unroll, unroll_by_scan)
  )
  assert {a.dtype.name for a in jax.tree.leaves(got)} == {"bfloat16"}
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want)):
    a, b = a.astype(np.float32), b.astype(np.float32)
    # Sums of T * B products of 8 bits each.
    assert np.abs(a - b).max() < 0.03 * np.abs(b).max()


def unroll_by_scan(*args, **options):
  return unroll(*args, **options, implementation="scan")


def test_finite_differences_through_resets():
  with jax.enable_x64(True):
    cell, params, carry, xs = setting("lstm")
    resets = np.arange(T * B).reshape(T, B) % 4 == 1
    cost = cost_of(fused_unroll, cell, xs, resets_TB=resets)
    initial = random_like(cell.initial_carry((), jnp.float64), 8)
    check_grads(
      jax.jit(cost), (params, xs, carry, initial), order=1, modes=["rev"]
    )


def test_forward_mode_is_refused_with_the_way_out():
  cell, params, carry, xs = setting("lstm", np.float32)
  with pytest.raises(TypeError, match='no forward-mode .* use impl.*="scan"'):
    jax.jvp(lambda xs: fused_unroll(cell, params, xs), (xs,), (xs,))
  by_scan = lambda xs: unroll_by_scan(cell, params, xs)[1]  # noqa: E731
  _, tangent = jax.jvp(by_scan, (xs,), (xs,))
  assert np.isfinite(tangent).all()


def test_which_program_is_chosen(monkeypatch):
  cell, params, _, xs = setting("lstm", np.float32)

  class Step:
    __hash__ = None

    def __call__(self, *args):
      return cell.step(*args)

  own = cell._replace(step=Step(), kind="mine")
  with pytest.raises(
    FieldError, match="for a cell whose step is not .* for 'mine'"
  ):
    fused_unroll(own, params, xs)
  for platform, automatic in (("gpu", True), ("cpu", True), ("tpu", False)):
    monkeypatch.setattr(jax, "default_backend", lambda p=platform: p)
    assert fused.program(own, False, "auto") is None
    assert (fused.program(cell, False, "auto") is not None) == automatic
    assert fused.program(cell, False, "fused") is not None
    assert fused.program(cell, False, "scan") is None


def test_where_auto_is_the_scan_it_says_so_once(monkeypatch, caplog):
  fused._say_once.cache_clear()
  own = lstm(2)._replace(kind="own", step=lambda *args: lstm(2).step(*args))
  with caplog.at_level("INFO", logger="rnn_lab"):
    for _ in range(2):
      fused.program(own, False, "auto")
      fused.program(lstm(2), False, "auto")
      fused.program(own, False, "scan")
  assert caplog.messages == [
    "implementation \"auto\" is the scan for cell 'own', which has no fused "
    "program"
  ]
  caplog.clear()
  monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
  with caplog.at_level("INFO", logger="rnn_lab"):
    for _ in range(2):
      fused.program(lstm(2), False, "auto")
  assert caplog.messages == [
    'implementation "auto" is the scan for every cell on tpu'
  ]


def test_padding_is_never_read():
  cell, params, carry, xs = setting("lstm", np.float32)
  valid = np.arange(T)[:, None] < LENGTHS[None]
  wild = jnp.where(valid[..., None], xs, jnp.nan)
  grads = all_gradients(
    fused_unroll, cell, params, wild, carry, None, lengths_B=LENGTHS
  )
  assert all(np.isfinite(a).all() for a in jax.tree.leaves(grads))
  assert not np.asarray(grads[1])[~valid].any()


@pytest.mark.parametrize("batch_shape", [(), (0,), (2, 3)])
def test_batches_of_any_rank_and_integer_inputs(batch_shape):
  cell, params, _, _ = setting("gru", np.float32)
  x = np.arange(T * np.prod(batch_shape, dtype=int) * D) % 5
  x = jnp.asarray(x.reshape(T, *batch_shape, D))

  def cost(params, function):
    last, y = function(cell, params, x)
    return jnp.sum(y) + jnp.sum(last.h)

  got, want = (
    jax.grad(cost)(params, function)
    for function in (fused_unroll, unroll_by_scan)
  )
  assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_a_stack_scans_the_steps_that_it_makes():
  layers = stack([lstm(4)], implementation="fused")
  params = init_stack(layers, jax.random.key(0), D)
  x = jnp.arange(T * B * D, dtype=jnp.float32).reshape(T, B, D) / 50.0
  _, plain = unroll_stack(layers, params, x)
  _, y, _ = unroll_stack(layers, params, x, return_states=True)
  np.testing.assert_allclose(y, plain, rtol=1e-5, atol=1e-6)
  zeros = zero_perturbations(layers, T, B)
  _, y = unroll_stack(layers, params, x, perturbations=zeros)
  np.testing.assert_allclose(y, plain, rtol=1e-5, atol=1e-6)
