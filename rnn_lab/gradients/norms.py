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


def norms(gradient: PyTree) -> PyTree:
  """Computes the norm of each leaf."""
  return jax.tree.map(lambda a: norm(_widen(a)), gradient)


def normalize(gradient: PyTree) -> PyTree:
  """Divides each leaf by its norm; zero stays zero."""

  def unit(a: Array, size: Array) -> Array:
    return _widen(a) / jnp.where(size > 0.0, size, 1.0)

  return jax.tree.map(unit, gradient, norms(gradient))


def norms_and_cosines(gradient: PyTree, unit: PyTree) -> tuple[PyTree, PyTree]:
  """Computes each leaf's norm and its cosine with `unit`, of `normalize`."""

  def cosine(a: Array, b: Array) -> Array:
    # Rounding may take it out of the range.
    return jnp.clip(jnp.sum(a * b), -1.0, 1.0)

  return norms(gradient), jax.tree.map(cosine, normalize(gradient), unit)


def _widen(array: Array) -> Array:
  """Casts dtypes of less precision to float32."""
  return array.astype(jnp.promote_types(array.dtype, jnp.float32))
