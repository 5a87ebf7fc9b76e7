"""Unrolls a cell through time; all other modules unroll through this one.

`unroll` is one `lax.scan`, or a fused program. `static_unroll` computes the
same as a Python loop, T copies of the step one after the other, as textbooks
draw an unfolded network.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab import fused
from rnn_lab._steps import (
  as_flags,
  as_lengths,
  before_length,
  resets_between,
)
from rnn_lab.cells.base import Cell, check_carry, is_float
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_bool,
  check_choice,
  check_int,
)
from rnn_lab.types import Array, Carry, Params, PyTree

IMPLEMENTATIONS = ("auto", "fused", "scan")


class _Steps(NamedTuple):
  """The inputs of each step, with a leading dimension T."""

  x: PyTree
  valid: Array | None  # False where the step is skipped
  reset: Array | None  # True where the initial carry replaces the carry


def unroll(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None = None,
  *,
  initial: Carry | None = None,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
  resets_TB: Array | np.ndarray | None = None,
  reverse: bool = False,
  checkpoint_every: int | tuple[int, ...] | list[int] | None = None,
  implementation: str = "auto",
) -> tuple[Carry, PyTree]:
  """Computes (carry, y_t) = step(carry, x_t) for every step of `xs`.

  Args:
    cell: the cell.
    params: its parameters.
    xs: `[T, B, D]`, or a pytree of such arrays for a cell whose step takes
      one. B stands for any number of dimensions, also none.
    carry: the state before the first step; None for the initial carry.
    initial: the initial carry, which a reset returns to, with the shapes of
      one sequence (`[H]`): for example learned parameters, whose gradient
      then adds up every reset. None for the cell's own, usually zeros.
    lengths_B: integers in [0, T], as an array of any library or a list. Steps
      past the length of a sequence are skipped.
    mask_TB: booleans, or numbers that count as True unless they are zero.
      Steps where it is False are skipped, wherever they stand. A skipped step
      passes the carry on, its output is zero, its input is never read; without
      a valid step the carry given is returned.
    resets_TB: booleans, or numbers likewise. True at t means that another
      sequence begins at t: the initial carry replaces the state that passes
      from a valid step before t to one at or after t, in either direction.
      Before all valid steps, a reset replaces the carry given if they are read
      forwards.
    reverse: read each sequence from its last valid step to its first. y_t
      remains the output for x_t, and the carry returned is the one after the
      first valid step.
    checkpoint_every: keep the carry of every n-th step only and recompute the
      others for the gradients: less memory, one more forward pass, the same
      numbers. None keeps all. Several numbers, each smaller than the one
      before, do so at several levels: of (1000, 30) every 1000th carry is kept,
      while such a stretch is recomputed every 30th within it, and so on; one
      more forward pass a level.
    implementation: "scan"; "fused" for the same numbers, to rounding, from a
      program whose gradients are written by hand (see `rnn_lab.fused`), which
      has no forward-mode derivative (jvp, jacfwd: use "scan" there); or "auto",
      which is "fused" on CPU and GPU for the cells that have such a program and
      "scan" elsewhere, said once by the logger "rnn_lab.fused" (INFO).

  Returns:
    The last carry and the outputs `[T, B, H]`.

  Raises:
    FieldError: `checkpoint_every` or `implementation` is out of its range, or
      the cell has no fused program;
      `reverse` is no boolean; or `lengths_B`, `mask_TB` or `resets_TB` has
      another shape, or values out of its range, which are not known while the
      call is traced.
    ValueError: the shapes do not fit together.
  """
  sizes = check_execution(checkpoint_every, implementation)
  fresh, carry, steps = _prepare(
    cell, params, xs, carry, initial, lengths_B, mask_TB, resets_TB, reverse
  )
  how = fused.program(cell, reverse, implementation)
  if how is not None:
    # Before the program, which would take other widths for another cell's.
    x = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), xs)
    after, _ = jax.eval_shape(functools.partial(cell.step, params), carry, x)
    check_carry(cell, carry, after)

  def run(carry: Carry, steps: _Steps) -> tuple[Carry, PyTree]:
    if how is not None:
      return fused.unroll(how, params, carry, fresh, *steps)

    def body(carry: Carry, step: _Steps) -> tuple[Carry, PyTree]:
      return _step(cell, params, fresh, carry, step)

    return jax.lax.scan(body, carry, steps, reverse=reverse)

  for size in reversed(sizes):
    run = functools.partial(_run_in_chunks, run, size, reverse)
  return run(carry, steps)


def check_execution(
  checkpoint_every: int | tuple[int, ...] | list[int] | None,
  implementation: str,
) -> tuple[int, ...]:
  """Returns the sizes of chunks, from the largest, after a check of both.

  Raises:
    FieldError: an argument of `unroll` is out of its range.
  """
  check_choice("implementation", implementation, IMPLEMENTATIONS)
  if checkpoint_every is None:
    return ()
  sizes: tuple[Any, ...] = (checkpoint_every,)
  if isinstance(checkpoint_every, tuple | list):
    sizes = tuple(checkpoint_every)
  for size in sizes:
    check_int("checkpoint_every", size, 1, INT32_MAX)
  if any(inner >= outer for outer, inner in itertools.pairwise(sizes)):
    raise FieldError(
      "checkpoint_every",
      f"{{field}} must fall from one number to the next, got {sizes!r}",
    )
  return sizes


def static_unroll(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None = None,
  *,
  initial: Carry | None = None,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
  resets_TB: Array | np.ndarray | None = None,
  reverse: bool = False,
) -> tuple[Carry, PyTree]:
  """Computes `unroll` as a Python loop over t, with the same arguments.

  Every step is traced separately, so that the program grows with T: for tests
  and illustration, not for training.
  """
  fresh, carry, steps = _prepare(
    cell, params, xs, carry, initial, lengths_B, mask_TB, resets_TB, reverse
  )
  times = range(_num_steps(xs))
  ys = {}
  for t in reversed(times) if reverse else times:
    step_t = jax.tree.map(lambda a: a[t], steps)  # noqa: B023
    carry, ys[t] = _step(cell, params, fresh, carry, step_t)
  return carry, jax.tree.map(lambda *y: jnp.stack(y), *map(ys.get, times))


def _step(
  cell: Cell, params: Params, fresh: Carry, carry: Carry, step: _Steps
) -> tuple[Carry, PyTree]:
  """Computes one step of the cell, with resets and ends of sequences."""
  before, x = carry, step.x
  if step.reset is not None:
    before = _where(step.reset, fresh, carry)
  if step.valid is not None:
    # A nan in the padding would reach the gradients, as nan * 0.
    x = _where(step.valid, x, jax.tree.map(jnp.zeros_like, x))
  after, y = cell.step(params, before, x)
  check_carry(cell, before, after)
  if step.valid is None:
    return after, y
  # `carry`, not `before`: a reset in the padding has no effect.
  return (
    _where(step.valid, after, carry),
    _where(step.valid, y, jax.tree.map(jnp.zeros_like, y)),
  )


def _run_in_chunks(
  run: Callable[[Carry, _Steps], tuple[Carry, PyTree]],
  size: int,
  reverse: bool,
  carry: Carry,
  steps: _Steps,
) -> tuple[Carry, PyTree]:
  """Runs chunks of `size` steps, recomputing each for the gradients."""
  chunk = jax.checkpoint(run)
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
  initial: Carry | None,
  lengths_B: Array | np.ndarray | None,
  mask_TB: Array | np.ndarray | None,
  resets_TB: Array | np.ndarray | None,
  reverse: bool,
) -> tuple[Carry, Carry, _Steps]:
  """Checks shapes; returns the initial carry, the first one, the steps."""
  check_bool("reverse", reverse)
  num_steps = _num_steps(xs)
  batch_shape = jax.tree.leaves(xs)[0].shape[1:-1]
  fresh = cell.initial_carry(batch_shape, carry_dtype(params, xs))
  if initial is not None:
    fresh = for_batch(cell, initial, batch_shape, carry_dtype(params, xs))
  carry = fresh if carry is None else jax.tree.map(jnp.asarray, carry)
  check_carry(cell, fresh, carry)

  valid = None
  if lengths_B is not None:
    lengths_B = as_lengths(lengths_B, num_steps, batch_shape)
    valid = before_length(lengths_B, num_steps)
  if mask_TB is not None:
    mask_TB = as_flags("mask_TB", mask_TB, (num_steps, *batch_shape))
    valid = mask_TB if valid is None else valid & mask_TB

  reset = None
  if resets_TB is not None:
    reset = as_flags("resets_TB", resets_TB, (num_steps, *batch_shape))
    if mask_TB is not None:
      assert valid is not None  # since the mask is
      reset = resets_between(reset, valid, reverse)
    elif reverse:
      # The border between t-1 and t is crossed after step t, so the reset
      # belongs before step t-1; unless t is padding, which is never read.
      reset = reset if valid is None else reset & valid
      reset = jnp.concatenate([reset[1:], jnp.zeros_like(reset[:1])])
  return fresh, carry, _Steps(xs, valid, reset)


def for_batch(
  cell: Cell, carry: Carry, batch_shape: tuple[int, ...], dtype: Any
) -> Carry:
  """Returns the carry of one sequence, repeated for a batch.

  Args:
    cell: the cell.
    carry: with the shapes of one sequence.
    batch_shape: the leading dimensions to add.
    dtype: of floating arrays.

  Raises:
    ValueError: it is not a carry of the cell.
  """
  check_carry(
    cell,
    cell.initial_carry((), dtype),
    jax.tree.map(lambda a: a.astype(dtype) if is_float(a) else a, carry),
  )

  def repeat(a: Array) -> Array:
    a = a.astype(dtype) if is_float(a) else a
    lead = (1,) * len(batch_shape)
    return jnp.broadcast_to(
      a.reshape(*lead, *a.shape), (*batch_shape, *a.shape)
    )

  return jax.tree.map(repeat, carry)


def _num_steps(xs: PyTree) -> int:
  leaves = jax.tree.leaves(xs)
  for leaf in leaves:
    if not hasattr(leaf, "ndim"):
      raise FieldError(
        "xs",
        "{field} must be an array or a pytree of arrays, got one with a "
        f"{type(leaf).__name__}",
      )
  if not leaves or any(leaf.ndim < 2 for leaf in leaves):
    raise ValueError(
      "unroll: each array of xs must have a shape [T, ..., D], got "
      f"{[leaf.shape for leaf in leaves]}"
    )
  sizes = {leaf.shape[0] for leaf in leaves}
  if len(sizes) != 1 or 0 in sizes:
    raise ValueError(
      "unroll: all arrays of xs must have the same number of steps, at least "
      f"one, got {sorted(sizes)}"
    )
  return sizes.pop()


def carry_dtype(params: Params, xs: PyTree) -> Any:
  """Returns the dtype of parameters and inputs, at least float32."""
  floats = filter(is_float, jax.tree.leaves((params, xs)))
  return jnp.result_type(jnp.float32, *[array.dtype for array in floats])


def _where(mask: Array, new: PyTree, old: PyTree) -> PyTree:
  """Selects `new` where the mask of leading dimensions is True, else `old`."""

  def select(a: Array, b: Array) -> Array:
    wide = mask.reshape(*mask.shape, *[1] * (a.ndim - mask.ndim))
    return jnp.where(wide, a, b)

  return jax.tree.map(select, new, old)
