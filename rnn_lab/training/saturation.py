"""How many units are saturated: one forward pass for each row of metrics."""

import jax.numpy as jnp
from flax import linen as nn

from rnn_lab.gradients.gates import look_inside, saturated_share
from rnn_lab.tasks.base import STREAM, Task
from rnn_lab.training.health import layer_name
from rnn_lab.training.state import TrainState, seed_keys
from rnn_lab.types import Array, PyTree


def saturation(
  model: nn.Module,
  task: Task,
  shared: tuple[PyTree, Array],
  mine: tuple[Array, TrainState],
) -> dict[str, Array]:
  """The shares of saturated units on the batch that `step` will train on.

  Args:
    model: the model.
    task: the task.
    shared: (data, step).
    mine: (seed, state).

  Returns:
    Rows "health/layer_0/saturated/f"; none of a model without a stack.
  """
  data, step = shared
  seed, state = mine
  if not hasattr(model, "stack"):
    return {}
  batch = task.batch(data, seed_keys(seed).data, step)
  inputs, carry = batch.inputs.swapaxes(0, 1), None
  if task.pattern == STREAM:
    inputs = jnp.take(state.params["embedding"], inputs, axis=0, mode="clip")
    carry = state.carry
  seen = look_inside(
    model.stack, state.params["stack"], inputs, carry, batch.input_lengths
  )
  return {
    f"health/{layer_name(layer, way)}/saturated/{name}": saturated_share(
      value, batch.input_lengths
    )
    for layer, ways in enumerate(seen)
    for way, inside in zip(ways._fields, ways)
    for name, value in (inside or {}).items()
  }
