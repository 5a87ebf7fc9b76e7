"""The sentence polarity data: reading, tokens, folds, and naive Bayes."""

import collections
import hashlib
import math
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnn_lab.downloads import SOURCES
from rnn_lab.errors import FieldError
from rnn_lab.text.polarity import folds, naive_bayes, read, tokenize

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = SHARED / "sentence_polarity"
NEGATIVE = ["a dull film .", "not one joke — none"]
POSITIVE = ["it's a café of joy .", "great !", "a great , great joke ."]


def write(folder, encoding="utf-8", end=" \r\n"):
  for name, lines in ("neg", NEGATIVE), ("pos", POSITIVE):
    raw = "".join(line + end for line in lines).encode(encoding)
    (folder / f"rt-polarity.{name}").write_bytes(raw)
  return folder


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_reads_two_files(tmp_path, encoding):
  data = read(str(write(tmp_path, encoding)))
  assert data.sentences == NEGATIVE + POSITIVE
  assert_array_equal(data.labels, [0, 0, 1, 1, 1])
  assert data.labels.dtype == np.int32
  assert data.hashes == {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in tmp_path.iterdir()
  }


@pytest.mark.parametrize(
  "raw,words",
  [
    (b"", "is empty"),
    (b"a\n \nb\n", "has no word in line 2"),
    (b"a \x81\xff", r"is not UTF-8 \(at byte 2\)"),
  ],
)
def test_damaged_files(tmp_path, raw, words):
  path = write(tmp_path) / "rt-polarity.pos"
  path.write_bytes(raw)
  with pytest.raises(FieldError, match=f"^data_dir must .*pos' {words}$"):
    read(tmp_path)
  path.unlink()
  with pytest.raises(FieldError, match="^data_dir must .*has no rt-pol.*pos$"):
    read(tmp_path)
  with pytest.raises(FieldError, match="^data_dir must be a path .*got 3$"):
    read(3)


@pytest.mark.parametrize(
  "sentence,tokens",
  [
    ("It's good, isn't it?", "it 's good , is n't it ?"),
    ("we'll they'd I'm you've they're", "we 'll they 'd i 'm you 've they 're"),
    ("can't won't n't don't-care", "ca n't wo n't n't do n't - care"),
    ("too-tepid ( 1,000.5 ) . . .", "too - tepid ( 1,000.5 ) . . ."),
    ("'70s O'Neil 'tis it's_ ", "' 70s o ' neil ' tis it ' s_"),
    ("", ""),
  ],
)
def test_tokens(sentence, tokens):
  assert tokenize(sentence) == tokens.split()


@settings(max_examples=60, deadline=None)
@given(
  st.lists(st.integers(0, 2), min_size=20, max_size=80),
  st.integers(2, 6),
  st.integers(0, 3),
)
def test_folds_are_a_partition_by_class(labels, num_folds, seed):
  labels = np.array(labels + [0, 1, 2] * 2 * num_folds)
  parts = folds(labels, num_folds, seed)
  assert len(parts) == num_folds
  everything = np.arange(len(labels))
  tests = np.concatenate([part.test for part in parts])
  assert_array_equal(np.sort(tests), everything)
  sizes = [len(part.test) for part in parts]
  assert max(sizes) - min(sizes) <= 1
  for part in parts:
    assert_array_equal(np.sort(np.concatenate(part)), everything)
    assert all(np.all(np.diff(rows) > 0) for rows in part)
    for label in range(3):
      train, valid, test = (np.sum(labels[rows] == label) for rows in part)
      assert abs(test - np.sum(labels == label) / num_folds) < 1
      assert valid == math.ceil((train + valid) / 10)
      assert train > 0


def test_folds_are_random_and_fixed():
  labels = np.arange(60) % 2
  first, again, other = folds(labels), folds(labels), folds(labels, seed=1)
  for fold, same in zip(first, again):
    for rows, same_rows in zip(fold, same):
      assert_array_equal(rows, same_rows)
  # As numpy drew them when this was written.
  assert first[0].test.tolist() == [4, 10, 11, 36, 43, 53]
  assert first[0].test.tolist() != other[0].test.tolist()


def test_folds_that_cannot_be():
  labels = [0] * 9 + [1] * 4
  assert len(folds(labels, 2)) == 2
  with pytest.raises(FieldError, match="^num_folds .* from 2 to 2, got 3$"):
    folds(labels, 3)
  with pytest.raises(FieldError, match="^seed must .*got -1$"):
    folds(labels, 2, -1)
  for few in ([], [0] * 9 + [1] * 3):
    with pytest.raises(FieldError, match="^labels must have at least four"):
      folds(few, 2)


def slow_bayes(sentences, labels, ngrams):
  """The class of the larger log P(class) + sum of log P(n-gram | class)."""

  def grams(sentence):
    tokens = tokenize(sentence)
    return {
      tuple(tokens[i : i + n])
      for n in range(1, ngrams + 1)
      for i in range(len(tokens) - n + 1)
    }

  counts = {0: collections.Counter(), 1: collections.Counter()}
  for sentence, label in zip(sentences, labels):
    counts[label].update(grams(sentence))
  known = {*counts[0], *counts[1]}

  def score(sentence, label):
    total = sum(counts[label].values()) + len(known)
    logs = [
      math.log((counts[label][gram] + 1) / total)
      for gram in grams(sentence) & known
    ]
    return math.log(list(labels).count(label)) + sum(logs)

  return lambda sentence: int(score(sentence, 1) > score(sentence, 0))


@pytest.mark.parametrize("ngrams", [1, 2])
def test_naive_bayes_as_counted_slowly(ngrams):
  rng = np.random.RandomState(3)
  vocabulary = ["good", "bad", "not", "film", "isn't", "joke", ",", "Good"]
  labels = rng.randint(0, 2, 60)
  draws = [
    rng.choice(vocabulary, 1 + i % 6, p=np.roll([0.3] + [0.1] * 7, y))
    for i, y in enumerate(labels)
  ]
  sentences = [" ".join(words) for words in draws]
  train, test = sentences[:35], [*sentences[35:], "unknown", "a bad film"]
  predict = naive_bayes(train, labels[:35], ngrams)
  slow = slow_bayes(train, labels[:35], ngrams)
  assert predict(test).tolist() == [slow(sentence) for sentence in test]
  assert 0 < predict(test).mean() < 1


def test_wrong_arguments_of_naive_bayes():
  with pytest.raises(FieldError, match="^ngrams must .*from 1 to 5, got 0$"):
    naive_bayes(["a"], [0], 0)
  for sentences, labels in ([], []), (["a", "b"], [0]):
    with pytest.raises(
      FieldError, match="^labels must have one entry for each"
    ):
      naive_bayes(sentences, labels)
  # Nothing to count.
  with pytest.raises(
    FieldError, match="^sentences must have at least one word"
  ):
    naive_bayes(["", " "], [0, 1])


@pytest.mark.skipif(
  not (FOLDER / "rt-polarity.pos").is_file(),
  reason="the polarity data are not beside the checkout",
)
def test_the_published_data():
  data = read(FOLDER)
  assert np.bincount(data.labels).tolist() == [5331, 5331]
  published = SOURCES["sentence_polarity"].files.values()
  assert data.hashes == {file.name: file.known_hash for file in published}
  fold = folds(data.labels)[0]
  assert [len(rows) for rows in fold] == [8635, 960, 1067]
  sentences = np.array(data.sentences)
  predict = naive_bayes(sentences[fold.train], data.labels[fold.train], 1)
  accuracy = np.mean(predict(sentences[fold.test]) == data.labels[fold.test])
  assert 0.75 < accuracy < 0.81
