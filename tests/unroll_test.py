"""unroll against a Python loop, cut sequences, torch and exact results."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree
from jax.test_util import check_grads
from oracles import NUMPY_STEPS, unroll_in_pieces, unroll_masked

from rnn_lab._stack import (
  Directions,
  final_state,
  stack,
  unroll_stack,
  with_states,
)
from rnn_lab._unroll import _prepare, static_unroll, unroll
from rnn_lab.cells import CELLS, Cell, elman, lstm
from rnn_lab.errors import FieldError

T, B, D, H = 7, 5, 3, 4
LENGTHS = np.array([7, 0, 1, 4, 7])
REFERENCE = pathlib.Path(__file__).parent / "data" / "torch_reference.npz"


def random_like(tree, seed, dtype=np.float64):
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda a: jnp.asarray(rng.normal(size=a.shape).astype(dtype)), tree
  )


def shapes_of(cell, batch=B):
  """The shapes of a cell's parameters and carry."""
  return jax.eval_shape(
    lambda: (
      cell.init(jax.random.key(0), D),
      cell.initial_carry((batch,), jnp.float32),
    )
  )


def setting(kind, dtype=np.float64):
  """A cell with random parameters, first carry and inputs, all distinct."""
  cell = CELLS[kind](H)
  params, carry = shapes_of(cell)
  params = random_like(params, 1, dtype)
  carry = random_like(carry, 2, dtype)
  xs = random_like(jax.ShapeDtypeStruct((T, B, D), dtype), 3, dtype)
  return cell, params, carry, xs


def assert_close(actual, expected, **tolerance):
  assert jax.tree.structure(actual) == jax.tree.structure(expected)
  for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, **tolerance)


def in_pieces(kind, params, xs, carry, lengths, resets, reverse):
  """The oracle, on numpy arrays only."""
  params, xs, carry = jax.tree.map(np.asarray, (params, xs, carry))
  fresh = type(carry)(*[np.zeros(H)] * len(carry))
  return unroll_in_pieces(
    NUMPY_STEPS[kind], params, xs, carry, fresh, lengths, resets, reverse
  )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_lengths_and_resets_equal_sequences_cut_to_pieces(kind, reverse):
  resets = np.zeros((T, B), bool)
  resets[0, 0] = resets[3, 0] = resets[2, 3] = resets[5, 3] = True
  # These lie in the padding, or at its border.
  resets[5, 4] = resets[6, 4] = resets[0, 1] = resets[1, 2] = True
  with jax.enable_x64(True):
    cell, params, carry, xs = setting(kind)
    args = (params, xs, carry)
    options = {"lengths_B": LENGTHS, "resets_TB": resets, "reverse": reverse}
    expected = in_pieces(kind, params, xs, carry, LENGTHS, resets, reverse)
    for function, more in (
      (static_unroll, {}),
      (unroll, {}),
      (unroll, {"implementation": "fused"}),
      (unroll, {"checkpoint_every": 3}),
    ):
      call = functools.partial(function, cell, **options, **more)
      assert_close(jax.jit(call)(*args), expected, rtol=1e-11, atol=1e-13)


# Padding in front, gaps, padding behind, nothing, everything; and where the
# resets lie: at valid steps, in gaps, in the padding.
MASK = np.array(
  [
    [0, 0, 1, 1, 0, 1, 1],
    [1, 0, 0, 1, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1, 1],
    [0, 1, 0, 1, 0, 1, 0],
  ],
  bool,
).T
RESETS = np.array(
  [
    [0, 1, 0, 0, 1, 0, 0],
    [0, 0, 1, 0, 0, 1, 0],
    [1, 0, 0, 1, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 1, 1],
  ],
  bool,
).T


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_any_mask_equals_a_loop_over_the_valid_steps(reverse, with_lengths):
  lengths = np.array([6, 7, 3, 5, 4])
  valid = MASK
  if with_lengths:
    valid = MASK & (np.arange(T)[:, None] < lengths[None])
  with jax.enable_x64(True):
    cell, params, carry, xs = setting("lstm")
    # What is masked is never read.
    xs = jnp.where(MASK[..., None], xs, jnp.nan)
    fresh = type(carry)(jnp.linspace(0.1, 0.4, H), jnp.linspace(-1, 1, H))
    options = {"mask_TB": MASK, "resets_TB": RESETS, "reverse": reverse}
    options |= {"lengths_B": lengths} if with_lengths else {}
    expected = unroll_masked(
      NUMPY_STEPS["lstm"],
      *jax.tree.map(np.asarray, (params, xs, carry, fresh)),
      valid,
      RESETS,
      reverse,
    )
    args = (cell, params, xs, carry)
    fused = functools.partial(unroll, implementation="fused")
    for function in (unroll, fused, static_unroll):
      actual = jax.jit(
        functools.partial(function, cell, **options, initial=fresh)
      )(*args[1:])
      assert_close(actual, expected, rtol=1e-11, atol=1e-13)


