"""Singular values of long products against exact products in mpmath."""

import fractions
import re

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import sigmoid

from rnn_lab._stack import stack
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells import elman, gru, lstm
from rnn_lab.errors import FieldError
from rnn_lab.gradients.exact_rank import rank_of_product
from rnn_lab.gradients.jacobians import StepJacobians, step_jacobians
from rnn_lab.gradients.singular_values import (
  log_singular_values,
  singular_values_between,
)

EPS = 2.0**-52
DIGITS = 400


def exact_logs(factors, digits=DIGITS):
  """Logs of the singular values of the exact product, descending."""
  with mpmath.workdps(digits):
    product = mpmath.matrix(factors[0].tolist())
    for factor in factors[1:]:
      product = mpmath.matrix(factor.tolist()) * product
    if product.rows < product.cols:
      product = product.T
    values = mpmath.svd_r(product, compute_uv=False)
    return sorted((mpmath.log(value) for value in values), reverse=True)


def relative_errors(logs, exact):
  """|sigma / exact sigma - 1| of each."""
  assert len(logs) == len(exact)
  with mpmath.workdps(DIGITS):
    return np.array(
      [float(abs(mpmath.expm1(mpmath.mpf(a) - e))) for a, e in zip(logs, exact)]
    )


def orthogonal(rng, n):
  return np.linalg.qr(rng.normal(size=(n, n)))[0]


def graded(rng, n, num):
  """Each spans 1 to 1e-3, in directions that the others do not know of."""
  scale = 10.0 ** -np.linspace(0, 3, n)
  return [orthogonal(rng, n) * scale @ orthogonal(rng, n) for _ in range(num)]


def commuting(rng, n, num):
  """Together exactly 1, ..., 1e-300 where num is 100."""
  turn = orthogonal(rng, n)
  return [turn * 10.0 ** -np.linspace(0, 3, n) @ turn.T] * num


