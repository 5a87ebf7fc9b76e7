"""Numbers and dates to be written in digits: symbols, buckets, scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.rundir import SOURCE_VOCABULARY, TARGET_VOCABULARY
from rnn_lab.tasks import Spec, build
from rnn_lab.tasks.date_words import DATE_SOURCE_ALPHABET, date_pairs
from rnn_lab.tasks.number_words import NUMBER_SOURCE_ALPHABET, number_pairs
from rnn_lab.text.scores import error_rate
from rnn_lab.text.words import WordIds

EVAL_SEEDS = {"valid": 1_797_001, "test": 1_797_002}
DRAW = {"numbers": number_pairs, "dates": date_pairs}


def task_of(kind="dates", batch_size=16, **arguments):
  sizes = {"train_size": 90, "eval_size": 300}
  section = {"name": "transduction", "kind": kind, **sizes, **arguments}
  return build(section, batch_size)


def read_back(task, batch):
  """The pairs of texts of a batch, those that fill it up left out."""
  source = task.texts.source.words
  pairs = []
  for x, length, target, weights in zip(
    batch.inputs, batch.input_lengths, batch.targets, batch.weights
  ):
    text = "".join(source[i] for i in x[:length])
    count = int(weights.sum())
    if count:
      assert_array_equal(weights, np.arange(len(weights)) < count)
      assert target[count - 1] == task.end == 1
      assert task.end not in target[: count - 1]
      pairs.append((text, task.text_of(target)))
  return pairs


def pairs_of(task, split):
  return [p for b in task.eval_batches(split) for p in read_back(task, b)]


def symbols_of(task, split):
  return [
    target
    for batch in task.eval_batches(split)
    for target, weights in zip(batch.targets, batch.weights)
    if weights.any()
  ]


def test_symbols_are_characters():
  task = task_of("numbers")
  assert task.pattern == "encoder_decoder"
  assert "".join(task.texts.source.words) == NUMBER_SOURCE_ALPHABET
  assert task.texts.target.words == ("<bos>", "<eos>", *"0123456789")
  assert (task.start, task.end) == (0, 1)
  assert task.output_spec == Spec(10, 12)
  assert task.input_spec.form == "symbols" and task.input_spec.size == 22
  task = task_of("dates")
  assert "".join(task.texts.source.words) == DATE_SOURCE_ALPHABET
  assert task.texts.target.words == ("<bos>", "<eos>", *"-0123456789")
  assert task.output_spec == Spec(11, 13)
  both = task_of("both").texts
  letters = {*NUMBER_SOURCE_ALPHABET, *DATE_SOURCE_ALPHABET}
  assert both.source.words == tuple(sorted(letters))
  assert both.target.words == task.texts.target.words


@pytest.mark.parametrize("kind", DRAW)
def test_batches_hold_the_pairs_of_the_generator(kind):
  task = task_of(kind, seed=7)
  train = [pair for data, _ in task.data for pair in read_back(task, data)]
  assert sorted(train) == sorted(DRAW[kind](90, 7))
  for split, seed in EVAL_SEEDS.items():
    expected = DRAW[kind](300, seed, split)
    assert sorted(pairs_of(task, split)) == sorted(expected)
    assert not {*expected} & {*train}


def test_half_of_both_are_numbers():
  task = task_of("both", train_size=91)
  train = [pair for data, _ in task.data for pair in read_back(task, data)]
  assert sorted(train) == sorted(number_pairs(45, 0) + date_pairs(46, 0))
  valid = [
    pair
    for kind in ("numbers", "dates")
    for pair in DRAW[kind](150, EVAL_SEEDS["valid"], "valid")
  ]
  assert sorted(pairs_of(task, "valid")) == sorted(valid)


def test_buckets_hold_pairs_of_about_equal_lengths():
  task = task_of()
  assert len(task.data) > 1
  sizes = [len(data.weights) for data, _ in task.data]
  assert min(sizes) >= 16 and sum(sizes) == 90
  assert task.steps_per_epoch == sum(size // 16 for size in sizes)
  used = steps = 0
  for data, _ in task.data:
    assert data.inputs.shape[1] == data.input_lengths.max()
    used += data.input_lengths.sum() + data.weights.sum()
    steps += data.inputs.size + data.weights.size
  assert used / steps >= 0.75
  words = f"buckets: {len(sizes)}; padding: {1 - used / steps:.0%}"
  assert task.describe().endswith(words)


def test_an_epoch_reads_a_pair_at_most_once():
  task = task_of()
  data, number = task.data[-1]
  batch = jax.jit(task.batch)
  read = []
  for step in range(task.steps_per_epoch, 2 * task.steps_per_epoch):
    which, _ = task.bucket(step)
    if which == len(task.data) - 1:
      made = batch((data, number), jax.random.key(3), jnp.int32(step))
      made = jax.tree.map(np.asarray, made)
      assert made.inputs.shape == (16, data.inputs.shape[1])
      read += read_back(task, made)
  assert len({*read}) == len(read) == len(data.weights) // 16 * 16
  assert {*read} <= {*read_back(task, data)}


@pytest.mark.parametrize("split", EVAL_SEEDS)
def test_scores_know_which_prediction_belongs_to_which_pair(split):
  task = task_of("numbers", eval_size=600)
  symbols, pairs = symbols_of(task, split), pairs_of(task, split)
  drawn = number_pairs(600, EVAL_SEEDS[split], split)
  assert sorted(pairs) == sorted(drawn) and pairs != drawn
  perfect = {"exact_match": 1.0, "character_error": 0.0}
  assert task.score(split, symbols) == perfect
  # What comes after the end symbol does not count, and a start symbol does.
  assert task.score(split, [np.append(s, [1, 5]) for s in symbols]) == perfect
  characters = sum(len(target) for _, target in pairs)
  wrong = [np.insert(symbols[0], 0, 0), symbols[1][1:], *symbols[2:]]
  assert task.score(split, wrong) == {
    "exact_match": 598 / 600,
    "character_error": 2 / characters,
  }
  some = np.array([7, 0, 1])
  assert task.score(split, [wrong[n] for n in some], some) == {
    "exact_match": 1 / 3,
    "character_error": 2 / sum(len(pairs[n][1]) for n in some),
  }
  wrong = task.score(split, symbols[::-1])
  assert wrong["exact_match"] < 0.2 and wrong["character_error"] > 0.5
  empty = task.score(split, [s[:0] for s in symbols])
  assert empty == {"exact_match": 0.0, "character_error": 1.0}


def recursive_distance(a, b):
  if not a or not b:
    return len(a) + len(b)
  return min(
    recursive_distance(a[1:], b) + 1,
    recursive_distance(a, b[1:]) + 1,
    recursive_distance(a[1:], b[1:]) + (a[0] != b[0]),
  )


@settings(max_examples=30, deadline=None)
@given(st.text("abc", max_size=4), st.text("abc", min_size=1, max_size=4))
def test_error_rate_is_the_edit_distance_by_recursion(hypothesis, reference):
  expected = recursive_distance(hypothesis, reference) / len(reference)
  assert error_rate([hypothesis], [reference]) == expected
  assert error_rate([[*hypothesis]], [[*reference]]) == expected


def test_error_rate_of_a_corpus():
  assert error_rate(["kitten", "abc"], ["sitting", ""]) == (3 + 3) / 7
  assert error_rate([["a", "b"]], [["ab"]]) == 2.0
  with pytest.raises(FieldError, match="^references must have at least one sy"):
    error_rate(["a"], [""])
  with pytest.raises(FieldError, match="^hypotheses must be as many as the 2 "):
    error_rate(["a"], ["a", "b"])


def test_texts_of_a_user():
  task = task_of()
  batch = task.inputs_of(["5 May 1987", " the fifth of may 1987\n"])
  words = task.texts.source.words
  texts = ["5 may 1987", "the fifth of may 1987"]
  assert_array_equal(batch.input_lengths, [len(text) for text in texts])
  for x, text in zip(batch.inputs, texts):
    assert "".join(words[i] for i in x[: len(text)]) == text
  assert batch.inputs.shape == (2, 21)
  assert batch.targets.shape == batch.weights.shape == (2, 11)
  assert (batch.weights == 1.0).all()
  symbols = [2 + "-0123456789".index(c) for c in "1987-05-05"]
  assert task.text_of(np.array([*symbols, 1, 7])) == "1987-05-05"
  assert task.text_of(np.array(symbols)) == "1987-05-05"


@pytest.mark.parametrize(
  "texts, message",
  [
    ([], "must be texts, got []"),
    ("5 may 1987", "must be texts, got '5 may 1987'"),
    (["5 may 1987", 7], "must be texts, got 7"),
    (["5 may 1987", " \t"], "must not be empty, got ' \\t'"),
    (
      ["5 mai 1987 à"],
      f"must consist of {DATE_SOURCE_ALPHABET!r}, got 'à'",
    ),
  ],
)
def test_wrong_texts_are_named(texts, message):
  with pytest.raises(FieldError) as caught:
    task_of().inputs_of(texts)
  assert str(caught.value) == f"input {message}"


@pytest.mark.parametrize(
  "kind, arguments, message",
  [
    (
      "times",
      {},
      "task.kind must be one of both, dates, numbers, got 'times'",
    ),
    ("both", {"train_size": 1}, "task.train_size must be an integer from 2 "),
    ("dates", {"eval_size": 0}, "task.eval_size must be an integer from 1 "),
    ("dates", {"seed": 2**32}, "task.seed must be an integer from 0 to "),
    (
      "dates",
      {"train_size": 15},
      "train.batch_size must be at most 15, the pairs of the training split, "
      "got 16",
    ),
  ],
)
def test_wrong_arguments_are_named(kind, arguments, message):
  with pytest.raises(FieldError) as caught:
    task_of(kind, **arguments)
  assert str(caught.value).startswith(message)


def test_equal_arguments_give_the_same_task_and_files_are_saved(tmp_path):
  task = task_of()
  assert task_of() is task and task_of(batch_size=17) is not task
  assert task.describe().startswith(
    "dates: 90 pairs for training, 300 for validation and as many for the "
    "test; 38 characters are read, 11 written; buckets: "
  )
  task.save_files(tmp_path)
  assert WordIds.load(tmp_path / SOURCE_VOCABULARY) == task.texts.source
  assert WordIds.load(tmp_path / TARGET_VOCABULARY) == task.texts.target
