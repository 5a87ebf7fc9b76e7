"""Continuing a text, with the state carried along.

The cost of a token does not grow with the text: what a model knows of it is
its carry.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rnn_lab import decoding
from rnn_lab.errors import FieldError, check_int
from rnn_lab.language_models import ngram
from rnn_lab.models.base import Model, Stepper
from rnn_lab.text.ids import check_ids
from rnn_lab.types import Array, Batch, Carry, Key, Params


class NextToken(NamedTuple):
  """A language model as a function of one token at a time.

  Attributes:
    stepper: `(params, batch_size) -> Stepper`: tokens `[B]` in, logits `[B, V]`
      of what comes next out. Compiled programs are keyed by this function.
    params: the parameters of one seed; () of a model that was counted.
    vocabulary_size: V.
  """

  stepper: Callable[[Params, int], Stepper]
  params: Params
  vocabulary_size: int

  def initial(self, batch_size: int = 1) -> Carry:
    """Returns the carry before any token was read."""
    return self.stepper(self.params, batch_size).initial


def from_network(model: Model, params: Params) -> NextToken:
  """Returns a network with one seed's parameters as a `NextToken`."""

  def stepper(params: Params, batch_size: int) -> Stepper:
    ones = np.ones((batch_size, 1))
    texts = Batch(None, None, ones, ones)
    initial, step = cast(
      Stepper, model.apply({"params": params}, texts, method="stepper")
    )

    def checked(carry: Carry, tokens_B: Array) -> tuple[Carry, Array]:
      # Lookups take the nearest row for an id that is out of range.
      if not isinstance(tokens_B, Tracer):
        check_ids("tokens_B", tokens_B, model.vocabulary_size)
      return step(carry, tokens_B)

    return Stepper(initial, checked)

  return NextToken(stepper, params, model.vocabulary_size)


def from_counts(model: ngram.NGram) -> NextToken:
  """Returns an n-gram model as a `NextToken`; its carry is the last tokens."""
  width = max(model.order - 1, 1)

  def log_p(contexts_BN: np.ndarray) -> np.ndarray:
    rows = [ngram.next_distribution(model, row) for row in contexts_BN]
    with np.errstate(divide="ignore"):
      return np.log(np.stack(rows)).astype(np.float32)

  def step(carry: Array, tokens_B: Array) -> tuple[Carry, Array]:
    if not isinstance(tokens_B, Tracer):
      check_ids("tokens_B", tokens_B, model.vocabulary_size, -1)
    carry = jnp.concatenate([carry[:, 1:], tokens_B[:, None]], axis=1)
    shape = (carry.shape[0], model.vocabulary_size)
    result = jax.ShapeDtypeStruct(shape, jnp.float32)
    return carry, jax.pure_callback(log_p, result, carry)

  def stepper(params: Params, batch_size: int) -> Stepper:
    del params
    # -1 is an unknown word, which is what stands before a text.
    return Stepper(jnp.full((batch_size, width), -1, jnp.int32), step)

  return NextToken(stepper, (), model.vocabulary_size)


