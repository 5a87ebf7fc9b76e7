"""Parses a grammar from left to right with a stack of the symbols to come.

Reading a word pops symbols off the stack and pushes others. The possible next
words depend on the top of the stack, down to the first symbol that cannot be
empty, and are computed once for each such top.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnn_lab.text import context_free
from rnn_lab.text.context_free import EOS, Line, Part


class Outcome(NamedTuple):
  """One possible next word and its effect on the stack.

  Attributes:
    word: its id.
    probability: of this word, given the stack.
    kind: index into KINDS.
    pops: the number of symbols popped, at least 1.
    pushes: the symbols pushed, the deepest first, each with whether it depends
      on this word; if not, it depends on the same word as the last symbol
      popped.
  """

  word: int
  probability: float
  kind: int
  pops: int
  pushes: tuple[tuple[Part, bool], ...]


class Choices(NamedTuple):
  """The possible next words and, but for the last, cumulative probabilities."""

  outcomes: tuple[Outcome, ...]
  ends: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Grammar:
  """A probabilistic LL(1) grammar, made by `make_grammar`.

  Attributes:
    start: the symbol of a sentence.
    rules: the lines of each symbol; a symbol without lines is a word.
    words: id -> word; 0 is "<eos>".
    ids: word -> id.
    nullable: the symbols that can derive the empty string.
    choices: a cache of the choices for each top of a stack.
  """

  start: str
  rules: Mapping[str, tuple[Line, ...]]
  words: tuple[str, ...]
  ids: Mapping[str, int]
  nullable: frozenset[str]
  choices: dict[tuple[Part, ...], Choices]


# The top symbol, the position of the word it depends on, and the stack below.
Stack = tuple[Part, int, "Stack | None"]


def make_grammar(
  rules: Mapping[str, Mapping[str, float]], start: str
) -> Grammar:
  """Makes a grammar from the right-hand sides of each symbol and their weights.

  Every sentence ends in "<eos>", which the rules do not mention.

  Args:
    rules: in the notation of `grammar_rules`.
    start: the symbol of a sentence.

  Raises:
    ValueError: the next word does not always determine which right-hand side
      was taken, or sentences have no finite mean length.
  """
  read = context_free.read_rules(rules)
  context_free.check_deterministic(read, start)
  context_free.check_subcritical(read)
  parts = [part for lines in read.values() for _, ps in lines for part in ps]
  words = (EOS, *dict.fromkeys(p.symbol for p in parts if p.symbol not in read))
  ids = {word: i for i, word in enumerate(words)}
  nullable = context_free.nullable_symbols(read)
  return Grammar(start, read, words, ids, nullable, {})


def initial_stack(grammar: Grammar) -> Stack:
  """Returns the stack before the first word of a sentence."""
  # The positions are placeholders: no symbol here depends on a word.
  return Part(grammar.start), 0, (Part(EOS), 0, None)


def advance(
  grammar: Grammar, stack: Stack, outcome: Outcome, position: int
) -> tuple[Stack, int]:
  """Returns the stack after a word, and how far back its cause is."""
  cause = position
  rest: Stack | None = stack
  for _ in range(outcome.pops):
    assert rest is not None  # "<eos>", the lowest symbol, is popped last
    _, cause, rest = rest
  for part, depends_on_this in outcome.pushes:
    rest = (part, position if depends_on_this else cause, rest)
  return rest or initial_stack(grammar), position - cause if outcome.kind else 0


def choices(grammar: Grammar, stack: Stack) -> Choices:
  """Returns the possible next words, cached by the top of the stack."""
  key: tuple[Part, ...] = ()
  rest: Stack | None = stack
  while not key or key[-1].symbol in grammar.nullable:
    assert rest is not None  # "<eos>", the lowest symbol, is not nullable
    top, _, rest = rest
    key += (top,)
  if key not in grammar.choices:
    outcomes = tuple(_outcomes(grammar, key))
    ends = itertools.accumulate(o.probability for o in outcomes[:-1])
    grammar.choices[key] = Choices(outcomes, tuple(ends))
  return grammar.choices[key]


def _outcomes(grammar: Grammar, tops: tuple[Part, ...]) -> Iterator[Outcome]:
  """Yields every next word, which begins one symbol after empty ones."""
  before = 1.0
  for pops, part in enumerate(tops, 1):
    for word, probability, kind, pushes in _beginnings(grammar, part):
      word_id = grammar.ids[word]
      yield Outcome(word_id, before * probability, kind, pops, pushes)
    before *= _empty(grammar, part)


def _beginnings(grammar: Grammar, part: Part) -> Iterator[tuple]:
  """Yields (word, probability, kind, pushes) for each word in FIRST."""
  if part.symbol not in grammar.rules:
    yield part.symbol, 1.0, part.kind, ()
  for probability, parts in grammar.rules.get(part.symbol, ()):
    for i, child in enumerate(parts):
      rest = tuple((p, child.decides) for p in reversed(parts[i + 1 :]))
      for word, p, kind, pushes in _beginnings(grammar, child):
        yield word, probability * p, kind or part.kind, rest + pushes
      probability *= _empty(grammar, child)
      if child.symbol not in grammar.nullable:
        break


def _empty(grammar: Grammar, part: Part) -> float:
  """Returns the probability that a symbol derives the empty string."""
  total = 0.0
  if part.symbol in grammar.nullable:
    for probability, parts in grammar.rules[part.symbol]:
      if all(p.symbol in grammar.nullable for p in parts):
        for child in parts:
          probability *= _empty(grammar, child)
        total += probability
  return total
