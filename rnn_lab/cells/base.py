"""What a cell is: one step of a recurrence, as a value."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.activations import Activated
from rnn_lab.errors import check_float, check_int
from rnn_lab.initializers import (
  Initializer,
  bias_initializer,
  kernel_initializer,
)
from rnn_lab.types import Array, Carry, Key, Params, PyTree


class Cell(NamedTuple):
  """One step of a recurrence, made by a factory such as `lstm(128)`.

  Whoever writes a cell gives three pure functions; the rest has defaults.

  Attributes:
    init: `(key, input_size) -> params`, a pytree of arrays.
    initial_carry: `(batch_shape, dtype) -> carry`, the state before the
      first step, with the leading dimensions `batch_shape`.
    step: `(params, carry, x_BD) -> (carry, y_BH)`. The new carry has the
      structure, shapes and dtypes of the old one.
    kind: the cell's key in `rnn_lab.cells.CELLS`.
    options: a hashable NamedTuple of what the factory was called with.
    inside: `(params, carry, x_BD) -> {name: Activated}`: what the gates and
      other activations of this step are. None where nobody may look inside.
    memory: the names (state, gate) of a state that its gate hands on, as
      c_t = f_t * c_{t-1} + ... does. None where there is none.
  """

  init: Callable[[Key, int], Params]
  initial_carry: Callable[[tuple[int, ...], Any], Carry]
  step: Callable[[Params, Carry, Array], tuple[Carry, Array]]
  kind: str = "custom"
  options: tuple = ()
  inside: Callable[[Params, Carry, Array], Mapping[str, Activated]] | None = (
    None
  )
  memory: tuple[str, str] | None = None


def output_size(cell: Cell, input_size: int) -> int:
  """Width of the `y` that `cell` puts out for inputs of `input_size`."""

  def one_step(key: Key, x_BD: Array) -> Array:
    carry = cell.initial_carry((1,), jnp.float32)
    return cell.step(cell.init(key, input_size), carry, x_BD)[1]

  x_BD = jax.ShapeDtypeStruct((1, input_size), jnp.float32)
  return jax.eval_shape(one_step, jax.random.key(0), x_BD).shape[-1]


def check_step(cell: Cell, params: Params, carry: Carry, x: PyTree) -> None:
  """Checks that a step hands on a carry of the form that it was given.

  Args:
    cell: the cell.
    params: its parameters, or their shapes; likewise the others.
    carry: the state before the step.
    x: the input of one step.

  Raises:
    ValueError: the new carry has another structure, shape or dtype.
  """
  after, _ = jax.eval_shape(cell.step, params, carry, x)
  check_carry(cell, carry, after)


def check_carry(cell: Cell, expected: Carry, actual: Carry) -> None:
  """Raises ValueError where the two carries differ in form."""

  def form(carry: Carry) -> dict[str, str]:
    return {
      jax.tree_util.keystr(path) or "(itself)": f"{a.dtype.name}{a.shape}"
      for path, a in jax.tree_util.tree_leaves_with_path(carry)
    }

  same_tree = jax.tree.structure(expected) == jax.tree.structure(actual)
  if form(expected) != form(actual) or not same_tree:
    raise ValueError(
      f"{cell.kind}: the carry has the form {form(actual)}; it must be "
      f"{form(expected)}{'' if same_tree else ', with the same containers'}"
    )


def is_float(array: Array) -> bool:
  """Whether an array's numbers have derivatives; a count of steps has none."""
  return jnp.issubdtype(array.dtype, jnp.floating)


def affine(kernel: Array, x: Array, dtype: Any) -> Array:
  """`x @ kernel`, multiplied in the kernel's dtype, summed up in `dtype`.

  With bfloat16 kernels and a float32 carry the product is cheap and its
  reduction still float32.
  """
  return jnp.matmul(
    x.astype(kernel.dtype), kernel, preferred_element_type=dtype
  )


def check_width(kind: str, what: str, array: Array, expected: int) -> None:
  """Raises ValueError unless the last dimension of `array` is `expected`."""
  if array.ndim == 0 or array.shape[-1] != expected:
    raise ValueError(
      f"{kind}: {what} has shape {array.shape}, but its last dimension must "
      f"be {expected}"
    )


def weight_initializers(
  options: Any,
) -> tuple[Initializer, Initializer, Initializer]:
  """The initializers that every cell's options name.

  Returns:
    Those of the input kernel, the recurrent kernel and the bias.

  Raises:
    FieldError: hidden_size is not a positive integer, an initializer is
      unknown, or a scale is not a finite number from 0 up.
  """
  check_int("hidden_size", options.hidden_size, 1)
  for field in ("input_scale", "recurrent_scale", "bias_scale"):
    check_float(field, getattr(options, field), 0.0)
  return (
    kernel_initializer("input_init", options.input_init, options.input_scale),
    kernel_initializer(
      "recurrent_init", options.recurrent_init, options.recurrent_scale
    ),
    bias_initializer("bias_init", options.bias_init, options.bias_scale),
  )


def bias_row(bias: Array, like: Array) -> Array:
  """`bias` with the rank and dtype of `like`, for an explicit broadcast."""
  shape = (1,) * (like.ndim - 1) + bias.shape
  return bias.reshape(shape).astype(like.dtype)