def clusters(rng, n, num):
  scale = np.repeat([1.0, 0.5, 0.1], [n // 3, n // 3, n - n // 3 * 2])
  turn = orthogonal(rng, n)
  return [turn * scale @ turn.T] * num


def ascending(rng, n, num, beside):
  """Nearly diagonal, the smallest first: the first QR sees no grading."""
  scale = 10.0 ** np.linspace(-3, 0, n)[:, None]
  return [
    scale * (np.eye(n) + beside * rng.normal(size=(n, n))) for _ in range(num)
  ]


def permuted(rng, n, num):
  """Up, turned around, and down again: the singular values are all 1."""
  scale = np.diag(10.0 ** np.linspace(-150, 150, n))
  return [scale, np.eye(n)[::-1], scale] * num


FAMILIES = {
  "random": lambda rng: list(rng.normal(size=(100, 8, 8))),
  "graded": lambda rng: graded(rng, 6, 100),
  "commuting": lambda rng: commuting(rng, 5, 100),
  "orthogonal": lambda rng: [orthogonal(rng, 7) for _ in range(60)],
  "clusters": lambda rng: clusters(rng, 6, 40),
  "ascending": lambda rng: ascending(rng, 5, 60, 0.1),
  "ascending triangles": lambda rng: [
    np.triu(a) for a in ascending(rng, 6, 100, 0.1)
  ],
  "nearly diagonal": lambda rng: ascending(rng, 4, 60, 1e-9),
  "permuted": lambda rng: permuted(rng, 4, 3),
  "ties": lambda rng: [np.array([[6.0, 8.0], [-8.0, 6.0]])] * 30,
  "one by one": lambda rng: list(rng.normal(size=(200, 1, 1))),
  "columns": lambda rng: [
    rng.normal(size=(6, 6)) * 10.0 ** np.linspace(-300, 0, 6)
  ],
  "rows": lambda rng: [
    rng.normal(size=(6, 6)) * 10.0 ** np.linspace(-40, 0, 6)[:, None]
  ],
  "rectangular": lambda rng: [
    rng.normal(size=shape) for shape in ((4, 6), (5, 4), (7, 5), (3, 7))
  ],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_singular_value_is_accurate(family):
  factors = FAMILIES[family](np.random.default_rng(0))
  logs = log_singular_values(factors)
  exact = exact_logs(factors)
  # Scaled rows and columns cost nothing, which the condition does not know.
  scaled = family in ("permuted", "columns", "rows")
  worst = 1.0 if scaled else max(np.linalg.cond(factor) for factor in factors)
  # The second term is the spacing of the logs themselves.
  tolerance = 100 * EPS * worst + 4 * EPS * abs(logs).max()
  errors = relative_errors(logs, exact)
  assert errors.max() < min(tolerance, 1e-9)


def test_one_pass_of_qr_does_not_give_singular_values():
  factors = graded(np.random.default_rng(1), 6, 100)
  exact = np.array([float(e) for e in exact_logs(factors)])
  q, accumulated = np.eye(6), np.zeros(6)
  for factor in factors:
    q, r = np.linalg.qr(factor @ q)
    accumulated += np.log(np.abs(np.diagonal(r)))
  missed = abs(np.sort(accumulated)[::-1] - exact)
  assert missed.max() > np.log(3.0)  # a factor of three
  right = abs(log_singular_values(factors) - exact)
  assert right.max() < 1e-11
  # Nor does the product as it stands: the small ones drown in rounding.
  product = np.linalg.multi_dot(factors[::-1])
  assert np.linalg.svd(product)[1][-1] > np.exp(exact[-1] + 100.0)


def test_beyond_the_range_of_a_float():
  # From 1e-9797 on, each 1e-70 of the one before.
  factors = [a * 1e-150 for a in graded(np.random.default_rng(2), 3, 150)]
  errors = relative_errors(log_singular_values(factors), exact_logs(factors))
  assert errors.max() < 1e-10
  # Ascending, with next to nothing beside the diagonal: after two passes what
  # stands above it in U, 1e360, is no float.
  chain = np.diag([1e-6, 1e-3, 1.0]) @ (np.eye(3) + 1e-200 * np.eye(3, k=1))
  logs = log_singular_values([chain] * 120)
  errors = relative_errors(logs, exact_logs([chain] * 120, digits=1000))
  assert errors.max() < 1e-11


def driven(cell, num_steps, seed=0, scale=1.0):
  """The float64 step Jacobians of two examples."""
  rng = np.random.default_rng(seed)
  shapes = jax.eval_shape(lambda key: cell.init(key, 2), jax.random.key(0))
  params = jax.tree.map(
    lambda a: jnp.asarray(scale * rng.normal(size=a.shape)), shapes
  )
  xs = jnp.asarray(rng.normal(size=(num_steps, 2, 2)))
  return step_jacobians(cell, params, xs)


def test_a_tanh_cell_over_seventy_steps():
  """As accurate as rounding the factors' entries once leaves it."""
  with jax.enable_x64(True):
    jacobians = driven(elman(6), 75, scale=0.7)
  logs = singular_values_between(jacobians, 72, 2)
  assert logs.shape == (2, 6)
  rng = np.random.default_rng(1)
  for b in range(2):
    factors = list(np.asarray(jacobians.matrices)[3:73, b])
    exact = exact_logs(factors)
    errors = relative_errors(logs[b], exact)
    rounded = [
      a + EPS * np.linalg.norm(a, 2) * rng.uniform(-1, 1, size=a.shape)
      for a in factors
    ]
    sensitivity = relative_errors(exact_logs(rounded), exact)
    assert (errors < 10 * sensitivity + 100 * EPS).all()
    assert errors.max() < 1e-9


def test_blocks_of_an_lstm():
  with jax.enable_x64(True):
    jacobians = driven(lstm(3), 64)
  matrices = np.asarray(jacobians.matrices)[4:64]
  parts, ends = (
    {"h": slice(0, 3), "c": slice(3, 6), None: slice(0, 6)},
    np.eye(6),
  )
  for b, rows, columns in (
    (0, "h", "c"),
    (1, "h", "h"),
    (1, "c", None),
    (0, None, "c"),
    (1, None, None),
  ):
    logs = singular_values_between(jacobians, 63, 3, rows, columns)
    factors = [ends[:, parts[columns]], *matrices[:, b], ends[parts[rows]]]
    errors = relative_errors(logs[b], exact_logs(factors))
    # The condition of the factors is 4e4.
    assert errors.max() < 1e-11


def test_no_step_between_is_the_identity():
  with jax.enable_x64(True):
    jacobians = driven(lstm(3), 5)
  np.testing.assert_array_equal(
    singular_values_between(jacobians, 4, 4), np.zeros((2, 6))
  )
  same = singular_values_between(jacobians, 0, 0, "c", "c")
  np.testing.assert_array_equal(same, np.zeros((2, 3)))
  other = singular_values_between(jacobians, 4, 4, "h", "c")
  np.testing.assert_array_equal(other, np.full((2, 3), -np.inf))


def test_parts_without_effect_have_none():
  with jax.enable_x64(True):
    jacobians = driven(as_cell(stack([gru(3), gru(2)])), 20)
  parts = {"rows": "0.forward.h", "columns": "1.forward.h"}
  logs = singular_values_between(jacobians, 19, 0, **parts)
  np.testing.assert_array_equal(logs, np.full((2, 2), -np.inf))
  below = singular_values_between(
    jacobians, 19, 0, parts["rows"], parts["rows"]
  )
  factors = np.asarray(jacobians.matrices)[1:, 1, :3, :3]
  errors = relative_errors(below[1], exact_logs(list(factors)))
  assert errors.max() < 1e-12


def low_rank(rng):
  """Rank 3 of 5 in whole numbers: nothing that rounding would keep."""
  rank_3 = rng.integers(-4, 5, size=(5, 3)) @ rng.integers(-4, 5, size=(3, 5))
  before, after = rng.normal(size=(2, 20, 5, 5))
  return [*before, rank_3.astype(float), *after]


def cancelled(a):
  image, kernel = np.array([1.0, a]), np.array([a, -1.0])
  return [np.outer(image, [1, 0]), np.outer([1, 2], kernel), np.eye(2)]


SINGULAR = {
  "a row of zeros": (
    lambda rng: [
      np.diag([1.0, 0, 2, 1]) @ a for a in rng.normal(size=(9, 4, 4))
    ],
    3,
  ),
  "different rows of zeros": (
    lambda rng: [
      rng.permutation([1.0, 0, 2, 1])[:, None] * rng.normal(size=(4, 4))
      for _ in range(9)
    ],
    3,
  ),
  "low rank": (low_rank, 3),
  "ones": (
    lambda rng: [*rng.normal(size=(30, 4, 4)), np.ones((4, 4))],
    1,
  ),
  "nilpotent": (lambda rng: [np.diag(np.ones(4), 1)] * 3, 2),
  "turned nilpotent": (
    # Of rank one each, and the one's image is what the other loses.
    lambda rng: [
      np.outer([1.0, 2, 2], [2.0, 1, 3]),
      np.outer([1.0, 0, 5], [2.0, -2, 1]),
    ],
    0,
  ),
  # The zero comes out as rounding's 1e-16, with nothing beside it; or as zero.
  "cancelled": (lambda rng: cancelled(3.0), 0),
  "cancelled exactly": (lambda rng: cancelled(8.0), 0),
  "zero": (lambda rng: [np.eye(3), np.zeros((3, 3)), np.eye(3)], 0),
}


@pytest.mark.parametrize("kind", SINGULAR)
def test_what_is_exactly_singular_is_minus_infinity(kind):
  build, rank = SINGULAR[kind]
  factors = build(np.random.default_rng(3))
  logs = log_singular_values(factors)
  assert rank_of_product(factors) == rank
  assert (logs[rank:] == -np.inf).all()
  if rank > 0:
    errors = relative_errors(logs[:rank], exact_logs(factors)[:rank])
    assert errors.max() < 1e-12


def test_singular_values_lost_to_rounding_are_nan():
  rng = np.random.default_rng(7)
  # Singular values 1, 1e-4, 1e-24 of each factor, turned and rounded.
  factors = [
    orthogonal(rng, 3) @ np.diag([1.0, 1e-4, 1e-24]) @ orthogonal(rng, 3)
    for _ in range(12)
  ]
  logs = log_singular_values(factors)
  exact = exact_logs(factors)
  assert relative_errors(logs[:2], exact[:2]).max() < 1e-9
  assert np.isnan(logs[2])
  jacobians = StepJacobians(np.stack(factors)[:, None], {"": slice(0, 3)})
  again = singular_values_between(jacobians, 11, 0)
  np.testing.assert_array_equal(np.isnan(again), [[False, False, True]])
  # Beside an exact zero, which is none of them.
  beside = [np.pad(factor, (0, 1)) for factor in factors]
  np.testing.assert_array_equal(log_singular_values(beside), [*logs, -np.inf])


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_of_saturated_units_every_number_is_right_or_nan(seed):
  """A GRU of 6 units over 40 steps, conditions 7e33, infinite, infinite."""
  factors = saturated_gru(np.random.default_rng(seed))
  logs = log_singular_values(factors)
  known = ~np.isnan(logs)
  assert 0 < known.sum() < 6
  errors = abs(logs - [float(e) for e in exact_logs(factors, 1500)])
  assert errors[known].max() < 3e-3


def saturated_gru(rng, size=6, num_steps=40, scale=60.0):
  """Step Jacobians with recurrent kernels of deviation 60 over root 6."""
  inputs = rng.normal(size=(2, 3 * size))
  recurrent = rng.normal(size=(size, 3 * size)) * scale / np.sqrt(size)
  biases, bias_n = rng.normal(size=3 * size), rng.normal(size=size)
  h, factors = rng.normal(size=size), []
  to_r, to_z, to_n = (a.T for a in np.split(recurrent, 3, axis=1))
  for _ in range(num_steps):
    x_r, x_z, x_n = np.split(rng.normal(size=2) @ inputs + biases, 3)
    r, z = sigmoid(x_r + to_r @ h), sigmoid(x_z + to_z @ h)
    before = to_n @ h + bias_n
    n = np.tanh(x_n + r * before)
    dr, dz = (
      (gate * (1 - gate))[:, None] * kernel
      for gate, kernel in ((r, to_r), (z, to_z))
    )
    dn = (1 - n * n)[:, None] * (dr * before[:, None] + r[:, None] * to_n)
    factors.append((1 - z)[:, None] * dn + (h - n)[:, None] * dz + np.diag(z))
    h = (1 - z) * n + z * h
  return factors


def rank_in_fractions(matrix):
  rows = [[fractions.Fraction(x) for x in row] for row in matrix.tolist()]
  rank = 0
  for column in range(matrix.shape[1]):
    pivots = [n for n in range(rank, len(rows)) if rows[n][column] != 0]
    if not pivots:
      continue
    rows[rank], rows[pivots[0]] = rows[pivots[0]], rows[rank]
    for n in range(rank + 1, len(rows)):
      share = rows[n][column] / rows[rank][column]
      rows[n] = [a - share * b for a, b in zip(rows[n], rows[rank])]
    rank += 1
  return rank


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_exact_ranks(seed):
  rng = np.random.default_rng(seed)
  matrix = rng.integers(-1, 2, size=rng.integers(1, 6, size=2))
  # Powers of two change nothing, however far apart.
  matrix = matrix * 2.0 ** rng.integers(-900, 900, size=(len(matrix), 1))
  assert rank_of_product([matrix]) == rank_in_fractions(matrix)


@settings(max_examples=40, deadline=None)
@given(
  seed=st.integers(0, 10**6),
  n=st.integers(1, 4),
  num=st.integers(1, 6),
  digits=st.floats(0.0, 3.0),
)
def test_any_product(seed, n, num, digits):
  rng = np.random.default_rng(seed)
  scale = 10.0 ** rng.uniform(-digits, digits, size=(num, n, 1))
  factors = list(rng.normal(size=(num, n, n)) * scale)
  logs = log_singular_values(factors)
  assert (np.diff(logs) <= 0.0).all()
  condition = np.prod([np.linalg.cond(factor) for factor in factors])
  errors = relative_errors(logs, exact_logs(factors, digits=100))
  assert errors.max() < 20 * EPS * condition
  # The product of all is the determinant's size, and turning the order and
  # the factors around changes nothing.
  log_det = sum(np.linalg.slogdet(factor)[1] for factor in factors)
  bound = 20 * EPS * condition
  assert abs(logs.sum() - log_det) < n * bound + 1e-12
  turned = log_singular_values([factor.T for factor in reversed(factors)])
  assert abs(turned - logs).max() < 2 * bound + 1e-12


def test_wrong_input_is_one_line_that_says_which():
  square, wide = np.ones((3, 3)), np.ones((2, 4))
  wrong = {
    "factors must be matrices .* got no arrays": [],
    r"factors must be matrices .* got shapes \(2, 4\), \(3, 3\)": [
      square,
      wide,
    ],
    r"factors must be matrices .* got shape \(3,\)": [square[0]],
    r"factors\[1\] must be a matrix of finite numbers, got nan": [
      square,
      square * np.nan,
    ],
    "factors must hold real numbers, got complex128": [square * 1j],
  }
  for message, factors in wrong.items():
    with pytest.raises(FieldError) as error:
      log_singular_values(factors)
    assert re.fullmatch(message, str(error.value))
  jacobians = driven(gru(3), 5)
  for message, arguments in {
    "k must be at most t = 2, got 4": (2, 4),
    "t must be an integer from 0 to 4, got 5": (5, 1),
    "rows must be one of h, got 'c'": (3, 1, "c", "h"),
  }.items():
    with pytest.raises(FieldError) as error:
      singular_values_between(jacobians, *arguments)
    assert str(error.value) == message
