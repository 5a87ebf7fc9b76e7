"""How weights begin: named initializers, and the forget-gate biases.

An initializer is `(key, shape, dtype) -> array`, as in jax.nn.initializers.
Cells take one by name and scale, or as such a function. They ask for the
kernel of each gate separately (`per_gate`), so that "orthogonal" means
orthogonal per gate and Glorot's fan-out is one gate's width.

The named ones are cached: what holds an initializer compares equal only if it
is the same one, and equal configs must give equal models.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnn_lab.errors import check_choice
from rnn_lab.types import Array, Key

Initializer = Callable[..., Array]


@functools.cache
def fan_in_normal(scale: float) -> Initializer:
  """Normal with standard deviation scale / sqrt(rows)."""
  return jax.nn.initializers.variance_scaling(
    scale**2, mode="fan_in", distribution="normal"
  )


@functools.cache
def glorot(scale: float) -> Initializer:
  """Uniform in +-scale * sqrt(6 / (rows + columns)); Glorot, Bengio 2010."""
  return jax.nn.initializers.variance_scaling(
    scale**2, mode="fan_avg", distribution="uniform"
  )


@functools.cache
def orthogonal(scale: float) -> Initializer:
  """`scale` times a random orthogonal matrix; Saxe et al. 2014."""
  return jax.nn.initializers.orthogonal(scale)


@functools.cache
def identity(scale: float) -> Initializer:
  """`scale` times the identity: the IRNN of Le, Jaitly and Hinton 2015."""

  def init(key: Key, shape: tuple[int, int], dtype=jnp.float32) -> Array:
    del key
    return scale * jnp.eye(*shape, dtype=dtype)

  return init


@functools.cache
def normal(scale: float) -> Initializer:
  """Normal with standard deviation `scale`."""
  return jax.nn.initializers.normal(scale)


@functools.cache
def uniform(scale: float) -> Initializer:
  """Uniform in [-scale, scale]."""

  def init(key: Key, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -scale, scale)

  return init


@functools.cache
def zeros(scale: float) -> Initializer:
  """Zeros, whatever the scale."""
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
  """The initializer called `name`; a function passes through unscaled.

  Raises:
    FieldError: no such initializer; `field` is reported.
  """
  if callable(name):
    return name
  check_choice(field, name, KERNEL_INITIALIZERS)
  return KERNEL_INITIALIZERS[name](scale)


def bias_initializer(
  field: str, name: str | Initializer, scale: float
) -> Initializer:
  """As `kernel_initializer`, for a vector."""
  if callable(name):
    return name
  check_choice(field, name, BIAS_INITIALIZERS)
  return BIAS_INITIALIZERS[name](scale)


def per_gate(
  init: Initializer, key: Key, rows: int, hidden_size: int, gates: int
) -> Array:
  """`gates` kernels of `[rows, H]`, each from `init`, side by side.

  Returns:
    `[rows, G * H]`.
  """
  # Not vmapped: a batched QR on two host devices at once was seen to wait for
  # itself for ever in jaxlib 0.10.2.
  kernels = [
    init(gate_key, (rows, hidden_size), jnp.float32)
    for gate_key in jax.random.split(key, gates)
  ]
  return jnp.concatenate(kernels, axis=-1)


def chrono_forget_bias(key: Key, hidden_size: int, chrono_max: int) -> Array:
  """Forget-gate biases log U(1, chrono_max - 1); Tallec and Ollivier 2018.

  A unit with forget bias b remembers for about exp(b) steps, so that the
  memories of the units are spread evenly over 1 .. chrono_max - 1 steps. The
  input gate's bias is to be minus this one.

  Returns:
    `[H]` floats in [0, log(chrono_max - 1)].
  """
  top = float(chrono_max - 1)
  return jnp.log(jax.random.uniform(key, (hidden_size,), jnp.float32, 1.0, top))
