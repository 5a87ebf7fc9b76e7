"""Chaotic series against closed forms, scipy, and exact averages."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from rnn_lab.errors import FieldError
from rnn_lab.tasks import chaos


def growth(x):
  return 0.2 * x / (1 + x**10)


def test_mackey_glass_before_the_first_delay_is_an_exponential():
  """The delayed value is constant there: x -> growth / 0.1, at rate 0.1."""
  start = 1.23
  path = chaos.mackey_glass_path(start, 18, tau=17, steps_per_unit=10)
  rest = growth(start) / 0.1
  expected = rest + (start - rest) * np.exp(-0.1 * np.arange(18))
  assert_allclose(path, expected, rtol=1e-10)


@pytest.mark.parametrize("tau", [3, 17])
def test_mackey_glass_against_scipy(tau):
  """Interval by interval, each an ordinary equation, by another method."""
  delayed = lambda t: 1.23  # noqa: E731
  expected = [1.23]
  for n in range(3):
    solution = solve_ivp(
      lambda t, x, delayed=delayed: growth(delayed(t - tau)) - 0.1 * x,
      (n * tau, (n + 1) * tau),
      expected[-1:],
      method="DOP853",
      rtol=1e-11,
      atol=1e-11,
      dense_output=True,
    ).sol
    expected += solution(np.arange(n * tau + 1, (n + 1) * tau + 1))[0].tolist()
    delayed = lambda t, s=solution: s(t)[0]  # noqa: E731
  path = chaos.mackey_glass_path(1.23, 3 * tau + 1, tau=tau, steps_per_unit=20)
  assert_allclose(path, expected, rtol=2e-8)


def order(paths):
  """The order of a method, from paths whose step was halved each time."""
  steps = [np.abs(a - b).max() for a, b in zip(paths, paths[1:])]
  return np.log2(np.array(steps[:-1]) / steps[1:])


def test_mackey_glass_is_of_order_four():
  """Also behind the kinks at multiples of the delay."""
  paths = [
    chaos.mackey_glass_path(1.2, 60, tau=17, steps_per_unit=n)
    for n in (4, 8, 16, 32)
  ]
  assert_allclose(order(paths), 4, atol=0.02)


def test_lorenz_is_of_order_four():
  paths = [
    chaos.lorenz_path((1, 2, 3), 20, interval=0.05, steps_per_value=n)
    for n in (5, 10, 20, 40)
  ]
  assert_allclose(order(paths), 4, atol=0.02)


def test_lorenz_against_scipy():
  def slope(t, s):
    x, y, z = s
    return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]

  times = np.arange(41) * 0.05
  expected = solve_ivp(
    slope, (0, 2), [1, 2, 3], "DOP853", times, rtol=1e-12, atol=1e-12
  ).y.T
  path = chaos.lorenz_path((1, 2, 3), 41, interval=0.05, steps_per_value=50)
  assert_allclose(path, expected, atol=1e-5)


def test_fixed_points():
  """0.2 / (1 + 1) = 0.1; and (+-sqrt(beta (rho - 1)), same, rho - 1), 0."""
  for start in 0.0, 1.0:
    path = chaos.mackey_glass_path(start, 50, tau=30, steps_per_unit=10)
    assert_allclose(path, start, atol=1e-14)
  side = np.sqrt(72)
  for start in (side, side, 27), (-side, -side, 27), (0, 0, 0):
    path = chaos.lorenz_path(start, 50, interval=0.05, steps_per_value=5)
    assert_allclose(path, np.tile(start, (50, 1)), atol=1e-11)


@pytest.mark.parametrize("tau, std", [(17, 0.227), (30, 0.280)])
def test_mackey_glass_averages(tau, std):
  """Growth and decay balance: the mean of dx/dt of a bounded series is 0."""
  x = chaos.mackey_glass(20_000, tau=tau, seed=3)
  assert x.shape == (20_000,) and x.dtype == np.float64
  assert x.min() > 0 and x.max() < 2
  assert_allclose(growth(x).mean(), 0.1 * x.mean(), rtol=1e-3)
  assert_allclose(x.std(), std, atol=0.01)


def test_lorenz_averages():
  """Zero means of dz/dt, d(x^2)/dt and d(z^2)/dt of a bounded path."""
  path = chaos.lorenz(20_000, seed=3)
  assert path.shape == (20_000, 3) and path.dtype == np.float64
  x, y, z = path.T
  assert_allclose((x * y).mean(), 8 / 3 * z.mean(), rtol=2e-3)
  assert_allclose((x * x).mean(), (x * y).mean(), rtol=2e-3)
  assert_allclose((x * y * z).mean(), 8 / 3 * (z * z).mean(), rtol=2e-3)
  # Both wings are visited about equally; the mean of z is known to be 23.55.
  assert abs(x.mean()) < 1 and abs((x > 0).mean() - 0.5) < 0.06
  assert_allclose(z.mean(), 23.55, atol=0.15)


def test_a_shorter_series_is_the_beginning_of_a_longer_one():
  for make in (chaos.mackey_glass, chaos.lorenz):
    longer = make(140, seed=5)
    assert_array_equal(make(77, seed=5), longer[:77])
    assert len(np.unique(longer, axis=0)) == 140
    assert np.abs(make(140, seed=6) - longer).max() > 0.1


def test_the_transient_is_what_is_dropped():
  whole = chaos.mackey_glass(60, seed=5, transient=0)
  assert_array_equal(chaos.mackey_glass(20, seed=5, transient=40), whole[40:])
  assert 1.1 <= whole[0] < 1.3
  whole = chaos.lorenz(60, seed=5, interval=0.25, transient=0)
  dropped = chaos.lorenz(20, seed=5, interval=0.25, transient=10)
  assert_array_equal(dropped, whole[40:])
  assert (np.abs(whole[0] - [0, 0, 25]) <= 10).all()


def test_numbers_are_those_of_every_machine():
  """Bits, after a time that would have amplified any rounding error."""
  assert chaos.mackey_glass(2, seed=7)[1].hex() == "0x1.464898350021ep+0"
  assert chaos.lorenz(2, seed=7)[1, 2].hex() == "0x1.992937d45e035p+4"


@pytest.mark.parametrize(
  "make, arguments, words",
  [
    (chaos.mackey_glass, {"num_values": 0}, "num_values must be an integer"),
    (chaos.mackey_glass, {"tau": 0}, "tau must be an integer from 1 to 1000"),
    (chaos.mackey_glass, {"tau": 17.5}, "tau must be .* got 17.5"),
    (chaos.mackey_glass, {"seed": -1}, "seed must be an integer from 0"),
    (chaos.mackey_glass, {"transient": -1}, "transient must be an integer"),
    (chaos.mackey_glass, {"steps_per_unit": 0}, "steps_per_unit must be"),
    (chaos.lorenz, {"num_values": 2.0}, "num_values must be an integer"),
    (chaos.lorenz, {"interval": 0.0}, "interval must be a finite number"),
    (chaos.lorenz, {"transient": None}, "transient must be an integer"),
    (chaos.lorenz, {"seed": True}, "seed must be an integer from 0"),
  ],
)
def test_bad_arguments(make, arguments, words):
  with pytest.raises(FieldError, match=f"^{words}"):
    make(**{"num_values": 5, "seed": 1} | arguments)
