"""Sentiment: one fold's sentences as batches, and new sentences."""

import numpy as np
import pytest

from rnn_lab.errors import FieldError
from rnn_lab.tasks import build
from rnn_lab.text import polarity

WORDS = ["film", "it", "is", "a", "very", "long"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Thirty sentences of each class, of one to six words and a class word."""
  path = tmp_path_factory.mktemp("polarity")
  for name, word in (("neg", "bad"), ("pos", "good")):
    lines = [" ".join([word, *WORDS[: 1 + n % 6]]) for n in range(30)]
    text = "\n".join(lines) + "\n"
    (path / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  return str(path)


def task_of(folder, **fields):
  return build({"name": "sentiment", "data_dir": folder, **fields}, 4)


def sentences_of(task, batches):
  """(words, class) of each example that is not there to fill a batch."""
  return [
    (tuple(task.words.words[i] for i in row[:length]), int(label))
    for batch in batches
    for row, length, label, weight in zip(
      batch.inputs, batch.input_lengths, batch.targets, batch.weights
    )
    if weight
  ]


def test_the_splits_are_those_of_the_fold(folder):
  task = task_of(folder, fold=3, num_folds=5, fold_seed=2, min_count=1)
  data = polarity.read(folder)
  fold = polarity.folds(data.labels, 5, 2)[3]
  for split in ("valid", "test"):
    expected = [
      (tuple(polarity.tokenize(data.sentences[n])), int(data.labels[n]))
      for n in getattr(fold, split)
    ]
    found = sentences_of(task, task.eval_batches(split))
    assert sorted(found) == sorted(expected)
  stored = [examples for examples, _ in task.data]
  assert sum(len(b.weights) for b in stored) == len(fold.train)
  assert task.steps_per_epoch == sum(len(b.weights) // 4 for b in stored)
  assert task.hashes == data.hashes


def test_rare_words_are_one_unknown_word(folder):
  task = task_of(folder, min_count=20)
  assert task.words.unk == 1 and "bad" in task.words.words
  assert "long" not in task.words.words
  batch = task.inputs_of(["Good, long film"])
  known = [task.words.words[i] for i in batch.inputs[0]]
  assert known == ["good", "<unk>", "<unk>", "film"]
  assert task.tokens_of(["Good, long film"]) == [["good", ",", "long", "film"]]
  assert batch.input_lengths.tolist() == [4]


@pytest.mark.parametrize(
  "fields, message",
  [
    ({"fold": 10}, "task.fold must be an integer from 0 to 9, got 10"),
    ({"num_folds": 1}, "task.num_folds must be an integer from 2"),
    ({"fold_seed": -1}, "task.fold_seed must be an integer from 0 to "),
    ({"min_count": 0}, "task.min_count must be an integer of at least 1"),
    ({"data_dir": "missing"}, "task.data_dir must be"),
  ],
)
def test_wrong_arguments_are_named(folder, fields, message):
  with pytest.raises(FieldError) as error:
    build({"name": "sentiment", "data_dir": folder} | fields, 4)
  assert str(error.value).startswith(message)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("sentence", ["", "   ", "zebra"])
def test_a_sentence_without_a_known_word(folder, sentence):
  with pytest.raises(FieldError, match="^input must have at least one known"):
    task_of(folder).inputs_of(["good film", sentence])


def test_weights_and_baseline(folder):
  task = task_of(folder)
  assert task.baselines["accuracy"] == 0.5
  assert task.output_names == ("negative", "positive")
  for batch in task.eval_batches("test"):
    assert set(np.unique(batch.weights)) <= {0.0, 1.0}


def test_naive_bayes_is_fitted_to_the_training_part(tmp_path):
  rng = np.random.default_rng(0)
  for name, words in (("neg", WORDS[:5]), ("pos", WORDS[1:])):
    lines = [" ".join(rng.choice(words, 3)) + f" {n}" for n in range(60)]
    text = "\n".join(lines) + "\n"
    (tmp_path / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  folder = str(tmp_path)
  task = task_of(folder, fold=2, num_folds=3)
  data = polarity.read(folder)
  fold = polarity.folds(data.labels, 3, 0)[2]
  accuracies = {}
  for split in ("train", "test"):
    index = getattr(fold, split)
    lines = [data.sentences[n] for n in index]
    predict = polarity.naive_bayes(lines, data.labels[index])
    right = [
      predict([data.sentences[n]])[0] == data.labels[n] for n in fold.test
    ]
    accuracies[split] = sum(right) / len(right)
  assert task.references() == {"naive Bayes": {"accuracy": accuracies["train"]}}
  assert 0.5 < accuracies["train"] < accuracies["test"]
