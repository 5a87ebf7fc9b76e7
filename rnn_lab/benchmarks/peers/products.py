"""The matrix products of a layer alone: a bound on how fast it can be."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.benchmarks.peers.base import Layer, Weights


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds products of a layer's sizes, each over all steps at once.

  Forwards x W and h U; for training, too, the gradients of x, h, W and U. In a
  layer h U and the gradient of h are T products one after the other.
  """
  del kind
  hidden, width = weights.recurrent_kernel.shape
  rows = x.shape[0] * x.shape[1]
  random = np.random.default_rng(0)
  x_ND = jnp.asarray(x.reshape(rows, -1))
  h_NH, d_NG = (
    jnp.asarray(random.normal(size=(rows, size)), jnp.float32)
    for size in (hidden, width)
  )
  arrays = jax.device_put((x_ND, h_NH, d_NG, *weights[:2]))

  @jax.jit
  def forward(x: Any, h: Any, d: Any, w: Any, u: Any) -> Any:
    del d
    return x @ w, h @ u

  @jax.jit
  def training(x: Any, h: Any, d: Any, w: Any, u: Any) -> Any:
    return forward(x, h, d, w, u), d @ w.T, d @ u.T, x.T @ d, h.T @ d

  def timed(products: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(products(*arrays))

  passes = {"forward": timed(forward), "training": timed(training)}
  # Nothing here is a result of the layer, and so nothing is compared.
  return Layer(passes, dict)
