"""Sentences from a grammar whose next word has a known distribution.

A probabilistic context-free grammar that is LL(1): whenever a symbol has
several right-hand sides, the next word tells which one was taken. So the words
so far fix the stack of symbols still to be written, and

  p(word | all words before) = p(word | stack)

is computed exactly. Its entropy rate is what no model can beat.
"""

import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.errors import check_int
from rnn_lab.text import context_free, grammar_stack
from rnn_lab.text.grammar_rules import RULES
from rnn_lab.text.grammar_stack import Grammar, Stack, make_grammar

KINDS = (
  "local",
  "agreement",
  "agreement across a clause",
  "closing mark",
  "topic",
)


class Sample(NamedTuple):
  """A text from a grammar, with the truth about each of its N tokens.

  Attributes:
    words_ids: int32 [N], index into grammar.words.
    log_probs: float64 [N], natural log of p(token | all tokens before).
    kinds: int8 [N], index into KINDS.
    distances: int32 [N], tokens from the word that decides this one to this
      one, 1 if it comes right after; 0 where the kind is "local".
  """

  words_ids: np.ndarray
  log_probs: np.ndarray
  kinds: np.ndarray
  distances: np.ndarray


def sample(grammar: Grammar, seed: int, stream: int, size: int) -> Sample:
  """A text of `size` tokens: sentence after sentence, the last one cut.

  Token i is a function of (seed, stream) and the first i + 1 numbers of their
  bit stream, so that a shorter text is the beginning of a longer one. The
  raw bits of PCG64 are the same in every version of numpy and on every
  machine; what is drawn from them is computed here.

  Args:
    grammar: where the sentences come from.
    seed: from 0 to 2^32 - 1.
    stream: from 0 to 2^32 - 1; streams of one seed are independent (0 for
      training, 1 for validation, 2 for the test).
    size: N, tokens, each sentence's "<eos>" being one.

  Raises:
    FieldError: an argument is not what it may be.
  """
  check_int("seed", seed, 0, 2**32 - 1)
  check_int("stream", stream, 0, 2**32 - 1)
  check_int("size", size, 0)
  bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
  uniforms = (bits.random_raw(size) >> np.uint64(11)) * 2.0**-53
  rows = []
  stack = None
  for place, uniform in enumerate(uniforms.tolist()):
    stack = stack or grammar_stack.sentence(grammar)
    outcomes, ends = grammar_stack.choices(grammar, stack)
    outcome = outcomes[bisect.bisect_right(ends, uniform)]
    stack, distance = grammar_stack.advance(stack, outcome, place)
    rows.append((outcome.word, outcome.probability, outcome.kind, distance))
  return _sample(rows)


def annotate(grammar: Grammar, words: Sequence[str]) -> Sample | None:
  """The truth about each of these words, as `sample` gives it for its own.

  Args:
    grammar: what the words are read by.
    words: the words since the start of a sentence; after "<eos>" another
      sentence begins.

  Returns:
    One entry a word, or None where the grammar cannot produce `words`.
  """
  followed = _follow(grammar, words)
  return None if followed is None else _sample(followed[0])


def next_distribution(
  grammar: Grammar, words: Sequence[str]
) -> dict[str, float] | None:
  """The exact distribution of the next word.

  Args:
    grammar: where the sentences come from.
    words: all words since the start of a sentence, oldest first; after
      "<eos>" another sentence begins.

  Returns:
    Each possible next word with its probability, or None where the grammar
    cannot produce `words`.
  """
  followed = _follow(grammar, words)
  if followed is None:
    return None
  outcomes, _ = grammar_stack.choices(grammar, followed[1])
  return {grammar.words[o.word]: o.probability for o in outcomes}


def entropy_rate(grammar: Grammar) -> float:
  """The entropy of the source, nats per token ("<eos>" is a token).

  Sentences are independent, so this is the entropy of a sentence over its
  expected number of tokens, both by linear equations over the rules.
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
  """(what `_sample` takes, the stack after `words`), None: impossible."""
  rows = []
  stack = grammar_stack.sentence(grammar)
  for place, word in enumerate(words):
    outcomes, _ = grammar_stack.choices(grammar, stack)
    taken = [o for o in outcomes if grammar.words[o.word] == word]
    if not taken:
      return None
    stack, distance = grammar_stack.advance(stack, taken[0], place)
    stack = stack or grammar_stack.sentence(grammar)
    rows.append((taken[0].word, taken[0].probability, taken[0].kind, distance))
  return rows, stack


ENGLISH = make_grammar(RULES, "sentence")
