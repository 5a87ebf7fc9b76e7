"""Greedy decoding, sampling and beam search against exhaustive search."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab.decoding import (
  beam_search,
  free_run,
  greedy,
  sample,
  sampling_logits,
)
from rnn_lab.errors import FieldError

P = np.array([0.1, 0.4, 0.2, 0.3])
V, T, END = 3, 4, 2
NODES = sum(V**t for t in range(T + 1))
# For each sequence and each prefix, numbered as a tree's nodes, the logits of
# the next symbol.
TREE = np.random.default_rng(0).normal(size=(20, NODES, V)) * 2
LOG_P = TREE - np.log(np.exp(TREE).sum(-1, keepdims=True))


def tree_step(carry, tokens_B):
  """A model that knows its whole prefix: the carry is (row, node)."""
  row_B, node_B = carry
  child_B = jnp.where(tokens_B < 0, 0, node_B * V + 1 + tokens_B)
  return (row_B, child_B), jnp.asarray(TREE, jnp.float32)[row_B, child_B]


START = (jnp.arange(2), jnp.zeros(2, jnp.int32))
FIRST = jnp.array([-1, -1])


def arrays(decode):
  """What is decoded, compiled as one program, as numpy arrays."""
  return jax.tree.map(np.asarray, jax.jit(decode)())


def log_prob(row, tokens):
  node, total = 0, 0.0
  for token in tokens:
    total += LOG_P[row, node, token]
    node = node * V + 1 + token
  return total


def hypotheses(num_steps):
  """All symbol sequences of a search: ended, or as long as it may be."""
  for n in range(1, num_steps + 1):
    for tokens in itertools.product(range(V), repeat=n):
      ended = tokens[-1] == END
      if END not in tokens[:-1] and (ended or n == num_steps):
        yield tokens


def distribution(p, **options):
  return np.exp(sampling_logits(jnp.log(jnp.asarray(p)), **options))


def test_the_defaults_change_nothing():
  np.testing.assert_allclose(distribution(P), P, rtol=1e-6)


def test_temperature():
  want = P**2 / (P**2).sum()
  np.testing.assert_allclose(distribution(P, temperature=0.5), want, rtol=1e-6)
  got = distribution(P, temperature=0.0)
  np.testing.assert_array_equal(got, [0, 1, 0, 0])
  for tiny in (1e-30, 1e-40):  # the latter is subnormal in float32
    got = distribution(P, temperature=tiny)
    np.testing.assert_array_equal(got, [0, 1, 0, 0])


def test_top_k():
  np.testing.assert_allclose(distribution(P, top_k=10**14), P, rtol=1e-6)
  got = distribution(P, top_k=2)
  np.testing.assert_allclose(got, [0, 4 / 7, 0, 3 / 7], rtol=1e-6)


@pytest.mark.parametrize(
  "top_p,kept", [(0.3, [1]), (0.5, [1, 3]), (0.75, [1, 2, 3]), (0.95, range(4))]
)
def test_top_p_keeps_the_fewest_that_reach_it(top_p, kept):
  got = distribution(np.stack([P, P[::-1]]), top_p=top_p)
  assert np.flatnonzero(got[0]).tolist() == [*kept]
  want = P[[*kept]] / P[[*kept]].sum()
  np.testing.assert_allclose(got[0][[*kept]], want, rtol=1e-6)
  np.testing.assert_allclose(got[1][::-1], got[0], rtol=1e-6)


def test_of_equal_symbols_the_first_stays():
  equal = np.full(4, 0.25)
  for options in ({"temperature": 0.0}, {"top_k": 1}, {"top_p": 0.2}):
    np.testing.assert_allclose(distribution(equal, **options), [1, 0, 0, 0])


@pytest.mark.parametrize(
  "options", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}]
)
def test_arguments_out_of_range(options):
  [field] = options
  with pytest.raises(FieldError, match=field):
    sampling_logits(jnp.zeros(3), **options)
  with pytest.raises(FieldError, match=field):
    sample(tree_step, START, FIRST, jax.random.key(0), num_steps=2, **options)


@pytest.mark.parametrize(
  "options, words",
  [
    ({"end": -2}, "end must be an integer of at least -1, got -2"),
    ({"end": 99}, "end must be an integer from -1 to .*, got 99"),
    ({"keys": [0, 1]}, r"keys must be a key .*, got \[0, 1\]"),
    ({"keys": jax.random.PRNGKey(0)}, r"keys .*, got uint32\(2,\)"),
    ({"keys": jax.random.split(jax.random.key(0), 3)}, r"shape \(2,\), got"),
    ({"first_B": -1}, r"first_B must have shape \[B\], got \(\)"),
    ({"first_B": [[-1, -1]]}, r"first_B .* \[B\], got \(1, 2\)"),
    ({"first_B": [0.0, 1.5]}, "first_B must hold integers, got 1.5"),
    ({"first_B": ["a", "b"]}, "first_B must hold integers, got the dtype <U1"),
  ],
)
def test_wrong_ends_keys_and_first_symbols(options, words):
  options = {"first_B": FIRST, "num_steps": 2} | options
  with pytest.raises(FieldError, match=words):
    sample(tree_step, START, **{"keys": jax.random.key(0)} | options)
  if "keys" not in options:
    with pytest.raises(FieldError, match=words):
      beam_search(tree_step, START, **{"end": END} | options)


def test_a_batch_without_sequences_has_no_hypotheses():
  none = jnp.zeros(0, jnp.int32)
  options = {"num_steps": T, "end": END}
  beam = beam_search(tree_step, (none, none), none, beam_size=2, **options)
  assert [a.shape for a in beam] == [(0, 2, T), *[(0, 2)] * 4]
  best = greedy(tree_step, (none, none), none, **options)
  assert [a.shape for a in best] == [(0, T), (0,), (0,)]


def test_greedy_takes_the_largest_and_stops_at_the_end():
  got = greedy(tree_step, START, FIRST, num_steps=T, end=END)
  for row in range(2):
    node, want = 0, []
    while len(want) < T and END not in want:
      want.append(int(TREE[row, node].argmax()))
      node = node * V + 1 + want[-1]
    length = int(got.lengths[row])
    assert length == len(want) - (END in want)
    padded = want + [END] * (T - len(want))
    assert got.tokens[row].tolist() == padded
    expected = log_prob(row, want)
    np.testing.assert_allclose(got.log_prob[row], expected, rtol=1e-5)
  assert len({int(n) for n in got.lengths}) == 2  # one of them ends early


def test_samples_have_the_distribution_of_the_model():
  count = 4000
  rows = (jnp.ones(count, jnp.int32), jnp.zeros(count, jnp.int32))
  first = jnp.full(count, -1)
  got = jax.jit(
    lambda key: sample(tree_step, rows, first, key, num_steps=2, end=END)
  )(jax.random.key(1))
  for tokens in hypotheses(2):
    padded = [*tokens, END][:2]
    share = np.mean(np.all(np.asarray(got.tokens) == padded, axis=1))
    p = np.exp(log_prob(1, tokens))
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / count), tokens
  certain = sample(
    tree_step,
    START,
    FIRST,
    jax.random.key(0),
    num_steps=T,
    end=END,
    temperature=0.0,
  )
  best = greedy(tree_step, START, FIRST, num_steps=T, end=END)
  assert certain.tokens.tolist() == best.tokens.tolist()


def test_without_an_end_symbol_all_steps_are_decoded():
  got = greedy(tree_step, START, FIRST, num_steps=3)
  assert got.lengths.tolist() == [3, 3]
  assert (np.asarray(got.tokens) >= 0).all()


def test_a_model_without_a_distribution_ends_the_sequence():
  def step(carry, tokens_B):
    logits = jnp.where(carry[:, None] < 2, jnp.array([[1.0, 0.0]]), jnp.nan)
    return carry + 1, logits

  got = greedy(step, jnp.array([0, 1]), jnp.zeros(2), num_steps=5)
  assert got.lengths.tolist() == [2, 1]
  want = 2 * np.log(1 / (1 + np.exp(-1.0)))
  np.testing.assert_allclose(got.log_prob, [want, want / 2], rtol=1e-6)


@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_a_wide_beam_finds_all_hypotheses_in_order(penalty):
  every = [*hypotheses(T)]
  beam = jax.jit(
    lambda: beam_search(
      tree_step,
      START,
      FIRST,
      num_steps=T,
      end=END,
      beam_size=V**T,
      length_penalty=penalty,
    )
  )()
  for row in range(2):
    scores = {
      tokens: log_prob(row, tokens) / ((5 + len(tokens)) / 6) ** penalty
      for tokens in every
    }
    best = max(scores, key=scores.get)
    assert beam.tokens[row, 0].tolist() == [*best] + [END] * (T - len(best))
    np.testing.assert_allclose(beam.score[row, 0], scores[best], rtol=1e-5)
    length = len(best) - (best[-1] == END)
    assert int(beam.lengths[row, 0]) == length
    assert bool(beam.is_finished[row, 0]) == (best[-1] == END)


def test_a_beam_of_one_is_greedy_and_a_wider_one_no_worse():
  options = {"num_steps": T, "end": END, "length_penalty": 0.0}
  one = arrays(
    lambda: beam_search(tree_step, START, FIRST, beam_size=1, **options)
  )
  best = arrays(lambda: greedy(tree_step, START, FIRST, num_steps=T, end=END))
  assert one.tokens[:, 0].tolist() == best.tokens.tolist()
  assert one.lengths[:, 0].tolist() == best.lengths.tolist()
  np.testing.assert_allclose(one.log_prob[:, 0], best.log_prob, rtol=1e-6)
  wide = arrays(
    lambda: beam_search(tree_step, START, FIRST, beam_size=V**T, **options)
  )
  assert (wide.log_prob[:, 0] >= one.log_prob[:, 0] - 1e-6).all()


def test_a_beam_without_an_end_symbol_ranks_all_sequences():
  got = beam_search(
    tree_step, START, FIRST, num_steps=2, end=-1, beam_size=V**2
  )
  for row in range(2):
    every = sorted(
      itertools.product(range(V), repeat=2), key=lambda s: -log_prob(row, s)
    )
    assert [*map(tuple, got.tokens[row].tolist())] == every
    want = [log_prob(row, tokens) for tokens in every]
    np.testing.assert_allclose(got.log_prob[row], want, rtol=1e-5)
    assert got.lengths[row].tolist() == [2] * V**2
    assert not got.is_finished[row].any()


def search(row, beam_size, penalty):
  """The beam search of one sequence, hypothesis by hypothesis."""

  def score(tokens):
    return log_prob(row, tokens) / ((5 + len(tokens)) / 6) ** penalty

  def best_of(hypotheses):
    return sorted(hypotheses, key=score, reverse=True)[:beam_size]

  live, finished = [()], []
  for _ in range(T):
    successors = [(*tokens, symbol) for tokens in live for symbol in range(V)]
    successors.sort(key=lambda tokens: -log_prob(row, tokens))
    ended = [s for s in successors[:beam_size] if s[-1] == END]
    finished = best_of(finished + ended)
    live = [s for s in successors if s[-1] != END][:beam_size]
    bound = log_prob(row, live[0]) / ((5 + T) / 6) ** penalty
    if len(finished) == beam_size or finished and bound <= score(finished[0]):
      break
  if len(finished) == beam_size:
    return finished
  return best_of(finished + live)


@pytest.mark.parametrize(
  "beam_size,penalty", [(1, 1.0), (2, 0.0), (2, 1.0), (4, 3.0)]
)
def test_beam_search_is_the_search_hypothesis_by_hypothesis(beam_size, penalty):
  size = len(TREE)
  beam = arrays(
    lambda: beam_search(
      tree_step,
      (jnp.arange(size), jnp.zeros(size, jnp.int32)),
      jnp.full(size, -1),
      num_steps=T,
      end=END,
      beam_size=beam_size,
      length_penalty=penalty,
    )
  )
  for row in range(size):
    want = search(row, beam_size, penalty)
    found = np.asarray(beam.log_prob[row]) > -np.inf
    assert found.tolist() == [n < len(want) for n in range(beam_size)]
    for k, tokens in enumerate(want):
      assert beam.tokens[row, k].tolist() == [*tokens, *[END] * T][:T]
      assert beam.lengths[row, k] == len(tokens) - (tokens[-1] == END)
      assert beam.is_finished[row, k] == (tokens[-1] == END)
      expected = log_prob(row, tokens)
      np.testing.assert_allclose(beam.log_prob[row, k], expected, rtol=1e-5)
      score = expected / ((5 + len(tokens)) / 6) ** penalty
      np.testing.assert_allclose(beam.score[row, k], score, rtol=1e-5)


def test_free_running_reads_its_own_outputs():
  def step(carry, x_BD):
    return carry + 1, 2 * x_BD + carry[:, None]

  x = [[1.0], [10.0]]
  with pytest.raises(FieldError, match="num_steps must be .* got 0"):
    free_run(step, jnp.zeros(2), x, num_steps=0)
  got = free_run(step, jnp.zeros(2), x, num_steps=3)
  assert got[..., 0].tolist() == [[2.0, 5.0, 12.0], [20.0, 41.0, 84.0]]
