"""The elementwise arithmetic of an Elman step, forwards and backwards."""

import jax.numpy as jnp

from rnn_lab.cells._elman import ElmanParams
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.fused.rules import Arrays, Rule, Weights
from rnn_lab.types import Array


def _weights(params: ElmanParams) -> Weights:
  return Weights(params.input_kernel, params.bias, params.recurrent_kernel)


def rule(activation: str) -> Rule:
  """Returns the rule of the Elman cell with an activation of ACTIVATIONS."""
  function, largest, slope = ACTIVATIONS[activation]

  def forward(
    common: Arrays, of_x: Arrays, of_h: Arrays, before: Arrays
  ) -> tuple[Arrays, Arrays]:
    return (function(common[0]),), ()

  def backward(
    saved: Arrays, before: Arrays, h: Array, d_after: Arrays
  ) -> tuple[Arrays, Arrays, Arrays, Arrays]:
    d_z = d_after[0] * (largest * slope(h))
    return (d_z,), (), (), (jnp.zeros_like(d_z),)

  return Rule(
    gates=1,
    common=1,
    weights=_weights,
    forward=forward,
    backward=backward,
  )
