"""rnn_lab's own cells, with the implementation that "auto" chooses."""

from typing import Any

import jax
import numpy as np

from rnn_lab import unroll
from rnn_lab.benchmarks.peers.base import Recurrence, Weights
from rnn_lab.cells import CELLS


def recurrence(
  kind: str, weights: Weights, implementation: str = "auto"
) -> Recurrence:
  """Builds the layer.

  Args:
    kind: of the cell.
    weights: of the layer.
    implementation: of `unroll`.
  """
  cell = CELLS[kind](weights.hidden)
  arrays = weights._asdict()
  if kind == "gru":
    arrays["recurrent_bias_n"] = np.zeros(weights.hidden, np.float32)
  params = type(cell.init(jax.random.key(0), 1))(**arrays)

  def run(params: Any, x: Any, carry: Any) -> tuple[Any, Any]:
    return unroll(cell, params, x, carry, implementation=implementation)

  return Recurrence(params, run, lambda p: (p.input_kernel, p.recurrent_kernel))
