"""Beam search over sequences of symbols."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.decoding._one_by_one import Step
from rnn_lab.errors import check_float, check_int
from rnn_lab.types import Array, Carry, PyTree

# More hypotheses than were ever found to help.
WIDEST_BEAM = 1000


class Beams(NamedTuple):
  """The hypotheses of each sequence, best first; K of them.

  Attributes:
    tokens: `[B, K, T]`; from the end symbol on all are the end symbol.
    lengths: `[B, K]`, the symbols before the end symbol.
    log_prob: `[B, K]`, natural logarithms, the end symbol included; -inf where
      there are fewer than K hypotheses.
    score: `[B, K]`, log_prob divided by the length penalty.
    is_finished: `[B, K]`, whether the end symbol was reached.
  """

  tokens: Array
  lengths: Array
  log_prob: Array
  score: Array
  is_finished: Array


class _State(NamedTuple):
  t: Array
  carry: Carry  # leading dimensions B, K
  last_BK: Array
  beams: Beams


def beam_search(
  step: Step,
  carry: Carry,
  first_B: Array,
  *,
  num_steps: int,
  end: int,
  beam_size: int = 5,
  length_penalty: float = 1.0,
) -> Beams:
  """Keeps the best `beam_size` hypotheses at each step.

  The score of a hypothesis is log p / ((5 + n) / 6)^a for n symbols, the end
  symbol included, and length penalty a (Wu et al. 2016). Finished hypotheses
  stay among the K as they are, for as long as K others do not beat them.
  The search ends when, for every sequence, no unfinished hypothesis can beat a
  finished best one, as their log p can only fall.

  Args:
    step: `(carry, tokens_B) -> (carry, logits_BV)`, called under `jax.vmap`
      for the K hypotheses.
    carry: in front of the first symbol read.
    first_B: `[B]`, the first symbols to read.
    num_steps: T, the most symbols of a hypothesis, at least 1.
    end: the symbol that ends a sequence.
    beam_size: K.
    length_penalty: a, at least 0; 0 is no penalty.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_int("num_steps", num_steps, 1)
  check_int("beam_size", beam_size, 1, WIDEST_BEAM)
  check_float("length_penalty", length_penalty, 0.0)
  first_B = jnp.asarray(first_B, jnp.int32)
  step_BK = jax.vmap(step, in_axes=1, out_axes=1)

  def penalty(length: Array) -> Array:
    return ((5.0 + length) / 6.0) ** length_penalty

  def body(state: _State) -> _State:
    carry, logits_BKV = step_BK(state.carry, state.last_BK)
    best, parent_BK, chosen_BK = _extend(
      state.beams, logits_BKV, state.t, end, penalty
    )
    carry = jax.tree.map(lambda a: _choose(a, parent_BK), carry)
    return _State(state.t + 1, carry, chosen_BK, best)

  def goes_on(state: _State) -> Array:
    beams = state.beams
    # Of all that an unfinished hypothesis can become, the longest has the
    # smallest penalty on its log p.
    bound_BK = jnp.where(
      beams.is_finished, -jnp.inf, beams.log_prob / penalty(num_steps)
    )
    best_B = jnp.where(beams.is_finished, beams.score, -jnp.inf).max(axis=1)
    can_improve = jnp.any(bound_BK.max(axis=1) > best_B)
    return (state.t < num_steps) & can_improve

  start = _start(carry, first_B, beam_size, num_steps, end)
  return jax.lax.while_loop(goes_on, body, start).beams


def _start(
  carry: Carry, first_B: Array, beam_size: int, num_steps: int, end: int
) -> _State:
  """Returns one hypothesis without symbols, and K - 1 impossible ones."""
  shape = (first_B.shape[0], beam_size)

  def repeat(a: Array) -> Array:
    return jnp.broadcast_to(a[:, None], (a.shape[0], beam_size, *a.shape[1:]))

  is_first_BK = jnp.broadcast_to(jnp.arange(beam_size)[None] == 0, shape)
  log_prob_BK = jnp.where(is_first_BK, 0.0, -jnp.inf)
  beams = Beams(
    tokens=jnp.full((*shape, num_steps), end, jnp.int32),
    lengths=jnp.zeros(shape, jnp.int32),
    log_prob=log_prob_BK,
    score=log_prob_BK,
    is_finished=jnp.zeros(shape, bool),
  )
  zero = jnp.zeros((), jnp.int32)
  return _State(zero, jax.tree.map(repeat, carry), repeat(first_B), beams)


def _extend(
  beams: Beams, logits_BKV: Array, t: Array, end: int, penalty: PyTree
) -> tuple[Beams, Array, Array]:
  """Returns the best hypotheses one symbol longer, parents and last symbols."""
  size, beam_size, num_symbols = logits_BKV.shape
  log_p_BKV = jax.nn.log_softmax(logits_BKV.astype(jnp.float32))
  log_p_BKV = jnp.where(jnp.isnan(log_p_BKV), -jnp.inf, log_p_BKV)
  # A finished hypothesis has one successor, itself, in the place of the end
  # symbol.
  is_end_V = jnp.arange(num_symbols) == end
  itself_V = jnp.where(is_end_V, 0.0, -jnp.inf)[None, None]
  is_finished = beams.is_finished[..., None]
  log_p_BKV = jnp.where(is_finished, itself_V, log_p_BKV)
  log_p_BKV = beams.log_prob[..., None] + log_p_BKV
  count_BK = jnp.where(beams.is_finished, beams.lengths + 1, t + 1)
  score_BKV = log_p_BKV / penalty(count_BK)[..., None]

  score_BK, place_BK = jax.lax.top_k(score_BKV.reshape(size, -1), beam_size)
  parent_BK, chosen_BK = jnp.divmod(place_BK, num_symbols)
  chosen_BK = chosen_BK.astype(jnp.int32)
  old = jax.tree.map(lambda a: _choose(a, parent_BK), beams)
  is_finished_BK = old.is_finished | (chosen_BK == end)
  return (
    Beams(
      tokens=old.tokens.at[:, :, t].set(chosen_BK),
      lengths=old.lengths + ~is_finished_BK,
      log_prob=jnp.take_along_axis(
        log_p_BKV.reshape(size, -1), place_BK, axis=1
      ),
      score=score_BK,
      is_finished=is_finished_BK,
    ),
    parent_BK,
    chosen_BK,
  )


def _choose(array: Array, parent_BK: Array) -> Array:
  """Returns `[B, K, ...]`: of each sequence the chosen hypotheses' values."""
  index = parent_BK.reshape(*parent_BK.shape, *[1] * (array.ndim - 2))
  return jnp.take_along_axis(array, index, axis=1)
