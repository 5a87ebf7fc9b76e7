"""Continuing a text, with models whose words can be written down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab._stack import stack
from rnn_lab.cells import elman
from rnn_lab.initializers import uniform
from rnn_lab.language_models.generation import (
  NextToken,
  continue_text,
  from_network,
  read_all,
  warmed_up,
)
from rnn_lab.language_models.recurrent import RecurrentLM
from rnn_lab.types import Batch


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


def test_a_network_reads_one_token_at_a_time():
  model = RecurrentLM(
    stack=stack([elman(3)] * 2),
    vocabulary_size=5,
    embedding_size=3,
    embedding_init=uniform(0.5),
    readout_init=uniform(0.5),
    readout_bias_init=uniform(0.5),
    tied=False,
    window=4,
    reach=4,
    loss_chunk=10,
  )
  words = jnp.array([[3, 0, 4, 4]])
  batch = Batch(words, None, words, jnp.ones((1, 4)), jnp.bool_(True))
  variables = jax.jit(model.init)({"params": jax.random.key(0)}, batch)
  outputs = jax.jit(
    lambda v: model.apply(v, batch, model.initial_carry(1), method="outputs")
  )(variables)
  want = jax.nn.log_softmax(outputs[0])
  network = from_network(model, variables["params"])
  carry = network.initial
  for t, word in enumerate((3, 0, 4, 4)):
    carry, log_p = network.read(carry, word)
    assert log_p.shape == (5,) and log_p.dtype == np.float64
    np.testing.assert_allclose(log_p, want[t], rtol=1e-5, atol=1e-6)
  again, log_p = read_all(network, [3, 0, 4, 4])
  np.testing.assert_allclose(log_p, want[-1], rtol=1e-5, atol=1e-6)
