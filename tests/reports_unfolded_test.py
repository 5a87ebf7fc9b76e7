"""The figure of the lecture's unfolded network says every number, once."""

import math
import re

import pytest

from rnn_lab.errors import FieldError
from rnn_lab.gradients import unfolded as lecture
from rnn_lab.reports import style
from rnn_lab.reports.gradients.unfolded_plot import draw_unfolded

GIVEN = {
  "u": 0.6,
  "w": -1.1,
  "v": 0.45,
  "xs": (0.8, -1.5, 0.35),
  "targets": (0.25, 0.95, -0.4),
  "h0": 0.15,
}


def numbers(given, steps=3):
  """What `unfold` returns, for f = tanh, by the lecture's formulas alone."""
  u, w, v = given["u"], given["w"], given["v"]
  rows = {
    name: []
    for name in (
      "z", "h", "y", "J", "dJ_dy", "dy_dh", "dy_dv", "dh_dh", "dh_dw", "dh_du",
    )
  }  # fmt: skip
  before = given["h0"]
  for t in range(steps):
    z = u * given["xs"][t] + w * before
    h = math.tanh(z)
    slope = 1 - h * h
    error = v * h - given["targets"][t]
    values = (z, h, v * h, error**2 / 2, error, v, h, slope * w,
              slope * before, slope * given["xs"][t])  # fmt: skip
    for row, value in zip(rows.values(), values):
      row.append(value)
    before = h
  terms = [
    [
      rows["dJ_dy"][t]
      * v
      * math.prod(rows["dh_dh"][k + 1 : t + 1])
      * rows["dh_dw"][k]
      for k in range(t + 1)
    ]
    for t in range(steps)
  ]
  return {
    **given,
    **rows,
    "E": sum(rows["J"]),
    "dE_dh": [0.1 * (t + 1) for t in range(steps)],
    "terms_w": terms,
    "terms_v": [e * h for e, h in zip(rows["dJ_dy"], rows["h"])],
    "dE_dw": sum(map(sum, terms)),
    "dE_du": 0.123,
    "dE_dv": 0.456,
  }


def _say(value):
  return f"{value:#.3g}".rstrip(".").replace("-", "\u2212")


def _texts(figure):
  return [text.get_text() for text in figure.axes[0].texts]


def test_every_arrow_has_its_number():
  u = numbers(GIVEN)
  shown = "\n".join(_texts(draw_unfolded(u)))
  for t in range(3):
    n = t + 1
    for words in [
      f"$x_{n} = {GIVEN['xs'][t]}$",
      f"$h_{n} = f({_say(u['z'][t])}) = {_say(u['h'][t])}$",
      f"$y_{n} = {_say(u['y'][t])}$",
      f"$J_{n} = {_say(u['J'][t])}$",
      rf"$\mathrm{{target}}_{n} = {GIVEN['targets'][t]}$",
      f"$dE/dh_{n} = {_say(u['dE_dh'][t])}$",
      f"$dE/dJ_{n} = 1.00$",
      f"$dJ_{n}/dy_{n} = {_say(u['dJ_dy'][t])}$",
      f"$dy_{n}/dh_{n} = {_say(u['dy_dh'][t])}$",
      f"$dh_{n}/dh_{t} = {_say(u['dh_dh'][t])}$",
      rf"$\partial h_{n}/\partial w = {_say(u['dh_dw'][t])}$",
      rf"$\partial h_{n}/\partial u = {_say(u['dh_du'][t])}$",
      rf"$\partial y_{n}/\partial v = {_say(u['dy_dv'][t])}$",
    ]:
      assert shown.count(words) == 1, words
  assert f"$E = J_1 + J_2 + J_3 = {_say(u['E'])}$" in shown
  for words in ("$u = 0.6$", "$w = -1.1$", "$v = 0.45$"):
    assert shown.count(words) == 3


def test_terms_are_written_out_and_their_sum_is_the_gradient():
  u = numbers(GIVEN)
  texts = _texts(draw_unfolded(u))
  start = texts.index("of dE/dw") + 1
  rows = [texts[start + 6 * i : start + 6 * i + 6] for i in range(7)]
  assert [(row[0], row[1]) for row in rows[:6]] == [
    ("1", "1"), ("2", "2"), ("2", "1"), ("3", "3"), ("3", "2"), ("3", "1"),
  ]  # fmt: skip
  assert rows[5][2] == (
    r"$dJ_3/dy_3 \cdot dy_3/dh_3 \cdot dh_3/dh_2 \cdot dh_2/dh_1 \cdot "
    r"\partial h_1/\partial w$"
  )

  def number(text):
    return float(text.strip("%").replace("\u2212", "-"))

  for t, k, path, factors, term, share in rows[:6]:
    found = re.findall("\u2212?[0-9.]+", factors)
    assert len(found) == path.count("/") == int(t) - int(k) + 3
    product = math.prod(map(number, found))
    assert number(term) == pytest.approx(product, rel=0.02)
    value = u["terms_w"][int(t) - 1][int(k) - 1]
    assert number(term) == pytest.approx(value, rel=0.005)
    assert number(share) == pytest.approx(100 * value / u["dE_dw"], rel=0.005)
  assert rows[6][2:] == ["sum of all: $dE/dw$", "", _say(u["dE_dw"]), "100%"]
  longest = 100 * u["terms_w"][2][0] / u["dE_dw"]
  assert (
    f"dE/dw = {_say(u['dE_dw'])} is the sum of 6 terms; the longest path "
    f"(t = 3, k = 1) contributes {_say(longest)}% of it"
  ) in texts


@pytest.mark.parametrize("steps", [2, 3])
def test_no_number_covers_another_or_leaves_the_figure(steps):
  # Small and negative numbers, which are the longest.
  given = GIVEN | {"targets": (0.125, -0.395, 0.355), "v": -0.0455}
  with style.in_style():
    figure = draw_unfolded(numbers(given, steps))
    figure.draw_without_rendering()
    boxes = [
      (text.get_text(), text.get_window_extent().padded(-1))
      for text in figure.axes[0].texts
      if text.get_text()
    ]
  for i, (words, box) in enumerate(boxes):
    assert figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max)
    assert [w for w, other in boxes[:i] if box.overlaps(other)] == [], words


def test_its_input_is_what_unfold_returns():
  fields = {*lecture.LECTURE, *lecture.Unfolded._fields}
  assert set(numbers(GIVEN)) <= fields
  assert set(GIVEN) == set(lecture.LECTURE)


def test_other_numbers_of_steps():
  words = _texts(draw_unfolded(numbers(GIVEN, steps=2)))
  assert any("is the sum of 3 terms; the" in text for text in words)
  one = numbers(GIVEN, steps=1)
  with pytest.raises(
    FieldError, match="^unfolded must have 2 or 3 steps, got 1"
  ):
    draw_unfolded(one)
