"""Singular values of long products of matrices, to high relative accuracy.

The product A_m ... A_1 of step Jacobians is graded: its singular values span
hundreds of orders of magnitude, and only the largest survive rounding if the
product is formed. So it is never formed:

1. The factors are made triangular one after the other, from the right:
   A_1 = Q_1 R_1, A_2 Q_1 = Q_2 R_2, ... The product is Q_m R_m ... R_1
   (Stewart 1994, "On graded QR decompositions of products of matrices").
   The diagonals alone, "QR accumulation", do not give singular values.
2. The transposed product R_1^T ... R_m^T is treated the same way, repeatedly.
   This is QR iteration on the product times its transpose: each pass reduces
   the entries above the diagonal by the ratio of neighbouring singular values
   (Oliveira and Stewart 2000, "Exponential splittings of products of matrices
   and accurately computing singular values of long products").
3. As soon as R_m ... R_1 = D U, with D diagonal, stored as logs, and U unit
   upper triangular and well conditioned, one-sided Jacobi rotations of the rows
   give all singular values to the same relative accuracy (Demmel and Veselic
   1992), however large the range of D.

The method is backward stable: the results are exact for factors perturbed by
rounding relative to each factor's norm. Tests bound the error by ten times the
effect of one rounding of the factors on the exact singular values. If the
factors keep separating the same directions, this is a relative error of about
the unit roundoff times the condition number of the worst square factor. It is
larger where later factors undo earlier ones, and small singular values depend
on cancellation; no method that rounds the factors does better. In a block of
the product, singular values far below those of the whole product in the same
directions depend on cancellation, too.

Step Jacobians of strongly saturated units reach conditions beyond 1e16, where
the smallest singular values may be lost to rounding. Where the condition allows
it, the transposed product, whose singular values are the same, is computed as
well, with other rounding errors; from the first singular value on in which the
two disagree, nan stands in place of a number.
"""

from collections.abc import Sequence

import numpy as np

from rnn_lab.cells.base import check_real
from rnn_lab.errors import FieldError
from rnn_lab.gradients.costs import shape_error
from rnn_lab.gradients.exact_rank import rank_of_product
from rnn_lab.gradients.jacobians import StepJacobians, block_slices, check_times
from rnn_lab.types import Array

_EPS = np.finfo(np.float64).eps
_TINY = np.finfo(np.float64).tiny
_MAX_PASSES = 12
_MAX_SWEEPS = 60
# A diagonal entry below this share of its factor's largest entry may be the
# rounding error of an exact zero.
_SUSPICIOUS = 1e-12
# Likewise a factor whose product is also computed transposed.
_ILL_CONDITIONED = 1e-8
# The largest difference between the logs of both that is no disagreement.
_AGREEMENT = 1e-3


def log_singular_values(
  factors: Sequence[Array | np.ndarray] | Array | np.ndarray,
) -> np.ndarray:
  """Computes logs of the singular values of A_m ... A_1, descending.

  Args:
    factors: A_1 first: `[m, n, n]`, or a list of matrices that can be
      multiplied, square or not.

  Returns:
    `[n]` natural logs, float64, n the smaller dimension of the product. -inf
    for each singular value that is exactly zero; see `rank_of_product`. nan
    for the smallest of the others where rounding in float64 loses them.

  Raises:
    FieldError: there are no factors, they cannot be multiplied, or they are
      not finite or not real.
  """
  given = [np.asarray(a) for a in factors]
  check_real("factors", given)
  matrices = [a.astype(np.float64) for a in given]
  _check_factors(matrices)
  logs = np.full(min(matrices[0].shape[1], matrices[-1].shape[0]), -np.inf)
  matrices = _without_zeros(matrices)
  if min(min(a.shape) for a in matrices) == 0:
    return logs
  triangles = _triangles(matrices)
  smallest = min(map(_smallest_share, matrices, triangles))
  nonzero = _from_triangles(triangles)
  rank = len(nonzero)
  if smallest < _SUSPICIOUS:
    rank = rank_of_product(matrices)
  logs[:rank] = nonzero[:rank]
  if smallest < _ILL_CONDITIONED:
    turned = _from_triangles(_triangles([a.T for a in reversed(matrices)]))
    agree = np.abs(turned[:rank] - nonzero[:rank]) <= _AGREEMENT
    logs[:rank][~np.logical_and.accumulate(agree)] = np.nan
  return logs


