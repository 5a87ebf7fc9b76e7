"""Chaotic series: the Mackey-Glass equation and the Lorenz system.

Both are integrated with the classical Runge-Kutta method of order four in
float64, with additions, multiplications and divisions alone. These are rounded
alike on every machine, which a chaotic series needs: it amplifies the last bit.
"""

import math
from collections.abc import Sequence

import numpy as np

from rnn_lab.errors import check_float, check_int
from rnn_lab.tasks.draws import uniforms

MOST_VALUES = 1_000_000
# Longest time, in units of the equation, that is dropped at the beginning.
LONGEST_TRANSIENT = 10_000
LONGEST_DELAY = 1_000
MOST_STEPS = 100
# Of the Lorenz system.
SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
LARGEST_STEP = 0.01


def mackey_glass(
  num_values: int,
  *,
  tau: int = 17,
  seed: int,
  transient: int = 1_000,
  steps_per_unit: int = 10,
) -> np.ndarray:
  """Computes a series of the Mackey-Glass equation, one value a time unit.

    dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x(t)

  It is chaotic for tau = 17, weakly, and for tau = 30. The history before
  time 0 is constant, drawn uniformly in [1.1, 1.3). See `mackey_glass_path`
  for the integration.

  Mackey & Glass, "Oscillation and Chaos in Physiological Control Systems",
  1977; as a benchmark, Jaeger & Haas, "Harnessing Nonlinearity: Predicting
  Chaotic Systems and Saving Energy in Wireless Communication", 2004.

  Args:
    num_values: N.
    tau: the delay in time units, from 1 up.
    seed: decides the history.
    transient: time units that are dropped at the beginning.
    steps_per_unit: steps of the integration in one time unit.

  Returns:
    float64 `[N]`, between 0 and 2.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("num_values", num_values, 1, MOST_VALUES)
  check_int("transient", transient, 0, LONGEST_TRANSIENT)
  start = 1.1 + 0.2 * float(uniforms(seed, 0, (1,))[0])
  path = mackey_glass_path(
    start, transient + num_values, tau=tau, steps_per_unit=steps_per_unit
  )
  return path[transient:]


def mackey_glass_path(
  start: float, num_values: int, *, tau: int, steps_per_unit: int
) -> np.ndarray:
  """Integrates the Mackey-Glass equation from a constant history.

  The method of steps: over an interval of tau the delayed values are those of
  the interval before, so that the equation is an ordinary one. Runge-Kutta
  also needs them in the middle of each step. There they are interpolated by
  the cubic Hermite polynomial through both ends of the earlier step and its
  slopes, x(t + h/2) = (x0 + x1) / 2 + h (x0' - x1') / 8, whose error, of order
  h^4, keeps the order of the method.

  Args:
    start: x(t) for t <= 0.
    num_values: N.
    tau: the delay in time units, from 1 up.
    steps_per_unit: 1 / h.

  Returns:
    float64 `[N]`: x at the times 0, 1, ..., N - 1.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("tau", tau, 1, LONGEST_DELAY)
  check_int("steps_per_unit", steps_per_unit, 1, MOST_STEPS)
  h = 1 / steps_per_unit
  delay = tau * steps_per_unit
  grid, middle = np.full(delay + 1, start), np.full(delay, start)
  intervals = []
  # Each interval without its last point, the first of the next one.
  for _ in range(math.ceil(num_values / tau)):
    growth, middle_growth = _growth(grid), _growth(middle)
    x = float(grid[-1])
    values = [x]
    ends = growth.tolist()
    for g0, g_half, g1 in zip(ends, middle_growth.tolist(), ends[1:]):
      k1 = g0 - 0.1 * x
      k2 = g_half - 0.1 * (x + h / 2 * k1)
      k3 = g_half - 0.1 * (x + h / 2 * k2)
      k4 = g1 - 0.1 * (x + h * k3)
      x += h / 6 * (k1 + 2 * (k2 + k3) + k4)
      values.append(x)
    grid = np.array(values)
    slope = growth - 0.1 * grid
    middle = (grid[:-1] + grid[1:]) / 2 + h / 8 * (slope[:-1] - slope[1:])
    intervals.append(grid[:-1:steps_per_unit])
  return np.concatenate(intervals)[:num_values]


def _growth(x: np.ndarray) -> np.ndarray:
  """Computes 0.2 x / (1 + x^10)."""
  x_2 = x * x
  x_4 = x_2 * x_2
  return 0.2 * x / (1 + x_4 * x_4 * x_2)


def lorenz(
  num_values: int, *, seed: int, interval: float = 0.05, transient: int = 50
) -> np.ndarray:
  """Computes a series of the Lorenz system.

    dx/dt = 10 (y - x),  dy/dt = x (28 - z) - y,  dz/dt = x y - 8/3 z

  It starts at a point drawn uniformly from a cube of side 20 around (0, 0, 25).

  Lorenz, "Deterministic Nonperiodic Flow", 1963.

  Args:
    num_values: N.
    seed: decides the starting point.
    interval: time between two values, from 0.001 to 1. It is integrated in
      equal steps of at most 0.01: 5 steps of 0.01 for the default.
    transient: time units that are dropped at the beginning, rounded up to
      whole intervals.

  Returns:
    float64 `[N, 3]`: x, y and z.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("num_values", num_values, 1, MOST_VALUES)
  check_float("interval", interval, 0.001, 1)
  check_int("transient", transient, 0, LONGEST_TRANSIENT)
  start = uniforms(seed, 0, (3,)) * 20 + np.array([-10.0, -10.0, 15.0])
  dropped = math.ceil(transient / interval)
  path = lorenz_path(
    start.tolist(),
    dropped + num_values,
    interval=interval,
    steps_per_value=math.ceil(interval / LARGEST_STEP),
  )
  return path[dropped:]


def lorenz_path(
  start: Sequence[float],
  num_values: int,
  *,
  interval: float,
  steps_per_value: int,
) -> np.ndarray:
  """Integrates the Lorenz system from a starting point.

  Args:
    start: x, y and z at time 0.
    num_values: N.
    interval: time between two values.
    steps_per_value: steps of the integration from one value to the next.

  Returns:
    float64 `[N, 3]`: the state at the times 0, interval, 2 interval, ...
  """
  h = interval / steps_per_value
  x, y, z = map(float, start)
  path = [(x, y, z)]
  for _ in range(num_values - 1):
    for _ in range(steps_per_value):
      x, y, z = _lorenz_step(x, y, z, h)
    path.append((x, y, z))
  return np.array(path)


def _lorenz_step(
  x: float, y: float, z: float, h: float
) -> tuple[float, float, float]:
  """Computes one Runge-Kutta step; plain numbers are faster than arrays."""
  half = h / 2
  x1, y1, z1 = _lorenz_slope(x, y, z)
  x2, y2, z2 = _lorenz_slope(x + half * x1, y + half * y1, z + half * z1)
  x3, y3, z3 = _lorenz_slope(x + half * x2, y + half * y2, z + half * z2)
  x4, y4, z4 = _lorenz_slope(x + h * x3, y + h * y3, z + h * z3)
  sixth = h / 6
  return (
    x + sixth * (x1 + 2 * (x2 + x3) + x4),
    y + sixth * (y1 + 2 * (y2 + y3) + y4),
    z + sixth * (z1 + 2 * (z2 + z3) + z4),
  )


def _lorenz_slope(x: float, y: float, z: float) -> tuple[float, float, float]:
  return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z
