"""A carry as one vector per example, and what a step makes of small changes."""

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.cells.base import Cell, is_float
from rnn_lab.gradients.costs import Step, prepare, shape_error
from rnn_lab.types import Array, Carry, Params, PyTree


def prepare_batch(
  cell: Cell, params: Params, xs: PyTree, carry: Carry | None
) -> Carry:
  """The state before the first step, checked to have one row an example.

  Raises:
    FieldError: xs is not of the shape `[T, B, D]`, or the carry not of `[B]`.
    ValueError: a step changes the form of the carry.
  """
  carry, _ = prepare(cell, params, xs, (), carry, None)
  shape = np.shape(jax.tree.leaves(xs)[0])
  if len(shape) != 3:
    raise shape_error("xs", "arrays of shape [T, B, D]", shape)
  for leaf in _float_leaves(carry):
    if leaf.shape[:1] != shape[1:2]:
      raise shape_error(
        "carry", f"arrays of shape [B, ...] with B = {shape[1]}", leaf.shape
      )
  return carry


def push_forward(
  step: Step, params: Params, carry: Carry, x: PyTree, tangents_NBS: Array
) -> tuple[Carry, Array]:
  """One step of the carry and of N small changes of it.

  Returns:
    s_t, and `[N, B, S]`, J_t times each of the changes, which are written as
    the carry is in `StepJacobians`.
  """

  def flat_step(s_BS: Array) -> tuple[Array, Carry]:
    after, _ = step(params, _unflatten(s_BS, carry), x)
    return flatten(after), after

  # Or a GPU would round the kernels to the 10 bits of TF32.
  with jax.default_matmul_precision("highest"):
    _, jvp, after = jax.linearize(flat_step, flatten(carry), has_aux=True)
    return after, jax.vmap(jvp)(tangents_NBS)


def flatten(carry: Carry) -> Array:
  """`[B, S]`: the floating leaves of a carry side by side."""
  leaves = _float_leaves(carry)
  return jnp.concatenate([a.reshape(a.shape[0], -1) for a in leaves], axis=1)


def carry_parts(carry: Carry) -> dict[str, slice]:
  """The name of each floating leaf, and where in S `flatten` puts it.

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


def _float_leaves(carry: Carry) -> list[Array]:
  return [leaf for leaf in jax.tree.leaves(carry) if is_float(leaf)]


def _unflatten(s_BS: Array, like: Carry) -> Carry:
  """`like` with its floating leaves taken out of `s_BS`."""
  start = 0

  def take(leaf: Array) -> Array:
    nonlocal start
    if not is_float(leaf):
      return leaf
    stop = start + leaf.size // leaf.shape[0]
    part = s_BS[:, start:stop].reshape(leaf.shape).astype(leaf.dtype)
    start = stop
    return part

  return jax.tree.map(take, like)
