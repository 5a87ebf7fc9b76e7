"""A grammar read from left to right: the stack of what is still to come.

Reading one word takes symbols off the stack and puts others onto it. What can
come next follows from the top of the stack, down to the first symbol that
cannot be empty, and is computed once for each such top.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnn_lab.text import context_free
from rnn_lab.text.context_free import EOS, Line, Part


class Outcome(NamedTuple):
  """What one possible next word does to the stack.

  Attributes:
    word: its id.
    probability: of this word, given the stack.
    kind: index into KINDS.
    pops: how many symbols leave the stack, at least 1.
    pushes: the symbols that come onto it, the deepest first, each with
      whether this word decides it; if not, it depends on the word that the
      last symbol to leave depended on.
  """

  word: int
  probability: float
  kind: int
  pops: int
  pushes: tuple[tuple[Part, bool], ...]


class Choices(NamedTuple):
  """The possible next words, and where in [0, 1) each but the last ends."""

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
    nullable: the symbols that can be written as no word at all.
    choices: for each top of a stack met so far, its choices (a cache).
  """

  start: str
  rules: Mapping[str, tuple[Line, ...]]
  words: tuple[str, ...]
  ids: Mapping[str, int]
  nullable: frozenset[str]
  choices: dict[tuple[Part, ...], Choices]


# The symbol on top, the place of the word it depends on, and what is below.
Stack = tuple[Part, int, "Stack | None"]


def make_grammar(
  rules: Mapping[str, Mapping[str, float]], start: str
) -> Grammar:
  """A grammar from rules in the notation of `grammar_rules`, checked.

  Every sentence ends in "<eos>", which the rules do not mention.

  Args:
    rules: for each symbol its right-hand sides and their weights.
    start: the symbol of a sentence.

  Raises:
    ValueError: the next word would not always tell which right-hand side was
      taken, or sentences would have no finite mean length.
  """
  read = context_free.read_rules(rules)
  context_free.check_deterministic(read, start)
  context_free.check_subcritical(read)
  parts = [part for lines in read.values() for _, ps in lines for part in ps]
  found = dict.fromkeys(p.symbol for p in parts if p.symbol not in read)
  words = (EOS, *found)
  return Grammar(
    start=start,
    rules=read,
    words=words,
    ids={word: i for i, word in enumerate(words)},
    nullable=context_free.nullable_symbols(read),
    choices={},
  )


def sentence(grammar: Grammar) -> Stack:
  """The stack before a sentence's first word; nothing depends on place 0."""
  end = (Part(EOS, False, 0), 0, None)
  return (Part(grammar.start, False, 0), 0, end)


def advance(
  stack: Stack, outcome: Outcome, place: int
) -> tuple[Stack | None, int]:
  """The stack after a word at `place`, and how far back its cause was."""
  decided_at = place
  for _ in range(outcome.pops):
    _, decided_at, stack = stack
  for part, decided_here in outcome.pushes:
    stack = (part, place if decided_here else decided_at, stack)
  return stack, place - decided_at if outcome.kind else 0


def choices(grammar: Grammar, stack: Stack) -> Choices:
  """What can come next, looked up by the part of the stack that matters."""
  top = stack[0]
  key = (top,)
  below = stack[2]
  while top.symbol in grammar.nullable:
    top, _, below = below
    key += (top,)
  found = grammar.choices.get(key)
  if found is None:
    outcomes = tuple(_outcomes(grammar, key))
    ends = itertools.accumulate(o.probability for o in outcomes[:-1])
    found = grammar.choices[key] = Choices(outcomes, tuple(ends))
  return found


def _outcomes(grammar: Grammar, tops: tuple[Part, ...]) -> Iterator[Outcome]:
  """Every next word: the symbols before `pops` are empty, that one begins."""
  before = 1.0
  for pops, part in enumerate(tops, 1):
    for word, probability, kind, pushes in _beginnings(grammar, part):
      word_id = grammar.ids[word]
      yield Outcome(word_id, before * probability, kind, pops, pushes)
    before *= _empty(grammar, part)


def _beginnings(grammar: Grammar, part: Part) -> Iterator[tuple]:
  """(word, probability, kind, what is still to come) for all of FIRST."""
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
  """The probability that a symbol is written as no word at all."""
  total = 0.0
  if part.symbol in grammar.nullable:
    for probability, parts in grammar.rules[part.symbol]:
      if all(p.symbol in grammar.nullable for p in parts):
        for child in parts:
          probability *= _empty(grammar, child)
        total += probability
  return total
