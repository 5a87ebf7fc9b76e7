"""The windows of a stream: every token of every track, in order, once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab import tasks
from rnn_lab.errors import FieldError

SIZE = 1_013


def stream(batch_size=3, **fields):
  section = {"name": "language", "corpus": "grammar", "size": SIZE}
  return tasks.build(section | fields, batch_size)


def batches(task, count):
  batch = jax.jit(task.batch)
  key = jax.random.key(0)
  return [batch(task.data, key, jnp.int32(n)) for n in range(count)]


@pytest.mark.parametrize("window,reach", [(8, 8), (8, 2), (8, 21), (5, 6)])
def test_an_epoch_predicts_every_token_of_every_track_once(window, reach):
  task = stream(window=window, reach=reach)
  tokens = task.stream.corpus.train.tokens
  assert len(tokens) == SIZE
  length = SIZE // 3
  steps = length // window
  assert task.stream.steps_per_epoch == steps
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
  start = task.stream.corpus.vocabulary.start
  first = epoch[0].inputs[:, -window]
  np.testing.assert_array_equal(
    first, [start, tokens[length - 1], tokens[2 * length - 1]]
  )
  fresh = [bool(batch.fresh) for batch in epoch]
  assert fresh == [True] + [False] * (steps - 1) + [True]
  np.testing.assert_array_equal(epoch[0].inputs, epoch[-1].inputs)


def test_a_longer_reach_reads_the_tokens_before_the_window_again():
  task = stream(window=8, reach=21)
  batch = batches(task, 4)[3]
  tokens = task.stream.corpus.train.tokens
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
    stream(**fields)
  assert error.value.field == field


def test_the_baseline_is_the_uniform_distribution():
  task = stream()
  size = task.stream.corpus.vocabulary.size
  assert task.baselines["perplexity"] == size == task.input_spec.size
  assert task.baselines["loss"] == pytest.approx(np.log(size))


def test_equal_arguments_give_the_same_task():
  assert stream() is stream()
