"""Initializers of weights, by name, and of forget-gate biases.

An initializer is `(key, shape, dtype) -> array`, as in jax.nn.initializers.
Cells take one by name and scale, or as such a function. They initialise the
kernel of each gate separately (`per_gate`), so that "orthogonal" means
orthogonal per gate and Glorot's fan-out is the width of one gate.

The named ones are cached: functions are equal only if they are identical, and
equal configs must give equal models.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.errors import check_choice
from rnn_lab.types import Array, Key

Initializer = Callable[..., Array]


@functools.cache
def fan_in_normal(scale: float) -> Initializer:
  """Returns a normal with standard deviation scale / sqrt(rows)."""
  return jax.nn.initializers.variance_scaling(
    scale**2, mode="fan_in", distribution="normal"
  )


@functools.cache
def glorot(scale: float) -> Initializer:
  """Returns U(+-scale * sqrt(6 / (rows + columns))); Glorot, Bengio 2010."""
  return jax.nn.initializers.variance_scaling(
    scale**2, mode="fan_avg", distribution="uniform"
  )


@functools.cache
def orthogonal(scale: float) -> Initializer:
  """Returns `scale` times a random orthogonal matrix; Saxe et al. 2014."""
  return jax.nn.initializers.orthogonal(scale)


@functools.cache
def identity(scale: float) -> Initializer:
  """Returns `scale` times the identity; Le, Jaitly and Hinton 2015."""

  def init(key: Key, shape: tuple[int, int], dtype=jnp.float32) -> Array:
    del key
    return scale * jnp.eye(*shape, dtype=dtype)

  return init


@functools.cache
def normal(scale: float) -> Initializer:
  """Returns a normal with standard deviation `scale`."""
  return jax.nn.initializers.normal(scale)


@functools.cache
def uniform(scale: float) -> Initializer:
  """Returns U(-scale, scale)."""

  def init(key: Key, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -scale, scale)

  return init


@functools.cache
def zeros(scale: float) -> Initializer:
  """Returns zeros, for every scale."""
  del scale
  return jax.nn.initializers.zeros


KERNEL_INITIALIZERS = {
  "fan_in_normal": fan_in_normal,
  "glorot": glorot,
  "identity": identity,
  "normal": normal,
  "orthogonal": orthogonal,
  "uniform": uniform,
  "zeros": zeros,
}
BIAS_INITIALIZERS = {"normal": normal, "uniform": uniform, "zeros": zeros}


def kernel_initializer(
  field: str, name: str | Initializer, scale: float
) -> Initializer:
  """Returns the kernel initializer `name`; a function is returned unscaled.

  Raises:
    FieldError: `field` names no kernel initializer.
  """
  return _initializer(field, name, scale, KERNEL_INITIALIZERS)


def bias_initializer(
  field: str, name: str | Initializer, scale: float
) -> Initializer:
  """Returns the bias initializer `name`, as `kernel_initializer`."""
  return _initializer(field, name, scale, BIAS_INITIALIZERS)


def _initializer(
  field: str, name: str | Initializer, scale: float, table: Mapping[str, Any]
) -> Initializer:
  if callable(name):
    return name
  check_choice(field, name, table)
  return table[name](scale)


def per_gate(
  init: Initializer, key: Key, rows: int, hidden_size: int, gates: int
) -> Array:
  """Concatenates `gates` kernels `[rows, H]`, each initialised by `init`.

  Returns:
    `[rows, G * H]`.
  """
  # Not vmapped: a batched QR on two host devices at once can deadlock in
  # jaxlib 0.10.2.
  kernels = [
    init(gate_key, (rows, hidden_size), jnp.float32)
    for gate_key in jax.random.split(key, gates)
  ]
  return jnp.concatenate(kernels, axis=-1)


def chrono_forget_bias(key: Key, hidden_size: int, chrono_max: int) -> Array:
  """Draws forget-gate biases log U(1, chrono_max - 1).

  A unit with forget bias b remembers for about exp(b) steps, so that the
  memories of the units are uniform in 1 .. chrono_max - 1 steps. The input
  gate's bias should be minus this one. Tallec and Ollivier 2018.

  Returns:
    `[H]` floats in [0, log(chrono_max - 1)].
  """
  high = float(chrono_max - 1)
  memory_H = jax.random.uniform(key, (hidden_size,), jnp.float32, 1.0, high)
  return jnp.log(memory_H)
