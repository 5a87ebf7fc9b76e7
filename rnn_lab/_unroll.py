"""Unfolding a cell through time: the one place where time passes.

`unroll` is the program that everything runs: one `lax.scan`. `static_unroll`
is the same thing as a plain Python loop, T copies of the step one after the
other, as a textbook draws an unfolded network.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell, check_carry
from rnn_lab.types import Array, Carry, Params, PyTree

IMPLEMENTATIONS = ("auto", "scan")


class _Steps(NamedTuple):
  """What each step reads, leading dimension T."""

  x: PyTree
  valid: Array | None  # False where the sequence has ended
  reset: Array | None  # True where the carry starts anew before this step


def unroll(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None = None,
  *,
  lengths_B: Array | None = None,
  resets_TB: Array | None = None,
  reverse: bool = False,
  checkpoint_every: int | None = None,
  implementation: str = "auto",
) -> tuple[Carry, PyTree]:
  """Runs `cell` over the steps of `xs`: (carry, y_t) = step(carry, x_t).

  Args:
    cell: the cell.
    params: its parameters.
    xs: `[T, B, D]`, or a pytree of such arrays for a cell whose step takes
      one. B may be several dimensions or none.
    carry: the state before the first step; None is the cell's initial one.
    lengths_B: integers in [0, T]. Past its length a sequence's carry stands
      still and its output is zero; with length 0 the carry given comes back.
    resets_TB: booleans. True at t means that another sequence begins at t:
      no state passes between t-1 and t, the cell's initial carry takes its
      place, in either direction.
    reverse: read each sequence from its last valid step to its first. y_t
      stays beside x_t, and the carry returned is the one after x_0.
    checkpoint_every: keep the carries of every so many steps only, and
      recompute the others when gradients are taken: less memory, one more
      forward pass, the same numbers.
    implementation: "scan", or "auto" for the fastest one that fits.

  Returns:
    The last carry and the outputs `[T, B, H]`.

  Raises:
    ValueError: the shapes do not fit together.
  """
  if implementation not in IMPLEMENTATIONS:
    raise ValueError(
      f"unroll: implementation is {implementation!r}; it may be one of "
      f"{', '.join(IMPLEMENTATIONS)}"
    )
  fresh, carry, steps = _prepare(
    cell, params, xs, carry, lengths_B, resets_TB, reverse
  )

  def body(carry: Carry, step: _Steps) -> tuple[Carry, PyTree]:
    return _step(cell, params, fresh, carry, step)

  if checkpoint_every is None:
    return jax.lax.scan(body, carry, steps, reverse=reverse)
  if checkpoint_every < 1:
    raise ValueError(
      f"unroll: checkpoint_every is {checkpoint_every}; it may be a positive "
      "integer or None"
    )
  return _scan_in_chunks(body, carry, steps, reverse, checkpoint_every)


def static_unroll(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None = None,
  *,
  lengths_B: Array | None = None,
  resets_TB: Array | None = None,
  reverse: bool = False,
) -> tuple[Carry, PyTree]:
  """`unroll` as a plain Python loop over t. The arguments mean the same.

  Every step is traced on its own, so that the program grows with T: the
  oracle of tests and a picture of unfolding, not a way to train.
  """
  fresh, carry, steps = _prepare(
    cell, params, xs, carry, lengths_B, resets_TB, reverse
  )
  times = range(_num_steps(xs))
  ys = {}
  for t in reversed(times) if reverse else times:
    step_t = jax.tree.map(lambda a: a[t], steps)  # noqa: B023
    carry, ys[t] = _step(cell, params, fresh, carry, step_t)
  return carry, jax.tree.map(lambda *y: jnp.stack(y), *[ys[t] for t in times])


def _step(
  cell: Cell, params: Params, fresh: Carry, carry: Carry, step: _Steps
) -> tuple[Carry, PyTree]:
  """One step of the cell, with the resets and the ends of sequences."""
  before, x = carry, step.x
  if step.reset is not None:
    before = _where(step.reset, fresh, carry)
  if step.valid is not None:
    # Or a nan in the padding would reach the gradients, as nan * 0.
    x = _where(step.valid, x, jax.tree.map(jnp.zeros_like, x))
  after, y = cell.step(params, before, x)
  check_carry(cell, before, after)
  if step.valid is None:
    return after, y
  # Compared with `carry`, not `before`: a reset in the padding does nothing.
  return (
    _where(step.valid, after, carry),
    _where(step.valid, y, jax.tree.map(jnp.zeros_like, y)),
  )


def _scan_in_chunks(
  body: Any, carry: Carry, steps: _Steps, reverse: bool, size: int
) -> tuple[Carry, PyTree]:
  """A scan over chunks of `size` steps, each of which is recomputed."""

  @jax.checkpoint
  def chunk(carry: Carry, chunk_steps: _Steps) -> tuple[Carry, PyTree]:
    return jax.lax.scan(body, carry, chunk_steps, reverse=reverse)

  num_steps = jax.tree.leaves(steps)[0].shape[0]
  whole = num_steps // size * size
  head = jax.tree.map(
    lambda a: a[:whole].reshape(-1, size, *a.shape[1:]), steps
  )
  tail = jax.tree.map(lambda a: a[whole:], steps)
  has_tail = whole < num_steps

  if reverse and has_tail:
    carry, tail_ys = chunk(carry, tail)
  carry, ys = jax.lax.scan(chunk, carry, head, reverse=reverse)
  ys = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), ys)
  if not has_tail:
    return carry, ys
  if not reverse:
    carry, tail_ys = chunk(carry, tail)
  return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), ys, tail_ys)


def _prepare(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None,
  lengths_B: Array | None,
  resets_TB: Array | None,
  reverse: bool,
) -> tuple[Carry, Carry, _Steps]:
  """Checks shapes; returns the initial carry, the first one, the steps."""
  num_steps = _num_steps(xs)
  batch_shape = jax.tree.leaves(xs)[0].shape[1:-1]
  fresh = cell.initial_carry(batch_shape, carry_dtype(params, xs))
  if carry is None:
    carry = fresh
  else:
    check_carry(cell, fresh, carry)

  valid = None
  if lengths_B is not None:
    lengths_B = jnp.asarray(lengths_B)
    _check_shape("lengths_B", lengths_B, batch_shape)
    t_T = jnp.arange(num_steps).reshape(-1, *[1] * lengths_B.ndim)
    valid = t_T < lengths_B[None]

  reset = None
  if resets_TB is not None:
    reset = jnp.asarray(resets_TB)
    _check_shape("resets_TB", reset, (num_steps, *batch_shape))
    if reverse:
      # The border between t-1 and t is crossed after step t is read, so it
      # belongs in front of step t-1; unless t is padding, and never read.
      if valid is not None:
        reset = reset & valid
      none = jnp.zeros((1, *batch_shape), bool)
      reset = jnp.concatenate([reset[1:], none])
  return fresh, carry, _Steps(xs, valid, reset)


def _num_steps(xs: PyTree) -> int:
  leaves = jax.tree.leaves(xs)
  if not leaves or any(leaf.ndim < 2 for leaf in leaves):
    raise ValueError(
      "unroll: xs has the shapes "
      f"{[leaf.shape for leaf in leaves]}; each must be [T, ..., D]"
    )
  sizes = {leaf.shape[0] for leaf in leaves}
  if len(sizes) != 1 or 0 in sizes:
    raise ValueError(
      f"unroll: xs has {sorted(sizes)} steps; all must have the same number, "
      "at least one"
    )
  return sizes.pop()


def carry_dtype(params: Params, xs: PyTree) -> Any:
  """float32 for inputs and kernels of less, else their own."""
  leaves = jax.tree.leaves((params, xs))
  floats = [a.dtype for a in leaves if jnp.issubdtype(a.dtype, jnp.floating)]
  return jnp.result_type(jnp.float32, *floats)


def _check_shape(name: str, array: Array, expected: tuple[int, ...]) -> None:
  if array.shape != expected:
    raise ValueError(
      f"unroll: {name} has shape {array.shape}; it must be {expected}"
    )


def _where(mask: Array, new: PyTree, old: PyTree) -> PyTree:
  """`new` where the mask of leading dimensions holds, else `old`."""

  def select(a: Array, b: Array) -> Array:
    wide = mask.reshape(*mask.shape, *[1] * (a.ndim - mask.ndim))
    return jnp.where(wide, a, b)

  return jax.tree.map(select, new, old)