def test_the_gradient_of_an_initial_state_counts_every_reset():
  with jax.enable_x64(True):
    cell, params, _, xs = setting("elman")
    start = type(cell.initial_carry((), jnp.float64))(jnp.linspace(-1, 1, H))
    weights = random_like(jax.ShapeDtypeStruct((T, B, H), np.float64), 5)

    def cost(initial, resets):
      _, y = unroll(cell, params, xs, initial=initial, resets_TB=resets)
      return jnp.sum(weights * y)

    gradient = jax.jit(jax.grad(cost))
    total = gradient(start, RESETS)
    # Piece by piece, as sequences of their own.
    parts = np.zeros(H)
    for b in range(B):
      borders = [0, *(t for t in range(1, T) if RESETS[t, b]), T]
      for t, stop in zip(borders, borders[1:]):

        def of_piece(initial, b=b, t=t, stop=stop):
          _, y = static_unroll(
            cell, params, xs[t:stop, b : b + 1], initial=initial
          )
          return jnp.sum(weights[t:stop, b : b + 1] * y)

        parts += jax.jit(jax.grad(of_piece))(start).h
    np.testing.assert_allclose(total.h, parts, rtol=1e-10)


def test_every_state_of_every_step():
  with jax.enable_x64(True):
    cell, params, carry, xs = setting("lstm")
    options = {"lengths_B": LENGTHS, "implementation": "scan"}
    last, y = unroll(cell, params, xs, carry, **options)
    after, (again, states) = unroll(
      with_states(cell), params, xs, carry, **options
    )
    assert_close((after, again), (last, y), rtol=0)
    assert with_states(cell) == with_states(cell)  # compiles once
    for t in range(T):
      cut, _ = unroll(cell, params, xs[: t + 1], carry)
      valid = (t < LENGTHS)[:, None]
      assert_close(
        jax.tree.map(lambda a: a[t], states),  # noqa: B023
        jax.tree.map(lambda a: jnp.where(valid, a, 0), cut),  # noqa: B023
        rtol=1e-12,
      )


def weighted_sum(function, cell, **options):
  """A scalar cost of all outputs and carries, with distinct weights."""

  def cost(params, xs, carry):
    results = function(cell, params, xs, carry, **options)
    leaves = jax.tree.leaves(results)
    return sum(
      jnp.sum(a * jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape))
      for a in leaves
    )

  return cost


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_equal_those_of_the_loop_and_finite_differences(kind):
  with jax.enable_x64(True):
    cell, params, carry, xs = setting(kind)
    options = {"lengths_B": LENGTHS, "reverse": True}
    argnums = (0, 1, 2)
    cost = weighted_sum(static_unroll, cell, **options)
    expected = jax.jit(jax.grad(cost, argnums))(params, xs, carry)
    for more in (
      {"implementation": "fused", "checkpoint_every": 4},
      {"checkpoint_every": 4},
      {"checkpoint_every": [4, 2, 1]},
      {},
    ):
      cost = weighted_sum(unroll, cell, **options, **more)
      actual = jax.jit(jax.grad(cost, argnums))(params, xs, carry)
      assert_close(actual, expected, rtol=1e-10, atol=1e-12)
    # Of one vector, so that the differences compile once.
    vector, arguments = ravel_pytree((params, xs, carry))
    of_vector = jax.jit(lambda v: cost(*arguments(v)))
    check_grads(of_vector, (vector,), order=1, modes=["rev"])


def torch_arrays(kind):
  with np.load(REFERENCE) as file:
    arrays = {
      name.removeprefix(f"{kind}/"): file[name]
      for name in file
      if name.startswith(f"{kind}/")
    }
    return arrays, file["lengths"]


