"""experiments.predict, as a user types it, and what it refuses."""

import io
import json
import math
import shutil

import numpy as np
import pytest
from commands import assert_refused, call
from PIL import Image
from tiny import everything, tiny_config, tiny_dates, untrained

from configs import common
from experiments.predict import strict_json
from rnn_lab import load_run
from rnn_lab.predictors import default_options

DATE = "the fifth of march 1987"
LINES = [DATE, "5 march 1987"]


def pattern(name, **fields):
  config = common.pattern_config()
  config.task = {"name": name, **fields}
  config.model.hidden_size = 4
  config.train.batch_size = 4
  return config


def reviews(folder):
  """Tiny film reviews, in which every word is known."""
  for name, word in (("neg", "bad"), ("pos", "good")):
    text = f"a {word} film\n" * 20
    (folder / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  return str(folder)


def tagged(folder):
  """Two tagged sentences, as each of the three splits."""
  path = folder / "tagged.txt"
  text = "The DT B-NP\ncat NN I-NP\n\nRain NN B-NP\n. . O\n\n"
  path.write_text(text * 3, encoding="utf-8")
  return {f"{split}_path": str(path) for split in ("train", "valid", "test")}


def series(path, size=30):
  """A CSV file of a wave that grows."""
  n = np.arange(size)
  rows = "\n".join(f"{value:.3f}" for value in n + 5 * np.sin(n))
  path.write_text(f"height\n{rows}\n", encoding="utf-8")
  return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
  """Runs of several patterns, and of digits, which are no user's inputs."""
  folder = tmp_path_factory.mktemp("predict")
  data = tmp_path_factory.mktemp("data")
  path = series(data / "known.csv")
  forecasting = common.default_config()
  forecasting.task = {
    "name": "forecasting",
    "series": "csv",
    "path": str(path),
    "window": 8,
    "warmup": 4,
    "horizon": 3,
  }
  dates = tiny_dates(num_seeds=1)
  sequences = {"valid_beam": 1, "test_beam": 2, "length_penalty": 0.5}
  with dates.unlocked():
    dates.eval.sequences = sequences
  configs = {
    "dates": dates,
    "digits": tiny_config(train__gradient_flow_every=0),
    "names": pattern("digit_names"),
    "reviews": pattern("sentiment", data_dir=reviews(data)),
    "tags": pattern("tagging", min_count=1, **tagged(data)),
    "series": forecasting,
  }
  for name, config in configs.items():
    untrained(config, folder / name)
  return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  """The folder of what users give by mistake."""
  folder = tmp_path_factory.mktemp("files")
  rng = np.random.default_rng(0)
  for name, side in (("small", 7), ("good", 8)):
    pixels = rng.integers(0, 256, (side, side), np.uint8)
    Image.fromarray(pixels).save(folder / f"{name}.png")
    # 16 bits: 257 is 65535 / 255.
    deep = Image.fromarray(pixels.astype(np.uint16) * 257)
    deep.save(folder / f"{name}16.png")
  good = (folder / "good.png").read_bytes()
  (folder / "cut.png").write_bytes(good[: len(good) // 2])
  (folder / "text.png").write_text("no image", encoding="utf-8")
  (folder / "lines.txt").write_text("\n".join(LINES), encoding="utf-8")
  text = series(folder / "good.csv").read_text(encoding="utf-8").splitlines()
  for name, cell in (("text", "unknown"), ("hole", '""')):
    lines = [*text[:9], cell, *text[10:]]
    (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
  return folder


def test_an_answer_is_printed_and_its_attention_drawn(runs, tmp_path):
  path = tmp_path / "attention.png"
  workdir = f"--workdir={runs / 'dates'}"
  ended = call("predict", workdir, f"--input={DATE}", f"--figure={path}")
  assert (ended.code, ended.err) == (0, "")
  first, second = ended.out.splitlines()
  [row] = load_run(runs / "dates").predict([DATE])
  probability = f"(probability {row['probability']:.3g})"
  assert first == f"{row['prediction']}  {probability}"
  assert second == f"figure: {path}"
  assert path.read_bytes().startswith(b"\x89PNG")
  assert row["places"] == [*DATE]
  for weights in row["attention"]:
    assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_a_class_is_printed_with_the_words_that_carry_it(runs):
  text = "a good film"
  ended = call("predict", f"--workdir={runs / 'reviews'}", f"--input={text}")
  assert (ended.code, ended.err) == (0, "")
  first, second = ended.out.splitlines()
  [row] = load_run(runs / "reviews").predict([text])
  probability = f"(probability {row['probability']:.3g})"
  assert first == f"{row['prediction']}  {probability}"
  shares = sorted(row["words"], key=lambda pair: -abs(pair[1]))
  words = ", ".join(f"{word} ({share:+.2f})" for word, share in shares)
  assert second == f"carried by: {words}"


def test_tags_are_printed_under_their_words(runs):
  text = "The/DT cat/NN"
  ended = call("predict", f"--workdir={runs / 'tags'}", f"--input={text}")
  assert (ended.code, ended.err) == (0, "")
  [row] = load_run(runs / "tags").predict([text])
  words, tags, shares = ended.out.splitlines()
  place = words.index("cat")
  assert words.split() == ["The", "cat"] == row["words"]
  probabilities = [f"{p:.2f}" for p in row["probabilities"]]
  for line, want in ((tags, row["prediction"]), (shares, probabilities)):
    assert [line[:place].strip(), line[place:]] == want


def test_an_image_is_described(runs, files):
  name = runs / "names"
  ended = call("predict", f"--workdir={name}", f"--input={files / 'good.png'}")
  assert (ended.code, ended.err) == (0, "")
  run = load_run(name)
  pixels = np.asarray(Image.open(files / "good.png")) / 255
  paths = [files / "good.png", files / "good16.png"]
  [row, *others] = run.predict([pixels, *paths])
  probability = f"(probability {row['probability']:.3g})"
  assert ended.out == f"{row['prediction']}  {probability}\n"
  for path, other in zip(paths, others):
    assert other["input"] == str(path)
    assert other["prediction"] == row["prediction"]
    assert other["probability"] == pytest.approx(row["probability"], rel=1e-5)


def test_lines_are_answered_by_lines_of_json(runs, files, monkeypatch):
  text = "\ufeff" + "\n".join(LINES) + "\n"  # with a byte order mark
  monkeypatch.setattr("sys.stdin", io.StringIO(text))
  ended = call("predict", f"--workdir={runs / 'dates'}", "--beam_size=2")
  assert (ended.code, ended.err) == (0, "")
  rows = [json.loads(line) for line in ended.out.splitlines()]
  assert [row["input"] for row in rows] == LINES
  assert all(0 <= row["probability"] <= 1 for row in rows)
  given = f"--input={files / 'lines.txt'}"
  again = call("predict", f"--workdir={runs / 'dates'}", "--beam_size=2", given)
  assert again == ended


def test_what_is_not_finite_is_null():
  row = {"input": "a.csv", "prediction": [[1.5, math.nan], [math.inf, -2.0]]}
  want = '{"input": "a.csv", "prediction": [[1.5, null], [null, -2.0]]}'
  assert strict_json(row) == want


def test_options_are_those_of_the_runs_test(runs):
  wanted = {"dates": {"beam_size": 2, "length_penalty": 0.5}, "series": {}}
  for name, options in wanted.items():
    run = load_run(runs / name)
    assert default_options(run.task, run.config) == options


def test_a_forecast_is_printed_and_drawn(runs, files, tmp_path):
  path = tmp_path / "forecast.png"
  workdir = f"--workdir={runs / 'series'}"
  given = f"--input={files / 'good.csv'}"
  ended = call("predict", workdir, given, f"--figure={path}")
  assert (ended.code, ended.err) == (0, "")
  header, *steps, last = ended.out.splitlines()
  assert (header.split(), len(steps)) == (["step", "height"], 3)
  assert last == f"figure: {path}"
  assert path.read_bytes().startswith(b"\x89PNG")


def assert_wrong(runs, name, arguments, words):
  before = everything(runs)
  ended = call("predict", f"--workdir={runs / name}", *arguments)
  assert_refused(ended, words)
  assert everything(runs) == before


@pytest.mark.parametrize(
  "name, arguments, text, words",
  [
    ("dates", ["--input=5 # 1987"], "", "input must consist of"),
    ("dates", [], "", "input must have at least one line, got none"),
    ("dates", [], f"{DATE}\n\n", "input 2 must not be empty, got ''"),
    ("dates", ["--input="], "", "input must not be empty, got ''"),
    ("dates", ["--input=\udcff"], "", "input must be text in UTF-8"),
    ("dates", ["--input=x", "--seed_index=1"], "", "seed_index must be"),
    ("dates", ["--input=x", "--beam_size=-1"], "", "beam_size must be"),
    ("dates", ["--input=x", "--horizon=3"], "", "horizon must be one of"),
    ("dates", ["--figure=a.png"], "", "figure needs a single input"),
    ("tags", ["--input="], "", "input must have at least one word, got none"),
    ("tags", [], "a/DT\nb\n", "each word of input 2 must be followed by"),
    ("reviews", ["--input="], "", "input must have at least one known word"),
    ("reviews", ["--input=xyzzy"], "", "at least one known word, got 'xyzzy'"),
    ("reviews", ["--input=film", "--figure=a.png"], "", "figure needs the run"),
    ("names", ["--input="], "", "input must be the path of an image file"),
    ("names", ["--input=a film"], "", "cannot be read (No such file or dir"),
    ("series", ["--input="], "", "input must be the path of a CSV file"),
    ("series", ["--input=a film"], "", "cannot be read (No such file or dir"),
    ("digits", ["--input=x"], "", "and 'digits' has none"),
    ("missing", ["--input=x"], "", "workdir must be a run directory"),
  ],
)
def test_wrong_input_is_one_line(
  runs, monkeypatch, name, arguments, text, words
):
  monkeypatch.setattr("sys.stdin", io.StringIO(text))
  assert_wrong(runs, name, arguments, words)


@pytest.mark.parametrize(
  "name, file, words",
  [
    ("names", "small.png", "input must be an image of 8 x 8 pixels; "),
    ("names", "small16.png", "input must be an image of 8 x 8 pixels; "),
    ("names", "cut.png", "is damaged"),
    ("names", "text.png", "is no image"),
    ("names", "good.csv", "is no image"),
    ("names", "missing.png", "cannot be read (No such file or directory)"),
    ("series", "text.csv", "'unknown' in line 10, column 1 ('height'), which"),
    ("series", "hole.csv", "has an empty cell in line 10, column 1 ('height')"),
    ("series", "good.png", "is not UTF-8"),
    ("series", "missing.csv", "cannot be read (No such file or directory)"),
    ("dates", "good.png", "good.png' is not UTF-8 (at byte 0)"),
    ("dates", "lines.txt --figure=a.png", "figure needs a single input"),
    ("reviews", "good.png", "good.png' is not UTF-8 (at byte 0)"),
    ("reviews", "good.csv", "input 1 must have at least one known word"),
  ],
)
def test_wrong_files_are_one_line(runs, files, name, file, words):
  arguments = f"--input={files / file}".split()
  assert_wrong(runs, name, arguments, words)


def test_a_truncated_checkpoint_is_one_line(runs, tmp_path):
  shutil.copytree(runs / "reviews", tmp_path / "cut")
  damaged = [*tmp_path.glob("cut/checkpoints/0/state/d/*")]
  assert damaged
  for path in damaged:
    path.write_bytes(path.read_bytes()[:1000])
  words = "workdir holds a checkpoint that cannot be used: "
  assert_wrong(tmp_path, "cut", ["--input=film"], words)


@pytest.mark.parametrize("name", ["dates", "series"])
def test_a_figure_that_cannot_be_written_is_one_line(runs, files, name):
  given = {"dates": DATE, "series": files / "good.csv"}[name]
  figure = f"--figure={files / 'missing' / 'figure.png'}"
  words = "figure.png: No such file or directory"
  assert_wrong(runs, name, [f"--input={given}", figure], words)


def test_lines_that_are_no_text_are_one_line(runs, monkeypatch):
  stdin = io.TextIOWrapper(io.BytesIO(b"a \xff\n"), encoding="utf-8")
  monkeypatch.setattr("sys.stdin", stdin)
  assert_wrong(runs, "dates", [], "input must be text in UTF-8")
