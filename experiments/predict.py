"""Answers new inputs with a trained model.

  python -m experiments.predict --workdir=RUN --input="a moving, funny film"
  python -m experiments.predict --workdir=RUN < lines.txt > answers.jsonl

RUN is the directory of a run of a design pattern: sentiment, tagging,
translation and so on. With `--input` the answer is printed for a person, with
its probability: for a class with the words that carry it, for tags aligned
under the words. The input of a caption is an image file, or a place in a split
such as test:17; that of a forecast is a CSV file with all that is known, and
`--horizon` is the number of steps to forecast. `--figure=FILE.png` draws a
forecast, or the attention of an encoder-decoder. Without `--input` lines are
read from standard input, and each is answered by a line of JSON, once all of
them have been checked; likewise those of a text file that is the input of a run
that reads text.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from experiments import cli

FLAGS = {
  "input": (flags.DEFINE_string, "-", "the input; - for standard input"),
  "seed_index": (flags.DEFINE_integer, 0, "which of the run's seeds"),
  "beam_size": (
    flags.DEFINE_integer,
    0,
    "of models that write, 1 for greedy decoding; 0 is that of the run's test",
  ),
  "horizon": (flags.DEFINE_integer, 0, "of forecasts; 0 is the run's own"),
  "figure": (flags.DEFINE_string, "", "a PNG of attention or of a forecast"),
}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(predict, argv, __doc__, FLAGS)


def predict(args: cli.Arguments) -> int:
  """Prints the predictions."""
  from experiments.terminal import Terminal, prediction_lines
  from rnn_lab.errors import FieldError, check_int
  from rnn_lab.paths import local_path
  from rnn_lab.predictors.given import read_inputs
  from rnn_lab.runs.opening import load_run

  options = {}
  for name in ("beam_size", "horizon"):
    check_int(name, getattr(args, name), 0)
    if getattr(args, name):
      options[name] = getattr(args, name)
  # An input is a text or a file: "~" is a home only where a file is there.
  given = os.path.expanduser(args.input)
  given = given if os.path.exists(given) else args.input
  figure = local_path("figure", args.figure) if args.figure else None
  run = load_run(args.workdir, args.seed_index, with_data=False)
  inputs = read_inputs(given, run.task)
  is_single = inputs == [given]
  if figure and not is_single:
    raise FieldError("figure", "figure needs a single input, given by --input")
  rows = run.predictions(inputs, **options)
  if not is_single:
    for row in rows:
      print(strict_json(row), flush=True)
    return 0
  [row] = rows
  if figure:
    # matplotlib is slow to import.
    from rnn_lab.reports.predictions import draw_prediction

    draw_prediction(row, figure)
  with Terminal() as terminal:
    for line in prediction_lines(row, terminal.width):
      terminal.line(line)
    if figure:
      terminal.line(f"figure: {figure}")
  return 0


def strict_json(row: Mapping[str, Any]) -> str:
  """Returns a prediction in JSON, which has neither nan nor infinity.

  Those of a forecast that diverges are null.
  """
  text = json.dumps(row)
  return json.dumps(json.loads(text, parse_constant=lambda name: None))


if __name__ == "__main__":
  cli.run(main)
