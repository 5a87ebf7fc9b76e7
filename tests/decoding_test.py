"""The distribution to sample from, and samples of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_lab.decoding import sample, sampling_distribution
from rnn_lab.errors import FieldError

P = np.array([0.1, 0.4, 0.2, 0.3])


def test_the_defaults_change_nothing():
  np.testing.assert_allclose(sampling_distribution(np.log(P)), P, rtol=1e-12)


def test_temperature():
  want = P**2 / (P**2).sum()
  np.testing.assert_allclose(
    sampling_distribution(np.log(P), 0.5), want, rtol=1e-12
  )
  np.testing.assert_array_equal(
    sampling_distribution(np.log(P), 0.0), [0, 1, 0, 0]
  )


def test_top_k():
  got = sampling_distribution(np.log(P), top_k=2)
  np.testing.assert_allclose(got, [0, 4 / 7, 0, 3 / 7], rtol=1e-12)


@pytest.mark.parametrize(
  "top_p,kept", [(0.3, [1]), (0.5, [1, 3]), (0.75, [1, 2, 3]), (0.95, range(4))]
)
def test_top_p_keeps_the_fewest_that_reach_it(top_p, kept):
  got = sampling_distribution(np.log(P), top_p=top_p)
  assert np.flatnonzero(got).tolist() == [*kept]
  want = P[[*kept]] / P[[*kept]].sum()
  np.testing.assert_allclose(got[[*kept]], want, rtol=1e-12)


def test_top_p_counts_what_top_k_has_left():
  got = sampling_distribution(np.log(P), top_k=2, top_p=0.55)
  np.testing.assert_array_equal(got, [0, 1, 0, 0])


def test_impossible_words_stay_impossible():
  with np.errstate(divide="ignore"):
    log_p = np.log([0.5, 0.0, 0.5])
  for temperature in (0.1, 1.0, 10.0):
    assert sampling_distribution(log_p, temperature)[1] == 0


@given(
  st.lists(st.floats(-20, 0), min_size=1, max_size=30),
  st.floats(0.05, 5),
  st.integers(0, 40),
  st.floats(0.01, 1),
)
@settings(max_examples=60, deadline=None)
def test_it_is_always_a_distribution(log_p, temperature, top_k, top_p):
  p = sampling_distribution(np.array(log_p), temperature, top_k, top_p)
  assert p.sum() == pytest.approx(1)
  assert (p >= 0).all()
  assert p[np.argmax(log_p)] > 0
  if top_k:
    assert (p > 0).sum() <= top_k


def test_samples_follow_the_distribution():
  random = np.random.default_rng(0)
  draws = [sample(P, random) for _ in range(4000)]
  counts = np.bincount(draws, minlength=4) / 4000
  np.testing.assert_allclose(counts, P, atol=0.03)


def test_a_dropped_word_is_never_drawn():
  class End:
    def random(self):
      return 1.0

  assert sample(np.array([0.0, 0.5, 0.5, 0.0]), End()) == 2


@pytest.mark.parametrize(
  "field,value",
  [("temperature", -1.0), ("top_k", -1), ("top_p", 0.0), ("top_p", 1.5)],
)
def test_wrong_arguments(field, value):
  with pytest.raises(FieldError) as error:
    sampling_distribution(np.log(P), **{field: value})
  assert error.value.field == field
