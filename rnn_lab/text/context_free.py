"""Weighted context-free rules: reading them, and what has to hold of them.

Aho, Lam, Sethi & Ullman, "Compilers", 2nd edition, 2006, section 4.4 (FIRST,
FOLLOW, LL(1)); Grenander, "Syntax-controlled probabilities", 1967 (expected
values by linear equations).
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

EOS = "<eos>"
# What rules write after "@", and the index into `grammar.KINDS` it stands for.
KIND_OF_MARK = {"agreement": 1, "across": 2, "closing": 3, "topic": 4}


class Part(NamedTuple):
  """One symbol of a right-hand side, with its marks `!` and `@` read."""

  symbol: str
  decides: bool
  kind: int


class Line(NamedTuple):
  """One right-hand side of a symbol, with its probability."""

  probability: float
  parts: tuple[Part, ...]


Lines = Mapping[str, tuple[Line, ...]]


def read_rules(rules: Mapping[str, Mapping[str, float]]) -> Lines:
  """The lines of each symbol, from the notation of `grammar_rules`.

  Args:
    rules: for each symbol its right-hand sides and their weights, above 0,
      which are divided by their sum.
  """
  return {symbol: _read_lines(lines) for symbol, lines in rules.items()}


def _read_lines(lines: Mapping[str, float]) -> tuple[Line, ...]:
  total = math.fsum(lines.values())
  return tuple(
    Line(weight / total, tuple(_read_part(part) for part in line.split()))
    for line, weight in lines.items()
  )


def _read_part(text: str) -> Part:
  symbol, _, mark = text.partition("@")
  kind = KIND_OF_MARK[mark] if mark else 0
  return Part(symbol.removesuffix("!"), symbol.endswith("!"), kind)


def nullable_symbols(rules: Lines) -> frozenset[str]:
  """The symbols that can be written as no word at all."""
  found: set[str] = set()
  size = -1
  while size < len(found):
    size = len(found)
    for symbol, lines in rules.items():
      if any(_all_in(found, parts) for _, parts in lines):
        found.add(symbol)
  return frozenset(found)


def _all_in(symbols: set[str], parts: tuple[Part, ...]) -> bool:
  return all(part.symbol in symbols for part in parts)


def _first_words(rules: Lines, nullable: frozenset[str]) -> dict[str, set[str]]:
  """FIRST of each symbol that has rules: the words it can begin with."""
  first: dict[str, set[str]] = {symbol: set() for symbol in rules}
  before = -1
  while before < (now := sum(map(len, first.values()))):
    before = now
    for symbol, lines in rules.items():
      for _, parts in lines:
        first[symbol] |= _first_of(parts, first, nullable)
  return first


def _first_of(
  parts: tuple[Part, ...],
  first: Mapping[str, set[str]],
  nullable: frozenset[str],
) -> set[str]:
  words: set[str] = set()
  for part in parts:
    words |= first.get(part.symbol, {part.symbol})
    if part.symbol not in nullable:
      break
  return words


def _following_words(
  rules: Lines,
  start: str,
  first: Mapping[str, set[str]],
  nullable: frozenset[str],
) -> dict[str, set[str]]:
  """FOLLOW of each symbol: the words that can come right after it."""
  follow: dict[str, set[str]] = {symbol: set() for symbol in rules}
  follow[start].add(EOS)
  before = -1
  while before < (now := sum(map(len, follow.values()))):
    before = now
    for symbol, lines in rules.items():
      for _, parts in lines:
        for i, part in enumerate(parts):
          if part.symbol not in rules:
            continue
          rest = parts[i + 1 :]
          follow[part.symbol] |= _first_of(rest, first, nullable)
          if _all_in(nullable, rest):
            follow[part.symbol] |= follow[symbol]
  return follow


def check_deterministic(rules: Lines, start: str) -> None:
  """Checks that the next word always tells which line of a symbol was taken.

  The LL(1) condition: no two lines of a symbol begin with the same word; at
  most one line can be empty; and a symbol that can be empty never begins with
  a word that may also come after it. Also checked: a word that decides is the
  first of its line, or its place could not be handed on.

  Raises:
    ValueError: it does not hold; the message names the symbol.
  """
  nullable = nullable_symbols(rules)
  first = _first_words(rules, nullable)
  follow = _following_words(rules, start, first, nullable)
  for symbol, lines in rules.items():
    seen = set(follow[symbol]) if symbol in nullable else set()
    empty = 0
    for _, parts in lines:
      words = _first_of(parts, first, nullable)
      if seen & words:
        raise ValueError(f"{symbol}: {min(seen & words)!r} does not tell")
      seen |= words
      empty += _all_in(nullable, parts)
      if any(part.decides for part in parts[1:]):
        raise ValueError(f"{symbol}: a word that decides has to come first")
    if empty > 1:
      raise ValueError(f"{symbol}: two lines can be empty")


def expected_uses(rules: Lines) -> np.ndarray:
  """Matrix [K, K]: how often line by line one symbol asks for another.

  Row i, column j: the expected number of symbols j in a line of symbol i.
  """
  index = {symbol: i for i, symbol in enumerate(rules)}
  uses = np.zeros((len(rules), len(rules)))
  for symbol, lines in rules.items():
    for probability, parts in lines:
      for part in parts:
        if part.symbol in index:
          uses[index[symbol], index[part.symbol]] += probability
  return uses


def check_subcritical(rules: Lines) -> None:
  """Checks that sentences end: recursion dies out, with a finite mean.

  The spectral radius of `expected_uses` has to be below 1.

  Raises:
    ValueError: it is not.
  """
  radius = np.abs(np.linalg.eigvals(expected_uses(rules))).max()
  if not radius < 1 - 1e-9:
    raise ValueError(f"sentences do not end: spectral radius {radius:.3f}")


def mean_length(rules: Lines, start: str) -> float:
  """Expected words of a sentence, without "<eos>"."""
  words = [
    sum(p * sum(part.symbol not in rules for part in ps) for p, ps in lines)
    for lines in rules.values()
  ]
  return _total(rules, start, words)


def mean_entropy(rules: Lines, start: str) -> float:
  """Entropy of a sentence in nats.

  Where the next word tells the line, a sentence has one derivation, and its
  entropy is that of the lines taken: H(A) = sum over lines of p (-ln p + sum
  over the symbols B of the line of H(B)).
  """
  choice = [-sum(p * math.log(p) for p, _ in lines) for lines in rules.values()]
  return _total(rules, start, choice)


def _total(rules: Lines, start: str, own: list[float]) -> float:
  """What a symbol and all that comes from it add up to: (I - uses) x = own."""
  system = np.eye(len(rules)) - expected_uses(rules)
  return float(np.linalg.solve(system, own)[list(rules).index(start)])