def singular_values_between(
  jacobians: StepJacobians,
  t: int,
  k: int,
  rows: str | None = None,
  columns: str | None = None,
) -> np.ndarray:
  """Computes logs of the singular values of ds_t/ds_k, descending: `[B, n]`.

  Args:
    jacobians, t, k, rows, columns: see `rnn_lab.gradients.jacobians.product`.
      The rows "h" and columns "h" give the singular values of dh_t/dh_k along
      all paths through the carry.

  Returns:
    Natural logs, n the size of the smaller part, computed in float64 from the
    Jacobians as given, float32 or float64; see `log_singular_values` for -inf
    and nan.

  Raises:
    FieldError: t or k is out of its range, or the carry has no such part.
  """
  check_times(jacobians, t, k)
  in_rows, in_columns = block_slices(jacobians, rows, columns)
  matrices = np.asarray(jacobians.matrices[k + 1 : t + 1], np.float64)
  ends = np.eye(matrices.shape[-1])
  logs = [
    log_singular_values([ends[:, in_columns], *factors, ends[in_rows]])
    for factors in np.moveaxis(matrices, 1, 0)
  ]
  return np.stack(logs)


def _check_factors(factors: list[np.ndarray]) -> None:
  shapes = [a.shape for a in factors]
  if (
    not factors
    or any(len(shape) != 2 or 0 in shape for shape in shapes)
    or any(b[1] != a[0] for a, b in zip(shapes, shapes[1:]))
  ):
    raise shape_error(
      "factors",
      "matrices A_1, ..., A_m of which A_m ... A_1 is a product",
      *sorted(set(shapes)),
    )
  for place, factor in enumerate(factors):
    wrong = factor[~np.isfinite(factor)]
    if wrong.size:
      raise FieldError(
        f"factors[{place}]",
        f"{{field}} must be a matrix of finite numbers, got {wrong[0]}",
      )


def _without_zeros(factors: list[np.ndarray]) -> list[np.ndarray]:
  """Removes zero rows and columns, and what they multiply.

  Rows of zeros are why Jacobians are singular: saturated units, and parts of a
  carry that do not depend on others. Rotations would fill them with rounding
  errors.
  """
  factors = list(factors)
  for j in range(len(factors) - 1):
    reached = factors[j].any(axis=1)
    factors[j] = factors[j][reached]
    factors[j + 1] = factors[j + 1][:, reached]
  for j in reversed(range(1, len(factors))):
    used = factors[j].any(axis=0)
    factors[j] = factors[j][:, used]
    factors[j - 1] = factors[j - 1][used]
  last = factors[-1].any(axis=1)
  first = factors[0].any(axis=0)
  factors[-1] = factors[-1][last]
  factors[0] = factors[0][:, first]
  return factors


def _triangles(factors: Sequence[np.ndarray]) -> list[np.ndarray]:
  """Returns R_1, ..., R_m with A_m ... A_1 = Q R_m ... R_1, diagonals positive.

  Where a factor has fewer rows than columns, so has its R.
  """
  triangles = []
  q = np.eye(factors[0].shape[1])
  for factor in factors:
    rotated = factor @ q
    # With the largest rows first, QR keeps small rows accurate, too.
    order = np.argsort(-np.abs(rotated).max(axis=1), kind="stable")
    sorted_q, r = np.linalg.qr(rotated[order])
    q = np.empty_like(sorted_q)
    q[order] = sorted_q
    signs = np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
    r, q = r * signs[:, None], q * signs
    # A zero is replaced by the size of a rounding error, to divide by it.
    diagonal = np.diagonal(r)
    smallest = np.maximum(_EPS * np.abs(r).max(axis=0)[: len(r)], _TINY)
    np.fill_diagonal(r, np.where(diagonal > 0.0, diagonal, smallest))
    triangles.append(r)
  return triangles


def _smallest_share(factor: np.ndarray, triangle: np.ndarray) -> float:
  """Computes the smallest diagonal entry over the factor's largest entry."""
  return float(np.diagonal(triangle).min() / np.abs(factor).max())


