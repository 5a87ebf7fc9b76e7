"""The functions f of the cells, and how steep they are."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.types import Array


class Activation(NamedTuple):
  """A function of one number, applied to each.

  Attributes:
    function: f.
    largest_slope: the largest |f'|.
    slope: |f'| as a function of f's value, as a share of the largest.
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
  """What an activation put out inside of a cell.

  Attributes:
    value: `[B, H]`, f(z).
    slope: `[B, H]`, f'(z) as a share of the largest slope of f: what a
      gradient that passes here is multiplied by, in [0, 1].
  """

  value: Array
  slope: Array


def activated(name: str, value: Array) -> Activated:
  """A value that the activation called `name` put out, with its slope."""
  return Activated(value, ACTIVATIONS[name].slope(value))