def from_torch(kind, arrays, suffix):
  """Our parameters from torch's of one layer and direction."""
  w_ih, w_hh, b_ih, b_hh = (
    arrays[f"{name}_{suffix}"]
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
  )
  size = w_hh.shape[1]
  cell = CELLS[kind](size)
  params = jax.eval_shape(lambda: cell.init(jax.random.key(0), w_ih.shape[1]))
  bias = b_ih + b_hh
  if kind == "gru":
    bias = np.concatenate([bias[: 2 * size], b_ih[2 * size :]])
    params = params._replace(recurrent_bias_n=b_hh[2 * size :])
  return params._replace(
    input_kernel=w_ih.T, recurrent_kernel=w_hh.T, bias=bias
  )


def torch_carry(kind, arrays, which, n):
  cell = CELLS[kind](arrays["first_h"].shape[-1])
  carry = jax.eval_shape(lambda: cell.initial_carry((1,), jnp.float64))
  return type(carry)(*[arrays[f"{which}_{name}"][n] for name in carry._fields])


@pytest.mark.parametrize("kind", CELLS)
def test_two_bidirectional_layers_equal_torch(kind):
  arrays, lengths = torch_arrays(kind)
  with jax.enable_x64(True):
    size = arrays["first_h"].shape[-1]
    cell = CELLS[kind](size)
    x = jnp.asarray(arrays["x"])

    layers = stack([cell] * 2, bidirectional=True)

    def of_all_layers(value):
      numbers = ((0, 1), (2, 3))
      return tuple(Directions(*map(value, pair)) for pair in numbers)

    def run(params, x):
      first = of_all_layers(lambda n: torch_carry(kind, arrays, "first", n))
      lasts, y = unroll_stack(layers, params, x, first, lengths_B=lengths)
      return y, lasts

    suffixes = ("l0", "l0_reverse", "l1", "l1_reverse")
    params = of_all_layers(lambda n: from_torch(kind, arrays, suffixes[n]))
    y, lasts = jax.jit(run)(params, x)
    np.testing.assert_allclose(y, arrays["y"], rtol=1e-10, atol=1e-12)
    close = functools.partial(assert_close, rtol=1e-10, atol=1e-12)
    close(lasts, of_all_layers(lambda n: torch_carry(kind, arrays, "last", n)))
    # All layers and directions side by side, or those of the top layer.
    ends = [*arrays["last_h"]]
    close(final_state(lasts, "all"), jnp.concatenate(ends, axis=-1))
    close(final_state(lasts, "top"), jnp.concatenate(ends[2:], axis=-1))

    cost = jax.jit(
      jax.grad(
        lambda p, x: jnp.sum(run(p, x)[0] * arrays["cost_weights"]), (0, 1)
      )
    )
    grads, x_grad = cost(params, x)
    np.testing.assert_allclose(x_grad, arrays["x_grad"], rtol=1e-9, atol=1e-12)
    for suffix, ours in (("l0", grads[0][0]), ("l1_reverse", grads[1][1])):
      for theirs, kernel in (
        ("weight_ih", ours.input_kernel.T),
        ("weight_hh", ours.recurrent_kernel.T),
        ("bias_ih", ours.bias),
      ):
        np.testing.assert_allclose(
          kernel, arrays[f"{theirs}_{suffix}_grad"], rtol=1e-9, atol=1e-12
        )


