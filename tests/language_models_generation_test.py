"""Continuing a text, with models whose words can be written down."""

import numpy as np
import pytest

from rnn_lab.language_models.generation import (
  NextToken,
  continue_text,
  read_all,
  warmed_up,
)


def counting(words=5, stop=None):
  """After word n comes n + 1, surely; the carry is all that was read."""

  def read(carry, token):
    if token == stop:
      return (*carry, token), np.full(words, np.nan)
    log_p = np.full(words, -np.inf)
    log_p[(token + 1) % words] = 0.0
    return (*carry, token), log_p

  return NextToken((), read)


def random():
  return np.random.default_rng(0)


def test_all_tokens_are_read_in_order():
  carry, log_p = read_all(counting(), [3, 1, 2])
  assert carry == (3, 1, 2)
  assert np.argmax(log_p) == 3
  assert read_all(counting(), [3], carry)[0] == (3, 1, 2, 3)


def test_it_goes_on_one_token_at_a_time():
  carry, log_p = read_all(counting(), [0])
  assert continue_text(counting(), carry, log_p, 6, random()) == [
    1,
    2,
    3,
    4,
    0,
    1,
  ]


def test_it_ends_where_the_model_knows_nothing():
  model = counting(stop=3)
  carry, log_p = read_all(model, [0])
  assert continue_text(model, carry, log_p, 6, random()) == [1, 2, 3]


@pytest.mark.parametrize("least,length", [(0, 0), (1, 4), (5, 5), (6, 10)])
def test_its_own_text_ends_in_front_of_a_line(least, length):
  carry = warmed_up(counting(), 0, least, random())
  assert len(carry) == length
  assert carry == tuple(n % 5 for n in range(length))


def test_its_own_text_ends_where_it_knows_nothing():
  assert warmed_up(counting(stop=2), 0, 10, random()) == (0, 1, 2)
