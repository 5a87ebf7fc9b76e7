"""The figures of the lecture's unfolded networks say every number, once."""

import itertools
import math
import re
import types

import pytest

from rnn_lab.errors import FieldError
from rnn_lab.gradients import unfolded as lecture
from rnn_lab.gradients.unfolded_lstm import UnfoldedLSTM
from rnn_lab.reports import style
from rnn_lab.reports.gradients.unfolded_lstm_plot import draw_unfolded_lstm
from rnn_lab.reports.gradients.unfolded_plot import draw_unfolded
from rnn_lab.reports.section import Figures
from rnn_lab.reports.sections.unfolded import unfolded_section

GIVEN = {
  "u": 0.6,
  "w": -1.1,
  "v": (0.45, -0.85),
  "xs": (0.8, -1.5, 0.35),
  "targets": (1, 0, 1),
  "h0": 0.15,
}


def numbers(given, steps=3):
  """What `unfold` returns, for f = tanh, by the lecture's formulas alone."""
  u, w, v = given["u"], given["w"], given["v"]
  rows = {}
  before = given["h0"]
  for t in range(steps):
    s = u * given["xs"][t] + w * before
    h = math.tanh(s)
    exps = [math.exp(a * h) for a in v]
    p = [e / sum(exps) for e in exps]
    y = [float(i == given["targets"][t]) for i in range(2)]
    values = {
      "s": s,
      "h": h,
      "z": [a * h for a in v],
      "y_hat": p,
      "J": -sum(b * math.log(a) for a, b in zip(p, y)),
      "dJ_dyhat": [-b / a if b else 0.0 for a, b in zip(p, y)],
      "dyhat_dz": [
        [p[i] * ((i == j) - p[j]) for j in range(2)] for i in range(2)
      ],
      "dz_dh": v,
      "dz_dv": h,
      "dJ_dz": [a - b for a, b in zip(p, y)],
      "dJ_dh": sum((a - b) * c for a, b, c in zip(p, y, v)),
      "dh_ds": 1 - h * h,
      "ds_dh": w,
      "ds_dw": before,
      "ds_du": given["xs"][t],
    }
    for name, value in values.items():
      rows.setdefault(name, []).append(value)
    before = h
  terms = [
    [
      rows["dJ_dh"][t]
      * math.prod(rows["dh_ds"][j] * w for j in range(k + 1, t + 1))
      * rows["dh_ds"][k]
      * rows["ds_dw"][k]
      for k in range(t + 1)
    ]
    for t in range(steps)
  ]
  return {
    **given,
    **rows,
    "E": sum(rows["J"]),
    "dE_dh": [0.1 * (t + 1) for t in range(steps)],
    "dE_ds": [0.17 * (t + 1) for t in range(steps)],
    "terms_w": terms,
    "terms_v": [[a * h for a in d] for d, h in zip(rows["dJ_dz"], rows["h"])],
    "dE_dw": sum(map(sum, terms)),
    "dE_du": 0.123,
    "dE_dv": [0.456, -0.456],
  }


def _all(values):
  return f"({', '.join(map(_say, values))})"


def _say(value):
  return f"{value:#.3g}".rstrip(".").replace("-", "\u2212")


def _texts(figure):
  return [text.get_text() for text in figure.axes[0].texts]


def test_every_arrow_has_its_number():
  u = numbers(GIVEN)
  shown = "\n".join(_texts(draw_unfolded(u)))
  # Once at its arrow; some are named in the notes below, too.
  for t in range(3):
    n = t + 1
    one_hot = "(0, 1)" if GIVEN["targets"][t] else "(1, 0)"
    matrix = "\n".join(map(_all, u["dyhat_dz"][t]))
    for words in [
      f"$x_{n} = {str(GIVEN['xs'][t]).replace('-', chr(0x2212))}$",
      f"$s_{n} = {_say(u['s'][t])}$",
      f"$h_{n} = f(s_{n}) = {_say(u['h'][t])}$",
      f"$z_{n} = {_all(u['z'][t])}$",
      rf"$\hat{{y}}_{n} = {_all(u['y_hat'][t])}$",
      f"$J_{n} = {_say(u['J'][t])}$",
      f"$y_{n} = {one_hot}$",
      f"$dE/dh_{n} = {_say(u['dE_dh'][t])}$",
      f"$dE/ds_{n} = {_say(u['dE_ds'][t])}$",
      f"$dE/dJ_{n}$ = 1.00",
      rf"$dJ_{n}/d\hat{{y}}_{n}$ = {_all(u['dJ_dyhat'][t])}",
      rf"$d\hat{{y}}_{n}/dz_{n}$ = " + f"\n{matrix}",
      f"$dz_{n}/dh_{n}$ = {_all(u['dz_dh'][t])}",
      rf"$\partial z_{n}/\partial v$ = {_say(u['dz_dv'][t])}",
      f"$dh_{n}/ds_{n}$ = {_say(u['dh_ds'][t])}",
      f"$ds_{n}/dh_{t}$ = {_say(u['ds_dh'][t])}",
      rf"$\partial s_{n}/\partial w$ = {_say(u['ds_dw'][t])}",
      rf"$\partial s_{n}/\partial u$ = {_say(u['ds_du'][t])}",
      rf"\cdot d\hat{{y}}_{n}/dz_{n}$ = {_all(u['dJ_dz'][t])}",
      rf"\cdot dz_{n}/dh_{n}$ = {_say(u['dJ_dh'][t])}",
    ]:
      assert shown.count(words) == 1, words
  assert f"$E = J_1 + J_2 + J_3 = {_say(u['E'])}$" in shown
  for words in ("$u = 0.6$", "$w = \u22121.1$", "$v = (0.45, \u22120.85)$"):
    assert shown.count(words) == 3
  by_v = " + ".join(map(_all, u["terms_v"]))
  assert f"$dE/dv$ = {by_v} = (0.456, \u22120.456)" in shown


