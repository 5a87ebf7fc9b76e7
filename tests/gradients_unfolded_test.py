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
  """The forward pass and its arrows; f is tanh, and f' is 1 - h^2."""
  h, rows = h0, {}

  def add(**values):
    for name, value in values.items():
      rows.setdefault(name, []).append(value)

  for x, target in zip(xs, targets):
    before, z = h, u * x + w * h
    h = math.tanh(z)
    y = v * h
    slope = 1.0 - h * h
    add(z=z, h=h, y=y, J=(y - target) ** 2 / 2)
    add(dJ_dy=y - target, dy_dh=v, dy_dv=h)
    add(dh_dh=slope * w, dh_dw=slope * before, dh_du=slope * x)
  return rows


def cost_of(u, w, v, xs, targets, h0):
  return sum(by_hand(u, w, v, xs, targets, h0)["J"])


def test_every_arrow_of_the_lecture():
  found = unfold(**LECTURE)
  rows = by_hand(**LECTURE)
  assert len(found.h) == 3
  for name, row in rows.items():
    np.testing.assert_allclose(getattr(found, name), row, rtol=1e-12)
  a = [j * h for j, h in zip(rows["dJ_dy"], rows["dy_dh"])]
  d = rows["dh_dh"]
  np.testing.assert_allclose(
    found.dE_dh,
    [a[0] + d[1] * (a[1] + d[2] * a[2]), a[1] + d[2] * a[2], a[2]],
    rtol=1e-12,
  )
  for terms, last in (
    (found.terms_w, rows["dh_dw"]),
    (found.terms_u, rows["dh_du"]),
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
    [j * h for j, h in zip(rows["dJ_dy"], rows["dy_dv"])],
    rtol=1e-12,
  )


def test_the_terms_sum_to_the_gradient_and_to_finite_differences():
  found = unfold(**LECTURE)
  np.testing.assert_allclose(found.E, cost_of(**LECTURE), rtol=1e-13)
  for name, terms in (
    ("w", [term for row in found.terms_w for term in row]),
    ("u", [term for row in found.terms_u for term in row]),
    ("v", found.terms_v),
  ):
    whole = getattr(found, f"grad_{name}")
    np.testing.assert_allclose(sum(terms), whole, rtol=1e-12)
    np.testing.assert_allclose(getattr(found, f"dE_d{name}"), whole, rtol=1e-12)
    more, less = (
      cost_of(**(LECTURE | {name: LECTURE[name] + by})) for by in (1e-5, -1e-5)
    )
    np.testing.assert_allclose((more - less) / 2e-5, whole, rtol=1e-8)


def test_it_is_written_as_it_is_and_numbers_are_all_different():
  found = unfold(**LECTURE)
  again = json.loads(json.dumps(found._asdict()))
  assert again["terms_w"] == [list(row) for row in found.terms_w]
  assert again["E"] == found.E
  terms = [term for table in found[12:14] for row in table for term in row]
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
      lambda v, h, target: jnp.sum((v * h - target) ** 2) / 2,
      params,
      jnp.float64(LECTURE["v"]),
      jnp.array(LECTURE["xs"]).reshape(-1, 1, 1),
      jnp.array(LECTURE["targets"]).reshape(-1, 1, 1),
      carry=ElmanCarry(jnp.full((1, 1), LECTURE["h0"])),
    )
    terms = jax.tree.map(np.asarray, terms)
  np.testing.assert_allclose(terms.cost_T, found.J, rtol=1e-12)
  np.testing.assert_allclose(
    terms.readout_norm, np.abs(found.terms_v), rtol=1e-12
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


def test_another_length_and_activation():
  found = unfold(0.5, 2.0, 1.0, (1.0, -3.0), (0.0, 1.0), "relu")
  assert found.z == (0.5, -0.5) and found.h == (0.5, 0.0)
  assert found.dh_dh == (2.0, 0.0) and found.terms_w == ((0.0,), (0.0, 0.0))
  assert found.dE_du == found.grad_u == 0.5


@pytest.mark.parametrize(
  "change, message",
  [
    ({"xs": (), "targets": ()}, "xs must hold at least one number, got ()"),
    (
      {"targets": (1.0, 2.0)},
      "targets must hold 3 numbers, one for each of xs, got (1.0, 2.0)",
    ),
    ({"w": math.nan}, "w must be a finite number, got nan"),
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
