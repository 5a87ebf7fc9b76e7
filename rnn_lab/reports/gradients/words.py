"""Numbers of a gradient study as words: from 10⁻³⁰⁰ up, best and worst."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from rnn_lab.reports.numbers import significant

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent: int) -> str:
  """Formats 10⁻⁹; 1 and 10 as they are."""
  if exponent in (0, 1):
    return "10" if exponent else "1"
  return "10" + str(exponent).translate(_RAISED)


def number(log10: float, digits: int = 2) -> str:
  """Formats 10^log10: some digits near 1, else a power of ten; 0 for zero."""
  if math.isinf(log10):
    return "0" if log10 < 0 else "∞"
  if -2.0 <= log10 < 3.0:
    return significant(10.0**log10, digits)
  return power_of_ten(round(log10))


factor = functools.partial(number, digits=3)


def signed(value: float) -> str:
  """Formats +0.017 or −0.43, with a minus as wide as the plus."""
  if value == -math.inf:
    return "−∞"
  digits = 3 if abs(value) < 0.0995 else 2
  return f"{value:+.{digits}f}".replace("-", "−")


def percent(log10: float) -> str:
  """Formats 10^log10 as 97% or 0.4%; far from one, 10⁻⁷ or 20 times."""
  if log10 < -4.0:
    return number(log10)
  if log10 >= 1.0:
    return f"{number(log10)} times"
  share = 100.0 * 10.0**log10
  return f"{share:.2g}%" if share < 9.95 else f"{share:.0f}%"


def steps(count: float) -> str:
  """Formats 1 step, 47 steps, 1.4 steps, infinitely many steps."""
  if count == math.inf:
    return "infinitely many steps"
  shown = f"{count:.0f}" if count >= 9.95 else f"{count:.2g}"
  return f"{shown} step{'s' * (shown != '1')}"


def ends(counts: Iterable[int], form: str = "") -> str:
  """Formats "23 to 47", or "47" if all are equal."""
  ordered = sorted(counts)
  several = dict.fromkeys((ordered[0], ordered[-1]))
  return " to ".join(f"{n:{form}}" for n in several)


def span(counts: Iterable[int]) -> str:
  """Formats "47 steps" or "23 to 47 steps"."""
  words = ends(counts)
  return f"{words} step{'s' * (words != '1')}"


def from_best_to_worst(
  values: Mapping[str, float],
  say: Callable[[float], str],
  between: str = "down to",
  least_first: bool = False,
) -> str:
  """Formats "0.6 (IRNN) down to 10⁻⁹ (tanh RNN)"; "nothing" without values.

  With `least_first` the smallest value comes first.
  """
  if not values:
    return "nothing"
  ordered = sorted(values, key=values.__getitem__, reverse=not least_first)
  said: dict[str, list[str]] = {}
  for name in ordered:
    said.setdefault(say(values[name]), []).append(name)
  ends = [next(iter(said)), next(reversed(said))]
  if len(said) == 1 and len(ordered) > 1:
    return f"{ends[0]} in all {len(ordered)}"
  words = [f"{end} ({_few(said[end], len(ordered))})" for end in ends]
  return f" {between} ".join(dict.fromkeys(words))


def counted(
  values: Mapping[str, float],
  total: int,
  say: Callable[[float], str],
  extreme: str,
  least: bool = False,
) -> str:
  """Formats "5 of 7 (most: LSTM, −0.43)", "1 of 7 (GRU, −0.1)" or "none".

  Of `total` lines those with values are counted. The line with the largest of
  them is called `extreme`, or with `least` that with the smallest.
  """
  if not values:
    return "none"
  name = (min if least else max)(values, key=values.__getitem__)
  if total == 1:
    return f"{name} ({say(values[name])})"
  count = f"{len(values)} of {total}" if len(values) < total else f"all {total}"
  which = f"{extreme}: {name}" if len(values) > 1 else name
  return f"{count} ({which}, {say(values[name])})"


def _few(names: Sequence[str], total: int) -> str:
  """One or two names; of more their number."""
  return "; ".join(names) if len(names) < 3 else f"{len(names)} of {total}"
