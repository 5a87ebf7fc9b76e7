"""The two loops of a fused unroll, through time and back.

`forward` steps through time and saves what `backward` needs, which steps
through it the other way and returns the gradients of the gates; the gradients
of the kernels are left to the caller, as one product over all steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import affine, bias_row
from rnn_lab.fused.rules import Arrays, Rule
from rnn_lab.types import Array


class Sequence(NamedTuple):
  """What a loop reads.

  Attributes:
    kernel: U, `[H, GH]`.
    bias: added to h U, `[GH]`, or None.
    x_TBG: x W + b, `[T, B, GH]`, in the dtype of the state.
    start: the state before the first step, `[B, H]` each.
    fresh: the state that a reset returns to.
    valid: `[T, B]` booleans, False where a step is skipped; None for none.
    reset: `[T, B]` booleans, True where `fresh` replaces the state before a
      valid step; None for none.
  """

  kernel: Array
  bias: Array | None
  x_TBG: Array
  start: Arrays
  fresh: Arrays
  valid: Array | None
  reset: Array | None


class Trace(NamedTuple):
  """What `forward` saves for `backward`, with a leading dimension T."""

  before: Arrays  # the state that each step read
  saved: Arrays  # as the rule says


class Gradients(NamedTuple):
  """Of a cost with respect to what a loop reads."""

  x_TBG: Array
  h_TBG: Array  # of h U
  start: Arrays
  fresh: Arrays | None  # None without resets


def forward(
  rule: Rule, reverse: bool, unroll: int, sequence: Sequence
) -> tuple[Arrays, Array, Trace]:
  """Returns the last state, the outputs `[T, B, H]` and the trace."""
  kernel, bias, x_TBG, start, fresh, valid, reset = sequence
  dtype = start[0].dtype

  def body(state: Arrays, step: Any) -> tuple[Arrays, Any]:
    x_BG, valid_B, reset_B = step
    before = select(reset_B, fresh, state)
    h_BG = affine(kernel, before[0], dtype)
    if bias is not None:
      h_BG = h_BG + bias_row(bias, h_BG)
    after, saved = rule.forward(
      split(x_BG, rule.gates), split(h_BG, rule.gates), before
    )
    y_BH = after[0]
    if valid_B is not None:
      y_BH = select(valid_B, (y_BH,), (jnp.zeros_like(y_BH),))[0]
      after = select(valid_B, after, before)
    return after, (y_BH, Trace(before, saved))

  last, (y_TBH, trace) = jax.lax.scan(
    body, start, (x_TBG, valid, reset), reverse=reverse, unroll=unroll
  )
  return last, y_TBH, trace


def backward(
  rule: Rule,
  reverse: bool,
  unroll: int,
  sequence: Sequence,
  y_TBH: Array,
  trace: Trace,
  d_last: Arrays,
  d_y_TBH: Array,
) -> Gradients:
  """Returns the gradients, given those of the last state and the outputs."""
  kernel_T = sequence.kernel.T
  dtype = d_y_TBH.dtype
  zeros = tuple(jnp.zeros_like(a) for a in sequence.fresh)
  d_fresh = None if sequence.reset is None else zeros

  def body(carry: Any, step: Any) -> tuple[Any, Any]:
    d_state, d_fresh = carry
    y_BH, d_y_BH, (before, saved), valid_B, reset_B = step
    d_after = d_state
    if valid_B is not None:
      d_after = select(valid_B, d_state, zeros)
      d_y_BH = select(valid_B, (d_y_BH,), zeros[:1])[0]
    d_after = (d_after[0] + d_y_BH, *d_after[1:])
    d_x, d_h, d_before = rule.backward(saved, before, y_BH, d_after)
    d_x_BG = jnp.concatenate(d_x, -1)
    d_h_BG = d_x_BG if rule.shared else jnp.concatenate(d_h, -1)
    d_before = (d_before[0] + affine(kernel_T, d_h_BG, dtype), *d_before[1:])
    if valid_B is not None:
      d_before = select(valid_B, d_before, d_state)
    if reset_B is not None:
      into_fresh = select(reset_B, d_before, zeros)
      d_fresh = tuple(a + b for a, b in zip(d_fresh, into_fresh))
      d_before = select(reset_B, zeros, d_before)
    return (d_before, d_fresh), (d_x_BG, None if rule.shared else d_h_BG)

  (d_start, d_fresh), (d_x_TBG, d_h_TBG) = jax.lax.scan(
    body,
    (d_last, d_fresh),
    (y_TBH, d_y_TBH, trace, sequence.valid, sequence.reset),
    reverse=not reverse,
    unroll=unroll,
  )
  d_h_TBG = d_x_TBG if rule.shared else d_h_TBG
  return Gradients(d_x_TBG, d_h_TBG, d_start, d_fresh)


def split(gates_BG: Array, gates: int) -> Arrays:
  """Returns the blocks of the last dimension."""
  return tuple(jnp.split(gates_BG, gates, axis=-1))


def select(mask_B: Array | None, new: Arrays, old: Arrays) -> Arrays:
  """Returns `new` where a mask is True, else `old`; `old` without a mask."""
  if mask_B is None:
    return old
  return tuple(jnp.where(mask_B[:, None], a, b) for a, b in zip(new, old))
