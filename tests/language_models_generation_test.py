"""Continuing a text, with models whose words can be written down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab._stack import stack
from rnn_lab.cells import elman
from rnn_lab.errors import FieldError
from rnn_lab.initializers import uniform
from rnn_lab.language_models import ngram
from rnn_lab.language_models.counts import count
from rnn_lab.language_models.estimators import estimate
from rnn_lab.language_models.generation import (
  NextToken,
  continue_text,
  from_counts,
  from_network,
  read_all,
  warmed_up,
)
from rnn_lab.language_models.recurrent import RecurrentLM
from rnn_lab.models.base import Stepper
from rnn_lab.types import Batch

KEY = jax.random.key(0)
WORDS = 5


def counting(stop=-1):
  """After word n comes n + 1, surely; the carry counts the words read."""

  def step(carry, tokens_B):
    after = (tokens_B + 1) % WORDS
    logits = jnp.where(jnp.arange(WORDS)[None] == after[:, None], 0.0, -jnp.inf)
    logits = jnp.where(tokens_B[:, None] == stop, jnp.nan, logits)
    return carry + 1, logits

  return NextToken(
    lambda params, size: Stepper(jnp.zeros(size, jnp.int32), step), (), WORDS
  )


def test_all_tokens_are_read_in_order():
  carry, log_p = read_all(counting(), [3, 1, 2])
  assert carry.tolist() == [3]
  assert np.argmax(log_p) == 3
  assert read_all(counting(), [3], carry)[0].tolist() == [4]


def test_it_goes_on_one_token_at_a_time():
  keys = jax.random.split(KEY, 2)
  texts = continue_text(counting(), counting().initial(), 0, 6, keys)
  assert texts == [[1, 2, 3, 4, 0, 1]] * 2


def test_without_keys_there_are_no_continuations():
  model = counting()
  assert continue_text(model, model.initial(), 0, 6, []) == []


@pytest.mark.parametrize(
  "arguments, words",
  [
    ({"keys": None}, "keys must be a list of keys .* got None$"),
    ({"keys": KEY}, "keys must be a list of keys .* got Array"),
    ({"keys": [0, 1]}, r"keys must be a list of keys .* got \[0, 1\]$"),
    ({"last": [0, 1]}, r"last must be one token, got \[0, 1\]$"),
    ({"num_tokens": 0}, "num_tokens must be an integer of at least 1, got 0$"),
    ({"temperature": [2]}, r"temperature must be .* got \[2\]$"),
    ({"carry": jnp.zeros(2)}, r"carry must be of one text.* shape \(2,\)$"),
  ],
)
def test_wrong_arguments_are_one_line(arguments, words):
  arguments = {"last": 0, "num_tokens": 3, "keys": []} | arguments
  carry = arguments.pop("carry", counting().initial())
  with pytest.raises(FieldError, match=f"^{words}") as raised:
    continue_text(counting(), carry, **arguments)
  assert "\n" not in str(raised.value)
  if raised.value.field == "carry":
    with pytest.raises(FieldError, match=f"^{words}"):
      read_all(counting(), [0], carry)


def test_a_warm_up_names_its_own_arguments():
  for field, wrong in (("start", (WORDS, 3)), ("num_tokens", (0, -1))):
    with pytest.raises(FieldError, match=f"^{field} must be"):
      warmed_up(counting(), *wrong, KEY)


def test_it_ends_where_the_model_knows_nothing():
  model = counting(stop=3)
  assert continue_text(model, model.initial(), 0, 6, [KEY]) == [[1, 2, 3]]


@pytest.mark.parametrize("least,length", [(0, 0), (1, 5), (5, 5), (6, 10)])
def test_its_own_text_ends_in_front_of_a_line(least, length):
  assert warmed_up(counting(), 0, least, KEY).tolist() == [length]


def test_its_own_text_ends_where_it_knows_nothing():
  assert warmed_up(counting(stop=2), 0, 10, KEY).tolist() == [3]


def network():
  model = RecurrentLM(
    stack=stack([elman(3)] * 2),
    vocabulary_size=WORDS,
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
  return model, variables["params"], batch


def test_a_network_reads_one_token_at_a_time():
  model, params, batch = network()
  outputs = jax.jit(
    lambda p: model.apply(
      {"params": p}, batch, model.initial_carry(1), method="outputs"
    )
  )(params)
  want = jax.nn.log_softmax(outputs[0])
  loaded = from_network(model, params)
  carry = None
  for t, word in enumerate((3, 0, 4, 4)):
    carry, log_p = read_all(loaded, [word], carry)
    assert log_p.shape == (WORDS,)
    np.testing.assert_allclose(log_p, want[t], rtol=1e-5, atol=1e-6)
  _, log_p = read_all(loaded, [3, 0, 4, 4])
  np.testing.assert_allclose(log_p, want[-1], rtol=1e-5, atol=1e-6)


def test_samples_do_not_depend_on_the_others():
  model, params, _ = network()
  loaded = from_network(model, params)
  keys = jax.random.split(KEY, 3)
  texts = continue_text(loaded, loaded.initial(), 2, 8, keys)
  assert len({*map(tuple, texts)}) == 3
  assert continue_text(loaded, loaded.initial(), 2, 8, keys[1:2]) == texts[1:2]


def test_counts_are_read_one_token_at_a_time():
  counted = count(np.array([1, 3, 1, 4, 2, 1, 3, 0, 4, 4, 1]), WORDS, 3, 0)
  model = estimate(counted, "kneser_ney")
  loaded, carry = from_counts(model), None
  text = [0, 3, 1, 1, 4, 2]
  for n, token in enumerate(text):
    carry, log_p = read_all(loaded, [token], carry)
    want = ngram.next_distribution(model, text[: n + 1])
    np.testing.assert_allclose(np.exp(log_p), want, rtol=1e-5)
  _, log_p = read_all(loaded, text)
  np.testing.assert_allclose(np.exp(log_p), want, rtol=1e-5)


@pytest.mark.parametrize("wrong", [WORDS, -1, 1.5])
def test_an_id_of_no_word_is_refused(wrong):
  """A lookup would answer for the nearest one, a count for an unknown one."""
  counted = from_counts(estimate(count(np.arange(WORDS), WORDS, 2), "add_k"))
  words = f"must be integers from 0 to {WORDS - 1}, got {wrong}$"
  model, params, _ = network()
  for loaded in (from_network(model, params), counted):
    with pytest.raises(FieldError, match=f"^tokens {words}"):
      read_all(loaded, [0, wrong])
    with pytest.raises(FieldError, match=f"^last {words}"):
      continue_text(loaded, loaded.initial(), wrong, 2, [KEY])
    with pytest.raises(FieldError, match="^tokens must hold at least one"):
      read_all(loaded, [])
    for not_a_row in (1, [[1, 2]]):
      with pytest.raises(FieldError, match="^tokens must be a list, got"):
        read_all(loaded, not_a_row)
  initial, step = from_network(model, params).stepper(params, 1)
  with pytest.raises(FieldError, match=f"^tokens_B {words}"):
    step(initial, np.array([wrong]))
