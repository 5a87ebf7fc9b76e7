"""Statements of a textbook, evaluated on the numbers of a sweep.

A claim is {"sentence", "left", "op", "right"}, as configs/claims.py makes it.
Each side is a number, or says where one is found: "series", which the best
possible perplexity has none of; "task", where the sweep has several; "x", where
a field was swept; "number", of those in `rnn_lab.reports.claim_numbers`, or
without it the mean over seeds of the headline metric; "where", a part of that
number; and "times", a factor.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import (
  FieldError,
  check_choice,
  check_fields,
  check_float,
  check_text,
  in_section,
)
from rnn_lab.reports.arrange import say
from rnn_lab.reports.claim_numbers import BEST, NUMBERS, PLAIN, Number, shown
from rnn_lab.reports.goals import OPERATORS
from rnn_lab.reports.parts import Part
from rnn_lab.reports.trial import Trial

HOLDS = "holds"
FAILS = "does not hold"
NOT_RUN = "not run"
# Of trials that ran and have no finite number.
UNKNOWN = "cannot be evaluated"

_FIELDS = ("sentence", "left", "op", "right")


class Evaluation(NamedTuple):
  """A claim, its verdict, and the numbers that it compares."""

  sentence: str
  verdict: str
  left: Number
  op: str
  right: Number


def evaluate(claims: Sequence[Any], parts: Sequence[Part]) -> list[Evaluation]:
  """Evaluates claims, as above, on the trials by task.

  A list is a claim of an earlier version, and cannot be evaluated.

  Raises:
    FieldError: see `check_claims`.
  """
  check_claims(claims)
  return [
    _earlier(claim) if isinstance(claim, list) else _evaluate(claim, parts)
    for claim in claims
  ]


def check_claims(claims: Sequence[Any]) -> None:
  """Raises FieldError for a field of a claim that is missing or wrong."""
  for i, claim in enumerate(claims):
    if isinstance(claim, list):
      continue
    with in_section(f"claims[{i}]"):
      if not isinstance(claim, Mapping):
        raise FieldError("sentence", f"{{field}} is required, got {claim!r}")
      check_fields(claim, _FIELDS, _FIELDS)
      check_text("sentence", claim["sentence"])
      check_choice("op", claim["op"], OPERATORS)
      for name in ("left", "right"):
        _check_side(name, claim[name])


def _check_side(name: str, side: Any) -> None:
  if isinstance(side, int | float):
    return
  if not isinstance(side, Mapping):
    raise FieldError(
      name,
      f"{{field}} must be a number or an object that names one, got {side!r}",
    )
  needed = () if side.get("number") == BEST else ("series",)
  with in_section(name):
    known = ("task", "x", "number", "where", "times", *needed)
    check_fields(side, known, needed)
    for field in side:
      check = check_float if field in ("x", "times") else check_text
      check(field, side[field])
    number, where = side.get("number", ""), side.get("where", "")
    if number:
      check_choice("number", number, filter(None, NUMBERS))
    allowed = NUMBERS[number].where
    if allowed is None and number != BEST:
      check_text("where", where)
    if allowed and where not in allowed:
      words = " or ".join(map(repr, allowed))
      raise FieldError("where", f"{{field}} must be {words}, got {where!r}")


def _earlier(claim: list[Any]) -> Evaluation:
  sentence, left, op, right = [*map(str, claim), "", "", "", ""][:4]
  number = Number(None, "written by an earlier version", name=left)
  return Evaluation(sentence, UNKNOWN, number, op, Number(None, right))


def _evaluate(claim: Mapping[str, Any], parts: Sequence[Part]) -> Evaluation:
  sentence, left, op, right = (claim[field] for field in _FIELDS)
  a, b = _number(left, right, parts), _number(right, left, parts)
  if not (a.ran and b.ran):
    verdict = NOT_RUN
  elif a.value is None or b.value is None:
    verdict = UNKNOWN
  else:
    verdict = HOLDS if OPERATORS[op](a.value, b.value) else FAILS
  return Evaluation(sentence, verdict, a, op, b)


def _number(side: Any, other: Any, parts: Sequence[Part]) -> Number:
  if not isinstance(side, Mapping):
    # Formatted as the number that it is compared with.
    other = other if isinstance(other, Mapping) else {}
    name = other.get("number", "")
    is_plain = NUMBERS[name].form == PLAIN
    like = shown(side, name, _part(other, parts))
    return Number(side, f"{side:g}" if is_plain else like)
  part, name = _part(side, parts), side.get("number", "")
  trials = _trials(side, part)
  if part is None or not trials:
    words = "no such trial"
    if part and "x" not in side and side.get("series") in part.series:
      words = f"no x is given, of {', '.join(map(say, part.xs))}"
    return Number(None, words, name=_words(side), ran=False)
  ran = any(trial.result is not None for trial in trials)
  number = NUMBERS[name].find(part, trials, side.get("where", ""))
  if number is None:
    number = Number(None, "no such number" if ran else trials[0].status)
  if number.value is not None and ("times" in side or not number.words):
    value = number.value * side.get("times", 1.0)
    number = number._replace(value=value, words=shown(value, name, part))
  return number._replace(name=_words(side), ran=ran)


def _part(side: Mapping[str, Any], parts: Sequence[Part]) -> Part | None:
  if "task" in side:
    parts = [part for part in parts if part.task == side["task"]]
  return parts[0] if len(parts) == 1 else None


def _trials(side: Mapping[str, Any], part: Part | None) -> list[Trial]:
  """The trial that a side names; of the best possible number, all it is of."""
  lines = part.series if part else {}
  names = [side["series"]] if "series" in side else [*lines]
  every = not side.keys() & {"series", "x"}
  return [
    trial
    for name in names
    for x, trial in lines.get(name, {}).items()
    if every or x == side.get("x")
  ]


def _words(side: Mapping[str, Any]) -> str:
  """Says "adding / LSTM at 50: perplexity by kind, topic × 0.02"."""
  number = side.get("number", "").replace("_", " ")
  which = [number if "series" in side else "", side.get("where", "")]
  words = side.get("series", number)
  if "task" in side:
    words = f"{side['task']} / {words}"
  if "x" in side:
    words += f" at {say(side['x'])}"
  if any(which):
    words += ": " + ", ".join(filter(None, which))
  return f"{words} × {side['times']:g}" if "times" in side else words