def test_the_lectures_two_step_network():
  """Its 3 inputs, 5 neurons, 4 instances and 2 steps, computed three ways."""
  x0 = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 1]], np.float64)
  x1 = np.array([[9, 8, 7], [0, 0, 0], [6, 5, 4], [3, 2, 1]], np.float64)
  rng = np.random.default_rng(42)
  u, w, b = (
    rng.normal(size=(3, 5)),
    rng.normal(size=(5, 5)),
    rng.normal(size=(1, 5)),
  )
  y0 = np.tanh(x0 @ u + b)
  y1 = np.tanh(y0 @ w + x1 @ u + b)
  with jax.enable_x64(True):
    cell = elman(5)
    params = type(cell.init(jax.random.key(0), 3))(
      input_kernel=jnp.asarray(u),
      recurrent_kernel=jnp.asarray(w),
      bias=jnp.asarray(b[0]),
    )
    xs = jnp.asarray(np.stack([x0, x1]))
    for function in (static_unroll, unroll):
      carry, ys = function(cell, params, xs)
      np.testing.assert_allclose(ys, [y0, y1], rtol=1e-13)
      np.testing.assert_allclose(carry.h, y1, rtol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_causality_is_exact(kind, reverse):
  """dy_t/dx_s is exactly zero for every s that is read after t."""
  cell, params, carry, xs = setting(kind, np.float32)

  def output_at(t, xs):
    return jnp.sum(unroll(cell, params, xs, carry, reverse=reverse)[1][t])

  gradients = jax.vmap(jax.grad(output_at, argnums=1), (0, None))
  for t, gradient in enumerate(
    np.asarray(jax.jit(gradients)(np.arange(T), xs))
  ):
    size = np.abs(gradient).sum(axis=(1, 2))
    later = range(t) if reverse else range(t + 1, T)
    read = range(t, T) if reverse else range(t + 1)
    assert all(size[s] == 0.0 for s in later)
    assert all(size[s] > 0.0 for s in read)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_reset_cuts_the_gradient_exactly(reverse):
  cell, params, carry, xs = setting("lstm", np.float32)
  resets = np.arange(T)[:, None] == np.full(B, 3)

  def cost(xs, side):
    _, y = unroll(cell, params, xs, carry, resets_TB=resets, reverse=reverse)
    return jnp.sum(y[3:] if side == "after" else y[:3])

  gradient = jax.jit(jax.grad(cost), static_argnums=1)
  after, before = (np.asarray(gradient(xs, s)) for s in ("after", "before"))
  assert not np.any(after[:3]) and np.all(np.any(after[3:], axis=(1, 2)))
  assert not np.any(before[3:]) and np.all(np.any(before[:3], axis=(1, 2)))


def test_padding_is_never_read():
  cell, params, carry, xs = setting("gru", np.float32)
  padding = jnp.arange(T)[:, None] >= jnp.asarray(LENGTHS)[None, :]
  other = jnp.where(padding[:, :, None], 1e9, xs)
  for reverse in (False, True):
    expected = unroll(
      cell, params, xs, carry, lengths_B=LENGTHS, reverse=reverse
    )
    actual = unroll(
      cell, params, other, carry, lengths_B=LENGTHS, reverse=reverse
    )
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
      np.testing.assert_array_equal(a, e)
    assert not np.any(np.asarray(actual[1])[np.asarray(padding)])

  def cost(params, xs):
    return jnp.sum(unroll(cell, params, xs, lengths_B=LENGTHS)[1])

  poisoned = jnp.where(padding[:, :, None], jnp.nan, xs)
  expected = jax.grad(cost, (0, 1))(params, xs)
  actual = jax.grad(cost, (0, 1))(params, poisoned)
  for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
    np.testing.assert_array_equal(a, e)


def test_length_zero_returns_the_initial_carry_untouched():
  cell, params, carry, xs = setting("lstm", np.float32)
  after, y = unroll(cell, params, xs, carry, lengths_B=jnp.zeros(B, int))
  for a, e in zip(after, carry):
    np.testing.assert_array_equal(a, e)
  assert not np.any(y)


class Counter:
  """A cell that adds its input to its state, with answers by hand."""

  @staticmethod
  def cell():
    def step(params, carry, x):
      del params
      return carry + x, 10 * (carry + x)

    return Cell(
      init=lambda key, size: (),
      initial_carry=lambda shape, dtype: jnp.zeros((*shape, 1), dtype),
      step=step,
    )


def test_a_users_cell_of_three_functions():
  xs = jnp.arange(1.0, 9.0).reshape(4, 2, 1)  # 1 3 5 7 and 2 4 6 8
  carry, ys = unroll(Counter.cell(), (), xs, lengths_B=jnp.array([4, 2]))
  np.testing.assert_array_equal(carry[:, 0], [16, 6])
  np.testing.assert_array_equal(ys[:, 0, 0], [10, 40, 90, 160])
  np.testing.assert_array_equal(ys[:, 1, 0], [20, 60, 0, 0])
  carry, ys = unroll(
    Counter.cell(),
    (),
    xs,
    jnp.array([[100.0], [200.0]]),
    lengths_B=jnp.array([4, 2]),
    resets_TB=jnp.zeros((4, 2), bool).at[1, 0].set(True),
    reverse=True,
  )
  # Sequence 0 backwards: 100 + 7 + 5 + 3, then a reset: 1.
  np.testing.assert_array_equal(ys[:, 0, 0], [10, 1150, 1120, 1070])
  np.testing.assert_array_equal(ys[:, 1, 0], [2060, 2040, 0, 0])
  np.testing.assert_array_equal(carry[:, 0], [1, 206])


def test_inputs_may_be_a_pytree_and_batches_of_any_rank():
  def step(params, carry, x):
    a, b = x["a"], x["b"]
    return carry + a * b[..., :1], carry * b[..., 1:]

  cell = Cell(lambda k, s: (), lambda s, d: jnp.ones((*s, 1), d), step)
  a = jnp.arange(1.0, 13.0).reshape(3, 2, 2, 1)
  b = jnp.arange(1.0, 25.0).reshape(3, 2, 2, 2)
  carry, _ = unroll(cell, (), {"a": a, "b": b}, lengths_B=jnp.full((2, 2), 3))
  np.testing.assert_array_equal(carry, 1 + (a * b[..., :1]).sum(0))
  carry, y = unroll(cell, (), {"a": a[:, 0, 0], "b": b[:, 0, 0]})
  assert carry.shape == (1,) and y.shape == (3, 1)


def test_the_carrys_dtype():
  cell, params, _, xs = setting("lstm", np.float32)
  narrow = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, xs))
  carry, y = unroll(cell, *narrow)
  assert carry.c.dtype == y.dtype == jnp.float32


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_shape_length_and_chunk(data):
  num_steps = data.draw(st.integers(1, 9), "T")
  batch = data.draw(st.integers(1, 3), "B")
  every = data.draw(st.integers(1, 10), "checkpoint_every")
  implementation = data.draw(st.sampled_from(["fused", "scan"]))
  lengths = data.draw(
    st.lists(st.integers(0, num_steps), min_size=batch, max_size=batch), "L"
  )
  resets = np.array(
    data.draw(
      st.lists(
        st.lists(st.booleans(), min_size=batch, max_size=batch),
        min_size=num_steps,
        max_size=num_steps,
      ),
      "resets",
    )
  )
  reverse = data.draw(st.booleans(), "reverse")
  kind = data.draw(st.sampled_from(sorted(CELLS)), "kind")
  with jax.enable_x64(True):
    cell, params, _, _ = setting(kind)
    xs = random_like(np.zeros((num_steps, batch, D)), num_steps)
    carry = random_like(shapes_of(cell, batch)[1], batch)
    expected = in_pieces(kind, params, xs, carry, lengths, resets, reverse)
    unrolled = jax.jit(
      functools.partial(
        unroll,
        cell,
        lengths_B=np.array(lengths),
        resets_TB=resets,
        reverse=reverse,
        checkpoint_every=every,
        implementation=implementation,
      )
    )
    actual = unrolled(params, xs, carry)
    assert_close(actual, expected, rtol=1e-10, atol=1e-12)


