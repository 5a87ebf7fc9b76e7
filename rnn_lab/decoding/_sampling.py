"""The distribution to sample from, given the model's."""

import jax
import jax.numpy as jnp

from rnn_lab.errors import check_float, check_int
from rnn_lab.types import Array


def check_sampling(temperature: float, top_k: int, top_p: float) -> None:
  """Raises FieldError for an argument of `sampling_logits` out of its range."""
  check_float("temperature", temperature, 0.0)
  check_int("top_k", top_k, 0)
  check_float("top_p", top_p, 0.0, 1.0, above=True)


def sampling_logits(
  logits: Array,
  temperature: float = 1.0,
  top_k: int = 0,
  top_p: float = 1.0,
) -> Array:
  """Computes the logarithms of the distribution to sample from.

  First the temperature: p_i^(1/temperature), made to sum to 1. Then only the
  `top_k` most probable symbols stay, and of these the most probable ones that
  together reach `top_p` (Holtzman et al. 2020). Of equal ones the first stays.

  Args:
    logits: `[..., V]`, -inf for impossible symbols.
    temperature: 0 leaves the most probable symbol alone; 1 changes nothing.
    top_k: 0 keeps all.
    top_p: 1 keeps all.

  Returns:
    `[..., V]` natural logarithms, -inf for dropped symbols.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_sampling(temperature, top_k, top_p)
  logits = jnp.asarray(logits)
  logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
  # In front of the division, so that a tiny temperature overflows nothing.
  logits = logits - jnp.max(logits, axis=-1, keepdims=True)
  if temperature == 0.0:
    return _keep(logits, _rank(logits) == 0)
  # XLA takes a subnormal number as zero, and 0 / 0 is nan.
  logits = logits / max(temperature, jnp.finfo(logits.dtype).tiny)
  if top_k:
    top_k = min(top_k, logits.shape[-1])  # any integer: it may exceed int32
    logits = _keep(logits, _rank(logits) < top_k)
  log_p = jax.nn.log_softmax(logits)
  if top_p < 1.0:
    order = jnp.argsort(-log_p, axis=-1, stable=True)
    sorted_p = jnp.exp(jnp.take_along_axis(log_p, order, axis=-1))
    before = jnp.cumsum(sorted_p, axis=-1) - sorted_p
    before = jnp.take_along_axis(before, jnp.argsort(order, axis=-1), axis=-1)
    log_p = jax.nn.log_softmax(_keep(log_p, before < top_p))
  return log_p


def _rank(logits: Array) -> Array:
  """The place of each symbol, 0 for the most probable one."""
  order = jnp.argsort(-logits, axis=-1, stable=True)
  return jnp.argsort(order, axis=-1)


def _keep(logits: Array, kept: Array) -> Array:
  return jax.nn.log_softmax(jnp.where(kept, logits, -jnp.inf))
