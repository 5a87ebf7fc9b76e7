"""The form of values that a stack has for each layer and direction."""

from typing import Any

from rnn_lab.errors import FieldError


def check_layers(
  field: str, layers: Any, num_layers: int, num_directions: int
) -> None:
  """Raises FieldError unless a value has the depth and directions of a stack.

  Args:
    field: its name: "params", "carry" and so on.
    layers: None, which is allowed, or a sequence with an entry for each layer,
      (forward, backward), the second of which is None or missing where the
      stack has one direction. An entry (None, None) stands for a default.
    num_layers: the depth of the stack.
    num_directions: 1 or 2.
  """
  if layers is None:
    return
  expected = f"one entry for each of the {num_layers} layers"
  if not isinstance(layers, tuple | list):
    raise FieldError(
      field, f"{{field}} must hold {expected}, got a {type(layers).__name__}"
    )
  if len(layers) != num_layers:
    raise FieldError(
      field, f"{{field}} must hold {expected}, got {len(layers)}"
    )
  for n, layer in enumerate(layers):
    if not isinstance(layer, tuple | list) or len(layer) not in (1, 2):
      raise FieldError(
        f"{field}[{n}]",
        "{field} must be a Directions(forward, backward), got a "
        f"{type(layer).__name__}",
      )
    given = sum(value is not None for value in layer)
    if given not in (0, num_directions) or (given == 1 and layer[0] is None):
      words = {1: "a forward part only", 2: "a forward and a backward part"}
      parts = zip(("forward", "backward"), layer)
      got = " and ".join(name for name, part in parts if part is not None)
      raise FieldError(
        f"{field}[{n}]",
        f"{{field}} must have {words[num_directions]}, got {got}",
      )
