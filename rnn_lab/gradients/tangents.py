"""A carry as one vector per example, and the derivative of a step."""

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.cells.base import Cell, is_float
from rnn_lab.gradients.costs import (
  Step,
  float_leaves,
  prepare,
  shape_error,
  with_floats,
)
from rnn_lab.types import Array, Carry, Params, PyTree


def prepare_batch(
  cell: Cell, params: Params, xs: PyTree, carry: Carry | None
) -> Carry:
  """Checks as `prepare` does, and that the carry has one row per example.

  Raises:
    FieldError: see `prepare`; xs does not have the shape `[T, B, D]`, or the
      carry `[B, ...]`.
    ValueError: see `prepare`.
  """
  carry = prepare(cell, params, xs, carry)
  shape = np.shape(jax.tree.leaves(xs)[0])
  if len(shape) != 3:
    raise shape_error("xs", "arrays of shape [T, B, D]", shape)
  for leaf in float_leaves(carry):
    if leaf.shape[:1] != shape[1:2]:
      raise shape_error(
        "carry", f"arrays of shape [B, ...] with B = {shape[1]}", leaf.shape
      )
  return carry


def step_jvp(
  step: Step, params: Params, carry: Carry, x: PyTree, tangents_NBS: Array
) -> tuple[Carry, Array]:
  """Computes s_t, and J_t times each of N tangents of s_{t-1}, `[N, B, S]`.

  The tangents have the layout of `flatten`.
  """

  def flat_step(s_BS: Array) -> tuple[Array, Carry]:
    after, _ = step(params, _unflatten(s_BS, carry), x)
    return flatten(after), after

  # By default a GPU would round the kernels to the 10 bits of TF32.
  with jax.default_matmul_precision("highest"):
    _, jvp, after = jax.linearize(flat_step, flatten(carry), has_aux=True)
    return after, jax.vmap(jvp)(tangents_NBS)


def flatten(carry: Carry) -> Array:
  """Concatenates the floating leaves of a carry: `[B, S]`."""
  leaves = float_leaves(carry)
  return jnp.concatenate([a.reshape(a.shape[0], -1) for a in leaves], axis=1)


def carry_parts(carry: Carry) -> dict[str, slice]:
  """Returns the name of each floating leaf and its slice in `flatten`.

  A name is the leaf's path, as "0.forward.h"; "" if the carry is the leaf.
  """
  parts, start = {}, 0
  for path, leaf in jax.tree_util.tree_leaves_with_path(carry):
    if is_float(leaf):
      stop = start + leaf.size // leaf.shape[0]
      name = jax.tree_util.keystr(path, simple=True, separator=".")
      parts[name] = slice(start, stop)
      start = stop
  return parts


def _unflatten(s_BS: Array, like: Carry) -> Carry:
  """Returns `like` with its floating leaves replaced by those of `s_BS`."""
  leaves = float_leaves(like)
  stops = np.cumsum([leaf.size // leaf.shape[0] for leaf in leaves])
  parts = jnp.split(s_BS, stops[:-1], axis=1)
  floats = [a.reshape(b.shape).astype(b.dtype) for a, b in zip(parts, leaves)]
  return with_floats(like, floats)
