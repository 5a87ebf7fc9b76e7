"""Norms of long products of matrices, at any scale."""

import functools

import jax
import jax.numpy as jnp

from rnn_lab.types import Array

# The exponent of a column of zeros.
_NOTHING = -(2**28)
# 2 to the power of this is negligible beside 1, in float64 too.
_NEGLIGIBLE = -300

LARGEST, ROOT_MEAN_SQUARE = "largest", "root mean square"
KINDS = (LARGEST, ROOT_MEAN_SQUARE)


@functools.partial(jax.jit, static_argnames=("rows", "columns", "kind"))
def log_norms_of_products(
  backwards: Array,
  rows: tuple[int, int],
  columns: tuple[int, int],
  kind: str = LARGEST,
) -> Array:
  """Computes logs of norms of a block of A_1 A_2 ... A_l.

  The product is represented by columns m_j 2^e_j, each with its own integer
  exponent and largest mantissa entry in [1/2, 1), so that it stays within the
  range of its dtype.

  Args:
    backwards: `[n, B, S, S]`, A_1 first.
    rows: start and stop of the block's rows.
    columns: start and stop of its columns.
    kind: which norm: the largest singular value, or their root mean square,
      the Frobenius norm over the square root of the number of columns.

  Returns:
    `[n + 1, B]` natural logs, for l = 0 (the identity), 1, ..., n; -inf for
    zeros.
  """
  _, batch_size, size, _ = backwards.shape
  rows_RS = jnp.eye(size, dtype=backwards.dtype)[slice(*rows)]
  first = _rescaled(
    jnp.repeat(rows_RS[None], batch_size, axis=0),
    jnp.zeros((batch_size, size), jnp.int32),
  )
  in_columns = slice(*columns)

  def body(
    scaled: tuple[Array, Array], matrix_BSS: Array
  ) -> tuple[tuple[Array, Array], Array]:
    scaled = _scaled_product(*scaled, matrix_BSS)
    return scaled, _log_norm(
      scaled[0][:, :, in_columns], scaled[1][:, in_columns], kind
    )

  at_zero_B = _log_norm(
    first[0][:, :, in_columns], first[1][:, in_columns], kind
  )
  _, logs_LB = jax.lax.scan(body, first, backwards)
  return jnp.concatenate([at_zero_B[None], logs_LB])


def _scaled_product(
  product_BRS: Array, exponent_BS: Array, matrix_BSS: Array
) -> tuple[Array, Array]:
  """Multiplies columns m_j 2^e_j by a matrix; returns mantissas, exponents."""
  mantissa_BSS, power_BSS = jnp.frexp(matrix_BSS)
  power_BSS = jnp.where(matrix_BSS == 0.0, _NOTHING, power_BSS)
  power_BSS = power_BSS + exponent_BS[:, :, None]
  # Each new column relative to the largest value that enters it.
  largest_BS = jnp.max(power_BSS, axis=1)
  power_BSS = jnp.maximum(power_BSS - largest_BS[:, None], _NEGLIGIBLE)
  scaled_BSS = jnp.ldexp(mantissa_BSS, power_BSS)
  product_BRS = jnp.matmul(product_BRS, scaled_BSS, precision="highest")
  return _rescaled(product_BRS, largest_BS)


def _rescaled(product_BRS: Array, exponent_BS: Array) -> tuple[Array, Array]:
  """Rescales the columns to largest entries in [1/2, 1)."""
  size_BS = jnp.max(jnp.abs(product_BRS), axis=1)
  power_BS = jnp.frexp(size_BS)[1]
  product_BRS = jnp.ldexp(product_BRS, -power_BS[:, None])
  exponent_BS = jnp.where(size_BS == 0.0, _NOTHING, exponent_BS + power_BS)
  return product_BRS, exponent_BS


def _log_norm(product_BRC: Array, exponent_BC: Array, kind: str) -> Array:
  """Computes the log of a norm of columns m_j 2^e_j: `[B]`."""
  largest_B = jnp.max(exponent_BC, axis=1)
  power_BC = jnp.maximum(exponent_BC - largest_B[:, None], _NEGLIGIBLE)
  a_BRC = jnp.ldexp(product_BRC, power_BC[:, None])
  if kind == ROOT_MEAN_SQUARE:
    square_B = jnp.sum(jnp.square(a_BRC), axis=(1, 2)) / a_BRC.shape[2]
  else:
    if a_BRC.shape[1] > a_BRC.shape[2]:
      a_BRC = jnp.swapaxes(a_BRC, 1, 2)
    # Squaring keeps the largest eigenvalue accurate.
    gram_BRR = jnp.einsum("bij,bkj->bik", a_BRC, a_BRC, precision="highest")
    square_B = jnp.linalg.eigvalsh(gram_BRR)[:, -1]
  log_2 = jnp.log(jnp.asarray(2.0, a_BRC.dtype))
  return 0.5 * jnp.log(square_B) + largest_B.astype(a_BRC.dtype) * log_2
