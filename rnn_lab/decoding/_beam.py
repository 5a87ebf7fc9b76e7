"""Beam search over sequences of symbols."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.decoding._one_by_one import Step, first_symbols
from rnn_lab.errors import check_float, check_int
from rnn_lab.types import Array, Carry

# More hypotheses than were ever found to help.
WIDEST_BEAM = 1000

# From log p and the number of symbols of hypotheses to their scores.
_Score = Callable[[Array, Array | int], Array]


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


class _Search(NamedTuple):
  """What the search of each sequence has found; `t` of all.

  Attributes:
    t: the symbols of the longest hypothesis.
    is_over_B: whether the search of a sequence is over.
    finished: the best that have ended.
    live: the best that have not, all equally long.
  """

  t: Array
  is_over_B: Array
  finished: Beams
  live: Beams


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
  """Finds the best hypotheses among the `beam_size` most probable of each step.

  At each step the K most probable of all successors of the live hypotheses
  are looked at: those that end are finished, and compete by their scores with
  the K best finished ones only; the K most probable that do not end live on.
  The search of a sequence is over when K are finished, or when no live
  hypothesis can beat the best finished one, as log p can only fall; so a beam
  of 1 is greedy decoding. The score of a hypothesis is log p / ((5 + n) / 6)^a
  for n symbols, the end symbol included, and length penalty a (Wu et al. 2016).
  Live hypotheses are among those returned where fewer than K are finished.

  Args:
    step: `(carry, tokens_B) -> (carry, logits_BV)`, called under `jax.vmap`
      for the K hypotheses.
    carry: in front of the first symbol read.
    first_B: `[B]`, the first symbols to read.
    num_steps: T, the most symbols of a hypothesis, at least 1.
    end: the symbol that ends a sequence; -1 for none.
    beam_size: K.
    length_penalty: a, at least 0; 0 is no penalty.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_int("num_steps", num_steps, 1)
  check_int("end", end, -1)
  check_int("beam_size", beam_size, 1, WIDEST_BEAM)
  check_float("length_penalty", length_penalty, 0.0)
  step_BK = jax.vmap(step, in_axes=1, out_axes=1)

  def score(log_prob: Array, count: Array | int) -> Array:
    return log_prob / ((5.0 + count) / 6.0) ** length_penalty

  def repeat(a: Array) -> Array:
    return jnp.broadcast_to(a[:, None], (a.shape[0], beam_size, *a.shape[1:]))

  def body(state: tuple[Carry, Array, _Search]) -> tuple:
    carry, last_BK, search = state
    carry, logits_BKV = step_BK(carry, last_BK)
    check_int("end", end, -1, logits_BKV.shape[-1] - 1)
    new, parent_BK, last_BK = _extend(search, logits_BKV, end, score)
    carry = jax.tree.map(lambda a: _choose(a, parent_BK), carry)
    return carry, last_BK, new

  def goes_on(state: tuple[Carry, Array, _Search]) -> Array:
    return (state[2].t < num_steps) & ~state[2].is_over_B.all()

  first_BK = repeat(first_symbols(first_B))
  search = _no_symbols(first_BK.shape, num_steps, end)
  start = jax.tree.map(repeat, carry), first_BK, search
  _, _, search = jax.lax.while_loop(goes_on, body, start)

  is_full_B1 = search.finished.is_finished.all(axis=1, keepdims=True)
  live = _only(search.live, ~is_full_B1)
  return _best(_join(search.finished, live), beam_size)[0]


def _no_symbols(shape: tuple[int, ...], num_steps: int, end: int) -> _Search:
  """Returns one live hypothesis without symbols; the others are impossible."""
  none_BK = jnp.full(shape, -jnp.inf)
  finished = Beams(
    tokens=jnp.full((*shape, num_steps), end, jnp.int32),
    lengths=jnp.zeros(shape, jnp.int32),
    log_prob=none_BK,
    score=none_BK,
    is_finished=jnp.zeros(shape, bool),
  )
  one_BK = none_BK.at[:, 0].set(0.0)
  return _Search(
    t=jnp.zeros((), jnp.int32),
    is_over_B=jnp.zeros(shape[0], bool),
    finished=finished,
    live=finished._replace(log_prob=one_BK, score=one_BK),
  )


