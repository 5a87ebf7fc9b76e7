"""How long gradients are, and how far they point the same way."""

import jax
import jax.numpy as jnp

from rnn_lab.gradients.norms import norm
from rnn_lab.types import Array, PyTree


def direction(gradient: PyTree) -> PyTree:
  """Each leaf divided by its norm; zero stays zero."""

  def unit(a: Array) -> Array:
    length = norm(_wide(a))
    return _wide(a) / jnp.where(length > 0.0, length, 1.0)

  return jax.tree.map(unit, gradient)


def lengths(rows: PyTree) -> PyTree:
  """The norms of the rows of each leaf `[N, ...]`: leaves `[N]`."""
  return jax.tree.map(
    lambda a: norm(_wide(a), axis=tuple(range(1, a.ndim))), rows
  )


def sizes(rows: PyTree, unit: PyTree) -> tuple[PyTree, PyTree]:
  """The `lengths` of the rows, and the cosines of their angles with `unit`.

  Args:
    rows: leaves `[N, ...]`.
    unit: as `direction` returns it, leaves `[...]`.
  """

  def cosine(rows: Array, unit: Array, length_N: Array) -> Array:
    safe_N = jnp.where(length_N > 0.0, length_N, 1.0)
    products = _wide(rows) / safe_N.reshape(-1, *[1] * unit.ndim) * unit[None]
    cosine_N = jnp.sum(products, axis=tuple(range(1, rows.ndim)))
    # Rounding must not make a cosine that no angle has.
    return jnp.clip(cosine_N, -1.0, 1.0)

  norms = lengths(rows)
  return norms, jax.tree.map(cosine, rows, unit, norms)


def _wide(array: Array) -> Array:
  """float32 for numbers of less precision."""
  return array.astype(jnp.promote_types(array.dtype, jnp.float32))
