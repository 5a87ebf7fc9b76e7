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

  @property
  def inputs(self) -> int:
    """D."""
    return self.input_kernel.shape[0]

  @property
  def hidden(self) -> int:
    """H."""
    return self.recurrent_kernel.shape[0]


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


class Recurrence(NamedTuple):
  """A layer of a library on JAX.

  Attributes:
    params: the library's own.
    run: (params, x, carry before the first step or None) -> (carry after the
      last step, y), for x `[T, B, D]` and y `[T, B, H]`.
    kernels: params -> (input kernel, recurrent kernel) in rnn_lab's layout.
    batch_first: x and y are `[B, T, ...]`.
  """

  params: PyTree
  run: Callable[[PyTree, Any, Any], tuple[Any, Any]]
  kernels: Callable[[PyTree], tuple[Any, Any]]
  batch_first: bool = False

  def laid_out(self, array_TB: np.ndarray) -> np.ndarray:
    """Returns `[T, B, ...]` as the library reads it, and the other way."""
    if not self.batch_first:
      return array_TB
    return np.ascontiguousarray(np.swapaxes(array_TB, 0, 1))


class Missing(Exception):
  """A library has no cell with these equations."""


def jax_layer(recurrence: Recurrence, x: np.ndarray) -> Layer:
  """Returns the layer of a library on JAX, compiled.

  Args:
    recurrence: of the library.
    x: the inputs, `[T, B, D]`; laid out before the clock starts.
  """
  arrays = (recurrence.params, recurrence.laid_out(x))
  params, inputs = jax.device_put(arrays)

  def outputs(params: PyTree, x: Any) -> Any:
    return recurrence.run(params, x, None)[1]

  def cost(params: PyTree, x: Any) -> Any:
    return jnp.sum(jnp.square(outputs(params, x)))

  forward = jax.jit(outputs)
  training = jax.jit(jax.grad(cost, argnums=(0, 1)))

  def results() -> dict[str, np.ndarray]:
    d_params, d_x = training(params, inputs)
    of_steps = map(np.asarray, (forward(params, inputs), d_x))
    arrays = (
      *map(recurrence.laid_out, of_steps),
      *map(np.asarray, recurrence.kernels(d_params)),
    )
    names = ("outputs", "inputs", "input_kernel", "recurrent_kernel")
    return dict(zip(names, arrays))

  return Layer(
    {
      "forward": lambda: jax.block_until_ready(forward(params, inputs)),
      "training": lambda: jax.block_until_ready(training(params, inputs)),
    },
    results,
  )
