"""What a library's layer is for the benchmark, and what those on JAX share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.types import PyTree


class Weights(NamedTuple):
  """Weights of a cell in rnn_lab's layout; a GRU's b_hn is zero.

  Attributes:
    input_kernel: `[D, GH]`.
    recurrent_kernel: `[H, GH]`.
    bias: `[GH]`.
  """

  input_kernel: np.ndarray
  recurrent_kernel: np.ndarray
  bias: np.ndarray


class Layer(NamedTuple):
  """A layer whose cost is the sum of its squared outputs.

  Attributes:
    passes: "forward" computes the outputs, "training" the gradients of the cost
      for inputs and parameters; each waits until it is done.
    results: () -> the outputs `[T, B, H]` and the gradients for the inputs
      `[T, B, D]`, the input kernel and the recurrent kernel, as numpy arrays
      in rnn_lab's layout.
  """

  passes: dict[str, Callable[[], Any]]
  results: Callable[[], dict[str, np.ndarray]]


class Missing(Exception):
  """A library has no cell with these equations."""


def jax_layer(
  unroll: Callable[[PyTree, Any], Any],
  params: PyTree,
  x: Any,
  kernels: Callable[[PyTree], tuple[Any, Any]],
) -> Layer:
  """Returns the layer of a library on JAX, compiled.

  Args:
    unroll: (params, x `[T, B, D]`) -> y `[T, B, H]`.
    params: the library's own.
    x: the inputs.
    kernels: params -> (input kernel, recurrent kernel) in rnn_lab's layout.
  """
  params, x = jax.device_put((params, jnp.asarray(x)))

  def cost(params: PyTree, x: Any) -> Any:
    return jnp.sum(jnp.square(unroll(params, x)))

  forward = jax.jit(unroll)
  training = jax.jit(jax.grad(cost, argnums=(0, 1)))

  def results() -> dict[str, np.ndarray]:
    d_params, d_x = training(params, x)
    arrays = (forward(params, x), d_x, *kernels(d_params))
    names = ("outputs", "inputs", "input_kernel", "recurrent_kernel")
    return dict(zip(names, map(np.asarray, arrays)))

  return Layer(
    {
      "forward": lambda: jax.block_until_ready(forward(params, x)),
      "training": lambda: jax.block_until_ready(training(params, x)),
    },
    results,
  )
