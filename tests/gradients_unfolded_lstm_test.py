"""The unfolded LSTM, every derivative by its formula in plain floats."""

import json
import math

import numpy as np
import pytest

from rnn_lab.errors import FieldError
from rnn_lab.gradients.unfolded_lstm import LECTURE_LSTM, unfold_lstm


def forward(W, U, b, v, xs, targets, h0, c0):
  """The lecture's four steps of every time step, and the costs."""
  h, c, rows = h0, c0, []
  for x, target in zip(xs, targets):
    a = {k: W[k] * x + U[k] * h + b[k] for k in "ifgo"}
    gate = {k: 1 / (1 + math.exp(-a[k])) for k in "ifo"}
    gate["g"] = math.tanh(a["g"])
    before_c = c
    c = gate["f"] * c + gate["i"] * gate["g"]
    h = gate["o"] * math.tanh(c)
    exps = [math.exp(v_i * h) for v_i in v]
    y_hat = [e / sum(exps) for e in exps]
    J = -math.log(y_hat[target])
    rows.append((a, gate, c, h, y_hat, J, before_c))
  return rows


def cost(**arguments):
  return sum(row[5] for row in forward(**arguments))


def test_every_number_is_that_of_its_formula():
  u, found = LECTURE_LSTM, unfold_lstm(**LECTURE_LSTM)
  for t, (a, gate, c, h, y_hat, J, before_c) in enumerate(forward(**u)):
    slope = {k: gate[k] * (1 - gate[k]) for k in "ifo"}
    slope["g"] = 1 - gate["g"] ** 2
    # The partial derivatives of c = f c + i g and of h = o tanh(c).
    by_gate = {"i": gate["g"], "f": before_c, "g": gate["i"], "o": 0.0}
    dh_dc = gate["o"] * (1 - math.tanh(c) ** 2)
    step_ch = sum(by_gate[k] * slope[k] * u["U"][k] for k in "ifg")
    step_hh = math.tanh(c) * slope["o"] * u["U"]["o"] + dh_dc * step_ch
    y = [i == u["targets"][t] for i in range(2)]
    dJ_dz = [p - y_i for p, y_i in zip(y_hat, y)]
    for k in "ifgo":
      values = (found.a, found.gates, found.dgate_da, found.da_dh)
      values += (found.dgate_dh, found.dc_dgate)
      np.testing.assert_allclose(
        [rows[k][t] for rows in values],
        [a[k], gate[k], slope[k], u["U"][k], slope[k] * u["U"][k], by_gate[k]],
        rtol=1e-12,
        err_msg=k,
      )
    for name, value in {
      "c": c,
      "h": h,
      "y_hat": y_hat,
      "J": J,
      "dc_dc": gate["f"],
      "dh_do": math.tanh(c),
      "dh_dc": dh_dc,
      "step_ch": step_ch,
      "step_hc": dh_dc * gate["f"],
      "step_hh": step_hh,
      "dJ_dz": dJ_dz,
      "dJ_dh": sum(d * v_i for d, v_i in zip(dJ_dz, u["v"])),
      "dz_dv": h,
    }.items():
      np.testing.assert_allclose(
        getattr(found, name)[t], value, rtol=1e-12, err_msg=name
      )


def test_sums_equal_autodiff_and_finite_differences():
  found = unfold_lstm(**LECTURE_LSTM)
  np.testing.assert_allclose(found.E, cost(**LECTURE_LSTM), rtol=1e-13)
  for name in ("W", "U", "b"):
    by_terms, whole = (
      getattr(found, f"{of}{name}") for of in ("dE_d", "grad_")
    )
    for k in "ifgo":
      np.testing.assert_allclose(by_terms[k], whole[k], rtol=1e-11)
      more, less = (
        cost(
          **LECTURE_LSTM
          | {name: LECTURE_LSTM[name] | {k: LECTURE_LSTM[name][k] + by}}
        )
        for by in (1e-5, -1e-5)
      )
      np.testing.assert_allclose(
        (more - less) / 2e-5, whole[k], rtol=1e-6, atol=1e-9
      )
  np.testing.assert_allclose(found.dE_dv, found.grad_v, rtol=1e-11)


def test_adjoints_are_finite_differences_of_the_states_before():
  """dE/dh_{-1} and dE/dc_{-1}, one step before those that are fields."""
  found = unfold_lstm(**LECTURE_LSTM)
  by_h = sum(found.dE_da[k][0] * LECTURE_LSTM["U"][k] for k in "ifgo")
  by_c = found.dE_dc[0] * found.dc_dc[0]
  for name, value in (("h0", by_h), ("c0", by_c)):
    more, less = (
      cost(**LECTURE_LSTM | {name: LECTURE_LSTM[name] + by})
      for by in (1e-5, -1e-5)
    )
    np.testing.assert_allclose((more - less) / 2e-5, value, rtol=1e-7)


def test_the_direct_path_and_all_paths():
  found = unfold_lstm(**LECTURE_LSTM)
  f = found.gates["f"]
  np.testing.assert_allclose(
    found.direct, [f[0] * f[1] * f[2], f[1] * f[2], f[2]], rtol=1e-12
  )
  # All paths: the product of the steps' 2 x 2 Jacobians of (c, h).
  product = np.eye(2)
  for t in (2, 1, 0):
    step = [
      [found.dc_dc[t], found.step_ch[t]],
      [found.step_hc[t], found.step_hh[t]],
    ]
    product = product @ np.array(step)
    np.testing.assert_allclose(found.whole[t], product[0, 0], rtol=1e-11)
  # Without recurrent weights the direct path is all there is.
  alone = unfold_lstm(**LECTURE_LSTM | {"U": dict.fromkeys("ifgo", 0.0)})
  np.testing.assert_allclose(alone.direct, alone.whole, rtol=1e-12)
  assert json.loads(json.dumps(found._asdict()))["gates"]["f"] == [*f]


def test_wrong_input_is_named():
  for change, message in (
    ({"W": {"i": 1.0}}, "W.f is required"),
    ({"U": dict.fromkeys("ifgox", 1.0)}, "U.x is not a known field"),
    ({"b": LECTURE_LSTM["b"] | {"g": math.inf}}, "b.g must be a finite"),
    ({"targets": (0, 1)}, "targets must hold 3 numbers"),
    ({"c0": "0"}, "c0 must be a finite number"),
  ):
    with pytest.raises(FieldError) as error:
      unfold_lstm(**LECTURE_LSTM | change)
    assert str(error.value).startswith(message)
