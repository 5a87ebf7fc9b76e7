"""Going on with a text: one token at a time, with the state carried along.

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
from rnn_lab.types import Carry, Params


class NextWord(NamedTuple):
  """A language model as something that is asked for the next word.

  Attributes:
    initial: the carry before any token was read.
    read: `(carry, token) -> (carry, log_p_V)`: the state after the token,
      and the natural logarithms of what comes next.
  """

  initial: Carry
  read: Callable[[Carry, int], tuple[Carry, np.ndarray]]


def from_network(model: Any, params: Params) -> NextWord:
  """A `RecurrentLM` or `WindowLM` with one seed's parameters."""

  @jax.jit
  def step(carry: Carry, token: Any) -> tuple[Carry, Any]:
    carry, logits = model.apply({"params": params}, token[None, None], carry)
    return carry, jax.nn.log_softmax(logits[0, 0].astype(jnp.float32))

  def read(carry: Carry, token: int) -> tuple[Carry, np.ndarray]:
    carry, log_p = step(carry, np.int32(token))
    return carry, np.asarray(log_p, np.float64)

  return NextWord(model.initial_carry(1), read)


def from_counts(model: ngram.NGram) -> NextWord:
  """An n-gram model; its carry is the last tokens, as many as it looks at."""

  def read(carry: tuple[int, ...], token: int) -> tuple[Carry, np.ndarray]:
    carry = (*carry, token)[-max(model.order - 1, 1) :]
    with np.errstate(divide="ignore"):
      return carry, np.log(ngram.next_distribution(model, carry))

  return NextWord((), read)


def settled(
  model: NextWord, start: int, num_tokens: int, random: np.random.Generator
) -> Carry:
  """The state at the end of some text of the model's own.

  While it was trained a network saw its initial state once an epoch a track,
  and how it goes on from there says little about it: a text of its own comes
  first, up to where a new line begins.

  Args:
    model: the model.
    start: the token that stands before a text, and between its lines.
    num_tokens: of its own text, at the least; up to four times as many if no
      line ends. 0 gives the initial state.
    random: what it is drawn from.
  """
  carry = model.initial
  token = start
  for count in range(4 * num_tokens):
    if count >= num_tokens and token == start:
      break
    carry, log_p = model.read(carry, token)
    if np.isnan(log_p).any():
      break
    token = decoding.sample(np.exp(log_p), random)
  return carry


def read_all(
  model: NextWord, tokens: Sequence[int], carry: Carry | None = None
) -> tuple[Carry, np.ndarray]:
  """The state after at least one token, and log p of what comes next.

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
  model: NextWord,
  carry: Carry,
  log_p: np.ndarray,
  num_tokens: int,
  random: np.random.Generator,
  **narrowing: Any,
) -> list[int]:
  """Samples tokens, each given all before it.

  Args:
    model: the model.
    carry: its state after the text so far.
    log_p: `[V]`, what it expects next.
    num_tokens: how many.
    random: what is drawn from.
    **narrowing: temperature, top_k, top_p; see `decoding.narrowed`.

  Returns:
    The tokens; fewer than `num_tokens` where a maximum likelihood model comes
    to a context that it has never seen, and knows nothing.
  """
  tokens = []
  while len(tokens) < num_tokens and not np.isnan(log_p).any():
    p = decoding.narrowed(log_p, **narrowing)
    tokens.append(decoding.sample(p, random))
    carry, log_p = model.read(carry, tokens[-1])
  return tokens
