"""The section of examples: the best trial, its picture, right and wrong."""

import numpy as np
import pytest
import reports_fakes as fakes

from rnn_lab.reports import style
from rnn_lab.reports.pattern_picture import MOST_STEPS, draw_pattern
from rnn_lab.reports.results import read_results
from rnn_lab.reports.section import Figures, Grid
from rnn_lab.reports.sections.examples import (
  examples_section,
  gallery_grid,
  said,
)

WORDS = ["two", "one", "six"]
ROWS = [
  {
    "reads": {"form": "symbols", "values": list("seven")},
    "output": ["7"],
    "target": ["7"],
    "right": True,
  },
  {
    "reads": {"form": "symbols", "values": WORDS},
    "output": ["two", "1"],
    "target": ["2", "1", "6"],
    "right": False,
    "probability": 0.625,
  },
]


def part(name="stack", reads="inputs", writes="last", steps=5, lanes=1):
  rng = np.random.default_rng(steps)
  outputs = rng.uniform(-1, 1, (lanes, steps, 4)).tolist()
  return {"name": name, "reads": reads, "writes": writes, "outputs": outputs}


def picture(*parts, reads=ROWS[0]["reads"], output="seven", **more):
  recurrences = list(parts)
  shown = {"reads": reads, "output": output, "recurrences": recurrences}
  return {"reversed": False, **shown, **more}


def write(
  root, name, accuracy, rows=ROWS, shown=None, task="recall", valid=None
):
  config = fakes.config()
  config["task"]["name"] = task
  result = fakes.result(accuracy)
  result["metrics"]["valid/accuracy"] = fakes.entry(valid or accuracy)
  fakes.write_run(root / name, config, result)
  label = {"name": name, "overrides": {}, "series": name}
  fakes.write_json(root / name / "trial.json", label)
  if rows:
    pattern = "sequence_to_vector"
    content = {"seed": 0, "pattern": pattern, "examples": rows}
    content["picture"] = shown or picture(part())
    fakes.write_json(root / name / "examples.json", content)
  return root


def texts(figure):
  return [text.get_text() for text in figure.axes[0].texts]


def test_of_each_task_the_best_trial_that_kept_examples(tmp_path):
  write(tmp_path, "GRU", [0.7, 0.8])
  write(tmp_path, "LSTM", [0.9, 0.6, 0.9])
  # Better on the test split alone.
  write(tmp_path, "tanh RNN", [0.95, 0.95], valid=[0.5, 0.5])
  write(tmp_path, "none kept", [0.99, 0.99], rows=None)
  write(tmp_path, "other", [0.1, 0.3], task="copying")
  section = examples_section(read_results(tmp_path))
  [_, *blocks] = section.content
  figures = [block for block in blocks if isinstance(block, Figures)]
  assert [block.stem for block in figures] == [
    "pattern_recall",
    "pattern_copying",
  ]
  assert figures[0].caption.startswith("Task recall. Sequence to vector, LSTM")
  grids = [block for block in blocks if isinstance(block, Grid)]
  assert [grid.title for grid in grids] == [
    "Task recall. Examples, LSTM",
    "Task copying. Examples, other",
  ]


def test_a_sweep_without_examples_has_no_such_section(tmp_path):
  write(tmp_path, "GRU", [0.7], rows=None)
  assert examples_section(read_results(tmp_path)) is None


def test_the_table_has_the_wrong_ones_first(tmp_path):
  write(tmp_path, "GRU", [0.7])
  *_, grid = examples_section(read_results(tmp_path)).content
  [wrong, right] = grid.rows
  assert wrong[:3] == ["two one six", "two 1", "216"]
  assert wrong[3].lines == ["wrong, p = 0.62"]
  assert wrong[3].look == "verdict fails"
  assert right[:3] == ["seven", "7", "7"]
  assert right[3].lines == ["right"] and right[3].look == "verdict holds"


def test_images_are_drawn_with_their_answers(tmp_path):
  image = np.arange(12.0).reshape(3, 4, 1) / 12
  reads = {"form": "images", "values": image.tolist()}
  rows = [row | {"reads": reads} for row in ROWS]
  write(tmp_path, "GRU", [0.7], rows=rows)
  *_, figures = examples_section(read_results(tmp_path)).content
  [figure] = figures.figures
  titles = [ax.get_title() for ax in figure.axes]
  assert titles == ["two 1\n(true: 216)", "7"]
  [drawn] = figure.axes[1].images
  np.testing.assert_array_equal(drawn.get_array(), image[..., 0])