def warmed_up(model: NextToken, start: int, num_tokens: int, key: Key) -> Carry:
  """Returns the carry after some text that the model has written.

  In training a network sees its initial state once per epoch and track, so
  that what it predicts from there says little about it: a text of its own
  comes first, up to where a new line begins.

  Args:
    model: the model.
    start: the token that stands before a text, and between its lines.
    num_tokens: length of that text, at least; up to four times as many if no
      line ends. 0 gives the initial carry.
    key: the key of the draws.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_ids("start", start, model.vocabulary_size)
  check_int("num_tokens", num_tokens, 0)
  carry = model.initial()
  if num_tokens == 0:
    return carry
  tokens = continue_text(model, carry, start, 4 * num_tokens, [key])[0]
  # The last one is not read: it begins the text to come.
  ends = [n for n in range(num_tokens - 1, len(tokens)) if tokens[n] == start]
  return read_all(model, [start, *tokens[: ends[0] if ends else None]], carry)[
    0
  ]


def read_all(
  model: NextToken, tokens: Sequence[int], carry: Carry | None = None
) -> tuple[Carry, np.ndarray]:
  """Returns the carry after at least one token, and log p of the next one.

  Args:
    model: the model.
    tokens: the text.
    carry: the carry in front of it; None for the initial one.

  Returns:
    The carry, of one text, and `[V]` natural logarithms in float32.

  Raises:
    FieldError: there are no tokens, they are not in one row, one is not an
      id from 0 to V - 1, or the carry is not of one text.
  """
  ids = check_ids("tokens", tokens, model.vocabulary_size)
  if ids.size == 0:
    raise FieldError("tokens", "{field} must hold at least one token")
  if ids.ndim != 1:
    raise FieldError("tokens", f"{{field}} must be a list, got {tokens!r}")
  carry = model.initial() if carry is None else carry
  _check_one_text(carry)
  tokens_T = jnp.asarray(ids, jnp.int32)
  carry, log_p_V = _read(model.stepper, model.params, carry, tokens_T)
  return carry, np.asarray(log_p_V)


def continue_text(
  model: NextToken,
  carry: Carry,
  last: int,
  num_tokens: int,
  keys: Sequence[Key],
  *,
  temperature: float = 1.0,
  top_k: int = 0,
  top_p: float = 1.0,
) -> list[list[int]]:
  """Samples continuations of a text, all of them at once.

  Args:
    model: the model.
    carry: its carry before the last token of the text.
    last: that token.
    num_tokens: how many tokens to sample, at least 1.
    keys: a key for each continuation; without any there are none.
    temperature, top_k, top_p: see `rnn_lab.decoding.sampling_logits`.

  Returns:
    The tokens of each; fewer than `num_tokens` where a maximum likelihood
    model comes to a context that it has never seen.

  Raises:
    FieldError: `last` is not an id from 0 to V - 1, the carry is not of one
      text, `keys` holds something else, or another argument is out of its
      range.
  """
  last_id = check_ids("last", last, model.vocabulary_size)
  if last_id.ndim:
    raise FieldError("last", f"{{field}} must be one token, got {last!r}")
  check_int("num_tokens", num_tokens, 1)
  decoding.check_sampling(temperature, top_k, top_p)
  _check_one_text(carry)
  keys = _as_list(keys)
  if not keys:
    return []
  decoded = _sample(
    model.stepper,
    num_tokens,
    (temperature, top_k, top_p),
    model.params,
    carry,
    jnp.asarray(last_id, jnp.int32),
    jnp.stack(keys),
  )
  return [
    tokens[:length].tolist()
    for tokens, length in zip(*map(np.asarray, decoded[:2]))
  ]


def _check_one_text(carry: Carry) -> None:
  for leaf in jax.tree.leaves(carry):
    if jnp.shape(leaf)[:1] != (1,):
      raise FieldError(
        "carry",
        "{field} must be of one text, with a leading dimension of 1, got an "
        f"array of shape {jnp.shape(leaf)}",
      )


def _as_list(keys: Any) -> list[Key]:
  listed: list[Any]
  try:
    listed = [*keys]
  except TypeError:  # a single key, or no key at all
    listed = [None]
  for key in listed:
    dtype = getattr(key, "dtype", type(key))
    if not jnp.issubdtype(dtype, jax.dtypes.prng_key) or key.ndim:
      raise FieldError(
        "keys",
        "{field} must be a list of keys of jax.random.key, got "
        + " ".join(repr(keys).split()),
      )
  return listed


@functools.partial(jax.jit, static_argnums=0)
def _read(
  stepper: Any, params: Params, carry: Carry, tokens_T: Array
) -> tuple[Carry, Array]:
  step = stepper(params, 1).step
  before, _ = jax.lax.scan(
    lambda carry, token: (step(carry, token[None])[0], None),
    carry,
    tokens_T[:-1],
  )
  carry, logits = step(before, tokens_T[-1:])
  return carry, jax.nn.log_softmax(logits[0].astype(jnp.float32))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _sample(
  stepper: Any,
  num_tokens: int,
  sampling: tuple[float, int, float],
  params: Params,
  carry: Carry,
  last: Array,
  keys: Array,
) -> decoding.Decoded:
  count = keys.shape[0]
  temperature, top_k, top_p = sampling
  texts = jax.tree.map(lambda a: jnp.repeat(a, count, axis=0), carry)
  return decoding.sample(
    stepper(params, count).step,
    texts,
    jnp.full(count, last),
    keys,
    num_steps=num_tokens,
    temperature=temperature,
    top_k=top_k,
    top_p=top_p,
  )
