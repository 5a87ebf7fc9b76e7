"""Streams are scored as scorers whose answers are written by hand say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_lab.evaluators import log_probs
from rnn_lab.text.base import Split

START = 99


def summing():
  """log p is minus the sum of all tokens read so far: knows everything."""

  def score(carry, inputs_BT, targets_BT):
    sums_BT = carry[:, None] + np.cumsum(inputs_BT, axis=1)
    steps = targets_BT.shape[1]
    log_p = -sums_BT[:, -steps:] - targets_BT / 1000
    return sums_BT[:, -1], log_p[None].astype(np.float64)

  return log_probs.Scorer(lambda tracks: np.zeros(tracks), score)


def last_words(count):
  """log p is minus the sum of the last `count` tokens: a short memory."""

  def score(carry, inputs_BT, targets_BT):
    seen_BT = np.concatenate([carry, inputs_BT], axis=1)
    steps = inputs_BT.shape[1]
    sums_BT = sum(seen_BT[:, k : k + steps] for k in range(count))
    log_p = -(sums_BT + targets_BT / 1000)[None]
    return seen_BT[:, steps:], log_p[..., -targets_BT.shape[1] :]

  return log_probs.Scorer(lambda tracks: np.zeros((tracks, count - 1)), score)


def by_hand(tokens):
  """What `summing` makes of an unbroken stream."""
  before = np.concatenate([[START], tokens[:-1]])
  return -(np.cumsum(before) + tokens / 1000)


@given(st.integers(1, 40), st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_a_stream_is_unbroken_whatever_the_window(count, window):
  tokens = np.arange(1, count + 1)
  log_p = log_probs.stream_log_probs(summing(), tokens, START, window)
  np.testing.assert_allclose(log_p, by_hand(tokens)[None], rtol=1e-12)


@given(
  st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(3, 9)
)
@settings(max_examples=50, deadline=None)
def test_tracks_with_enough_warmup_equal_the_unbroken_stream(
  count, window, tracks, warmup
):
  tokens = np.arange(1, count + 1)
  scorer = last_words(3)
  want = log_probs.stream_log_probs(scorer, tokens, START, 7)
  got = log_probs.stream_log_probs(
    scorer, tokens, START, window, tracks, warmup
  )
  np.testing.assert_allclose(got, want, rtol=1e-12)


def test_without_warmup_the_beginning_of_each_track_differs():
  tokens = np.arange(1, 13)
  want = log_probs.stream_log_probs(last_words(3), tokens, START, 4)
  got = log_probs.stream_log_probs(last_words(3), tokens, START, 4, tracks=3)
  differs = (got != want)[0]
  np.testing.assert_array_equal(np.flatnonzero(differs), [4, 5, 8, 9])


def test_only_so_much_context_is_read():
  tokens = np.arange(1, 400)
  losses = log_probs.loss_by_context(summing(), tokens, 5)
  places = np.linspace(256, 398, 5, dtype=int)
  assert tuple(losses) == log_probs.CONTEXT_LENGTHS
  for length, loss in losses.items():
    want = [tokens[p - length : p].sum() + tokens[p] / 1000 for p in places]
    np.testing.assert_allclose(loss, [np.mean(want)], rtol=1e-12)


def test_contexts_longer_than_the_text_are_left_out():
  losses = log_probs.loss_by_context(summing(), np.arange(10), 5)
  assert list(losses) == [1, 2, 4, 8]
  assert log_probs.loss_by_context(summing(), np.arange(1), 5) == {}
  assert log_probs.loss_by_context(summing(), np.arange(10), 0) == {}


def test_metrics_of_a_uniform_model():
  tokens = np.arange(6)
  split = Split(tokens, characters=12, unknown=0)
  values = log_probs.metrics(np.full((1, 6), -math.log(8)), split)
  assert values["loss"][0] == pytest.approx(math.log(8))
  assert values["perplexity"][0] == pytest.approx(8)
  assert values["bits_per_token"][0] == pytest.approx(3)
  assert values["bits_per_character"][0] == pytest.approx(1.5)


def test_no_bits_per_character_where_characters_are_not_known():
  split = Split(np.arange(6), characters=None, unknown=2)
  values = log_probs.metrics(np.zeros((1, 6)), split)
  assert "bits_per_character" not in values


def test_probability_zero_is_an_infinite_perplexity():
  split = Split(np.arange(2), characters=None, unknown=0)
  log_p = np.array([[-1.0, -np.inf], [-1.0, -1.0]])
  values = log_probs.metrics(log_p, split)
  assert values["perplexity"][0] == np.inf
  assert values["perplexity"][1] == pytest.approx(math.e)


def test_kinds_are_evaluated_separately():
  class Words:
    kinds = ("a", "b", "none")

  split = Split(
    np.arange(4),
    None,
    0,
    log_probs=np.log([0.5, 1.0, 0.5, 1.0]),
    kinds=np.array([0, 1, 0, 1]),
  )
  rows = log_probs.by_kind(np.log([[0.5, 0.25, 0.125, 0.25]]), split, Words)
  assert list(rows) == ["a", "b"]
  assert rows["a"]["tokens"] == 2
  assert rows["a"]["perplexity"][0] == pytest.approx(4)
  assert rows["a"]["floor"] == pytest.approx(2)
  assert rows["b"]["perplexity"][0] == pytest.approx(4)
  assert rows["b"]["floor"] == pytest.approx(1)
