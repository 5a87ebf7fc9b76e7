"""The lecture's LSTM of one unit, unfolded, with the value of every derivative.

The four gates (i, f, the candidate g, and o) have the pre-activations
a_t = W x_t + U h_{t-1} + b, each with its own W, U and b. Then

  c_t = f_t c_{t-1} + i_t g_t, h_t = o_t tanh(c_t),

and the outputs and costs of `rnn_lab.gradients.unfolded`: z_t = v h_t,
y_hat_t = softmax(z_t), J_t the cross-entropy, E their sum. The direct path
leads from c_t to c_{t-1} through the forget gate alone. Steps are numbered from
0.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells._lstm import LSTM_GATES, LSTMCarry, LSTMParams, lstm
from rnn_lab.errors import check_fields, in_section
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

# Three steps with an initial state, all values distinct.
LECTURE_LSTM = {
  "W": {"i": 0.9, "f": 0.5, "g": 0.8, "o": 0.6},
  "U": {"i": -0.4, "f": 0.3, "g": 0.7, "o": 0.55},
  "b": {"i": 0.2, "f": 1.0, "g": -0.1, "o": 0.35},
  "v": (1.3, -0.6),
  "xs": (1.0, -0.5, 0.25),
  "targets": (0, 1, 0),
  "h0": 0.5,
  "c0": 0.65,
}

Rows = tuple[Row, ...]
Gates = dict[str, Row]


class UnfoldedLSTM(NamedTuple):
  """The values of one forward and backward pass, as plain floats.

  A `Row` has one value for each step t; `Gates` have a row for each of the
  gates "i", "f", "g", "o". `Rows` are as in `rnn_lab.gradients.unfolded`.

  Attributes:
    a: the pre-activations of the gates.
    gates: their values i_t, f_t, g_t and o_t.
    c, h: the cell states and the hidden states.
    z, y_hat, J, E, dJ_dyhat, dyhat_dz, dz_dh, dz_dv, dJ_dz, dJ_dh: see
      `rnn_lab.gradients.unfolded.Unfolded`.
    dgate_da: the slope of each gate's activation.
    da_dh: da_t/dh_{t-1}, which is U.
    dgate_dh: dgate_da . da_dh, the effect of h_{t-1} on each gate.
    dc_dgate: dc_t/di_t = g_t, dc_t/df_t = c_{t-1}, dc_t/dg_t = i_t
      and dc_t/do_t = 0.
    dc_dc: dc_t/dc_{t-1} with h_{t-1} held fixed, which is f_t: a step of the
      direct path.
    dh_do, dh_dc: dh_t/do_t = tanh(c_t) and dh_t/dc_t = o_t (1 - tanh(c_t)^2).
    step_ch: dc_t/dh_{t-1}, through i, f and g.
    step_hc: dh_t/dc_{t-1}, through c_t.
    step_hh: dh_t/dh_{t-1}, through o and through c_t.
    dE_dh, dE_dc: dE/dh_t and dE/dc_t with the other held fixed.
    dE_da: dE/da_t of each gate.
    dE_dW, dE_dU, dE_db: by gate, the sums over t of dE_da_t times x_t, h_{t-1}
      and 1; dE_dv as in `Unfolded`.
    direct: for n = 0, ..., T - 1 the direct path of dc_{T-1}/dc_{n-1}, a
      product of forget gates.
    whole: likewise all of dc_{T-1}/dc_{n-1}, with h_{n-1} held fixed, by
      `jax.grad`.
    grad_W, grad_U, grad_b, grad_v: the gradient of E by `jax.grad` through
      `rnn_lab.lstm`, not from the factors.
  """

  a: Gates
  gates: Gates
  c: Row
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
  dgate_da: Gates
  da_dh: Gates
  dgate_dh: Gates
  dc_dgate: Gates
  dc_dc: Row
  dh_do: Row
  dh_dc: Row
  step_ch: Row
  step_hc: Row
  step_hh: Row
  dE_dh: Row
  dE_dc: Row
  dE_da: Gates
  terms_v: Rows
  dE_dv: Row
  dE_dW: dict[str, float]
  dE_dU: dict[str, float]
  dE_db: dict[str, float]
  direct: Row
  whole: Row
  grad_W: dict[str, float]
  grad_U: dict[str, float]
  grad_b: dict[str, float]
  grad_v: Row


def unfold_lstm(
  W: Mapping[str, float],
  U: Mapping[str, float],
  b: Mapping[str, float],
  v: Sequence[float],
  xs: Sequence[float],
  targets: Sequence[int],
  h0: float = 0.0,
  c0: float = 0.0,
) -> UnfoldedLSTM:
  """Computes a forward pass and every derivative of its gradients, in float64.

  The step is that of `rnn_lab.lstm`. Every local derivative is computed by
  automatic differentiation; the rest are sums of products of these.

  Args:
    W, U, b: the weights of the input and of the state, and the bias, of each of
      the gates "i", "f", "g" and "o".
    v: the weights of the outputs, at least two.
    xs: the inputs, one per step.
    targets: the class of each step, from 0.
    h0, c0: h_{-1} and c_{-1}, the states before the first step.

  Raises:
    FieldError: a gate is missing or unknown, a number is not finite, xs is
      empty, or targets has another length or an unknown class.
  """
  numbers = {"h0": h0, "c0": c0}
  for name, weights in (("W", W), ("U", U), ("b", b)):
    with in_section(name):
      check_fields(weights, LSTM_GATES, LSTM_GATES)
    numbers |= {f"{name}.{g}": weights[g] for g in LSTM_GATES}
  check_network("softmax", v, xs, targets, **numbers)
  with jax.enable_x64(True):
    kernel, recurrent, bias = (
      jnp.array([weights[gate] for gate in LSTM_GATES], jnp.float64)
      for weights in (W, U, b)
    )
    arrays = _differentiate(
      LSTMParams(kernel[None], recurrent[None], bias),
      jnp.array(v, jnp.float64),
      jnp.array(xs, jnp.float64),
      targets_of("softmax", v, targets),
      LSTMCarry(jnp.full((1, 1), h0, float), jnp.full((1, 1), c0, float)),
    )
    rows, by_gate, by_params, grad_v = jax.tree.map(plain, arrays)
  for name, values in by_gate.items():
    by_gate[name] = dict(zip(LSTM_GATES, zip(*values)))
  rows |= output_chain(rows)
  return UnfoldedLSTM(
    **rows,
    **by_gate,
    **_chain(rows, by_gate, xs, h0),
    E=sum(rows["J"]),
    grad_W=_by_gate(by_params.input_kernel[0]),
    grad_U=_by_gate(by_params.recurrent_kernel[0]),
    grad_b=_by_gate(by_params.bias),
    grad_v=grad_v,
  )


def _by_gate(row: Row) -> dict[str, float]:
  return dict(zip(LSTM_GATES, row))


def _activate(a_G: Array) -> Array:
  """Computes i, f, g and o from their pre-activations."""
  is_candidate = jnp.array([gate == "g" for gate in LSTM_GATES])
  return jnp.where(is_candidate, jnp.tanh(a_G), jax.nn.sigmoid(a_G))


def _cell_state(gates_G: Array, c: Array) -> Array:
  i, f, g, _ = gates_G
  return f * c + i * g


def _hidden_state(gates_G: Array, c: Array) -> Array:
  return gates_G[-1] * jnp.tanh(c)


@jax.jit
def _differentiate(
  params: LSTMParams,
  v_K: Array,
  x_T: Array,
  targets: tuple[Array, Array],
  carry: LSTMCarry,
) -> tuple[dict[str, Array], dict[str, Array], LSTMParams, Array]:
  """Returns the values at each step, `[T]` and `[T, G]`, and E's gradients."""

  def preactivations(h: Array, x: Array) -> Array:
    return (
      params.input_kernel[0] * x
      + params.recurrent_kernel[0] * h
      + (params.bias)
    )

  def at_t(state: tuple[Array, Array], x: Array) -> tuple[tuple, tuple]:
    h, c = state
    a_G = preactivations(h, x)
    gates_G = _activate(a_G)
    dc_dgate_G, dc_dc = jax.grad(_cell_state, (0, 1))(gates_G, c)
    c = _cell_state(gates_G, c)
    dh_dgate_G, dh_dc = jax.grad(_hidden_state, (0, 1))(gates_G, c)
    h_after = _hidden_state(gates_G, c)
    slope_G = jnp.diagonal(jax.jacrev(_activate)(a_G))
    da_dh_G = jax.jacrev(preactivations)(h, x)
    row = {"c": c, "h": h_after, "dc_dc": dc_dc, "dh_dc": dh_dc}
    by_gate = {
      "a": a_G,
      "gates": gates_G,
      "dgate_da": slope_G,
      "da_dh": da_dh_G,
      "dgate_dh": slope_G * da_dh_G,
      "dc_dgate": dc_dgate_G,
    }
    return (h_after, c), (row | {"dh_do": dh_dgate_G[-1]}, by_gate)

  def cost(v_K: Array, h: Array, target: Array) -> Array:
    return cost_of_output("softmax", v_K, h, target)

  def last_c(added_T: Array) -> Array:
    """c_{T-1}, with a number added to each c_{n-1} before step n."""

    def body(state: LSTMCarry, step_n: tuple) -> tuple[LSTMCarry, None]:
      x, added = step_n
      state = state._replace(c=state.c + added)
      return lstm(1).step(params, state, x.reshape(1, 1))[0], None

    return jax.lax.scan(body, carry, (x_T, added_T))[0].c[0, 0]

  target_T, y_TK = targets
  first = (carry.h[0, 0], carry.c[0, 0])
  rows, by_gate = jax.lax.scan(at_t, first, x_T)[1]
  rows |= output_layer("softmax", v_K, rows["h"], y_TK)
  rows["whole"] = jax.grad(last_c)(jnp.zeros_like(x_T))
  data = (x_T.reshape(-1, 1, 1), target_T, carry, jnp.ones(len(x_T)))
  by_params, by_v = jax.grad(total_cost, argnums=(2, 3))(
    lstm(1).step, cost, params, v_K, *data
  )
  return rows, by_gate, by_params, by_v


