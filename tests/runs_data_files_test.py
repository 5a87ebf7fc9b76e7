"""Data at another place: the same bytes go on, others are refused."""

import json
import shutil

import pytest
from tiny import tiny_language, untrained

from configs import common
from rnn_lab import load_run
from rnn_lab.errors import FieldError
from rnn_lab.runs import ALREADY_FINISHED, train
from rnn_lab.runs.data_files import by_field, differences, is_known
from rnn_lab.runs.planning import plan

TEXT = {"train_path": "/a/1.txt", "test_path": "/a/2.txt", "data_dir": None}


def test_hashes_are_named_by_the_fields_of_their_files():
  by_name, by_path = {"1.txt": "A", "2.txt": "B"}, {"/a/1.txt": "A", "o": "C"}
  expected = {"train_path": "A", "test_path": "B"}
  assert by_field(by_name, TEXT) == expected
  assert by_field(by_path, TEXT) == {"train_path": "A", "o": "C"}
  # Files that change places are other data, though their names are the same.
  swapped = {"train_path": "/a/2.txt", "test_path": "/a/1.txt"}
  there, here = by_field(by_name, TEXT), by_field(by_name, swapped)
  assert differences(there, here, swapped) == ["1.txt", "2.txt"]
  # A run that was killed as it went on: its config is new, its hashes old.
  moved = {"train_path": "/b/1.txt"}
  assert by_field({"/a/1.txt": "A"}, moved) == {"train_path": "A"}
  # Of two files with one name the second has its path, of equal ones neither.
  alike = {"train_path": "/a/x", "test_path": "/b/x"}
  assert by_field({"x": "A", "/b/x": "B"}, alike) == expected
  assert by_field({"x": "A"}, alike) == {"train_path": "A", "test_path": "A"}


def test_hashes_of_a_folder_are_named_within_it():
  hashes = {"/d/train.txt": "A", "test.txt": "B"}
  expected = {"train.txt": "A", "test.txt": "B"}
  for folder in ("/d", "/d/"):
    assert by_field(hashes, {"data_dir": folder}) == expected
  assert is_known("task.data_dir", expected)
  assert not is_known("task.data_dir", {"train_path": "A"})
  assert is_known("task.train_path", {"train_path": "A"})
  assert not is_known("task.train_path", None)


def test_a_run_goes_on_where_the_same_bytes_are(tmp_path):
  text = "the cat sat on a mat\nso did a dog\n" * 60
  (tmp_path / "a.txt").write_text(text, encoding="utf-8")
  (tmp_path / "b.txt").write_text(text, encoding="utf-8")
  (tmp_path / "c.txt").write_text(text[:-3] + "\n", encoding="utf-8")
  config = tiny_language(model__kind="ngram")
  config.task.corpus = "text"
  config.task.train_path = str(tmp_path / "a.txt")
  train(config, tmp_path / "run")
  config.task.train_path = str(tmp_path / "b.txt")
  assert train(config, tmp_path / "run") == ALREADY_FINISHED
  config.task.train_path = str(tmp_path / "c.txt")
  with pytest.raises(FieldError, match="on other data: c.txt has changed"):
    train(config, tmp_path / "run")
  # The config comes first: what is read differs because of it.
  config.model.ngram.order = 4
  with pytest.raises(FieldError) as error:
    train(config, tmp_path / "run")
  assert "whose config differs in model.ngram.order (5 th" in str(error.value)
  # A run that has recorded nothing is taken at its word.
  config.model.ngram.order = 5
  (tmp_path / "run" / "environment.json").unlink()
  with pytest.raises(FieldError, match="differs in task.train_path"):
    train(config, tmp_path / "run")


def test_a_run_opens_with_its_data_at_another_place(tmp_path):
  old, new, run = tmp_path / "old", tmp_path / "new", tmp_path / "run"
  old.mkdir()
  for name, word in (("neg", "bad"), ("pos", "good")):
    text = f"a {word} film\n" * 20
    (old / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  config = common.pattern_config()
  config.task = {"name": "sentiment", "data_dir": str(old)}
  config.model.cell, config.model.hidden_size = "elman", 3
  config.train.batch_size = 4
  untrained(config, run)
  hashes = {"data_sha256": dict(plan(config).task.hashes)}
  (run / "environment.json").write_text(json.dumps(hashes), encoding="utf-8")
  shutil.copytree(old, new)
  assert load_run(run, data_dir=new).task.eval_batches("test")
  other = tmp_path / "other"
  shutil.copytree(old, other)
  (other / "rt-polarity.neg").write_text("a dull film\n" * 20)
  with pytest.raises(FieldError, match="other data: rt-polarity.neg has chang"):
    load_run(run, data_dir=other)
  with pytest.raises(FieldError, match="data_dir"):
    load_run(run, data_dir=tmp_path / "nowhere")
  with pytest.raises(FieldError, match="data_dir must be a path, got 3"):
    load_run(run, data_dir=3)