def test_series_are_drawn_over_the_true_ones(tmp_path):
  rows = [
    {
      "reads": {"form": "vectors", "values": [[n + 0.1], [n + 0.2]]},
      "output": [[n + 0.3], [n + 0.5]],
      "target": [[n + 0.4], [n + 0.6]],
      "right": None,
    }
    for n in range(7)
  ]
  write(tmp_path, "GRU", [0.7], rows=rows)
  *_, figures = examples_section(read_results(tmp_path)).content
  [figure] = figures.figures
  assert len(figure.axes) == 4
  for ax, n in zip(figure.axes, (0, 2, 4, 6)):
    before, true, answer = ax.lines[:3]
    for line, xs, ys in (
      (before, [-1, 0], [n + 0.1, n + 0.2]),
      (true, [1, 2], [n + 0.4, n + 0.6]),
      (answer, [1, 2], [n + 0.3, n + 0.5]),
    ):
      np.testing.assert_allclose(line.get_xdata(), xs)
      np.testing.assert_allclose(line.get_ydata(), ys)


@pytest.mark.parametrize(
  "parts,reads,output,words",
  [
    ([part()], "seven", "7", [*"seven", "7"]),
    (
      [part(writes="every_step", lanes=2)],
      "seven",
      ["A", "B", "C", "D", "E"],
      [*"seven", *"ABCDE", "stack, both directions"],
    ),
    (
      [part("decoder", "targets", "every_step", steps=3)],
      None,
      ["x", "y"],
      ["(start)", "x", "y", "x", "y", "(end)", "decoder"],
    ),
    (
      [
        part("encoder", writes="none", steps=2),
        part("decoder", "targets", "every_step", steps=2),
      ],
      "ab",
      ["x"],
      ["a", "b", "encoder", "(start)", "x", "x", "(end)", "decoder"],
    ),
  ],
)
def test_the_words_of_a_picture(parts, reads, output, words):
  values = reads and {"form": "symbols", "values": list(reads)}
  shown = picture(*parts, reads=values, output=output)
  with style.in_style():
    figure = draw_pattern(shown, "title")
  drawn = [word for word in texts(figure) if word]
  assert sorted(drawn) == sorted(words)


def test_long_sequences_are_cut_and_reversed_ones_turned():
  several = [f"w{n}" for n in range(30)]
  shown = picture(
    part(writes="every_step", steps=30),
    reads={"form": "symbols", "values": several},
    output=[f"y{n}" for n in range(30)],
    reversed=True,
  )
  with style.in_style():
    words = texts(draw_pattern(shown, "title"))
  assert "w29" in words and "w13" not in words and words.count("…") == 2
  assert "y15" in words and "y16" not in words and MOST_STEPS == 17


def test_attention_stands_under_the_steps_that_it_reads():
  weights = [[0.25, 0.75], [0.5, 0.5]]
  shown = picture(
    part("encoder", writes="none", steps=2),
    part("decoder", "targets", "every_step", steps=2),
    reads={"form": "symbols", "values": ["a", "b"]},
    output=["x"],
    attention=weights,
  )
  with style.in_style():
    figure = draw_pattern(shown, "title")
  [heat] = [
    image
    for image in figure.axes[0].images
    if image.get_array().shape == (2, 2)
  ]
  np.testing.assert_array_equal(heat.get_array(), weights)
  left, right, low, high = heat.get_extent()
  assert (left, right) == (-0.5, 1.5) and low < high < 0


def test_letters_are_joined_and_words_have_blanks_between():
  assert said([*"1987-03"]) == "1987-03"
  assert said(["a", "red", "cross"]) == "a red cross"
  assert said("seven") == "seven" and said([]) == ""


def test_a_translation_may_be_right_and_differ():
  grid = gallery_grid("title", ROWS, one_is_right=False)
  assert [row[3].lines[0][:7] for row in grid.rows] == ["differs", "equal"]
