"""The rank of a product of matrices, without rounding."""

from collections.abc import Sequence

import numpy as np

# The largest prime below 2^26: a product of two residues is below 2^52, and a
# sum of 2^11 of those fits into an int64.
_PRIME = 2**26 - 5


def rank_of_product(factors: Sequence[np.ndarray]) -> int:
  """Computes the rank of A_m ... A_1 as if nothing were ever rounded.

  Every float is an integer times a power of two, so the product and its
  elimination are done in integers modulo a prime. The rank modulo a prime is
  never above the true one, and below it with a probability of about 1e-8.

  Args:
    factors: A_1 first; matrices of finite floats that can be multiplied, with
      at most 2,048 rows.
  """
  product = _residues(factors[0])
  for factor in factors[1:]:
    product = _residues(factor) @ product % _PRIME
  rank = 0
  for column in range(product.shape[1]):
    pivots = rank + np.flatnonzero(product[rank:, column])
    if len(pivots) == 0:
      continue
    product[[rank, pivots[0]]] = product[[pivots[0], rank]]
    pivot = product[rank] * pow(int(product[rank, column]), -1, _PRIME) % _PRIME
    below = product[rank + 1 :]
    below -= below[:, column, None] * pivot % _PRIME
    below %= _PRIME
    rank += 1
  return rank


def _residues(matrix: np.ndarray) -> np.ndarray:
  """Returns the entries times 2^53, which changes no rank, modulo the prime."""
  mantissas, exponents = np.frexp(matrix)
  whole = np.ldexp(mantissas, 53).astype(np.int64) % _PRIME
  distinct, place = np.unique(exponents, return_inverse=True)
  powers = np.array([pow(2, int(e), _PRIME) for e in distinct])
  return whole * powers[place.reshape(matrix.shape)] % _PRIME