def test_checkpointing_keeps_fewer_numbers():
  """A pass in chunks of 10 of 100 steps has fewer residuals."""
  cell = lstm(8)
  params = cell.init(jax.random.key(0), 2)
  xs = jnp.zeros((100, 1, 2))

  def saved(every):
    _, backward = jax.vjp(
      lambda p: unroll(cell, p, xs, checkpoint_every=every)[0].h, params
    )
    return sum(a.size for a in jax.tree.leaves(backward))

  assert saved(10) < saved(None) / 4


ALLOWED = "must hold integers from 0 to the number of steps 7"


def test_lengths_out_of_their_range():
  cell, params, carry, xs = setting("gru", np.float32)
  for lengths, message in (
    ([7, 8, 1, 4, 7], f"lengths_B {ALLOWED}, got 8"),
    ([7, 0, 1, 4, -1], f"lengths_B {ALLOWED}, got -1"),
    ([7.0, 2.5, 1, 4, 7], f"lengths_B {ALLOWED}, got 2.5"),
    ([7, 0, float("nan"), 4, 7], f"lengths_B {ALLOWED}, got nan"),
    ([True] * B, "lengths_B must hold integers, got the dtype bool"),
    ([1j] * B, "lengths_B must hold integers, got the dtype complex"),
    ([7, 0, 1], "lengths_B must have shape (5,), got (3,)"),
    ([[7, 0, 1, 4, 7]], "lengths_B must have shape (5,), got (1, 5)"),
  ):
    for form in (list, np.array, jnp.array):
      for function in (unroll, static_unroll):
        with pytest.raises(FieldError) as error:
          function(cell, params, xs, carry, lengths_B=form(lengths))
        assert str(error.value).startswith(message)


