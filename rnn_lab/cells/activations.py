"""Activation functions of the cells, and their slopes."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.types import Array


class Activation(NamedTuple):
  """An elementwise function.

  Attributes:
    function: f.
    largest_slope: the largest |f'|.
    slope: |f'| as a function of f's value, divided by the largest slope.
  """

  function: Callable[[Array], Array]
  largest_slope: float
  slope: Callable[[Array], Array]


ACTIVATIONS = {
  "tanh": Activation(jnp.tanh, 1.0, lambda y: 1.0 - jnp.square(y)),
  "relu": Activation(jax.nn.relu, 1.0, lambda y: (y > 0.0).astype(y.dtype)),
  "sigmoid": Activation(jax.nn.sigmoid, 0.25, lambda y: 4.0 * y * (1.0 - y)),
  "linear": Activation(lambda x: x, 1.0, jnp.ones_like),
}


class Activated(NamedTuple):
  """The output of an activation inside a cell.

  Attributes:
    value: `[B, H]`, f(z).
    slope: `[B, H]`, |f'(z)| divided by the largest slope of f, in [0, 1]: a
      gradient that passes through the activation is multiplied by it.
  """

  value: Array
  slope: Array


def activated(name: str, value: Array) -> Activated:
  """Returns an output of the activation called `name` with its slope."""
  return Activated(value, ACTIVATIONS[name].slope(value))
