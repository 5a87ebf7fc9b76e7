"""Norms that neither under- nor overflow before they have to."""

import jax.numpy as jnp

from rnn_lab.types import Array


def norm(array: Array, axis: int | tuple[int, ...] | None = None) -> Array:
  """The Euclidean norm along `axis`, exact to rounding at any scale.

  In float32 the square of 1e-20 is zero, and gradients that vanish are far
  smaller than that: the numbers are divided by the largest of them first.
  """
  largest = jnp.max(jnp.abs(array), axis=axis, keepdims=True)
  # Nothing to divide by where all are zero, or where one is infinite.
  usable = (largest > 0.0) & jnp.isfinite(largest)
  scale = jnp.where(usable, largest, 1.0)
  ratio = array / scale
  root = jnp.sqrt(jnp.sum(jnp.square(ratio), axis=axis))
  return root * jnp.squeeze(scale, axis=axis)
