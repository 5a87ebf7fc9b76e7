"""The two loops of a fused unroll, through time and back.

`forward` steps through time and saves what `backward` needs, which steps
through it the other way and returns the gradients of the gates; the gradients
of the kernels are left to the caller, as one product over all steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import affine, bias_row
from rnn_lab.fused.rules import Arrays, Rule, Weights
from rnn_lab.types import Array


class Sequence(NamedTuple):
  """What a loop reads.

  Attributes:
    weights: the kernels and biases; those of the inputs are None where `x`
      holds their product.
    x: inputs `[T, B, D]`, or x W + b `[T, B, GH]` in the dtype of the state.
    start: the state before the first step, `[B, H]` each.
    fresh: the state that a reset returns to.
    valid: `[T, B]` booleans, False where a step is skipped; None for none.
    reset: `[T, B]` booleans, True where `fresh` replaces the state before a
      valid step; None for none.
  """

  weights: Weights
  x: Array
  start: Arrays
  fresh: Arrays
  valid: Array | None
  reset: Array | None


class Trace(NamedTuple):
  """What `forward` saves for `backward`, with a leading dimension T."""

  before: Arrays  # the state that each step read
  saved: Arrays  # as the rule says


class Gradients(NamedTuple):
  """Gradients of a cost with respect to gates `[T, B, ...]` and states.

  Attributes:
    of_x: of x W + b, the common gates and the others, if there are any.
    of_h: of h U, likewise.
    start: of the state before the first step.
    fresh: of the state that a reset returns to; None without resets.
  """

  of_x: Arrays
  of_h: Arrays
  start: Arrays
  fresh: Arrays | None


def forward(
  rule: Rule, reverse: bool, unroll: int, sequence: Sequence, keep: bool
) -> tuple[Arrays, Array, Trace | None]:
  """Returns the last state, the outputs `[T, B, H]`, and the trace to `keep`.

  Nobody reads the trace without gradients, which only a compiler would notice.
  """
  weights, x, start, fresh, valid, reset = sequence
  dtype = start[0].dtype
  others = rule.gates - rule.common
  width = rule.common * start[0].shape[-1]

  def body(state: Arrays, step: Any) -> tuple[Arrays, Any]:
    x_BG, valid_B, reset_B = step
    before = select(reset_B, fresh, state)
    if weights.input_kernel is not None:
      x_BG = project(weights.input_kernel, weights.bias, x_BG, dtype)
    h_BG = project(
      weights.recurrent_kernel, weights.recurrent_bias, before[0], dtype
    )
    after, saved = rule.forward(
      split(x_BG[:, :width] + h_BG[:, :width], rule.common),
      split(x_BG[:, width:], others),
      split(h_BG[:, width:], others),
      before,
    )
    y_BH = after[0]
    if valid_B is not None:
      y_BH = select(valid_B, (y_BH,), (jnp.zeros_like(y_BH),))[0]
      after = select(valid_B, after, before)
    return after, (y_BH, Trace(before, saved) if keep else None)

  last, (y_TBH, trace) = jax.lax.scan(
    body, start, (x, valid, reset), reverse=reverse, unroll=unroll
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
  kernel_T = sequence.weights.recurrent_kernel.T
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
    common, of_x, of_h, d_before = rule.backward(saved, before, y_BH, d_after)
    d_h_BG = jnp.concatenate([*common, *of_h], -1)
    d_before = (d_before[0] + affine(kernel_T, d_h_BG, dtype), *d_before[1:])
    if valid_B is not None:
      d_before = select(valid_B, d_before, d_state)
    if reset_B is not None:
      into_fresh = select(reset_B, d_before, zeros)
      d_fresh = tuple(a + b for a, b in zip(d_fresh, into_fresh))
      d_before = select(reset_B, zeros, d_before)
    gates = [
      jnp.concatenate(a, -1) if a else None for a in (common, of_x, of_h)
    ]
    return (d_before, d_fresh), gates

  (d_start, d_fresh), (common, of_x, of_h) = jax.lax.scan(
    body,
    (d_last, d_fresh),
    (y_TBH, d_y_TBH, trace, sequence.valid, sequence.reset),
    reverse=not reverse,
    unroll=unroll,
  )

  def gates(others: Array | None) -> Arrays:
    return (common,) if others is None else (common, others)

  return Gradients(gates(of_x), gates(of_h), d_start, d_fresh)


def project(kernel: Array, bias: Array | None, x: Array, dtype: Any) -> Array:
  """Returns the product with a kernel, plus the bias if there is one."""
  product = affine(kernel, x, dtype)
  return product if bias is None else product + bias_row(bias, product)


def split(gates_BG: Array, gates: int) -> Arrays:
  """Returns the blocks of the last dimension."""
  if not gates:
    return ()
  return tuple(jnp.split(gates_BG, gates, axis=-1))


def select(mask_B: Array | None, new: Arrays, old: Arrays) -> Arrays:
  """Returns `new` where a mask is True, else `old`; `old` without a mask."""
  if mask_B is None:
    return old
  return tuple(jnp.where(mask_B[:, None], a, b) for a, b in zip(new, old))
