"""The lecture's three steps, every arrow by its formula in plain floats."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab.cells._elman import ElmanCarry, ElmanParams, elman
from rnn_lab.errors import FieldError
from rnn_lab.gradients.bptt import bptt_terms
from rnn_lab.gradients.unfolded import LECTURE, unfold


def by_hand(u, w, v, xs, targets, h0):
  """The twenty steps of the lecture as far as they are local; f is tanh."""
  h, rows = h0, {}

  def add(**values):
    for name, value in values.items():
      rows.setdefault(name, []).append(value)

  for x, target in zip(xs, targets):
    before, s = h, u * x + w * h
    h = math.tanh(s)
    z = [v_i * h for v_i in v]
    exps = [math.exp(z_i) for z_i in z]
    y_hat = [e / sum(exps) for e in exps]
    y = [float(i == target) for i in range(len(v))]
    add(s=s, h=h, z=z, y_hat=y_hat, J=-math.log(y_hat[target]))
    add(
      dJ_dyhat=[-y_i / p if y_i else 0.0 for y_i, p in zip(y, y_hat)],
      dyhat_dz=[
        [p * ((i == j) - q) for j, q in enumerate(y_hat)]
        for i, p in enumerate(y_hat)
      ],
      dz_dh=[*v],
      dz_dv=h,
      # The well-known end of softmax and cross-entropy.
      dJ_dz=[p - y_i for p, y_i in zip(y_hat, y)],
      dJ_dh=sum((p - y_i) * v_i for p, y_i, v_i in zip(y_hat, y, v)),
    )
    add(dh_ds=1.0 - h * h, ds_dh=w, ds_dw=before, ds_du=x)
    add(dh_dh=(1.0 - h * h) * w)
  return rows


def cost_of(**arguments):
  return sum(by_hand(**arguments)["J"])


THREE = LECTURE | {"v": (1.3, -0.6, 0.2), "targets": (2, 0, 1)}


@pytest.mark.parametrize("given", [LECTURE, THREE], ids=["two", "three"])
def test_every_arrow_of_the_lecture(given):
  found = unfold(**given)
  rows = by_hand(**given)
  assert len(found.h) == 3
  for name, row in rows.items():
    np.testing.assert_allclose(getattr(found, name), row, rtol=1e-12)
  a, d, f = rows["dJ_dh"], rows["dh_dh"], rows["dh_ds"]
  dE_dh = [a[0] + d[1] * (a[1] + d[2] * a[2]), a[1] + d[2] * a[2], a[2]]
  np.testing.assert_allclose(found.dE_dh, dE_dh, rtol=1e-12)
  np.testing.assert_allclose(found.dE_ds, np.multiply(dE_dh, f), rtol=1e-12)
  for terms, last in (
    (found.terms_w, np.multiply(f, rows["ds_dw"])),
    (found.terms_u, np.multiply(f, rows["ds_du"])),
  ):
    six = (
      (a[0] * last[0],),
      (a[1] * d[1] * last[0], a[1] * last[1]),
      (a[2] * d[2] * d[1] * last[0], a[2] * d[2] * last[1], a[2] * last[2]),
    )
    assert [len(row) for row in terms] == [1, 2, 3]
    for row, expected in zip(terms, six):
      np.testing.assert_allclose(row, expected, rtol=1e-12)
      assert all(row)
  np.testing.assert_allclose(
    found.terms_v,
    np.multiply(rows["dJ_dz"], np.reshape(rows["h"], (3, 1))),
    rtol=1e-12,
  )


def test_the_terms_sum_to_the_gradient_and_to_finite_differences():
  found = unfold(**LECTURE)
  np.testing.assert_allclose(found.E, cost_of(**LECTURE), rtol=1e-13)
  sums = {
    "w": sum(term for row in found.terms_w for term in row),
    "u": sum(term for row in found.terms_u for term in row),
    "v": np.sum(found.terms_v, axis=0),
  }
  for name, total in sums.items():
    whole = getattr(found, f"grad_{name}")
    np.testing.assert_allclose(total, whole, rtol=1e-11)
    np.testing.assert_allclose(getattr(found, f"dE_d{name}"), whole, rtol=1e-11)
    value = np.atleast_1d(LECTURE[name])
    for i, derivative in enumerate(np.atleast_1d(whole)):
      more, less = (
        value + by * (np.arange(value.size) == i) for by in (1e-5, -1e-5)
      )
      more, less = (
        cost_of(**LECTURE | {name: a if name == "v" else a[0]})
        for a in (more, less)
      )
      np.testing.assert_allclose((more - less) / 2e-5, derivative, rtol=1e-7)


def test_it_is_written_as_it_is_and_numbers_are_all_different():
  found = unfold(**LECTURE)
  again = json.loads(json.dumps(found._asdict()))
  assert again["terms_w"] == [list(row) for row in found.terms_w]
  assert again["E"] == found.E
  tables = (found.terms_w, found.terms_u)
  terms = [term for table in tables for row in table for term in row]
  assert len({round(abs(term), 3) for term in terms}) == 12


def test_bptt_terms_has_the_same_terms():
  found = unfold(**LECTURE)
  with jax.enable_x64(True):
    params = ElmanParams(
      jnp.full((1, 1), LECTURE["u"]),
      jnp.full((1, 1), LECTURE["w"]),
      jnp.zeros(1),
    )
    terms = bptt_terms(
      elman(1),
      lambda v, h, target: -jax.nn.log_softmax(v * h[0])[target],
      params,
      jnp.array(LECTURE["v"]),
      jnp.array(LECTURE["xs"]).reshape(-1, 1, 1),
      jnp.array(LECTURE["targets"]),
      carry=ElmanCarry(jnp.full((1, 1), LECTURE["h0"])),
    )
    terms = jax.tree.map(np.asarray, terms)
  np.testing.assert_allclose(terms.cost_T, found.J, rtol=1e-12)
  np.testing.assert_allclose(
    terms.readout_norm, np.linalg.norm(found.terms_v, axis=1), rtol=1e-12
  )
  for table, norm, cosine, gradient in (
    (
      found.terms_w,
      terms.norm.recurrent_kernel,
      terms.cosine.recurrent_kernel,
      found.dE_dw,
    ),
    (
      found.terms_u,
      terms.norm.input_kernel,
      terms.cosine.input_kernel,
      found.dE_du,
    ),
  ):
    for t, row in enumerate(table):
      np.testing.assert_allclose(norm[t, : t + 1], np.abs(row), rtol=1e-12)
      np.testing.assert_array_equal(
        cosine[t, : t + 1], np.sign(row) * np.sign(gradient)
      )


def test_a_linear_output_with_the_squared_cost():
  found = unfold(0.5, 2.0, 3.0, (1.0, -3.0), (0.0, 1.0), "relu", 0.0, "linear")
  assert found.s == (0.5, -0.5) and found.h == (0.5, 0.0)
  assert found.z == found.y_hat == ((1.5,), (0.0,))
  assert found.J == (1.125, 0.5) and found.E == 1.625
  assert found.dJ_dyhat == found.dJ_dz == ((1.5,), (-1.0,))
  assert found.dyhat_dz == (((1.0,),), ((1.0,),))
  assert found.dJ_dh == (4.5, -3.0)
  assert found.dh_ds == (1.0, 0.0) and found.ds_dh == (2.0, 2.0)
  assert found.dh_dh == (2.0, 0.0) and found.terms_w == ((0.0,), (0.0, 0.0))
  assert found.dE_du == found.grad_u == 4.5
  assert found.dE_dv == found.grad_v == (0.75,)


@pytest.mark.parametrize(
  "change, message",
  [
    ({"xs": (), "targets": ()}, "xs must hold at least one number, got ()"),
    (
      {"targets": (1, 0)},
      "targets must hold 3 numbers, one for each of xs, got (1, 0)",
    ),
    ({"w": math.nan}, "w must be a finite number, got nan"),
    ({"v": 1.3}, "v must hold at least two numbers, got (1.3,)"),
    (
      {"output": "linear"},
      "v must hold one number, got (1.3, -0.6)",
    ),
    (
      {"targets": (0, 2, 1)},
      "targets[1] must be an integer from 0 to 1, got 2",
    ),
    ({"output": "g"}, "output must be one of linear, softmax, got 'g'"),
    (
      {"xs": (0.0, "a", 1.0)},
      "xs[1] must be a finite number, got 'a'",
    ),
    (
      {"activation": "f"},
      "activation must be one of linear, relu, sigmoid, tanh, got 'f'",
    ),
  ],
)
def test_wrong_input_is_named(change, message):
  with pytest.raises(FieldError) as error:
    unfold(**(LECTURE | change))
  assert str(error.value) == message
