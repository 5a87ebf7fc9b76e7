"""The lecture's unfolded network, with the value of every derivative.

One unit, h_t = f(u x_t + w h_{t-1}) and y_t = v h_t, with the costs
J_t = (y_t - target_t)^2 / 2 and E their sum; the lecture draws three steps.
Steps are numbered from 0, so that the lecture's h_0 is h_{-1} here.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells._elman import ElmanCarry, ElmanParams, elman
from rnn_lab.errors import FieldError, check_float
from rnn_lab.gradients.costs import Step, total_cost
from rnn_lab.types import Array

# E = J_0 + J_1 + J_2. All values differ, and the initial state is not zero, so
# that none of the six terms of dE/dw is.
LECTURE = {
  "u": 0.7,
  "w": 0.9,
  "v": 1.3,
  "xs": (1.0, -0.5, 0.25),
  "targets": (0.4, -0.2, 0.8),
  "h0": 0.5,
}

Row = tuple[float, ...]


class Unfolded(NamedTuple):
  """The values of one forward and backward pass, as plain floats.

  A `Row` has one value for each step t. A table has one row for each cost
  J_t, with one value for each k from 0 to t: six for three steps.

  Attributes:
    z: z_t = u x_t + w h_{t-1}, the argument of f.
    h: the hidden states.
    y: the outputs.
    J: the costs.
    E: their sum.
    dJ_dy, dy_dh, dy_dv: dJ_t/dy_t, dy_t/dh_t and dy_t/dv.
    dh_dh: dh_t/dh_{t-1}; the first is dh_0/dh_{-1}.
    dh_dw, dh_du: the immediate dh_t/dw and dh_t/du, with h_{t-1} held fixed.
    dE_dh: dE/dh_t, through y_t and through h_{t+1}.
    terms_w: the table of dJ_t/dy_t . dy_t/dh_t . (product of dh_j/dh_{j-1}
      for j from k+1 to t) . dh_k/dw, the terms of dE/dw.
    terms_u: the table of the terms of dE/du, with dh_k/du as last factor.
    terms_v: dJ_t/dy_t . dy_t/dv, the terms of dE/dv.
    dE_dw, dE_du, dE_dv: the sums of `terms_w`, `terms_u` and `terms_v`.
    grad_w, grad_u, grad_v: dE/dw, dE/du and dE/dv by `jax.grad` of E, not from
      the terms.
  """

  z: Row
  h: Row
  y: Row
  J: Row
  E: float
  dJ_dy: Row
  dy_dh: Row
  dy_dv: Row
  dh_dh: Row
  dh_dw: Row
  dh_du: Row
  dE_dh: Row
  terms_w: tuple[Row, ...]
  terms_u: tuple[Row, ...]
  terms_v: Row
  dE_dw: float
  dE_du: float
  dE_dv: float
  grad_w: float
  grad_u: float
  grad_v: float


def unfold(
  u: float,
  w: float,
  v: float,
  xs: Sequence[float],
  targets: Sequence[float],
  activation: str = "tanh",
  h0: float = 0.0,
) -> Unfolded:
  """Computes a forward pass and every term of its gradients, in float64.

  The step is that of `rnn_lab.cells.elman`. Every local derivative is computed
  by automatic differentiation; the terms are products of these.

  Args:
    u: the weight of the input.
    w: the weight of the state.
    v: the weight of the output.
    xs: the inputs, one per step.
    targets: the targets of the outputs, one per step.
    activation: the name of f, as in `elman`.
    h0: h_{-1}, the state before the first step.

  Raises:
    FieldError: a number is not finite, the activation is unknown, xs is
      empty, or targets has another length.
  """
  _check(xs, targets, u=u, w=w, v=v, h0=h0)
  with jax.enable_x64(True):
    u, w, h0 = (jnp.full((1, 1), a, jnp.float64) for a in (u, w, h0))
    params = ElmanParams(u, w, bias=jnp.zeros((1,), jnp.float64))
    x_TBD, target_TBD = (
      jnp.array(row, jnp.float64).reshape(-1, 1, 1) for row in (xs, targets)
    )
    steps, by_params, grad_v = _differentiate(
      elman(1, activation).step, params, jnp.float64(v), x_TBD, target_TBD, h0
    )
  rows = {name: tuple(a.ravel().tolist()) for name, a in steps.items()}
  return Unfolded(
    **rows,
    **_chain(rows),
    E=sum(rows["J"]),
    grad_w=by_params.recurrent_kernel.item(),
    grad_u=by_params.input_kernel.item(),
    grad_v=grad_v.item(),
  )


def _output(v: Array, h: Array) -> Array:
  return v * h


def _cost(y: Array, target: Array) -> Array:
  return jnp.sum(jnp.square(y - target)) / 2.0


@functools.partial(jax.jit, static_argnames="step")
def _differentiate(
  step: Step,
  params: ElmanParams,
  v: Array,
  x_TBD: Array,
  target_TBD: Array,
  h0: Array,
) -> tuple[dict[str, Array], ElmanParams, Array]:
  """Returns the values at each step, `[T]` by name, dE/dparams and dE/dv."""

  def hidden(params: ElmanParams, h: Array, x: Array) -> Array:
    return step(params, ElmanCarry(h), x)[1]

  def body(h: Array, at_t: Any) -> tuple[Array, dict[str, Array]]:
    x, target = at_t
    after = hidden(params, h, x)
    by_params, by_h = jax.jacrev(hidden, argnums=(0, 1))(params, h, x)
    y = _output(v, after)
    y_by_v, y_by_h = jax.jacrev(_output, argnums=(0, 1))(v, after)
    return after, {
      # The same step without f computes the argument of f.
      "z": elman(1, "linear").step(params, ElmanCarry(h), x)[1],
      "h": after,
      "y": y,
      "J": _cost(y, target),
      "dJ_dy": jax.grad(_cost)(y, target),
      "dy_dh": y_by_h,
      "dy_dv": y_by_v,
      "dh_dh": by_h,
      "dh_dw": by_params.recurrent_kernel,
      "dh_du": by_params.input_kernel,
    }

  def cost(v: Array, h: Array, target: Array) -> Array:
    return _cost(_output(v, h), target)

  steps = jax.lax.scan(body, h0, (x_TBD, target_TBD))[1]
  data = (x_TBD, target_TBD, ElmanCarry(h0), jnp.ones(len(x_TBD)))
  whole = jax.grad(total_cost, argnums=(2, 3))(step, cost, params, v, *data)
  return steps, *whole


def _chain(row: dict[str, Row]) -> dict[str, Any]:
  """Computes the terms from the local derivatives by the chain rule."""
  dJ_dh = _products(row["dJ_dy"], row["dy_dh"])
  dE_dh, terms_w, terms_u = (), (), ()
  later = 0.0
  for own, dh_dh in zip(reversed(dJ_dh), reversed(row["dh_dh"])):
    dE_dh = (own + later, *dE_dh)
    later = dE_dh[0] * dh_dh
  for t, own in enumerate(dJ_dh):
    # dJ_t/dh_k for k from 0 to t.
    path = [own]
    for dh_dh in row["dh_dh"][t:0:-1]:
      path.insert(0, path[0] * dh_dh)
    terms_w += (_products(path, row["dh_dw"]),)
    terms_u += (_products(path, row["dh_du"]),)
  terms_v = _products(row["dJ_dy"], row["dy_dv"])
  return {
    "dE_dh": dE_dh,
    "terms_w": terms_w,
    "terms_u": terms_u,
    "terms_v": terms_v,
    "dE_dw": sum(map(sum, terms_w)),
    "dE_du": sum(map(sum, terms_u)),
    "dE_dv": sum(terms_v),
  }


def _products(left: Sequence[float], right: Sequence[float]) -> Row:
  return tuple(a * b for a, b in zip(left, right))


def _check(
  xs: Sequence[float], targets: Sequence[float], **numbers: float
) -> None:
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
  for name, row in (("xs", xs), ("targets", targets)):
    numbers |= {f"{name}[{t}]": value for t, value in enumerate(row)}
  for field, value in numbers.items():
    check_float(field, value)
