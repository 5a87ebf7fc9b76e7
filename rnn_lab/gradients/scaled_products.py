"""Norms of long products of matrices, at any scale."""

import functools

import jax
import jax.numpy as jnp

from rnn_lab.types import Array

# 2 to the power of this, the scale of a column of zeros.
_NOTHING = -(2**28)
# A factor of 2 to the power of this is zero beside 1, in float64 too.
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
  """The logs of norms of A_1 A_2 ... A_l.

  The product is held as columns m_j 2^e_j, each with a whole exponent of its
  own and a mantissa's largest entry from 1/2 to 1, so that it stays within the
  range of its dtype.

  Args:
    backwards: `[n, B, S, S]`, A_1 first.
    rows: first and last + 1 of the product's rows that count.
    columns: likewise its columns.
    kind: of the singular values the largest, or the root mean square, which is
      the Frobenius norm over the root of the number of columns.

  Returns:
    `[n + 1, B]` natural logs, for l = 0 (the identity), 1, ..., n; -inf of
    zeros.
  """
  _, batch_size, size, _ = backwards.shape
  rows_RS = jnp.eye(size, dtype=backwards.dtype)[slice(*rows)]
  first = _rescaled(
    jnp.repeat(rows_RS[None], batch_size, axis=0),
    jnp.zeros((batch_size, size), jnp.int32),
  )
  columns = slice(*columns)

  def body(
    scaled: tuple[Array, Array], matrix_BSS: Array
  ) -> tuple[tuple[Array, Array], Array]:
    scaled = _scaled_product(*scaled, matrix_BSS)
    return scaled, _log_norm(
      scaled[0][:, :, columns], scaled[1][:, columns], kind
    )

  at_zero_B = _log_norm(first[0][:, :, columns], first[1][:, columns], kind)
  _, logs_LB = jax.lax.scan(body, first, backwards)
  return jnp.concatenate([at_zero_B[None], logs_LB])


def _scaled_product(
  product_BRS: Array, exponent_BS: Array, matrix_BSS: Array
) -> tuple[Array, Array]:
  """Columns m_j 2^e_j times a matrix, as columns and exponents again."""
  mantissa_BSS, power_BSS = jnp.frexp(matrix_BSS)
  power_BSS = jnp.where(matrix_BSS == 0.0, _NOTHING, power_BSS)
  power_BSS = power_BSS + exponent_BS[:, :, None]
  # Each new column in units of the largest that goes into it.
  largest_BS = jnp.max(power_BSS, axis=1)
  power_BSS = jnp.maximum(power_BSS - largest_BS[:, None], _NEGLIGIBLE)
  scaled_BSS = jnp.ldexp(mantissa_BSS, power_BSS)
  product_BRS = jnp.matmul(product_BRS, scaled_BSS, precision="highest")
  return _rescaled(product_BRS, largest_BS)


def _rescaled(product_BRS: Array, exponent_BS: Array) -> tuple[Array, Array]:
  """The same columns with largest entries from 1/2 to 1."""
  size_BS = jnp.max(jnp.abs(product_BRS), axis=1)
  power_BS = jnp.frexp(size_BS)[1]
  product_BRS = jnp.ldexp(product_BRS, -power_BS[:, None])
  exponent_BS = jnp.where(size_BS == 0.0, _NOTHING, exponent_BS + power_BS)
  return product_BRS, exponent_BS


def _log_norm(product_BRC: Array, exponent_BC: Array, kind: str) -> Array:
  """`[B]`: the log of a norm of columns m_j 2^e_j."""
  largest_B = jnp.max(exponent_BC, axis=1)
  power_BC = jnp.maximum(exponent_BC - largest_B[:, None], _NEGLIGIBLE)
  a_BRC = jnp.ldexp(product_BRC, power_BC[:, None])
  if kind == ROOT_MEAN_SQUARE:
    square_B = jnp.sum(jnp.square(a_BRC), axis=(1, 2)) / a_BRC.shape[2]
  else:
    if a_BRC.shape[1] > a_BRC.shape[2]:
      a_BRC = jnp.swapaxes(a_BRC, 1, 2)
    # The largest eigenvalue is the one that squaring leaves accurate.
    gram_BRR = jnp.einsum("bij,bkj->bik", a_BRC, a_BRC, precision="highest")
    square_B = jnp.linalg.eigvalsh(gram_BRR)[:, -1]
  log_2 = jnp.log(jnp.asarray(2.0, a_BRC.dtype))
  return 0.5 * jnp.log(square_B) + largest_B.astype(a_BRC.dtype) * log_2
