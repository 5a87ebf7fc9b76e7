"""Reads and checks weighted context-free rules.

Aho, Lam, Sethi & Ullman, "Compilers", 2nd edition, 2006, section 4.4 (FIRST,
FOLLOW, LL(1)); Grenander, "Syntax-controlled probabilities", 1967 (expected
values by linear equations).
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

EOS = "<eos>"
# The marks after "@" in rules, and their indices into `grammar.KINDS`.
KIND_OF_MARK = {"agreement": 1, "across": 2, "closing": 3, "topic": 4}


class Part(NamedTuple):
  """One symbol of a right-hand side, with its marks `!` and `@` parsed."""

  symbol: str
  decides: bool = False
  kind: int = 0


class Line(NamedTuple):
  """One right-hand side of a symbol, with its probability."""

  probability: float
  parts: tuple[Part, ...]


Lines = Mapping[str, tuple[Line, ...]]


def read_rules(rules: Mapping[str, Mapping[str, float]]) -> Lines:
  """Parses the notation of `grammar_rules` into the lines of each symbol.

  Args:
    rules: for each symbol its right-hand sides and their positive weights,
      which are divided by their sum.
  """
  result = {}
  for symbol, lines in rules.items():
    total = math.fsum(lines.values())
    result[symbol] = tuple(
      Line(weight / total, tuple(map(_read_part, line.split())))
      for line, weight in lines.items()
    )
  return result


def _read_part(text: str) -> Part:
  symbol, _, mark = text.partition("@")
  kind = KIND_OF_MARK[mark] if mark else 0
  return Part(symbol.removesuffix("!"), symbol.endswith("!"), kind)


def nullable_symbols(rules: Lines) -> frozenset[str]:
  """Returns the symbols that can derive the empty string."""
  nullable: set[str] = set()
  size = -1
  while size < len(nullable):
    size = len(nullable)
    for symbol, lines in rules.items():
      if any(all(part.symbol in nullable for part in ps) for _, ps in lines):
        nullable.add(symbol)
  return frozenset(nullable)


def _first_of(
  parts: tuple[Part, ...],
  first: Mapping[str, set[str]],
  nullable: frozenset[str],
) -> set[str]:
  """Returns the words that `parts` can begin with, given FIRST of symbols."""
  words: set[str] = set()
  for part in parts:
    words |= first.get(part.symbol, {part.symbol})
    if part.symbol not in nullable:
      break
  return words


def _first_and_follow(
  rules: Lines, start: str, nullable: frozenset[str]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
  """Computes the words that begin, and that can follow, each symbol."""
  first: dict[str, set[str]] = {symbol: set() for symbol in rules}
  follow: dict[str, set[str]] = {symbol: set() for symbol in rules}
  follow[start].add(EOS)
  size = -1
  while size < (now := sum(map(len, (*first.values(), *follow.values())))):
    size = now
    for symbol, lines in rules.items():
      for _, parts in lines:
        first[symbol] |= _first_of(parts, first, nullable)
        after = follow[symbol]
        for part in reversed(parts):
          if part.symbol in rules:
            follow[part.symbol] |= after
          beginning = _first_of((part,), first, nullable)
          after = beginning | after if part.symbol in nullable else beginning
  return first, follow


def check_deterministic(rules: Lines, start: str) -> None:
  """Checks that the next word always determines which line was taken.

  The LL(1) condition: no two lines of a symbol begin with the same word; at
  most one line can be empty; and a symbol that can be empty never begins with
  a word that can also follow it. Also checked: a symbol marked with "!" is the
  first of its line, so that its position can be passed to those after it.

  Raises:
    ValueError: a condition does not hold; the message names the symbol.
  """
  nullable = nullable_symbols(rules)
  first, follow = _first_and_follow(rules, start, nullable)
  for symbol, lines in rules.items():
    seen = set(follow[symbol]) if symbol in nullable else set()
    empty = 0
    for _, parts in lines:
      words = _first_of(parts, first, nullable)
      if seen & words:
        word = min(seen & words)
        raise ValueError(f"{symbol}: {word!r} does not determine the line")
      seen |= words
      empty += all(part.symbol in nullable for part in parts)
      if any(part.decides for part in parts[1:]):
        raise ValueError(f"{symbol}: a symbol with '!' must be the first")
    if empty > 1:
      raise ValueError(f"{symbol}: two lines can be empty")


def expected_uses(rules: Lines) -> np.ndarray:
  """Returns [K, K]: the expected number of symbols j in a line of symbol i."""
  index = {symbol: i for i, symbol in enumerate(rules)}
  uses = np.zeros((len(rules), len(rules)))
  for symbol, lines in rules.items():
    for probability, parts in lines:
      for part in parts:
        if part.symbol in index:
          uses[index[symbol], index[part.symbol]] += probability
  return uses


def check_subcritical(rules: Lines) -> None:
  """Checks that sentences have a finite mean length.

  They do if the spectral radius of `expected_uses` is below 1.

  Raises:
    ValueError: it is not.
  """
  radius = np.abs(np.linalg.eigvals(expected_uses(rules))).max()
  if not radius < 1 - 1e-9:
    raise ValueError(
      f"sentences have no finite mean length: spectral radius {radius:.3f}"
    )
