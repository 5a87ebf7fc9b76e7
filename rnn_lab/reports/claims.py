"""Statements of a textbook, evaluated on the numbers of a sweep.

A claim is [sentence, left, op, right]. Each side is a number, or words:

  [TASK /] SERIES [@ X] [: WHICH] [* FACTOR]

SERIES is a trial's series, X the value of the swept field where one was swept:
"LSTM", "LSTM @ 100". That alone is the mean over seeds of the headline metric.
A sweep over several tasks needs the TASK, too: "adding / LSTM @ 100". WHICH is
another number of the trial. Of a task that has a goal (rnn_lab.reports.goals):

  "LSTM @ 100: solved"  share of the seeds that solved the task

Of a task whose predicted sequences are scored:

  "LSTM: longest"       the headline metric on the longest inputs of the test
  "LSTM: shortest"      split, or on the shortest: the last and the first bin
                        of rnn_lab.reports.lengths

Of forecasts:

  "LSTM: horizons"      share of the horizons, from 1 to the task's, at which
                        the mean error is below that of every baseline

Of a language model:

  "LSTM: topic"         perplexity on one kind of word
  "LSTM: context 16"    perplexity after 16 tokens of context
  "LSTM: bytes"         or parameters, or ngrams

Of a gradient study, at initialisation or, followed by ", trained", after
training (see `rnn_lab.reports.gradients.numbers.NUMBERS`):

  "LSTM: gradient left"          or factor a step, Lyapunov exponent, half-life
  "LSTM: gradient left, trained"

"floor" in place of a series is the best possible test perplexity, and
"floor: topic" that on one kind of word. FACTOR is a number:
"LSTM" "<=" "floor * 1.05", "LSTM: bytes" "<" "5-gram: bytes * 0.1".

A claim about a mean that is not finite cannot be evaluated.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.reports.claim_numbers import (
  Number,
  floor_of,
  number_of,
  shown_as_headline,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.parts import Part

HOLDS = "holds"
FAILS = "does not hold"
NOT_RUN = "not run"
# Of trials that ran and have no finite number.
UNKNOWN = "cannot be evaluated"

_OPERATORS = {
  "<": operator.lt,
  "<=": operator.le,
  ">": operator.gt,
  ">=": operator.ge,
}
_FLOOR = "floor"


class Evaluation(NamedTuple):
  """A claim, its verdict, and the comparison as words.

  `notes` explain the numbers that it compares.
  """

  sentence: str
  verdict: str
  left: str
  left_number: str
  op: str
  right: str
  right_number: str
  notes: Sequence[str]


class _Side(NamedTuple):
  name: str
  number: Number
  ran: bool


def evaluate(
  claims: Sequence[Sequence[Any]], parts: Sequence[Part]
) -> list[Evaluation]:
  """Evaluates each claim [sentence, left, op, right].

  Args:
    claims: left and right as above; op is <, <=, > or >=.
    parts: the trials by task.

  Raises:
    FieldError: a claim has another shape or another operator.
  """
  evaluations = []
  for claim in claims:
    if len(claim) != 4:
      raise FieldError(
        "claims", f"{{field}} must be [sentence, left, op, right], got {claim}"
      )
    sentence, left, op, right = claim
    check_choice("claims", op, _OPERATORS)
    a, b = _side(left, right, parts), _side(right, left, parts)
    if not (a.ran and b.ran):
      verdict = NOT_RUN
    elif a.number.value is None or b.number.value is None:
      verdict = UNKNOWN
    else:
      holds = _OPERATORS[op](a.number.value, b.number.value)
      verdict = HOLDS if holds else FAILS
    words = (a.name, a.number.words, op, b.name, b.number.words)
    notes = dict.fromkeys(filter(None, (a.number.note, b.number.note)))
    evaluations.append(Evaluation(sentence, verdict, *words, tuple(notes)))
  return evaluations


def _side(side: Any, other: Any, parts: Sequence[Part]) -> _Side:
  if isinstance(side, int | float):
    # Formatted like the number that it is compared with.
    part, text = _of_task(other, parts)
    compared = part and _of_series(text, part)
    show = compared.number.show if compared else shown_as_headline(part)
    is_plain = compared and compared.number.is_plain
    words = f"{side:g}" if is_plain else show(side)
    return _Side("", Number(side, words, show), True)
  part, text = _of_task(side, parts)
  series = part and _of_series(text, part)
  if not series:
    number = Number(None, "no such trial", shown_as_headline(part))
    return _Side(side, number, False)
  return series._replace(name=side.removesuffix(text) + series.name)


def _of_task(side: Any, parts: Sequence[Part]) -> tuple[Part | None, str]:
  """The part that "TASK / ..." names, or the only one, and the rest."""
  text = str(side)
  for part in parts:
    if text.startswith(f"{part.task} / "):
      return part, text.removeprefix(f"{part.task} / ")
  return (parts[0] if len(parts) == 1 else None), text


def _of_series(side: str, part: Part) -> _Side | None:
  """A side without its task; None if no trial has that name."""
  layout = part
  text, factor = side, None
  if not _trials(side, layout):
    head, _, tail = side.rpartition(" * ")
    factor = _number(tail) if head else None
    text = side if factor is None else head
  name, which = text, ""
  if not _trials(text, layout) and ": " in text:
    name, _, which = text.rpartition(": ")
  trials = _trials(name, layout)
  if not trials:
    return None
  if _is_floor(name, layout):
    shown, number = "best possible", floor_of(part, trials, which)
  else:
    shown, number = name, number_of(part, trials[0], which)
  if which:
    shown += f": {which}"
  if factor is not None:
    shown += f" × {factor:g}"
    if number.value is not None:
      value = number.value * factor
      number = number._replace(value=value, words=number.show(value))
  ran = any(trial.result is not None for trial in trials)
  return _Side(shown, number, ran)


def _trials(name: str, layout: Part) -> list[Trial]:
  """The trial called "SERIES" or "SERIES @ X"; of the floor, all it has."""
  head, _, tail = name.rpartition(" @ ")
  series, at = name, None
  if layout.x is not None and head:
    series, at = head, _number(tail)
  if series in layout.series:
    trial = layout.series[series].get(at)
    return [trial] if trial else []
  if series != _FLOOR:
    return []
  if at is None:
    return [t for _, _, t in layout.cells]
  return [line[at] for line in layout.series.values() if at in line]


def _is_floor(name: str, layout: Part) -> bool:
  series = name.rpartition(" @ ")[0] or name
  return series == _FLOOR and _FLOOR not in layout.series


def _number(text: str) -> float | None:
  try:
    return float(text)
  except ValueError:
    return None