def test_terms_are_written_out_and_their_sum_is_the_gradient():
  u = numbers(GIVEN)
  texts = _texts(draw_unfolded(u))
  start = texts.index("of dE/dw") + 1
  rows = [texts[start + 6 * i : start + 6 * i + 6] for i in range(7)]
  assert [(row[0], row[1]) for row in rows[:6]] == [
    ("1", "1"), ("2", "2"), ("2", "1"), ("3", "3"), ("3", "2"), ("3", "1"),
  ]  # fmt: skip
  assert rows[5][2] == (
    r"$dJ_3/dh_3 \cdot dh_3/ds_3 \cdot ds_3/dh_2 \cdot dh_2/ds_2 \cdot "
    r"ds_2/dh_1 \cdot dh_1/ds_1 \cdot \partial s_1/\partial w$"
  )

  def number(text):
    return float(text.strip("%").replace("\u2212", "-"))

  for t, k, path, factors, term, share in rows[:6]:
    found = re.findall("\u2212?[0-9.]+", factors)
    assert len(found) == path.count("/") == 2 * (int(t) - int(k)) + 3
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


def _assert_nothing_overlaps(figure):
  figure.draw_without_rendering()
  boxes = [
    (text.get_text(), text.get_window_extent().padded(-1))
    for text in figure.axes[0].texts
    if text.get_text()
  ]
  for i, (words, box) in enumerate(boxes):
    assert figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max)
    assert [w for w, other in boxes[:i] if box.overlaps(other)] == [], words


@pytest.mark.parametrize("steps", [2, 3])
def test_no_number_covers_another_or_leaves_the_figure(steps):
  # Small and negative numbers, which are the longest.
  given = GIVEN | {"v": (-0.0455, -0.0125)}
  with style.in_style():
    _assert_nothing_overlaps(draw_unfolded(numbers(given, steps)))


def _lstm_numbers(steps=3):
  """Distinct numbers in the form of what `unfold_lstm` returns."""
  count = itertools.count(1)

  def draw(*sizes):
    if sizes:
      return [draw(*sizes[1:]) for _ in range(sizes[0])]
    n = next(count)
    return round((-1) ** n * (0.1 + 0.001237 * n), 6)

  gates = ("a", "gates", "dgate_da", "da_dh", "dgate_dh", "dc_dgate", "dE_da")
  weights = ("W", "U", "b", "dE_dW", "dE_dU", "dE_db")
  pairs = ("z", "y_hat", "dJ_dyhat", "dz_dh", "dJ_dz", "terms_v")
  given = {name: {g: draw(steps) for g in "ifgo"} for name in gates}
  given |= {name: {g: draw() for g in "ifgo"} for name in weights}
  given |= {name: draw(steps, 2) for name in pairs}
  given |= {"dyhat_dz": draw(steps, 2, 2), "v": draw(2), "dE_dv": draw(2)}
  given |= {"targets": [0, 1, 0], "E": draw(), "h0": 0.5, "c0": -0.25}
  fields = {"xs", *UnfoldedLSTM._fields} - {*given}
  return given | {
    name: draw(steps) for name in sorted(fields) if "grad" not in name
  }