def _extend(
  search: _Search, logits_BKV: Array, end: int, score: _Score
) -> tuple[_Search, Array, Array]:
  """Returns the search a step on; parents and last symbols of the live."""
  beam_size = logits_BKV.shape[1]
  successors, parent_BN = _successors(search, logits_BKV, end, score)
  first = jax.tree.map(lambda a: a[:, :beam_size], successors)
  ended = _join(search.finished, _only(first, first.is_finished))
  finished, _ = _best(ended, beam_size)
  live, place_BK = _best(_only(successors, ~successors.is_finished), beam_size)

  def unless_over(old: Array, new: Array) -> Array:
    is_over = search.is_over_B.reshape(-1, *[1] * (new.ndim - 1))
    return jnp.where(is_over, old, new)

  finished = jax.tree.map(unless_over, search.finished, finished)
  live = jax.tree.map(unless_over, search.live, live)
  # Of all that a live hypothesis can become, the longest has the smallest
  # penalty on its log p.
  bound_BK = score(live.log_prob, live.tokens.shape[-1])
  is_over_B = bound_BK.max(axis=1) <= finished.score.max(axis=1)
  is_over_B |= finished.is_finished.all(axis=1)
  last_BK = live.tokens[:, :, search.t]
  return (
    _Search(search.t + 1, is_over_B, finished, live),
    jnp.take_along_axis(parent_BN, place_BK, axis=1),
    last_BK,
  )


def _successors(
  search: _Search, logits_BKV: Array, end: int, score: _Score
) -> tuple[Beams, Array]:
  """Returns the 2K most probable successors, best first, and their parents.

  As each hypothesis has one successor that ends, K of them do not.
  """
  size, beam_size, num_symbols = logits_BKV.shape
  log_p_BKV = jax.nn.log_softmax(logits_BKV.astype(jnp.float32))
  log_p_BKV = jnp.where(jnp.isnan(log_p_BKV), -jnp.inf, log_p_BKV)
  log_p_BKV = search.live.log_prob[..., None] + log_p_BKV
  log_p_BN, place_BN = jax.lax.top_k(
    log_p_BKV.reshape(size, beam_size * num_symbols),
    min(2, num_symbols) * beam_size,
  )
  parent_BN, symbol_BN = jnp.divmod(place_BN, num_symbols)
  tokens = _choose(search.live.tokens, parent_BN)
  is_end_BN = symbol_BN == end
  successors = Beams(
    tokens=tokens.at[:, :, search.t].set(symbol_BN.astype(jnp.int32)),
    lengths=search.t + jnp.where(is_end_BN, 0, 1),
    log_prob=log_p_BN,
    score=score(log_p_BN, search.t + 1),
    is_finished=is_end_BN,
  )
  return successors, parent_BN


def _only(beams: Beams, keep: Array) -> Beams:
  """Returns `beams` with all but those of `keep` impossible."""
  return beams._replace(
    log_prob=jnp.where(keep, beams.log_prob, -jnp.inf),
    score=jnp.where(keep, beams.score, -jnp.inf),
    is_finished=beams.is_finished & keep,
  )


def _join(beams: Beams, others: Beams) -> Beams:
  return jax.tree.map(
    lambda *pair: jnp.concatenate(pair, axis=1), beams, others
  )


def _best(beams: Beams, count: int) -> tuple[Beams, Array]:
  """Returns the `count` hypotheses of the best scores, and their places."""
  _, place = jax.lax.top_k(beams.score, count)
  return jax.tree.map(lambda a: _choose(a, place), beams), place


def _choose(array: Array, place: Array) -> Array:
  """Returns of each sequence the values of the hypotheses at `place`."""
  index = place.reshape(*place.shape, *[1] * (array.ndim - 2))
  return jnp.take_along_axis(array, index, axis=1)
