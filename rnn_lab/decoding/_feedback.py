"""Free-running prediction: a model reads its own outputs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnn_lab.errors import check_int
from rnn_lab.types import Array, Carry


def free_run(
  step: Callable[[Carry, Array], tuple[Carry, Array]],
  carry: Carry,
  first_BD: Array,
  *,
  num_steps: int,
) -> Array:
  """Computes y_1 = step(x), y_2 = step(y_1), ...

  Args:
    step: `(carry, x_BD) -> (carry, y_BD)`.
    carry: in front of the first vector read.
    first_BD: `[B, D]`, the first vectors to read.
    num_steps: T, the predictions to make, at least 1.

  Returns:
    `[B, T, D]`.

  Raises:
    FieldError: `num_steps` is out of its range.
  """
  check_int("num_steps", num_steps, 1)

  def body(state: tuple[Carry, Array], _: None) -> tuple:
    carry, y_BD = step(*state)
    return (carry, y_BD), y_BD

  _, y_TBD = jax.lax.scan(
    body, (carry, jnp.asarray(first_BD)), length=num_steps
  )
  return y_TBD.swapaxes(0, 1)
