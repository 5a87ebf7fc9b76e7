"""Sentences from a grammar whose next word has a known distribution.

A probabilistic context-free grammar that is LL(1): if a symbol has several
right-hand sides, the next word determines which one was taken. The words so
far therefore determine the stack of symbols still to be written, and

  p(word | all words before) = p(word | stack)

is computed exactly. Its entropy rate is a lower bound for every model.
"""

import bisect
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.errors import check_int
from rnn_lab.text import grammar_stack
from rnn_lab.text.context_free import expected_uses
from rnn_lab.text.grammar_rules import rules
from rnn_lab.text.grammar_stack import Grammar, Stack, make_grammar

KINDS = (
  "local",
  "agreement",
  "agreement across a clause",
  "closing mark",
  "topic",
)


@functools.cache
def english() -> Grammar:
  """Returns the embedded grammar of English-like sentences."""
  return make_grammar(rules(), "sentence")


class Sample(NamedTuple):
  """A text of N tokens from a grammar, with the true facts of each token.

  Attributes:
    words_ids: int32 [N], index into grammar.words.
    log_probs: float64 [N], natural log of p(token | all tokens before).
    kinds: int8 [N], index into KINDS.
    distances: int32 [N], distance in tokens to the earlier word that
      determines this one, 1 for its neighbor; 0 if the kind is "local".
  """

  words_ids: np.ndarray
  log_probs: np.ndarray
  kinds: np.ndarray
  distances: np.ndarray


def sample(grammar: Grammar, seed: int, stream: int, size: int) -> Sample:
  """Samples a text of `size` tokens, whose last sentence may be incomplete.

  Token i is a function of the first i + 1 numbers of the bit stream of (seed,
  stream), so that a shorter text is the beginning of a longer one. The raw
  bits of PCG64 are the same in every version of numpy and on every machine;
  the draws are computed from them here.

  Args:
    grammar: the grammar to sample from.
    seed: from 0 to 2^32 - 1.
    stream: from 0 to 2^32 - 1; streams of one seed are independent (0 for
      training, 1 for validation, 2 for the test).
    size: N, the number of tokens, including the "<eos>" of each sentence.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("seed", seed, 0, 2**32 - 1)
  check_int("stream", stream, 0, 2**32 - 1)
  check_int("size", size, 0)
  bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
  uniforms = (bits.random_raw(size) >> np.uint64(11)) * 2.0**-53
  rows = []
  stack = grammar_stack.initial_stack(grammar)
  for position, uniform in enumerate(uniforms.tolist()):
    outcomes, ends = grammar_stack.choices(grammar, stack)
    outcome = outcomes[bisect.bisect_right(ends, uniform)]
    stack, distance = grammar_stack.advance(grammar, stack, outcome, position)
    rows.append((*outcome[:3], distance))
  return _sample(rows)


def annotate(grammar: Grammar, words: Sequence[str]) -> Sample | None:
  """Returns the true facts of these words, as `sample` does of its own.

  Args:
    grammar: the grammar to parse with.
    words: all words since the start of a sentence; "<eos>" starts another.

  Returns:
    One entry per word, or None if the grammar cannot produce `words`.
  """
  followed = _follow(grammar, words)
  return None if followed is None else _sample(followed[0])


def next_distribution(
  grammar: Grammar, words: Sequence[str]
) -> dict[str, float] | None:
  """Computes the exact distribution of the next word.

  Args:
    grammar: the grammar to parse with.
    words: all words since the start of a sentence, oldest first; "<eos>"
      starts another.

  Returns:
    Each possible next word with its probability, or None if the grammar
    cannot produce `words`.
  """
  followed = _follow(grammar, words)
  if followed is None:
    return None
  outcomes, _ = grammar_stack.choices(grammar, followed[1])
  return {grammar.words[o.word]: o.probability for o in outcomes}


def entropy_rate(grammar: Grammar) -> float:
  """Computes the entropy of the source in nats per token, "<eos>" included.

  Sentences are independent, so it is the entropy of a sentence divided by its
  expected number of tokens. As the next word determines the line, a sentence
  has one derivation, and its entropy is that of the lines taken: H(A) = sum
  over lines of p (-ln p + sum over the symbols B of the line of H(B)). The
  number of words is the same sum, with a line's words in place of -ln p.
  """
  all_lines = grammar.rules.values()
  choice = [-sum(p * math.log(p) for p, _ in lines) for lines in all_lines]
  words = [
    sum(p * sum(part.symbol in grammar.ids for part in ps) for p, ps in lines)
    for lines in all_lines
  ]
  system = np.eye(len(all_lines)) - expected_uses(grammar.rules)
  start = list(grammar.rules).index(grammar.start)
  entropy, length = (np.linalg.solve(system, x)[start] for x in (choice, words))
  return float(entropy / (length + 1))


def _sample(rows: list[tuple[int, float, int, int]]) -> Sample:
  """Makes a sample of rows (word, probability, kind, distance)."""
  words, probabilities, kinds, distances = zip(*rows) if rows else ((),) * 4
  return Sample(
    words_ids=np.array(words, np.int32),
    log_probs=np.log(np.array(probabilities, np.float64)),
    kinds=np.array(kinds, np.int8),
    distances=np.array(distances, np.int32),
  )


def _follow(
  grammar: Grammar, words: Sequence[str]
) -> tuple[list[tuple[int, float, int, int]], Stack] | None:
  """Returns rows for `_sample` and the stack, or None for impossible words."""
  rows = []
  stack = grammar_stack.initial_stack(grammar)
  for position, word in enumerate(words):
    outcomes, _ = grammar_stack.choices(grammar, stack)
    taken = [o for o in outcomes if grammar.words[o.word] == word]
    if not taken:
      return None
    stack, distance = grammar_stack.advance(grammar, stack, taken[0], position)
    rows.append((*taken[0][:3], distance))
  return rows, stack
