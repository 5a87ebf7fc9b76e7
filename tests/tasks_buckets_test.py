"""Buckets of lengths: little padding, every example once, the same order."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_lab.tasks import buckets
from rnn_lab.types import Batch


def steps(lengths, parts):
  """The steps computed for some parts of the examples."""
  return sum(len(p) * lengths[p].max(axis=0).sum() for p in parts)


def least_steps(lengths, count, batch_size):
  """By trying all cuts between examples of different total length."""
  order = np.argsort(lengths.sum(axis=1), kind="stable")
  totals = lengths.sum(axis=1)[order]
  borders = np.flatnonzero(np.diff(totals)) + 1
  costs = [np.inf]
  for cuts in itertools.combinations(borders, count - 1):
    parts = np.split(order, cuts)
    if min(map(len, parts)) >= batch_size:
      costs.append(steps(lengths, parts))
  return min(costs)


@settings(max_examples=60, deadline=None)
@given(
  st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 6)), min_size=1, max_size=14
  ),
  st.integers(1, 4),
  st.sampled_from([0.0, 0.1, 0.25]),
)
def test_the_fewest_buckets_with_the_least_padding(pairs, batch_size, share):
  lengths = np.array(pairs)
  made = buckets.make_buckets(lengths, batch_size, share)
  places = np.concatenate([b.examples for b in made])
  assert sorted(places.tolist()) == [*range(len(lengths))]
  for bucket in made:
    longest = lengths[bucket.examples].max(axis=0)
    assert bucket.lengths == tuple(longest)
    assert len(bucket.examples) >= min(batch_size, len(lengths))
    assert (np.diff(bucket.examples) > 0).all()
  cost = steps(lengths, [b.examples for b in made])
  padding = buckets.padding(lengths, made)
  assert padding == pytest.approx(1 - lengths.sum() / cost)
  assert cost == least_steps(lengths, len(made), min(batch_size, len(lengths)))
  if len(made) > 1:
    fewer = least_steps(lengths, len(made) - 1, batch_size)
    assert 1 - lengths.sum() / fewer > share
  if padding > share:
    more = least_steps(lengths, len(made) + 1, batch_size)
    assert more >= cost


LENGTHS = np.array([2, 5, 3, 2, 5, 4, 2, 3, 5, 1, 2])
N, B = len(LENGTHS), 2


def examples():
  """Example n holds the number n at all of its steps; targets likewise."""
  t = np.arange(5)[None]
  valid = t < LENGTHS[:, None]
  inputs = np.where(valid, np.arange(N)[:, None], -1).astype(np.float32)
  return Batch(
    inputs[..., None],
    LENGTHS.astype(np.int32),
    np.where(valid, np.arange(N)[:, None], 0).astype(np.int32),
    valid.astype(np.float32),
  )


@pytest.fixture(scope="module")
def made():
  in_buckets = buckets.make_buckets(LENGTHS, B, 0.1)
  return in_buckets, buckets.epochs(examples(), in_buckets, B)


def batches_of(epochs, key, steps):
  batch = jax.jit(epochs.batch)
  for step in steps:
    which, _ = epochs.bucket(step)
    yield which, batch(epochs.data[which], key, jnp.int32(step))


def test_an_epoch_has_every_full_batch_once(made):
  in_buckets, epochs = made
  assert len(in_buckets) > 1
  counts = [len(b.examples) // B for b in in_buckets]
  assert epochs.steps_per_epoch == sum(counts)
  seen = []
  for epoch in range(3):
    first = epoch * epochs.steps_per_epoch
    chosen, order = [], []
    key = jax.random.key(1)
    steps = range(first, first + epochs.steps_per_epoch)
    for which, batch in batches_of(epochs, key, steps):
      order.append(which)
      assert batch.inputs.shape[1] == in_buckets[which].lengths[0]
      of_bucket = set(in_buckets[which].examples.tolist())
      for row in range(B):
        n, length = int(batch.inputs[row, 0, 0]), batch.input_lengths[row]
        assert n in of_bucket and length == LENGTHS[n]
        assert (batch.inputs[row, :length, 0] == n).all()
        assert (batch.inputs[row, length:] == -1).all()
        assert batch.weights[row].sum() == length
        assert (batch.targets[row, :length] == n).all()
        chosen.append(n)
    assert len(set(chosen)) == len(chosen)
    assert np.bincount(order, minlength=len(counts)).tolist() == counts
    seen.append(chosen)
  assert seen[0] != seen[1] != seen[2]


def test_seeds_see_other_examples_in_the_same_buckets(made):
  _, epochs = made
  steps = range(epochs.steps_per_epoch)
  one, other, again = (
    [b.inputs[:, 0, 0].tolist() for _, b in batches_of(epochs, key, steps)]
    for key in map(jax.random.key, (1, 2, 1))
  )
  assert one == again != other


def test_a_bucket_is_that_of_all_steps_until_it_changes(made):
  _, epochs = made
  for step in range(3 * epochs.steps_per_epoch):
    which, until = epochs.bucket(step)
    assert until > step
    assert {epochs.bucket(n)[0] for n in range(step, until)} == {which}
    assert epochs.bucket(step + epochs.steps_per_epoch)[0] == which


def test_batches_to_evaluate_on_come_in_the_order_that_is_told():
  batches, order = buckets.eval_batches(examples(), LENGTHS, at_most=2)
  places = [
    int(inputs[0, 0])
    for batch in batches
    for inputs, weights in zip(batch.inputs, batch.weights)
    if weights.any()
  ]
  assert places == order.tolist()
  assert sorted(places) == [*range(N)]
  assert all(len(b.weights) <= 2 for b in batches)


def test_inputs_and_targets_are_cut_to_lengths_of_their_own():
  whole = examples()
  inputs = {"a": whole.inputs, "b": whole.inputs[..., 0].astype(np.int32)}
  batch = buckets.cut(whole._replace(inputs=inputs), np.array([3, 0]), (2, 4))
  assert batch.inputs["a"].shape == (2, 2, 1)
  assert batch.inputs["b"].tolist() == [[3, 3], [0, 0]]
  assert batch.targets.shape == batch.weights.shape == (2, 4)
  assert batch.input_lengths.tolist() == [2, 2]
  assert batch.input_mask is None
  mask = np.arange(5 * N).reshape(N, 5) % 3 > 0
  batch = buckets.cut(whole._replace(input_mask=mask), np.array([3, 0]), (2, 4))
  assert batch.input_mask.tolist() == mask[[3, 0], :2].tolist()
  vector = whole._replace(targets=np.arange(N), weights=np.ones(N))
  batch = buckets.cut(vector, np.array([5, 1]), (5,))
  assert batch.targets.tolist() == [5, 1] and batch.weights.shape == (2,)


def test_sequences_are_padded_with_zeros():
  rows = [np.array([3, 4]), np.array([5]), np.array([], np.int64)]
  stacked, lengths = buckets.padded(rows)
  assert stacked.tolist() == [[3, 4], [5, 0], [0, 0]]
  assert lengths.tolist() == [2, 1, 0] and lengths.dtype == np.int32
  wide, lengths = buckets.padded([np.ones((2, 3)), np.ones((1, 3))])
  assert wide.shape == (2, 2, 3) and wide.sum() == 9
