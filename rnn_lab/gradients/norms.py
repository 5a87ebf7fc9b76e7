"""Norms and cosines of gradients, safe against under- and overflow."""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.types import Array, PyTree


def norm(array: Array, axis: int | tuple[int, ...] | None = None) -> Array:
  """Computes the Euclidean norm along `axis`, accurate at any scale.

  In float32 the square of 1e-20 is zero, and vanishing gradients are far
  smaller than that: the values are divided by the largest of them first.
  Without any value it is zero.
  """
  # Integers and booleans have no scale to divide by.
  array = jnp.asarray(array)
  if not jnp.issubdtype(array.dtype, jnp.inexact):
    array = array.astype(jnp.float32)
  largest = jnp.max(jnp.abs(array), axis=axis, keepdims=True, initial=0.0)
  # All zeros, or an infinite value: there is nothing to divide by.
  usable = (largest > 0.0) & jnp.isfinite(largest)
  bounds = _smallest_divisor(array.dtype), _largest_divisor(array.dtype)
  scale = jnp.where(usable, jnp.clip(largest, *bounds), 1.0)
  ratio = array / scale
  root = jnp.sqrt(jnp.sum(jnp.square(ratio), axis=axis))
  return root * jnp.squeeze(scale, axis=axis)


def global_norm(tree: PyTree) -> Array:
  """Computes the Euclidean norm of all values of a tree, accurate at any scale.

  Where no square over- or underflows it is the root of their sum, with the
  bits of `optax.global_norm`; else `norm` scales the values first.

  Args:
    tree: of at least one array.

  Returns:
    A float32 scalar; infinite where the norm itself exceeds float32.
  """
  leaves = [_widen(leaf) for leaf in jax.tree.leaves(tree)]
  square = sum(jnp.sum(jnp.square(leaf)) for leaf in leaves)
  info = jnp.finfo(jnp.result_type(square))
  # Squares under `tiny` are lost. All of them together are less than rounding
  # does to a sum of this size.
  lowest = sum(leaf.size for leaf in leaves) * float(info.tiny / info.eps)

  def scaled() -> Array:
    parts = [norm(leaf.reshape(-1), axis=0) for leaf in leaves]
    return norm(jnp.stack(parts), axis=0)

  return jax.lax.cond(
    (square >= lowest) & jnp.isfinite(square), lambda: jnp.sqrt(square), scaled
  )


def norms(gradient: PyTree) -> PyTree:
  """Computes the norm of each leaf."""
  return jax.tree.map(lambda a: norm(_widen(a)), gradient)


def normalize(gradient: PyTree) -> PyTree:
  """Divides each leaf by its norm; zero stays zero."""

  def unit(a: Array, size: Array) -> Array:
    return rescale(_widen(a), jnp.where(size > 0.0, size, 1.0), 1.0)

  return jax.tree.map(unit, gradient, norms(gradient))


def rescale(tree: PyTree, size: Array, length: Array | float) -> PyTree:
  """Scales arrays of the common norm `size` to the norm `length`.

  Computes `array / size * length` with the bits of that expression, also where
  the inverse of `size` is no normal number.
  """
  largest = _largest_divisor(size.dtype)
  length = jnp.asarray(length, size.dtype)
  # Branches, whose results are scalars in memory: computed beside the arrays'
  # values they would change how XLA fuses and so rounds these.
  divisor, length = jax.lax.cond(
    size > largest,
    lambda: (jnp.full_like(size, largest), length * (largest / size)),
    lambda: (size, length),
  )
  return jax.tree.map(lambda a: (a / divisor) * length, tree)


def norms_and_cosines(gradient: PyTree, unit: PyTree) -> tuple[PyTree, PyTree]:
  """Computes each leaf's norm and its cosine with `unit`, of `normalize`."""

  def cosine(a: Array, b: Array) -> Array:
    # Rounding may take it out of the range.
    return jnp.clip(jnp.sum(a * b), -1.0, 1.0)

  return norms(gradient), jax.tree.map(cosine, normalize(gradient), unit)


def _largest_divisor(dtype: Any) -> Any:
  """Returns the largest number whose inverse is not near the smallest normal.

  XLA divides by a scalar by multiplying by its inverse, and takes subnormal
  numbers, in float32 those under 2^-126, as zero.
  """
  return 1.0 / _smallest_divisor(dtype)


def _smallest_divisor(dtype: Any) -> Any:
  return 2.0 * jnp.finfo(dtype).tiny


def _widen(array: Array) -> Array:
  """Casts dtypes of less precision, and plain numbers, to float32."""
  array = jnp.asarray(array)
  return array.astype(jnp.promote_types(array.dtype, jnp.float32))