def _chain(
  row: dict[str, Any], by_gate: dict[str, Gates], xs: Sequence[float], h0: float
) -> dict[str, Any]:
  """Computes the sums of products of the local derivatives."""
  dgate_dh, dc_dgate = by_gate["dgate_dh"], by_gate["dc_dgate"]
  steps = range(len(row["c"]))
  step_ch = tuple(
    sum(dc_dgate[g][t] * dgate_dh[g][t] for g in "ifg") for t in steps
  )
  step_hc = tuple(row["dh_dc"][t] * row["dc_dc"][t] for t in steps)
  step_hh = tuple(
    row["dh_do"][t] * dgate_dh["o"][t] + row["dh_dc"][t] * step_ch[t]
    for t in steps
  )
  dE_dh, dE_dc = (), ()
  dE_da: Gates = {g: () for g in LSTM_GATES}
  later_h = later_c = 0.0
  for t in reversed(steps):
    by_h = row["dJ_dh"][t] + later_h
    by_c = by_h * row["dh_dc"][t] + later_c
    for g in LSTM_GATES:
      by_value = by_h * row["dh_do"][t] if g == "o" else by_c * dc_dgate[g][t]
      dE_da[g] = (by_value * by_gate["dgate_da"][g][t], *dE_da[g])
    dE_dh, dE_dc = (by_h, *dE_dh), (by_c, *dE_dc)
    later_h = sum(dE_da[g][0] * by_gate["da_dh"][g][t] for g in LSTM_GATES)
    later_c = by_c * row["dc_dc"][t]
  before = (h0, *row["h"][:-1])
  inputs = {"dE_dW": xs, "dE_dU": before, "dE_db": (1.0,) * len(xs)}
  return {
    "step_ch": step_ch,
    "step_hc": step_hc,
    "step_hh": step_hh,
    "dE_dh": dE_dh,
    "dE_dc": dE_dc,
    "dE_da": dE_da,
    "direct": tuple(math.prod(row["dc_dc"][n:]) for n in steps),
  } | {
    name: {g: sum(a * x for a, x in zip(dE_da[g], values)) for g in LSTM_GATES}
    for name, values in inputs.items()
  }
