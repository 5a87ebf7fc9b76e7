"""rnn_lab's own cells, with the implementation that "auto" chooses."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from rnn_lab import unroll
from rnn_lab.benchmarks.peers.base import Layer, Weights, jax_layer
from rnn_lab.cells import CELLS


def layer(
  kind: str,
  weights: Weights,
  x: np.ndarray,
  implementation: str = "auto",
  wrap: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda run: run,
) -> Layer:
  """Builds the layer; see `base.Layer`.

  Args:
    kind: of the cell.
    weights: of the layer.
    x: its inputs.
    implementation: of `unroll`.
    wrap: is applied to (params, x) -> outputs.
  """
  hidden = weights.recurrent_kernel.shape[0]
  cell = CELLS[kind](hidden)
  arrays = weights._asdict()
  if kind == "gru":
    arrays["recurrent_bias_n"] = np.zeros(hidden, np.float32)
  params = type(cell.init(jax.random.key(0), 1))(**arrays)

  def run(params: Any, x: Any) -> Any:
    return unroll(cell, params, x, implementation=implementation)[1]

  return jax_layer(
    wrap(run), params, x, lambda p: (p.input_kernel, p.recurrent_kernel)
  )
