"""Tagging: sentences as words, spellings and tags; scores; new sentences."""

import functools

import numpy as np
import pytest

from rnn_lab.errors import FieldError
from rnn_lab.tasks import buckets, build
from rnn_lab.tasks.tagging import LONGEST_WORD

CAT = [("The", "DT", "B-NP"), ("cat", "NN", "I-NP"), ("slept", "VBD", "B-VP")]
RAIN = [("Rain", "NN", "B-NP"), (".", ".", "O")]
LONG = [("a" * 15 + "bcdefghij", "NN", "I-XX")]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
  folder = tmp_path_factory.mktemp("tagging")
  splits = {
    "train": [CAT, RAIN] * 4,
    "valid": [RAIN],
    "test": [CAT, LONG, RAIN],
  }
  for split, sentences in splits.items():
    text = "\n".join(
      "".join(f"{' '.join(token)}\n" for token in sentence)
      for sentence in sentences
    )
    (folder / f"{split}.txt").write_text(text, encoding="utf-8")
  return {f"{split}_path": str(folder / f"{split}.txt") for split in splits}


def task_of(paths, **fields):
  return build({"name": "tagging", "min_count": 1, **paths, **fields}, 2)


def test_a_sentence_is_words_spellings_parts_of_speech_and_tags(paths):
  task = task_of(paths)
  rows = {}
  for batch in task.eval_batches("test"):
    for n, length in enumerate(batch.input_lengths):
      if not batch.weights[n].any():
        continue
      ids = batch.inputs["words"][n, :length]
      words = [task.vocabularies.words.words[i] for i in ids]
      assert batch.weights[n].tolist() == [
        float(t < length) for t in range(batch.weights.shape[1])
      ]
      rows[words[0]] = {
        "words": words,
        "spellings": [
          "".join(task.vocabularies.characters.words[i] for i in row if i)
          for row in batch.inputs["spellings"][n, :length]
        ],
        "parts": [
          task.vocabularies.parts_of_speech.words[i]
          for i in batch.inputs["parts_of_speech"][n, :length]
        ],
        "tags": [task.output_names[i] for i in batch.targets[n, :length]],
      }
  assert rows["the"] == {
    "words": ["the", "cat", "slept"],
    "spellings": ["The", "cat", "slept"],  # which keep their capitals
    "parts": ["DT", "NN", "VBD"],
    "tags": ["B-NP", "I-NP", "B-VP"],
  }
  # A long word has its beginning and its end; its letters b, f, ... are new.
  [spelling] = rows["<unk>"]["spellings"]
  assert spelling.startswith("a" * (LONGEST_WORD // 2))
  assert task.output_names[0] == "O" and "I-XX" in task.output_names


def test_scores_are_of_the_sentences_in_the_order_of_the_batches(
  paths, monkeypatch
):
  # A batch a length: the shortest sentence, the second one, comes first.
  by_length = functools.partial(buckets.eval_batches, at_most=1)
  monkeypatch.setattr(buckets, "eval_batches", by_length)
  task = task_of(paths, min_count=2)  # another one than in other tests
  assert len(task.eval_batches("test")) == 3
  true = [
    targets
    for batch in task.eval_batches("test")
    for targets, weights in zip(batch.targets, batch.weights)
    if weights.any()
  ]
  assert task.score("test", true)["f1"] == 1.0
  # The chunks are (The cat), (slept), the long word, (Rain): one is lost.
  wrong = [row.copy() for row in true]
  rain = [len(r) for r in wrong].index(max(map(len, wrong)))
  wrong[rain][:] = 0
  score = task.score("test", wrong)
  assert score["precision"] == 1.0 and score["recall"] < 1.0
  others = np.array([n for n in range(len(true)) if n != rain])[::-1]
  assert task.score("test", [wrong[n] for n in others], others)["f1"] == 1.0
  assert task.score("test", [wrong[rain]], np.array([rain]))["recall"] == 0.0


def test_parts_of_speech_as_targets_are_no_inputs(paths):
  task = task_of(paths, target="parts_of_speech")
  assert set(task.input_spec) == {"words", "spellings"}
  assert task.output_names == (".", "DT", "NN", "VBD")
  assert task.headline == "accuracy" and task.evaluator == "batches"
  assert task.tokens_of(["the cat"]) == [["the", "cat"]]


def test_new_sentences(paths):
  task = task_of(paths)
  batch = task.inputs_of(["The/DT cat/NN", "1/2/NN"])
  assert task.tokens_of(["The/DT cat/NN", "1/2/NN"]) == [
    ["The", "cat"],
    ["1/2"],
  ]
  assert batch.input_lengths.tolist() == [2, 1]
  known = task.vocabularies.words
  assert known.decode(batch.inputs["words"][0]) == ["the", "cat"]


@pytest.mark.parametrize(
  "sentence, words",
  [
    ("", "must have at least one word"),
    ("the cat", "followed by a slash and its part of speech, as in cat/NN"),
    ("The/DT cat/QQ", "got 'cat/QQ'"),
    ("/NN", "got '/NN'"),
  ],
)
def test_sentences_that_cannot_be_read(paths, sentence, words):
  with pytest.raises(FieldError, match=words) as error:
    task_of(paths).inputs_of([sentence])
  assert error.value.field == "input" and "\n" not in str(error.value)


@pytest.mark.parametrize(
  "fields, message",
  [
    ({"target": "words"}, "task.target must be one of chunks, parts_of_speech"),
    ({"test_path": None}, "task.test_path must be the path of"),
    (
      {"train_path": None, "test_path": None},
      "task.train_path must be the path of",
    ),
    (
      {"data_dir": "folder"},
      "task.data_dir must be left at None, got 'folder': the files are given",
    ),
    ({"min_count": 0}, "task.min_count must be an integer of at least 1"),
  ],
)
def test_wrong_arguments_are_named(paths, fields, message):
  with pytest.raises(FieldError) as error:
    task_of(paths, **fields)
  assert str(error.value).startswith(message)


def test_the_baseline_is_the_commonest_tag(paths):
  task = task_of(paths)
  # B-NP is the tag of two in five training words.
  assert task.baselines["accuracy"] == pytest.approx(2 / 5)
  assert np.isclose(task.baselines["loss"], np.log(len(task.output_names)))
