"""The softmax over a vocabulary in chunks of tokens, to save memory.

For N tokens and V words a plain loss holds about three arrays of N x V
numbers: logits, probabilities and their gradient. Here the loss and its
gradients are computed for one chunk of tokens at a time. The results equal
those of the plain loss up to the order of sums.
"""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp

from rnn_lab.types import Array

# Tokens whose V probabilities are held at once when a text is evaluated.
SCORE_CHUNK = 256


def _with_own_gradient(
  function: Callable[..., Array],
) -> jax.custom_vjp[Array]:
  # The checker takes it for another class, which a flag of JAX's can select.
  made = jax.custom_vjp(function, nondiff_argnums=(5,))
  return cast("jax.custom_vjp[Array]", made)


@_with_own_gradient
def cross_entropy(
  h_NH: Array,
  kernel_HV: Array,
  bias_V: Array,
  targets_N: Array,
  weights_N: Array,
  chunk: int,
) -> Array:
  """Computes the sum over n of -weight_n log softmax(h_n v + b)[target_n].

  Differentiable with respect to `h_NH`, `kernel_HV` and `bias_V`. Under
  differentiation the gradients are computed in the forward pass, so that the
  residuals have their size, not N x V.

  Args:
    h_NH: the inputs of the softmax layer, one row per token.
    kernel_HV: v.
    bias_V: b.
    targets_N: word ids.
    weights_N: the weight of each token in the cost; not differentiated.
    chunk: number of tokens whose V logits are held at once.

  Returns:
    A scalar in nats, float32 or the inputs' precision if that is higher.
  """
  log_p_N = log_probs(h_NH, kernel_HV, bias_V, targets_N, chunk)
  return -jnp.sum(log_p_N * weights_N)


def log_probs(
  h_NH: Array,
  kernel_HV: Array,
  bias_V: Array,
  targets_N: Array,
  chunk: int,
) -> Array:
  """Computes log softmax(h_n v + b)[target_n], `[N]`; see `cross_entropy`."""

  def one(rows: tuple[Array, Array]) -> Array:
    h, targets = rows
    logits = _logits(h, kernel_HV, bias_V)
    return _chosen(logits, targets) - jax.nn.logsumexp(logits, axis=-1)

  rows = (h_NH, targets_N)
  if h_NH.shape[0] <= chunk:
    return one(rows)
  return _unpad(jax.lax.map(one, _chunks(rows, chunk)), h_NH.shape[0])


def _forward(
  h_NH: Array,
  kernel_HV: Array,
  bias_V: Array,
  targets_N: Array,
  weights_N: Array,
  chunk: int,
) -> tuple[Array, Any]:
  """Computes the value, and the gradients as residuals."""

  def one(rows: Any) -> tuple[Array, Array, Array, Array]:
    h, targets, weights = rows
    logits = _logits(h, kernel_HV, bias_V)
    top = jnp.max(logits, axis=-1, keepdims=True)
    # Reused for the gradient: one exp per logit instead of two.
    e = jnp.exp(logits - top)
    z = jnp.sum(e, axis=-1, keepdims=True)
    log_z = (jnp.log(z) + top)[:, 0]
    value = jnp.sum((log_z - _chosen(logits, targets)) * weights)
    # d value / d logits = weight (p - one-hot target).
    hot = targets[:, None] == jnp.arange(logits.shape[1])[None]
    d_logits = e * (weights[:, None] / z) - hot * weights[:, None]
    d_logits = d_logits.astype(kernel_HV.dtype)
    d_h = jnp.matmul(d_logits, kernel_HV.T)
    d_kernel = jnp.matmul(h.astype(kernel_HV.dtype).T, d_logits)
    return value, d_h, d_kernel, jnp.sum(d_logits, axis=0)

  rows = (h_NH, targets_N, weights_N)
  if h_NH.shape[0] <= chunk:
    value, *grads = one(rows)
    return value, tuple(grads)

  def body(sums: Any, rows: Any) -> tuple[Any, Array]:
    value, d_h, *others = one(rows)
    return jax.tree.map(jnp.add, sums, (value, *others)), d_h

  zeros = (
    jnp.zeros((), _precision(h_NH, kernel_HV)),
    jnp.zeros_like(kernel_HV),
    jnp.zeros(bias_V.shape, kernel_HV.dtype),
  )
  (value, d_kernel, d_bias), d_h = jax.lax.scan(
    body, zeros, _chunks(rows, chunk)
  )
  return value, (_unpad(d_h, h_NH.shape[0]), d_kernel, d_bias)


def _backward(chunk: int, grads: Any, g: Array) -> tuple[Any, ...]:
  del chunk
  d_h, d_kernel, d_bias = [(g * grad).astype(grad.dtype) for grad in grads]
  return d_h, d_kernel, d_bias, None, None


cross_entropy.defvjp(_forward, _backward)


def _precision(h: Array, kernel_HV: Array) -> Any:
  return jnp.result_type(jnp.float32, h.dtype, kernel_HV.dtype)


def _logits(h: Array, kernel_HV: Array, bias_V: Array) -> Array:
  """Computes logits `[n, V]` in float32 or higher precision."""
  logits = jnp.matmul(
    h.astype(kernel_HV.dtype),
    kernel_HV,
    preferred_element_type=_precision(h, kernel_HV),
  )
  return logits + bias_V[None]


def _chosen(logits: Array, targets: Array) -> Array:
  return jnp.take_along_axis(logits, targets[:, None], axis=1)[:, 0]


def _chunks(rows: Any, chunk: int) -> Any:
  """Reshapes rows to `[chunks, chunk, ...]`, padding the last with zeros."""

  def cut(array: Array) -> Array:
    missing = -array.shape[0] % chunk
    widths = [(0, missing)] + [(0, 0)] * (array.ndim - 1)
    return jnp.pad(array, widths).reshape(-1, chunk, *array.shape[1:])

  return jax.tree.map(cut, rows)


def _unpad(chunks: Array, count: int) -> Array:
  return chunks.reshape(-1, *chunks.shape[2:])[:count]
