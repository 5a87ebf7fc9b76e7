"""Greedy decoding and sampling: one symbol at a time, each chosen for good."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rnn_lab.decoding._sampling import check_sampling, sampling_logits
from rnn_lab.errors import FieldError, check_int
from rnn_lab.types import Array, Carry, Key

Step = Callable[[Carry, Array], tuple[Carry, Array]]


class Decoded(NamedTuple):
  """Sequences of symbols.

  Attributes:
    tokens: `[B, T]`; from the end symbol on all are the end symbol.
    lengths: `[B]`, the symbols before the end symbol; T without one.
    log_prob: `[B]`, the model's natural logarithm of the probability of the
      symbols, the end symbol included.
  """

  tokens: Array
  lengths: Array
  log_prob: Array


class _State(NamedTuple):
  """What passes from step to step; see `Decoded`."""

  t: Array
  carry: Carry
  last_B: Array
  is_finished_B: Array
  decoded: Decoded


def greedy(
  step: Step, carry: Carry, first_B: Array, *, num_steps: int, end: int = -1
) -> Decoded:
  """Takes the most probable symbol at each step; of equal ones the first.

  Args:
    step: `(carry, tokens_B) -> (carry, logits_BV)`.
    carry: in front of the first symbol read.
    first_B: `[B]`, the first symbols to read.
    num_steps: T, the most symbols to decode, at least 1.
    end: the symbol that ends a sequence; -1 for none. Decoding stops when all
      sequences of the batch have ended. A sequence also ends, without the end
      symbol, where the model gives no distribution (nan).

  Raises:
    FieldError: an argument is out of its range.
  """

  def choose(t: Array, logits_BV: Array) -> Array:
    del t
    return jnp.argmax(logits_BV, axis=-1)

  return _decode(step, carry, first_B, choose, num_steps, end)


def sample(
  step: Step,
  carry: Carry,
  first_B: Array,
  keys: Key,
  *,
  num_steps: int,
  end: int = -1,
  temperature: float = 1.0,
  top_k: int = 0,
  top_p: float = 1.0,
) -> Decoded:
  """Draws each symbol from the distribution of `sampling_logits`.

  Args:
    step, carry, first_B, num_steps, end: see `greedy`.
    keys: a key, or `[B]` keys, one for each sequence, whose draws then do not
      depend on the others.
    temperature, top_k, top_p: see `sampling_logits`.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_sampling(temperature, top_k, top_p)
  _check_keys(keys, jnp.shape(first_B))

  def choose(t: Array, logits_BV: Array) -> Array:
    log_p_BV = sampling_logits(logits_BV, temperature, top_k, top_p)
    if keys.ndim == 0:
      return jax.random.categorical(jax.random.fold_in(keys, t), log_p_BV)
    keys_B = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, t)
    return jax.vmap(jax.random.categorical)(keys_B, log_p_BV)

  return _decode(step, carry, first_B, choose, num_steps, end)


def first_symbols(first_B: Any) -> Array:
  """Returns the first symbols to read, of any array or list, as int32.

  Raises:
    FieldError: they are not one integer for each sequence.
  """
  is_traced = any(isinstance(a, Tracer) for a in jax.tree.leaves(first_B))
  # numpy's, as a jitted caller's constants would be traced by JAX.
  array = jnp.asarray(first_B) if is_traced else np.asarray(first_B)
  if array.ndim != 1:
    raise FieldError(
      "first_B", f"{{field}} must have shape [B], got {array.shape}"
    )
  if array.dtype.kind not in "biuf":
    raise FieldError(
      "first_B", f"{{field}} must hold integers, got the dtype {array.dtype}"
    )
  if not is_traced and (wrong := array != np.round(array)).any():
    raise FieldError(
      "first_B", f"{{field}} must hold integers, got {array[wrong][0]}"
    )
  return jnp.asarray(array, jnp.int32)


def _check_keys(keys: Any, batch_shape: tuple[int, ...]) -> None:
  dtype = getattr(keys, "dtype", type(keys))
  is_key = jnp.issubdtype(dtype, jax.dtypes.prng_key)
  if not is_key or keys.shape not in ((), batch_shape):
    got = f"{dtype.name}{keys.shape}" if hasattr(keys, "shape") else repr(keys)
    raise FieldError(
      "keys",
      "{field} must be a key of jax.random.key, or an array of them of shape "
      f"{batch_shape}, got {got}",
    )


def _decode(
  step: Step,
  carry: Carry,
  first_B: Array,
  choose: Callable[[Array, Array], Array],
  num_steps: int,
  end: int,
) -> Decoded:
  check_int("num_steps", num_steps, 1)
  check_int("end", end, -1)
  first_B = first_symbols(first_B)
  size = first_B.shape[0]

  def body(state: _State) -> _State:
    t, decoded = state.t, state.decoded
    carry, logits_BV = step(state.carry, state.last_B)
    check_int("end", end, -1, logits_BV.shape[-1] - 1)
    log_p_BV = jax.nn.log_softmax(logits_BV.astype(jnp.float32))
    is_over_B = state.is_finished_B | jnp.isnan(log_p_BV).any(axis=-1)
    chosen_B = choose(t, log_p_BV).astype(jnp.int32)
    chosen_B = jnp.where(is_over_B, end, chosen_B)
    log_p_B = jnp.take_along_axis(log_p_BV, chosen_B[:, None], axis=-1)[:, 0]
    ends_B = is_over_B | (chosen_B == end)
    return _State(
      t + 1,
      carry,
      chosen_B,
      ends_B,
      Decoded(
        decoded.tokens.at[:, t].set(chosen_B),
        decoded.lengths + ~ends_B,
        decoded.log_prob + jnp.where(is_over_B, 0.0, log_p_B),
      ),
    )

  def goes_on(state: _State) -> Array:
    return (state.t < num_steps) & ~jnp.all(state.is_finished_B)

  empty = Decoded(
    jnp.full((size, num_steps), end, jnp.int32),
    jnp.zeros(size, jnp.int32),
    jnp.zeros(size, jnp.float32),
  )
  zero = jnp.zeros((), jnp.int32)
  start = _State(zero, carry, first_B, jnp.zeros(size, bool), empty)
  return jax.lax.while_loop(goes_on, body, start).decoded
