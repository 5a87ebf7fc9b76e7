"""Intervals over seeds, and the comparison of two sets of seeds."""

import functools
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.95
# Of a mean, and of a comparison, whose resamples cost more.
RESAMPLES = 9999
COMPARISONS = 1999


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
  """Returns the mean and the ends of its bootstrapped 95% interval.

  The percentile bootstrap (Efron 1979) with `RESAMPLES` resamples, of
  `scipy.stats.bootstrap` with the seed 0. Of one value both ends are the value.

  Args:
    values: finite numbers, one or more.
  """
  return _mean_interval(tuple(map(float, values)))


@functools.lru_cache(maxsize=4096)
def _mean_interval(values: tuple[float, ...]) -> tuple[float, float, float]:
  centre = float(np.mean(values))
  if len(set(values)) == 1:
    return centre, centre, centre
  # Imported here since it takes a second.
  from scipy import stats

  bounds = stats.bootstrap(
    (values,),
    np.mean,
    n_resamples=RESAMPLES,
    confidence_level=CONFIDENCE,
    method="percentile",
    rng=0,
  ).confidence_interval
  return centre, float(bounds.low), float(bounds.high)


def share_interval(count: int, total: int) -> tuple[float, float]:
  """Returns Wilson's 95% confidence interval of `count` / `total`.

  Wilson, "Probable Inference, the Law of Succession, and Statistical
  Inference", 1927. It stays within [0, 1], and says of 10 of 10 that the
  share may be as low as 0.72.
  """
  # Imported here since it takes a second.
  from scipy import stats

  bounds = stats.binomtest(count, total).proportion_ci(
    confidence_level=CONFIDENCE, method="wilson"
  )
  return float(bounds.low), float(bounds.high)


def probability_of_improvement(
  pairs: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> tuple[float, float, float]:
  """Returns how likely a run of X is better than one of Y, with its interval.

  The mean over settings of P(X > Y) + P(X = Y) / 2, over all pairs of a run of
  X and a run of Y: the Mann-Whitney statistic over the number of pairs. The 95%
  interval is the percentile bootstrap with runs resampled within each setting.
  Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
  Precipice", 2021, and their library rliable.

  Args:
    pairs: for each setting the values of X's runs and of Y's, of which more is
      better; minus infinity is one that failed.
  """
  # Imported here since it takes a second.
  from scipy import stats

  samples = [np.asarray(runs, float) for pair in pairs for runs in pair]

  def statistic(*several: np.ndarray, axis: int = -1) -> np.ndarray:
    shares = []
    for xs, ys in zip(several[::2], several[1::2]):
      xs, ys = xs[..., :, None], ys[..., None, :]
      shares.append(((xs > ys) + 0.5 * (xs == ys)).mean((-2, -1)))
    return np.mean(shares, axis=0)

  centre = float(statistic(*samples))
  if min(map(len, samples)) < 2:
    return centre, 0.0, 1.0
  bounds = stats.bootstrap(
    samples,
    statistic,
    n_resamples=COMPARISONS,
    confidence_level=CONFIDENCE,
    method="percentile",
    vectorized=True,
    rng=0,
  ).confidence_interval
  return centre, float(bounds.low), float(bounds.high)
