"""The windows of a stream: every token of every track, in order, once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab import tasks
from rnn_lab.errors import FieldError
from rnn_lab.tasks.base import SEQUENCE_TO_SEQUENCE, SYMBOLS, Spec
from rnn_lab.text.vocabulary import Vocabulary

SIZE = 1_013


def text(batch_size=3, **fields):
  section = {"name": "language", "corpus": "grammar", "size": SIZE}
  return tasks.build(section | fields, batch_size)


def batches(task, count):
  batch = jax.jit(task.batch)
  key = jax.random.key(0)
  return [batch(task.data[0], key, jnp.int32(n)) for n in range(count)]


@pytest.mark.parametrize("window,reach", [(8, 8), (8, 2), (8, 21), (5, 6)])
def test_an_epoch_predicts_every_token_of_every_track_once(window, reach):
  task = text(window=window, reach=reach)
  tokens = task.corpus.train.tokens
  assert len(tokens) == SIZE
  length = SIZE // 3
  steps = length // window
  epoch = batches(task, steps + 1)
  span = max(window, reach)
  for batch in epoch:
    assert batch.inputs.shape == batch.targets.shape == (3, span)
    counted = np.zeros((3, span))
    counted[:, span - window :] = 1
    np.testing.assert_array_equal(batch.weights, counted)
    np.testing.assert_array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])
  targets = np.concatenate([b.targets[:, -window:] for b in epoch[:-1]], 1)
  tracks = tokens[: 3 * length].reshape(3, length)
  np.testing.assert_array_equal(targets, tracks[:, : steps * window])
  # What stands in front of a track is the end of the one before.
  start = task.corpus.vocabulary.start
  first = epoch[0].inputs[:, -window]
  np.testing.assert_array_equal(
    first, [start, tokens[length - 1], tokens[2 * length - 1]]
  )
  fresh = [bool(batch.fresh) for batch in epoch]
  assert fresh == [True] + [False] * (steps - 1) + [True]
  np.testing.assert_array_equal(epoch[0].inputs, epoch[-1].inputs)


def test_a_longer_reach_reads_the_tokens_before_the_window_again():
  task = text(window=8, reach=21)
  batch = batches(task, 4)[3]
  tokens = task.corpus.train.tokens
  for track in range(3):
    end = track * (SIZE // 3) + 4 * 8
    np.testing.assert_array_equal(
      batch.inputs[track], tokens[end - 22 : end - 1]
    )
    np.testing.assert_array_equal(batch.targets[track], tokens[end - 21 : end])


@pytest.mark.parametrize(
  "fields,field",
  [
    ({"window": 0}, "task.window"),
    ({"reach": 0}, "task.reach"),
    ({"window": 8, "reach": 3}, "task.reach"),
    ({"window": 1001, "reach": 1001}, "task.window"),
    ({"corpus": "brown"}, "task.corpus"),
    ({"unit": "letter"}, "task.unit"),
    ({"fraction": 0.0}, "task.fraction"),
  ],
)
def test_wrong_arguments_are_named(fields, field):
  with pytest.raises(FieldError) as error:
    text(**fields)
  assert error.value.field == field


def test_the_baseline_is_the_uniform_distribution():
  task = text()
  size = task.corpus.vocabulary.size
  assert task.baselines["perplexity"] == size == task.input_spec.size
  assert task.baselines["loss"] == pytest.approx(np.log(size))


def test_equal_arguments_give_the_same_task():
  assert text() is text()


WINDOWS = [(8, 8), (8, 2), (8, 21), (5, 6), (1, 1), (1, 3)]


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("window,reach", WINDOWS)
def test_eval_batches_predict_every_token_at_most_once(window, reach, split):
  """In order, each window with its `reach` tokens of context."""
  task = text(window=window, reach=reach, size=4_000)
  tokens = getattr(task.corpus, split).tokens
  count, span = len(tokens) // window, max(window, reach)
  batches = task.eval_batches(split)
  assert window > 1 or len(batches) > 1
  inputs, targets, weights = (
    np.concatenate([np.asarray(part) for part in parts])
    for parts in zip(*[(b.inputs, b.targets, b.weights) for b in batches])
  )
  assert inputs.shape == targets.shape == weights.shape
  assert inputs.shape[1] == span and inputs.shape[0] >= count
  # What fills the last batch up weighs nothing.
  assert inputs.shape[0] - count < len(batches)
  assert (weights[count:] == 0).all()
  assert (weights[:count, : span - window] == 0).all()
  assert (weights[:count, span - window :] == 1).all()
  np.testing.assert_array_equal(targets[weights == 1], tokens[: count * window])
  start = task.corpus.vocabulary.start
  for row in range(count):
    for place in range(span):
      n = (row + 1) * window - span + place  # of the target, in the split
      assert targets[row, place] == (tokens[n] if n >= 0 else start)
      assert inputs[row, place] == (tokens[n - 1] if n >= 1 else start)


def test_eval_batches_have_the_form_of_training_batches():
  task = text(window=8, reach=21)
  made = batches(task, 1)[0]
  for held in task.eval_batches("valid"):
    assert held.fresh
    assert jax.tree.structure(held) == jax.tree.structure(made)
    for a, b in zip(jax.tree.leaves(held), jax.tree.leaves(made)):
      assert a.dtype == b.dtype and a.shape[1:] == b.shape[1:]
  with pytest.raises(FieldError, match="split must be one of test, valid"):
    task.eval_batches("train")


def test_the_specs_are_of_words():
  task = text(window=8, reach=21)
  size = task.corpus.vocabulary.size
  assert task.input_spec == Spec(21, size, SYMBOLS)
  assert task.output_spec[:2] == (21, size)
  assert task.pattern == SEQUENCE_TO_SEQUENCE and task.evaluator == "stream"
  assert (task.tracks, task.window, task.reach) == (3, 8, 21)


def test_a_text_must_fill_a_window_in_all_tracks():
  text(batch_size=100, window=10, reach=10).check_window()
  with pytest.raises(FieldError) as error:
    text(batch_size=100, window=11, reach=11).check_window()
  assert str(error.value) == (
    "task.window must be at most 10, as the train split has 1013 tokens for "
    "100 tracks (train.batch_size), got 11"
  )


def test_it_is_described_and_its_vocabulary_saved(tmp_path):
  task = text()
  size = task.corpus.vocabulary.size
  assert task.describe().startswith("grammar: 1,013 train, ")
  assert f"a vocabulary of {size:,}" in task.describe()
  task.save_files(tmp_path)
  again = Vocabulary.load(tmp_path / "vocabulary.json")
  assert again.words == task.corpus.vocabulary.words
  section = {"name": "language", "window": 8, "reach": 21}
  bare = tasks.without_data(section, 3, tmp_path)
  assert bare.input_spec == text(window=8, reach=21).input_spec
