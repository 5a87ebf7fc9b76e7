"""The lecture's unfolded network, with the value of every derivative.

One hidden unit, unfolded through time, with the lecture's letters:

  s_t = u x_t + w h_{t-1}, h_t = f(s_t), z_t = v h_t, y_hat_t = softmax(z_t),

J_t the cross-entropy of y_hat_t and the target, E the sum of all J_t. The
lecture draws three steps. Steps are numbered from 0, so that the lecture's h_0
is h_{-1} here. A softmax of one number is constant: there are two outputs or
more, and z_t, y_hat_t and v have a number for each.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells._elman import ElmanCarry, ElmanParams, elman
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.errors import check_choice
from rnn_lab.gradients.costs import total_cost
from rnn_lab.gradients.unfolded_output import (
  Row,
  check_network,
  cost_of_output,
  output_chain,
  output_layer,
  plain,
  targets_of,
)
from rnn_lab.types import Array

# E = J_0 + J_1 + J_2. All values differ, and the initial state is not zero, so
# that none of the six terms of dE/dw is.
LECTURE = {
  "u": 0.7,
  "w": 0.9,
  "v": (1.3, -0.6),
  "xs": (1.0, -0.5, 0.25),
  "targets": (0, 1, 0),
  "h0": 0.5,
}

Rows = tuple[Row, ...]


class Unfolded(NamedTuple):
  """The values of one forward and backward pass, as plain floats.

  A `Row` has one value for each step t. `Rows` of z, y_hat, J and v have one
  row for each step, with a value for each of the K outputs. A table has one row
  for each cost J_t, with one value for each k from 0 to t: six for three steps.

  Attributes:
    s: s_t = u x_t + w h_{t-1}, the pre-activations.
    h: h_t = f(s_t), the hidden states.
    z: z_t = v h_t.
    y_hat: softmax(z_t), the outputs.
    J: the costs.
    E: their sum.
    dJ_dyhat: dJ_t/dy_hat_ti.
    dyhat_dz: for each step the matrix dy_hat_ti/dz_tj.
    dz_dh: dz_ti/dh_t, which is v_i.
    dz_dv: dz_ti/dv_i, which is h_t for each i; dz_ti/dv_j is zero.
    dJ_dz: dJ_t/dy_hat_t . dy_hat_t/dz_t.
    dJ_dh: dJ_t/dz_t . dz_t/dh_t.
    dh_ds: dh_t/ds_t, the slopes of f.
    ds_dh: ds_t/dh_{t-1}, which is w; the first is ds_0/dh_{-1}.
    ds_dw, ds_du: the immediate ds_t/dw = h_{t-1} and ds_t/du = x_t, with
      h_{t-1} held fixed.
    dh_dh: dh_t/ds_t . ds_t/dh_{t-1}.
    dE_dh: dE/dh_t, through z_t and through s_{t+1}.
    dE_ds: dE/dh_t . dh_t/ds_t.
    terms_w: the table of dJ_t/dh_t . (product of dh_j/dh_{j-1} for j from k+1
      to t) . dh_k/ds_k . ds_k/dw, the terms of dE/dw.
    terms_u: the table of the terms of dE/du, with ds_k/du as last factor.
    terms_v: dJ_t/dz_ti . dz_ti/dv_i, the terms of dE/dv_i.
    dE_dw, dE_du, dE_dv: the sums of `terms_w`, `terms_u` and, over t,
      `terms_v`.
    grad_w, grad_u, grad_v: dE/dw, dE/du and dE/dv by `jax.grad` of E, not from
      the terms.
  """

  s: Row
  h: Row
  z: Rows
  y_hat: Rows
  J: Row
  E: float
  dJ_dyhat: Rows
  dyhat_dz: tuple[Rows, ...]
  dz_dh: Rows
  dz_dv: Row
  dJ_dz: Rows
  dJ_dh: Row
  dh_ds: Row
  ds_dh: Row
  ds_dw: Row
  ds_du: Row
  dh_dh: Row
  dE_dh: Row
  dE_ds: Row
  terms_w: Rows
  terms_u: Rows
  terms_v: Rows
  dE_dw: float
  dE_du: float
  dE_dv: Row
  grad_w: float
  grad_u: float
  grad_v: Row


def unfold(
  u: float,
  w: float,
  v: Sequence[float] | float,
  xs: Sequence[float],
  targets: Sequence[float],
  activation: str = "tanh",
  h0: float = 0.0,
  output: str = "softmax",
) -> Unfolded:
  """Computes a forward pass and every term of its gradients, in float64.

  The step is that of `rnn_lab.cells.elman`. Every local derivative is computed
  by automatic differentiation; the terms are products of these.

  Args:
    u: the weight of the input.
    w: the weight of the state.
    v: the weights of the outputs: at least two, or one if `output` is "linear".
    xs: the inputs, one per step.
    targets: the class of each step, from 0; numbers if `output` is "linear".
    activation: the name of f, as in `elman`.
    h0: h_{-1}, the state before the first step.
    output: "softmax", with the cross-entropy as cost, or "linear", with
      y_hat_t = z_t and J_t = (y_hat_t - target_t)^2 / 2.

  Raises:
    FieldError: a number is not finite, the activation or the output is unknown,
      xs is empty, targets has another length or an unknown class, or v has
      another number of weights.
  """
  v = (v,) if isinstance(v, int | float) else tuple(v)
  check_network(output, v, xs, targets, u=u, w=w, h0=h0)
  check_choice("activation", activation, ACTIVATIONS)
  with jax.enable_x64(True):
    u_DH, w_HH, h0_BH = (jnp.full((1, 1), a, jnp.float64) for a in (u, w, h0))
    params = ElmanParams(u_DH, w_HH, bias=jnp.zeros((1,), jnp.float64))
    x_TBD = jnp.array(xs, jnp.float64).reshape(-1, 1, 1)
    arrays = _differentiate(
      activation,
      output,
      params,
      jnp.array(v, jnp.float64),
      x_TBD,
      targets_of(output, v, targets),
      h0_BH,
    )
    rows, by_params, grad_v = jax.tree.map(plain, arrays)
  rows |= output_chain(rows)
  return Unfolded(
    **rows,
    **_chain(rows),
    E=sum(rows["J"]),
    grad_w=by_params.recurrent_kernel[0][0],
    grad_u=by_params.input_kernel[0][0],
    grad_v=grad_v,
  )


@functools.partial(jax.jit, static_argnames=("activation", "output"))
def _differentiate(
  activation: str,
  output: str,
  params: ElmanParams,
  v_K: Array,
  x_TBD: Array,
  targets: tuple[Array, Array],
  h0: Array,
) -> tuple[dict[str, Array], ElmanParams, Array]:
  """Returns the values at each step by name, dE/dparams and dE/dv."""
  f = ACTIVATIONS[activation].function

  def preactivation(params: ElmanParams, h: Array, x: Array) -> Array:
    # The same step without f computes the argument of f.
    return elman(1, "linear").step(params, ElmanCarry(h), x)[1]

  def body(h: Array, x: Array) -> tuple[Array, dict[str, Array]]:
    s = preactivation(params, h, x)
    by_params, by_h = jax.jacrev(preactivation, argnums=(0, 1))(params, h, x)
    return f(s), {
      "s": s,
      "h": f(s),
      "dh_ds": jax.jacrev(f)(s),
      "ds_dh": by_h,
      "ds_dw": by_params.recurrent_kernel,
      "ds_du": by_params.input_kernel,
    }

  def cost(v_K: Array, h: Array, target: Array) -> Array:
    return cost_of_output(output, v_K, h, target)

  target_T, y_TK = targets
  steps = jax.lax.scan(body, h0, x_TBD)[1]
  steps = {name: a.reshape(len(x_TBD)) for name, a in steps.items()}
  steps |= output_layer(output, v_K, steps["h"], y_TK)
  step = elman(1, activation).step
  data = (x_TBD, target_T, ElmanCarry(h0), jnp.ones(len(x_TBD)))
  whole = jax.grad(total_cost, argnums=(2, 3))(step, cost, params, v_K, *data)
  return steps, *whole


def _chain(row: dict[str, Any]) -> dict[str, Any]:
  """Computes the terms from the local derivatives by the chain rule."""
  dh_dh = _products(row["dh_ds"], row["ds_dh"])
  dE_dh, dE_ds = (), ()
  later = 0.0
  for t in reversed(range(len(dh_dh))):
    dE_dh = (row["dJ_dh"][t] + later, *dE_dh)
    dE_ds = (dE_dh[0] * row["dh_ds"][t], *dE_ds)
    later = dE_ds[0] * row["ds_dh"][t]
  terms_w, terms_u = (), ()
  for t, own in enumerate(row["dJ_dh"]):
    # dJ_t/dh_k for k from 0 to t.
    path = [own]
    for factor in dh_dh[t:0:-1]:
      path.insert(0, path[0] * factor)
    path = _products(path, row["dh_ds"])
    terms_w += (_products(path, row["ds_dw"]),)
    terms_u += (_products(path, row["ds_du"]),)
  return {
    "dh_dh": dh_dh,
    "dE_dh": dE_dh,
    "dE_ds": dE_ds,
    "terms_w": terms_w,
    "terms_u": terms_u,
    "dE_dw": sum(map(sum, terms_w)),
    "dE_du": sum(map(sum, terms_u)),
  }


def _products(left: Sequence[float], right: Sequence[float]) -> Row:
  return tuple(a * b for a, b in zip(left, right))