def test_wrong_forms_are_named():
  cell, params, carry, xs = setting("gru", np.float32)
  for options, message in (
    (
      {"lengths_B": [[7], [0, 1]]},
      "lengths_B must have shape (5,), got rows of different lengths",
    ),
    ({"resets_TB": np.full((T, B), np.nan)}, "resets_TB must hold booleans"),
    ({"mask_TB": np.full((T, B), "x")}, "mask_TB must hold booleans, got the"),
    ({"carry": ([0.0],)}, "gru: the carry must have the form"),
  ):
    with pytest.raises(ValueError) as error:
      unroll(cell, params, xs, **options)
    assert str(error.value).startswith(message)
  with pytest.raises(FieldError, match="^xs must be an array .* with a float"):
    unroll(cell, params, [[[1.0] * D] * B] * T)
  # Of traced values the dtype and the shape are known.
  traced = jax.jit(lambda lengths: unroll(cell, params, xs, lengths_B=lengths))
  with pytest.raises(FieldError, match="hold integers, got the dtype bool"):
    traced(jnp.ones(B, bool))
  with pytest.raises(FieldError, match=r"shape \(5,\), got \(4,\)"):
    traced(jnp.ones(4, int))


@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_masks_and_resets_in_every_form(reverse, with_mask):
  """All forms give the same steps, which the tests above hold to a loop."""

  def steps(form, lengths, by=1):
    mask = form(by * MASK) if with_mask else None
    given = (lengths, mask, form(by * RESETS), reverse)
    _, _, steps = _prepare(Counter.cell(), (), xs, None, None, *given)
    return steps.valid, steps.reset

  xs = jnp.zeros((T, B, 1))
  expected = steps(lambda a: jnp.asarray(a, bool), jnp.asarray(LENGTHS))
  assert {a.dtype for a in expected} == {jnp.dtype(bool)}
  forms = (
    (np.float32, LENGTHS.astype(np.float32)),
    (np.ndarray.tolist, LENGTHS.tolist()),
    (lambda a: a.astype(np.uint8), LENGTHS.astype(np.uint8)),
    (lambda a: jnp.asarray(a, jnp.bfloat16), tuple(LENGTHS)),
    (lambda a: [*jnp.asarray(a)], jnp.asarray(LENGTHS, jnp.bfloat16)),
  )
  for form, lengths in forms:
    for by in (1, 2):
      assert_close(steps(form, lengths, by), expected)
  traced = jax.jit(lambda lengths: steps(np.asarray, [*lengths]))
  assert_close(traced(jnp.asarray(LENGTHS, jnp.float32)), expected)


def test_float_resets_of_two_with_a_list_of_lengths():
  xs = jnp.arange(1.0, 9.0).reshape(4, 2, 1)  # 1 3 5 7 and 2 4 6 8
  resets = np.zeros((4, 2), np.float32)
  resets[1, 0] = 2.0
  _, ys = unroll(
    Counter.cell(), (), xs, lengths_B=[4, 2], resets_TB=resets, reverse=True
  )
  np.testing.assert_array_equal(ys[:, 0, 0], [10, 150, 120, 70])
  np.testing.assert_array_equal(ys[:, 1, 0], [60, 40, 0, 0])


@pytest.mark.parametrize("kind", CELLS)
def test_complex_arrays_are_refused(kind):
  """Rather than without their imaginary part."""
  cell, params, carry, xs = setting(kind, np.float32)
  message = f"^{kind}: {{}} must hold real numbers, got complex64"
  for function in (unroll, static_unroll):
    with pytest.raises(FieldError, match=message.format("x")):
      function(cell, params, xs * 1j, carry)
  with pytest.raises(FieldError, match=message.format("params")):
    unroll(cell, jax.tree.map(lambda a: a * 1j, params), xs)
  with pytest.raises(FieldError, match=message.format("carry")):
    cell.step(params, jax.tree.map(lambda a: a * 1j, carry), xs[0])


