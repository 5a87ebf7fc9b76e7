"""Runs that are opened without the files that they were trained on."""

import json
import shutil

import numpy as np
import pytest
from tiny import untrained

from configs import common
from rnn_lab import load_run, tasks
from rnn_lab.errors import FieldError
from rnn_lab.rundir import read_json, write_json

WORDS = ["der", "hund", "bellt", "und", "ein", "mann", "liest"]
TAGGED = ["der DT B-NP", "hund NN I-NP", "bellt VB B-VP", ". . O"]


def sentiment(folder):
  for name, word in (("neg", "bad"), ("pos", "good")):
    text = f"a {word} film\n" * 20
    (folder / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  return {"data_dir": str(folder)}, ["a good film", "film"]


def tagging(folder):
  paths = {}
  for split in ("train", "valid", "test"):
    path = folder / split
    path.write_text("\n".join([*TAGGED, ""] * 4), encoding="utf-8")
    paths[f"{split}_path"] = str(path)
  fields = {**paths, "target": "parts_of_speech"}
  return fields, ["der hund bellt", "ein hund"]


def translation(folder):
  paths = {}
  for split in ("train", "valid", "test"):
    for side, step in (("source", 1), ("target", -1)):
      path = folder / f"{split}_{side}"
      path.write_text((" ".join(WORDS[::step]) + "\n") * 4, encoding="utf-8")
      paths[f"{split}_{side}_path"] = str(path)
  fields = {"max_length": 8, "lowercase": False}
  return paths | fields, ["der hund liest", "ein Mann"]


def forecasting(folder):
  path = folder / "series.csv"
  values = np.sin(np.arange(60)) + np.arange(60) / 30
  lines = "\n".join(map(repr, values.tolist()))
  path.write_text(f"height\n{lines}\n", encoding="utf-8")
  sizes = {"window": 8, "warmup": 4, "horizon": 3}
  return {"series": "csv", "path": str(path), **sizes}, [[0.5, 1.0, 2.0, 1.5]]


TASKS = {f.__name__: f for f in (sentiment, tagging, translation, forecasting)}


@pytest.fixture(scope="module", params=TASKS)
def run(request, tmp_path_factory):
  """A run, new inputs, and what it said of them before its data had gone."""
  folder = tmp_path_factory.mktemp(request.param)
  (folder / "data").mkdir()
  fields, inputs = TASKS[request.param](folder / "data")
  config = common.pattern_config()
  if request.param == "forecasting":
    config = common.default_config()
  config.task = {"name": request.param, **fields}
  config.model.cell, config.model.hidden_size = "elman", 3
  config.train.batch_size = 4
  untrained(config, folder / "run")
  loaded = load_run(folder / "run")
  assert len(loaded.task.eval_batches("test"))
  before = loaded.predict(inputs)
  shutil.rmtree(folder / "data")
  # By its path this process remembers the data: it moves before it has gone.
  config = folder / "run" / "config.json"
  text = json.dumps(read_json(config))
  text = text.replace(f"{folder}/data", f"{folder}/gone")
  write_json(config, json.loads(text))
  return folder / "run", inputs, before


def test_a_run_whose_data_has_gone_predicts_as_before(run):
  workdir, inputs, before = run
  config = read_json(workdir / "config.json")
  with pytest.raises(FieldError, match="gone"):
    tasks.build(config["task"], 4)
  loaded = load_run(workdir)
  assert loaded.predict(inputs) == before
  assert loaded.config == config
  with pytest.raises(FieldError, match="^split 'test' has no batches, as the"):
    loaded.task.eval_batches("test")


def test_predictions_need_not_read_the_data(run, monkeypatch, caplog):
  workdir, inputs, before = run
  monkeypatch.setattr(tasks, "build", None)
  loaded = load_run(workdir, with_data=False)
  assert loaded.predict(inputs) == before
  assert not caplog.records  # of orbax, which warns of what is intended


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_what_a_run_saved_is_needed_then(run, tmp_path, damage):
  workdir = tmp_path / "run"
  shutil.copytree(run[0], workdir)
  [*files] = {*workdir.glob("*vocabulary.json"), *workdir.glob("series.json")}
  path = sorted(files)[-1]
  content = path.read_bytes()
  path.unlink()
  if damage == "cut":
    path.write_bytes(content[:-9])
  with pytest.raises(FieldError, match="^workdir ") as error:
    load_run(workdir)
  assert path.name in str(error.value)
  assert "\n" not in str(error.value)
