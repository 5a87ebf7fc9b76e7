"""The output layer of the unfolded networks, with every local derivative.

One hidden unit and K outputs: z_t = v h_t, with a weight v_i for each, then
y_hat_t = softmax(z_t) and the cross-entropy J_t = -sum_i y_ti ln y_hat_ti,
where y_t is one-hot: the lecture's cost. Or, with one output, y_hat_t = z_t and
J_t = (y_hat_t - y_t)^2 / 2.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.errors import FieldError, check_choice, check_float, check_int
from rnn_lab.types import Array

OUTPUTS = ("softmax", "linear")

Row = tuple[float, ...]


def output_layer(
  output: str, v_K: Array, h_T: Array, y_TK: Array
) -> dict[str, Array]:
  """Computes the values and local derivatives of every step.

  Args:
    output: "softmax" or "linear".
    v_K: the weights.
    h_T: the hidden states.
    y_TK: one-hot targets, or numbers.

  Returns:
    z, y_hat, dz_dh and dJ_dyhat `[T, K]`, J and dz_dv `[T]`, dyhat_dz
    `[T, K, K]`; see `rnn_lab.gradients.unfolded.Unfolded`.
  """

  def activate(z_K: Array) -> Array:
    return jax.nn.softmax(z_K) if output == "softmax" else z_K

  def cost(y_hat_K: Array, y_K: Array) -> Array:
    if output == "linear":
      return jnp.sum(jnp.square(y_hat_K - y_K)) / 2.0
    return -jnp.sum(jnp.where(y_K > 0.0, jnp.log(y_hat_K), 0.0))

  def at_t(h: Array, y_K: Array) -> dict[str, Array]:
    z_K = _weighted(v_K, h)
    y_hat_K = activate(z_K)
    dz_dv_KK, dz_dh_K = jax.jacrev(_weighted, (0, 1))(v_K, h)
    return {
      "z": z_K,
      "y_hat": y_hat_K,
      "J": cost(y_hat_K, y_K),
      # Adding zero makes -0.0 positive.
      "dJ_dyhat": jax.grad(cost)(y_hat_K, y_K) + 0.0,
      "dyhat_dz": jax.jacrev(activate)(z_K),
      "dz_dh": dz_dh_K,
      "dz_dv": dz_dv_KK[0, 0],
    }

  return jax.vmap(at_t)(h_T, y_TK)


def cost_of_output(output: str, v_K: Array, h: Array, target: Array) -> Array:
  """Computes J_t in another way than `output_layer`, from the target itself.

  Args:
    output: "softmax" or "linear".
    v_K: the weights.
    h: the hidden state, one number in an array of any shape.
    target: the class, or the number.
  """
  z_K = _weighted(v_K, h.reshape(()))
  if output == "linear":
    return jnp.square(z_K[0] - target) / 2.0
  return jax.nn.logsumexp(z_K) - z_K[target]


def output_chain(rows: dict[str, Any]) -> dict[str, Any]:
  """Computes dJ_dz, dJ_dh and dE/dv from the local derivatives of plain floats.

  Returns:
    dJ_dz, dJ_dh, terms_v, dE_dv; see `rnn_lab.gradients.unfolded.Unfolded`.
  """
  dJ_dz = tuple(
    tuple(_dot(by_yhat, column) for column in zip(*dyhat_dz))
    for by_yhat, dyhat_dz in zip(rows["dJ_dyhat"], rows["dyhat_dz"])
  )
  terms_v = tuple(
    tuple(by_z * dz_dv for by_z in row)
    for row, dz_dv in zip(dJ_dz, rows["dz_dv"])
  )
  return {
    "dJ_dz": dJ_dz,
    "dJ_dh": tuple(map(_dot, dJ_dz, rows["dz_dh"])),
    "terms_v": terms_v,
    "dE_dv": tuple(map(sum, zip(*terms_v))),
  }


def targets_of(
  output: str, v: Sequence[float], targets: Sequence[float]
) -> tuple[Array, Array]:
  """Returns the targets as an array `[T]` and, one-hot if classes, `[T, K]`."""
  if output == "linear":
    target_T = jnp.array(targets, jnp.float64)
    return target_T, target_T[:, None]
  target_T = jnp.array(targets, int)
  return target_T, jax.nn.one_hot(target_T, len(v), dtype=jnp.float64)


def check_network(
  output: str,
  v: Sequence[float],
  xs: Sequence[float],
  targets: Sequence[float],
  **numbers: float,
) -> None:
  """Raises FieldError unless the arguments describe an unfolded network."""
  check_choice("output", output, OUTPUTS)
  count = "one number" if output == "linear" else "at least two numbers"
  if (len(v) == 1) != (output == "linear") or not len(v):
    raise FieldError("v", f"{{field}} must hold {count}, got {v!r}")
  if not len(xs):
    raise FieldError(
      "xs", f"{{field}} must hold at least one number, got {xs!r}"
    )
  if len(targets) != len(xs):
    raise FieldError(
      "targets",
      f"{{field}} must hold {len(xs)} numbers, one for each of xs, got "
      f"{targets!r}",
    )
  rows = {"v": v, "xs": xs} | ({"targets": targets} if len(v) == 1 else {})
  for name, row in rows.items():
    numbers |= {f"{name}[{t}]": value for t, value in enumerate(row)}
  for field, value in numbers.items():
    check_float(field, value)
  if output == "softmax":
    for t, target in enumerate(targets):
      check_int(f"targets[{t}]", target, 0, len(v) - 1)


def plain(array: Array) -> Any:
  """Returns an array as nested tuples of floats."""
  values = array.tolist()

  def freeze(values: Any) -> Any:
    is_list = isinstance(values, list)
    return tuple(map(freeze, values)) if is_list else values

  return freeze(values)


def _weighted(v_K: Array, h: Array) -> Array:
  return v_K * h


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
  return sum(a * b for a, b in zip(left, right))
