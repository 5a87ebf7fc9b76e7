"""Continuing a text: one token at a time, with the state carried along.

The cost of a token does not grow with the text: what a model knows of it is
its carry.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab import decoding
from rnn_lab.language_models import ngram
from rnn_lab.models.base import Model
from rnn_lab.types import Batch, Carry, Params


class NextToken(NamedTuple):
  """A language model as a function of one token at a time.

  Attributes:
    initial: the carry before any token was read.
    read: `(carry, token) -> (carry, log_p_V)`: the state after the token,
      and the natural logarithms of what comes next.
  """

  initial: Carry
  read: Callable[[Carry, int], tuple[Carry, np.ndarray]]


def from_network(model: Model, params: Params) -> NextToken:
  """Returns a network with one seed's parameters as a `NextToken`."""
  variables = {"params": params}
  one = Batch(None, None, None, np.ones((1, 1)))  # one text

  @jax.jit
  def step(carry: Carry, token: Any) -> tuple[Carry, Any]:
    stepper = model.apply(variables, one, method="stepper")
    carry, logits = stepper.step(carry, token[None])
    return carry, jax.nn.log_softmax(logits[0].astype(jnp.float32))

  def read(carry: Carry, token: int) -> tuple[Carry, np.ndarray]:
    carry, log_p = step(carry, np.int32(token))
    return carry, np.asarray(log_p, np.float64)

  return NextToken(model.apply(variables, one, method="stepper").initial, read)


def from_counts(model: ngram.NGram) -> NextToken:
  """Returns an n-gram model as a `NextToken`; its carry is the last tokens."""

  def read(carry: tuple[int, ...], token: int) -> tuple[Carry, np.ndarray]:
    carry = (*carry, token)[-max(model.order - 1, 1) :]
    with np.errstate(divide="ignore"):
      return carry, np.log(ngram.next_distribution(model, carry))

  return NextToken((), read)


def warmed_up(
  model: NextToken, start: int, num_tokens: int, random: np.random.Generator
) -> Carry:
  """Returns the state after some text that the model has written.

  In training a network sees its initial state once per epoch and track, so
  that what it predicts from there says little about it: a text of its own
  comes first, up to where a new line begins.

  Args:
    model: the model.
    start: the token that stands before a text, and between its lines.
    num_tokens: length of that text, at least; up to four times as many if no
      line ends. 0 gives the initial state.
    random: the source of random numbers.
  """
  carry, token = model.initial, start
  for count in range(4 * num_tokens):
    if count >= num_tokens and token == start:
      break
    carry, log_p = model.read(carry, token)
    if np.isnan(log_p).any():
      break
    token = decoding.sample(np.exp(log_p), random)
  return carry


def read_all(
  model: NextToken, tokens: Sequence[int], carry: Carry | None = None
) -> tuple[Carry, np.ndarray]:
  """Returns the state after at least one token, and log p of the next one.

  Args:
    model: the model.
    tokens: the text.
    carry: the state in front of it; None for the initial one.
  """
  carry = model.initial if carry is None else carry
  log_p = None
  for token in tokens:
    carry, log_p = model.read(carry, int(token))
  return carry, log_p


def continue_text(
  model: NextToken,
  carry: Carry,
  log_p: np.ndarray,
  num_tokens: int,
  random: np.random.Generator,
  **options: Any,
) -> list[int]:
  """Samples tokens, each given all before it.

  Args:
    model: the model.
    carry: its state after the text so far.
    log_p: `[V]`, what it expects next.
    num_tokens: how many.
    random: the source of random numbers.
    **options: temperature, top_k, top_p; see `decoding.sampling_distribution`.

  Returns:
    The tokens; fewer than `num_tokens` where a maximum likelihood model comes
    to a context that it has never seen.
  """
  tokens = []
  while len(tokens) < num_tokens and not np.isnan(log_p).any():
    p = decoding.sampling_distribution(log_p, **options)
    tokens.append(decoding.sample(p, random))
    carry, log_p = model.read(carry, tokens[-1])
  return tokens