def _from_triangles(triangles: list[np.ndarray]) -> np.ndarray:
  """Computes logs of the singular values of R_m ... R_1, descending."""
  for _ in range(_MAX_PASSES):
    triangles = _triangles([r.T for r in reversed(triangles)])
    logs, unit = _row_scaled(triangles)
    if _is_far_from_singular(unit):
      return _one_sided_jacobi(logs, unit)
  raise np.linalg.LinAlgError("singular_values: no convergence of QR iteration")


def _row_scaled(triangles: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
  """Returns log D and U of R_m ... R_1 = D U, U unit upper triangular.

  With R_j = D_j U_j, R_j D U = D_j D (D^-1 U_j D) U, where the bracket has the
  entries u_ik d_k / d_i.
  """
  size = len(triangles[0])
  logs, unit = np.zeros(size), np.eye(size)
  for r in triangles:
    diagonal = np.diagonal(r)
    ratios = np.triu(np.clip(logs[None, :] - logs[:, None], -700.0, 700.0))
    # An overflow means that the product needs another pass.
    with np.errstate(over="ignore", invalid="ignore"):
      unit = (r / diagonal[:, None] * np.exp(ratios)) @ unit
    logs = logs + np.log(diagonal)
  return logs, unit


def _is_far_from_singular(unit: np.ndarray) -> bool:
  if not np.isfinite(unit).all():
    return False
  with np.errstate(over="ignore", invalid="ignore"):
    condition = np.linalg.norm(unit) * np.linalg.norm(np.linalg.inv(unit))
  return bool(condition <= 10.0 * len(unit))


def _one_sided_jacobi(logs: np.ndarray, unit: np.ndarray) -> np.ndarray:
  """Computes logs of the singular values of exp(logs)[:, None] * unit.

  Pairs of rows are rotated until all are orthogonal; their norms are then the
  singular values. The pairs of one round are disjoint and rotated at once, and
  the rounds of a sweep are a round-robin tournament, which contains every pair.
  """
  size = len(logs)
  rows, logs = _normalized(unit, logs)
  even = size + size % 2
  for _ in range(_MAX_SWEEPS):
    order = np.argsort(-logs, kind="stable")
    rows, logs = rows[order], logs[order]
    ring, rotated = np.arange(even), False
    for _ in range(even - 1):
      i, j = ring[: even // 2], ring[even // 2 :][::-1]
      exist = (i < size) & (j < size)
      rotated |= _rotate(rows, logs, i[exist], j[exist])
      ring[1:] = np.roll(ring[1:], 1)
    if not rotated:
      return -np.sort(-logs)
  raise np.linalg.LinAlgError("singular_values: no convergence of rotations")


def _rotate(
  rows: np.ndarray, logs: np.ndarray, i: np.ndarray, j: np.ndarray
) -> bool:
  """Rotates rows i against rows j in place; returns whether any were rotated.

  With a >= b the rows' norms, u and v their directions, c = u . v and
  r = b / a, the rotation by t = r tau makes them a (u + r^2 tau v) and
  b (v - tau u), both divided by sqrt(1 + t^2). Neither row is lost where r
  underflows.
  """
  i, j = np.where(logs[j] > logs[i], j, i), np.where(logs[j] > logs[i], i, j)
  cosine = np.sum(rows[i] * rows[j], axis=1)
  needed = np.abs(cosine) > len(logs) * _EPS
  if not needed.any():
    return False
  i, j, cosine = i[needed], j[needed], cosine[needed]
  r = np.exp(logs[j] - logs[i])
  gap = 1.0 - r**2
  tau = 2.0 * cosine / (gap + np.hypot(gap, 2.0 * r * cosine))
  shrink = 0.5 * np.log1p((r * tau) ** 2)
  u = rows[i] + (r**2 * tau)[:, None] * rows[j]
  v = rows[j] - tau[:, None] * rows[i]
  rows[i], logs[i] = _normalized(u, logs[i] - shrink)
  rows[j], logs[j] = _normalized(v, logs[j] - shrink)
  return True


def _normalized(
  rows: np.ndarray, logs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Divides rows by their norms, and adds the logs of those to `logs`."""
  norms = np.linalg.norm(rows, axis=1)
  return rows / norms[:, None], logs + np.log(norms)
