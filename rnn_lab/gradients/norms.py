"""Norms and cosines of gradients, safe against under- and overflow."""

import jax
import jax.numpy as jnp

from rnn_lab.types import Array, PyTree


def norm(array: Array, axis: int | tuple[int, ...] | None = None) -> Array:
  """Computes the Euclidean norm along `axis`, accurate at any scale.

  In float32 the square of 1e-20 is zero, and vanishing gradients are far
  smaller than that: the values are divided by the largest of them first.
  """
  largest = jnp.max(jnp.abs(array), axis=axis, keepdims=True)
  # All zeros, or an infinite value: there is nothing to divide by.
  usable = (largest > 0.0) & jnp.isfinite(largest)
  scale = jnp.where(usable, largest, 1.0)
  ratio = array / scale
  root = jnp.sqrt(jnp.sum(jnp.square(ratio), axis=axis))
  return root * jnp.squeeze(scale, axis=axis)


def normalize(gradient: PyTree) -> PyTree:
  """Divides each leaf by its norm; zero stays zero."""

  def unit(a: Array) -> Array:
    size = norm(_widen(a))
    return _widen(a) / jnp.where(size > 0.0, size, 1.0)

  return jax.tree.map(unit, gradient)


def row_norms(rows: PyTree) -> PyTree:
  """Computes the norm of each row of leaves `[N, ...]`: leaves `[N]`."""
  return jax.tree.map(
    lambda a: norm(_widen(a), axis=tuple(range(1, a.ndim))), rows
  )


def norms_and_cosines(rows: PyTree, unit: PyTree) -> tuple[PyTree, PyTree]:
  """Computes `row_norms`, and the cosine of each row with a direction.

  Args:
    rows: leaves `[N, ...]`.
    unit: the direction, as `normalize` returns it, leaves `[...]`.
  """

  def cosine(rows: Array, unit: Array, norm_N: Array) -> Array:
    safe_N = jnp.where(norm_N > 0.0, norm_N, 1.0)
    products = _widen(rows) / safe_N.reshape(-1, *[1] * unit.ndim) * unit[None]
    cosine_N = jnp.sum(products, axis=tuple(range(1, rows.ndim)))
    # Rounding may take it out of the range.
    return jnp.clip(cosine_N, -1.0, 1.0)

  norms = row_norms(rows)
  return norms, jax.tree.map(cosine, rows, unit, norms)


def _widen(array: Array) -> Array:
  """Casts dtypes of less precision to float32."""
  return array.astype(jnp.promote_types(array.dtype, jnp.float32))
