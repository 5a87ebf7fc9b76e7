"""A fused unroll: the plain scan's numbers, with gradients stated by hand.

Automatic differentiation of a scan makes the gradient of each kernel step by
step, T small products, and saves what it happens to need. Here the backward
loop makes only the gradients of the gates, and those of the kernels are one
product over all steps each (as in cuDNN; Appleyard et al. 2016).
"""

import functools
import itertools
import math
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import affine
from rnn_lab.fused import loops
from rnn_lab.fused.loops import Sequence
from rnn_lab.fused.rules import Arrays, Rule, Weights
from rnn_lab.types import Array, Carry, Params


class Program(NamedTuple):
  """What decides a program besides shapes.

  Attributes:
    rule: of the cell.
    reverse: see `unroll`.
    unroll: steps that one iteration of a loop takes.
    hoist: whether x W + b is computed for all steps first, also where inputs
      are narrower than the state.
  """

  rule: Rule
  reverse: bool
  unroll: int
  hoist: bool


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
  kernel, bias = weights.input_kernel, weights.bias
  assert kernel is not None and bias is not None  # as a rule gives both
  # It may be one number for all gates.
  bias = jnp.broadcast_to(bias, kernel.shape[-1:])
  weights = weights._replace(bias=bias)
  dtype = start[0].dtype

  rows = math.prod(batch_shape)

  def flat(a: Array, lead: int) -> Array:
    rest = a.shape[lead + len(batch_shape) :]
    return a.reshape(*a.shape[:lead], rows, *rest)

  if valid is not None:
    # A nan in the padding would reach the gradients, as nan * 0.
    x_TBD = jnp.where(valid[..., None], x_TBD, jnp.zeros_like(x_TBD))
    if reset is not None:
      reset = reset & valid
  # As a step does: inputs may be integers, which have no gradients.
  x = flat(x_TBD.astype(kernel.dtype), 1)
  # One product for all steps pays if it is large. A narrow one costs less in
  # the loop than its result costs in memory, where a launch costs nothing.
  if program.hoist or x.shape[-1] >= start[0].shape[-1]:
    x = loops.project(kernel, bias, x, dtype)
    weights = weights._replace(input_kernel=None, bias=None)
  sequence = Sequence(
    weights=weights,
    x=x,
    start=tuple(flat(a, 0) for a in start),
    fresh=tuple(flat(a, 0) for a in fresh),
    valid=None if valid is None else flat(valid, 1),
    reset=None if reset is None else flat(reset, 1),
  )
  try:
    # What custom_vjp returns has no type.
    results = cast("tuple[Arrays, Array]", _recurrence(program, sequence))
  except TypeError as error:
    if "forward-mode" not in str(error):
      raise
    raise TypeError(
      "unroll: a fused program has no forward-mode derivative (jvp, jacfwd, "
      'linearize); use implementation="scan"'
    ) from None
  last, y_TBH = results
  last = [a.reshape(*batch_shape, *a.shape[1:]) for a in last]
  y_TBH = y_TBH.reshape(y_TBH.shape[0], *batch_shape, y_TBH.shape[-1])
  return type(start)(*last), y_TBH


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recurrence(program: Program, sequence: Sequence) -> tuple[Arrays, Array]:
  last, y_TBH, _ = loops.forward(*program[:3], sequence, keep=False)
  return last, y_TBH


def _recurrence_fwd(
  program: Program, sequence: Sequence
) -> tuple[tuple[Arrays, Array], Any]:
  last, y_TBH, trace = loops.forward(*program[:3], sequence, keep=True)
  if sequence.weights.input_kernel is None:
    # Nothing needs x W + b again: to keep it would keep T x B x GH numbers.
    sequence = sequence._replace(x=jnp.zeros((), sequence.x.dtype))
  return (last, y_TBH), (sequence, y_TBH, trace)


def _recurrence_bwd(
  program: Program, residuals: Any, cotangents: tuple[Arrays, Array]
) -> tuple[Sequence]:
  sequence, y_TBH, trace = residuals
  d_last, d_y_TBH = cotangents
  gradients = loops.backward(
    *program[:3], sequence, y_TBH, trace, d_last, d_y_TBH
  )
  weights, x, fresh = sequence.weights, sequence.x, gradients.fresh
  d_weights = Weights(
    input_kernel=None,
    bias=None,
    recurrent_kernel=_kernel_gradient(
      weights.recurrent_kernel, trace.before[0], gradients.of_h
    ),
    recurrent_bias=_bias_gradient(weights.recurrent_bias, gradients.of_h),
  )
  if weights.input_kernel is None:
    d_x = jnp.concatenate(gradients.of_x, -1)
  else:
    d_x = _input_gradient(weights.input_kernel, gradients.of_x)
    d_weights = d_weights._replace(
      input_kernel=_kernel_gradient(weights.input_kernel, x, gradients.of_x),
      bias=_bias_gradient(weights.bias, gradients.of_x),
    )
  if fresh is None:
    fresh = tuple(jnp.zeros_like(a) for a in sequence.fresh)
  return (Sequence(d_weights, d_x, gradients.start, fresh, None, None),)


_recurrence.defvjp(_recurrence_fwd, _recurrence_bwd)


def _kernel_gradient(kernel: Array, x_TBD: Array, d_gates: Arrays) -> Array:
  """Returns that of a kernel, by one product over all steps for each array."""
  count = math.prod(x_TBD.shape[:-1])  # -1 is unknown where D or H is 0
  rows_ND = x_TBD.reshape(count, x_TBD.shape[-1])
  products = [
    affine(d.reshape(count, d.shape[-1]), rows_ND.T, d.dtype) for d in d_gates
  ]
  return jnp.concatenate(products, -1).astype(kernel.dtype)


def _bias_gradient(bias: Array | None, d_gates: Arrays) -> Array | None:
  if bias is None:
    return None
  sums = [d.sum((0, 1)) for d in d_gates]
  return jnp.concatenate(sums, -1).astype(bias.dtype)


def _input_gradient(kernel: Array, d_gates: Arrays) -> Array:
  edges = list(itertools.accumulate(d.shape[-1] for d in d_gates))
  blocks = jnp.split(kernel, edges[:-1], axis=-1)
  products = [affine(w.T, d, d.dtype) for w, d in zip(blocks, d_gates)]
  return functools.reduce(jnp.add, products).astype(kernel.dtype)