@pytest.mark.parametrize("kind", CELLS)
def test_parameters_of_another_form_are_refused(kind):
  """Lists of numbers would be trees of scalars."""
  cell, params, _, xs = setting(kind, np.float32)
  lists = jax.tree.map(lambda a: a.tolist(), params)
  scalars = jax.tree.map(lambda a: a.ravel()[0], params)
  for wrong, got in (
    (lists, r"hold arrays, got a float at .input_kernel\[0\]\[0\]"),
    (params._replace(bias="b"), r"hold arrays, got a str at .bias"),
    (None, "be those of .* matrix input_kernel, got a NoneType without it"),
    (params._asdict(), "be those of .* got a dict without it"),
    (scalars, r"be those of .* input_kernel, got shape \(\)"),
  ):
    fused = functools.partial(unroll, implementation="fused")
    for function in (unroll, fused, static_unroll):
      with pytest.raises(FieldError, match=f"^{kind}: params must {got}"):
        function(cell, wrong, xs)


def test_a_users_parameters_may_be_plain_numbers():
  def step(decay, carry, x):
    carry = decay * carry + x
    return carry, carry

  cell = Cell(lambda *_: 0.5, lambda s, d: jnp.zeros((*s, 1), d), step)
  xs = jnp.arange(1.0, 4.0).reshape(3, 1, 1)
  for function in (unroll, static_unroll):
    assert function(cell, 0.5, xs)[0].item() == 3 + 2 / 2 + 1 / 4


def test_a_users_cell_may_compute_with_complex_numbers():
  def step(params, carry, x):
    carry = params * carry + x
    return carry, carry.imag

  cell = Cell(
    lambda key, size: jnp.exp(0.3j),
    lambda shape, dtype: jnp.zeros((*shape, 1), jnp.complex64),
    step,
  )
  xs = np.arange(1.0, 4.0).reshape(3, 1, 1) * (1 + 2j)
  decay = np.exp(0.3j)
  expected = xs[2] + decay * xs[1] + decay**2 * xs[0]
  carry, y = unroll(cell, cell.init(None, 1), jnp.asarray(xs, jnp.complex64))
  np.testing.assert_allclose(carry, expected, rtol=1e-6)
  np.testing.assert_allclose(y[2], expected.imag, rtol=1e-6)


def test_wrong_shapes_are_named():
  cell, params, carry, xs = setting("lstm", np.float32)
  with pytest.raises(ValueError, match=r"lengths_B must .*, got \(4,\)"):
    unroll(cell, params, xs, lengths_B=jnp.zeros(4, int))
  with pytest.raises(ValueError, match=r"resets_TB must .*, got \(5, 7\)"):
    unroll(cell, params, xs, resets_TB=jnp.zeros((B, T), bool))
  with pytest.raises(FieldError, match="checkpoint_every must be .*, got 0"):
    unroll(cell, params, xs, checkpoint_every=0)
  for sizes in ((2, 2), [2, 3]):
    with pytest.raises(FieldError, match="must fall from one number to the"):
      unroll(cell, params, xs, checkpoint_every=sizes)
  with pytest.raises(FieldError, match="checkpoint_every must be .*, got 1.5"):
    unroll(cell, params, xs, checkpoint_every=(3, 1.5))
  with pytest.raises(FieldError, match="auto, fused, scan, got 'quick'"):
    unroll(cell, params, xs, implementation="quick")
  with pytest.raises(ValueError, match="lstm: the carry must have the form"):
    unroll(cell, params, xs, carry=carry.h)
  with pytest.raises(ValueError, match="at least one"):
    unroll(cell, params, xs[:0])
  with pytest.raises(
    ValueError, match="the last dimension of the input must be"
  ):
    unroll(cell, params, xs[..., :2])

  def grows(params, carry, x):
    return jnp.concatenate([carry, x], -1), x

  with pytest.raises(ValueError, match="custom: the carry must have the form"):
    unroll(Counter.cell()._replace(step=grows), (), xs[..., :1])


def test_a_direction_that_is_no_boolean_is_refused():
  cell = CELLS["elman"](2)
  params = cell.init(jax.random.key(0), 3)
  for call in (unroll, static_unroll):
    with pytest.raises(FieldError, match="reverse must be .*, got 'false'"):
      call(cell, params, jnp.ones((2, 1, 3)), reverse="false")
    call(cell, params, jnp.ones((2, 1, 3)), reverse=np.False_)