def test_every_derivative_of_the_lstm_has_its_number():
  u = _lstm_numbers()
  texts = _texts(draw_unfolded_lstm(u))
  shown = "\n".join(texts)
  for t in range(3):
    n = t + 1
    words = [
      f"$c_{n} = f_{n} c_{t} + i_{n} g_{n} = {_say(u['c'][t])}$",
      rf"$h_{n} = o_{n} \tanh(c_{n}) = {_say(u['h'][t])}$",
      f"$dE/dc_{n} = {_say(u['dE_dc'][t])}$",
      f"$dE/dh_{n} = {_say(u['dE_dh'][t])}$",
      f"$J_{n} = {_say(u['J'][t])}$",
      rf"$\hat{{y}}_{n} = {_all(u['y_hat'][t])}$",
      f"$dJ_{n}/dh_{n}$ = {_say(u['dJ_dh'][t])}",
      rf"$\partial h_{n}/\partial o_{n}$ = {_say(u['dh_do'][t])}",
      rf"$\partial h_{n}/\partial c_{n}$ = {_say(u['dh_dc'][t])}",
      rf"$\partial c_{n}/\partial h_{t}$ = {_say(u['step_ch'][t])}",
      rf"$\partial h_{n}/\partial c_{t}$ = {_say(u['step_hc'][t])}",
      rf"$\partial h_{n}/\partial h_{t}$ = {_say(u['step_hh'][t])}",
      f"{_all(u['dJ_dyhat'][t])} · "
      f"[{_all(u['dyhat_dz'][t][0])}, {_all(u['dyhat_dz'][t][1])}] · "
      f"{_all(u['dz_dh'][t])} = {_say(u['dJ_dh'][t])}",
      rf"$\partial z_{n}/\partial v$ = {_say(u['dz_dv'][t])}",
    ]
    for g in "ifgo":
      f = r"\tanh" if g == "g" else r"\sigma"
      words += [
        f"${g}_{n} = {_say(u['gates'][g][t])}$",
        f"$= {f}({_say(u['a'][g][t])})$",
        f"$dE/da = {_say(u['dE_da'][g][t])}$",
        f"$d{g}_{n}/da$ = {_say(u['dgate_da'][g][t])}",
        rf"$\partial {g}_{n}/\partial h_{t}$ = {_say(u['dgate_dh'][g][t])}",
      ]
    for g in "ifg":
      by_gate = rf"$\partial c_{n}/\partial {g}_{n}$"
      words.append(f"{by_gate} = {_say(u['dc_dgate'][g][t])}")
    for text in words:
      assert shown.count(text) == 1, text
  for name in "WUb":
    pairs = ((u[name][g], u[f"dE_d{name}"][g]) for g in "figo")
    for weight, derivative in pairs:
      weight = f"{weight:g}".replace("-", "\u2212")
      assert f": {weight} ({_say(derivative)})" in shown
  assert (
    f"Along the direct path (bold) dc_3/dc_0 is {_say(u['direct'][0])}, along "
    f"all paths {_say(u['whole'][0])}"
  ) in texts


def test_the_direct_path_of_the_lstm_is_bold():
  u = _lstm_numbers()
  ax = draw_unfolded_lstm(u).axes[0]
  bold = [t.get_text() for t in ax.texts if t.get_weight() == "bold"]
  for t in range(3):
    words = rf"$\mathbf{{\partial c_{t + 1}/\partial c_{t} = f_{t + 1}}}$"
    assert f"{words} = {_say(u['dc_dc'][t])}" in bold
  widths = [
    text.arrow_patch.get_linewidth()
    for text in ax.texts
    if getattr(text, "arrow_patch", None) is not None
  ]
  # One forward and one back for each step.
  assert sum(width > 3.0 for width in widths) == 6


@pytest.mark.parametrize("steps", [2, 3])
def test_no_number_of_the_lstm_covers_another(steps):
  with style.in_style():
    _assert_nothing_overlaps(draw_unfolded_lstm(_lstm_numbers(steps)))


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
  with pytest.raises(FieldError, match="^unfolded must have 2 or 3 steps"):
    draw_unfolded_lstm({"h": [0.1]})


def test_a_section_of_both_networks_or_none():
  def section(unfolded):
    sweep = types.SimpleNamespace(unfolded=unfolded)
    return unfolded_section(types.SimpleNamespace(sweep=sweep))

  assert section({}) is None
  # Of an earlier version, whose network had no softmax.
  assert section({"y": [0.1, 0.2], "h": [0.1, 0.2]}) is None
  parts = section(numbers(GIVEN) | {"lstm": _lstm_numbers()}).content
  names = [part.stem for part in parts if isinstance(part, Figures)]
  assert names == ["unfolded", "unfolded_lstm"]
