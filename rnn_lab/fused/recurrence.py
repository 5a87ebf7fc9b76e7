"""A fused unroll: the plain scan's numbers, with gradients stated by hand.

Automatic differentiation of a scan makes the gradient of each kernel step by
step, T small products, and saves what it happens to need. Here the backward
loop makes only the gradients of the gates, and those of the kernels are one
product over all steps each (as in cuDNN; Appleyard et al. 2016).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import affine, bias_row
from rnn_lab.fused import loops
from rnn_lab.fused.loops import Sequence
from rnn_lab.fused.rules import Arrays, Rule
from rnn_lab.types import Array, Carry, Params


class Program(NamedTuple):
  """What decides a program besides shapes.

  Attributes:
    rule: of the cell.
    reverse: see `unroll`.
    unroll: steps that one iteration of a loop takes.
  """

  rule: Rule
  reverse: bool
  unroll: int


def unroll(
  program: Program,
  params: Params,
  start: Carry,
  fresh: Carry,
  x_TBD: Array,
  valid: Array | None,
  reset: Array | None,
) -> tuple[Carry, Array]:
  """Computes what `rnn_lab.unroll` does from what it has prepared.

  Args:
    program: what to run.
    params: the cell's.
    start: the carry before the first step.
    fresh: the carry that a reset returns to.
    x_TBD: `[T, ..., D]` inputs.
    valid: `[T, ...]` booleans, False where a step is skipped, or None.
    reset: `[T, ...]` booleans, True where `fresh` replaces the carry, or None.

  Raises:
    TypeError: it is differentiated in forward mode.
  """
  batch_shape = x_TBD.shape[1:-1]
  weights = program.rule.weights(params)
  dtype = start[0].dtype

  def flat(a: Array, lead: int) -> Array:
    rest = a.shape[lead + len(batch_shape) :]
    return a.reshape(*a.shape[:lead], -1, *rest)

  if valid is not None:
    # A nan in the padding would reach the gradients, as nan * 0.
    x_TBD = jnp.where(valid[..., None], x_TBD, jnp.zeros_like(x_TBD))
    if reset is not None:
      reset = reset & valid
  x_TBG = affine(weights.input_kernel, x_TBD, dtype)
  x_TBG = x_TBG + bias_row(weights.bias, x_TBG)
  sequence = Sequence(
    kernel=weights.recurrent_kernel,
    bias=weights.recurrent_bias,
    x_TBG=flat(x_TBG, 1),
    start=tuple(flat(a, 0) for a in start),
    fresh=tuple(flat(a, 0) for a in fresh),
    valid=None if valid is None else flat(valid, 1),
    reset=None if reset is None else flat(reset, 1),
  )
  try:
    last, y_TBH = _recurrence(program, sequence)
  except TypeError as error:
    if "forward-mode" not in str(error):
      raise
    raise TypeError(
      "unroll: a fused program has no forward-mode derivative (jvp, jacfwd, "
      'linearize); use implementation="scan"'
    ) from None
  last = [a.reshape(*batch_shape, *a.shape[1:]) for a in last]
  y_TBH = y_TBH.reshape(y_TBH.shape[0], *batch_shape, y_TBH.shape[-1])
  return type(start)(*last), y_TBH


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recurrence(program: Program, sequence: Sequence) -> tuple[Arrays, Array]:
  last, y_TBH, _ = loops.forward(*program, sequence)
  return last, y_TBH


def _recurrence_fwd(
  program: Program, sequence: Sequence
) -> tuple[tuple[Arrays, Array], Any]:
  last, y_TBH, trace = loops.forward(*program, sequence)
  # Of x W + b only the shape is needed; to keep it would keep T x B x GH.
  kept = sequence._replace(x_TBG=jnp.zeros((), sequence.x_TBG.dtype))
  return (last, y_TBH), (kept, y_TBH, trace)


def _recurrence_bwd(
  program: Program, residuals: Any, cotangents: tuple[Arrays, Array]
) -> tuple[Sequence]:
  sequence, y_TBH, trace = residuals
  d_last, d_y_TBH = cotangents
  gradients = loops.backward(*program, sequence, y_TBH, trace, d_last, d_y_TBH)
  kernel, bias = sequence.kernel, sequence.bias
  h_TBG = gradients.h_TBG
  rows = h_TBG.reshape(-1, h_TBG.shape[-1])
  before = trace.before[0].reshape(-1, kernel.shape[0])
  d_kernel = affine(rows, before.T, rows.dtype)
  d_bias = None if bias is None else rows.sum(0).astype(bias.dtype)
  fresh = gradients.fresh
  if fresh is None:
    fresh = tuple(jnp.zeros_like(a) for a in sequence.fresh)
  return (
    Sequence(
      kernel=d_kernel.astype(kernel.dtype),
      bias=d_bias,
      x_TBG=gradients.x_TBG,
      start=gradients.start,
      fresh=fresh,
      valid=None,
      reset=None,
    ),
  )


_recurrence.defvjp(_recurrence_fwd, _recurrence_bwd)
