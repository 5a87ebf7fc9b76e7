"""Sentences from a grammar whose next word has a known distribution.

A probabilistic context-free grammar that is LL(1): if a symbol has several
right-hand sides, the next word determines which one was taken. The words so
far therefore determine the stack of symbols still to be written, and

  p(word | all words before) = p(word | stack)

is computed exactly. Its entropy rate is a lower bound for every model.
"""

import bisect
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.errors import check_int
from rnn_lab.text import context_free, grammar_stack
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
  stack = None
  for position, uniform in enumerate(uniforms.tolist()):
    stack = stack or grammar_stack.initial_stack(grammar)
    outcomes, ends = grammar_stack.choices(grammar, stack)
    outcome = outcomes[bisect.bisect_right(ends, uniform)]
    stack, distance = grammar_stack.advance(stack, outcome, position)
    rows.append((outcome.word, outcome.probability, outcome.kind, distance))
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
  expected number of tokens, both from linear equations over the rules.
  """
  entropy = context_free.mean_entropy(grammar.rules, grammar.start)
  length = context_free.mean_length(grammar.rules, grammar.start)
  return entropy / (length + 1)


def _sample(rows: list[tuple[int, float, int, int]]) -> Sample:
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
  """Returns the rows for `_sample` and the stack after `words`.

  None if the grammar cannot produce them.
  """
  rows = []
  stack = grammar_stack.initial_stack(grammar)
  for position, word in enumerate(words):
    outcomes, _ = grammar_stack.choices(grammar, stack)
    taken = [o for o in outcomes if grammar.words[o.word] == word]
    if not taken:
      return None
    stack, distance = grammar_stack.advance(stack, taken[0], position)
    stack = stack or grammar_stack.initial_stack(grammar)
    rows.append((taken[0].word, taken[0].probability, taken[0].kind, distance))
  return rows, stack
