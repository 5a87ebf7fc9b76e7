"""Choosing the next symbol from a distribution over all of them."""

import numpy as np

from rnn_lab.errors import check_float, check_int


def sampling_distribution(
  log_p: np.ndarray,
  temperature: float = 1.0,
  top_k: int = 0,
  top_p: float = 1.0,
) -> np.ndarray:
  """Computes the distribution to sample from, given the model's.

  First the temperature: p_i^(1/temperature), made to sum to 1. Then only the
  `top_k` most probable symbols stay, and of these the most probable ones that
  together reach `top_p` (Holtzman et al. 2020). Of equal ones the first stays.

  Args:
    log_p: `[V]` natural logarithms, -inf for impossible symbols.
    temperature: 0 leaves the most probable symbol alone; 1 changes nothing.
    top_k: 0 keeps all.
    top_p: 1 keeps all.

  Returns:
    `[V]` float64 probabilities; those of dropped symbols are 0.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_float("temperature", temperature, 0.0)
  check_int("top_k", top_k, 0)
  check_float("top_p", top_p, 0.0, 1.0, above=True)
  log_p = np.asarray(log_p, np.float64)
  order = np.argsort(-log_p, kind="stable")
  if temperature == 0.0:
    p = np.zeros_like(log_p)
    p[order[0]] = 1.0
    return p
  p = np.exp((log_p - log_p.max()) / temperature)
  if top_k:
    p[order[top_k:]] = 0.0
  p /= p.sum()
  if top_p < 1.0:
    before = np.cumsum(p[order]) - p[order]
    p[order[before >= top_p]] = 0.0
    p /= p.sum()
  return p


def sample(p: np.ndarray, random: np.random.Generator) -> int:
  """Draws a symbol from the probabilities `[V]`."""
  sums = np.cumsum(p)
  place = np.searchsorted(sums, random.random() * sums[-1], side="right")
  # Rounding can put the draw on the very end of the sums.
  return int(min(place, np.flatnonzero(p)[-1]))
