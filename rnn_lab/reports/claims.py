"""Textbook sentences, judged by the numbers of a sweep."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.reports.headline import Headline, measured
from rnn_lab.reports.series import Layout
from rnn_lab.reports.tables import format_entry, format_value

HOLDS = "holds"
FAILS = "does not hold"
NOT_RUN = "not run"
# A trial that ran and lost all its seeds was run: it says nothing either way.
UNJUDGED = "cannot be judged"

_OPERATORS = {
  "<": operator.lt,
  "<=": operator.le,
  ">": operator.gt,
  ">=": operator.ge,
}


class Judgement(NamedTuple):
  """A claim, its verdict, and the comparison as words."""

  sentence: str
  verdict: str
  left: str
  left_number: str
  op: str
  right: str
  right_number: str


class _Side(NamedTuple):
  name: str
  number: float | None
  words: str
  ran: bool


def judge(
  claims: Sequence[Sequence[Any]], layout: Layout, headline: Headline | None
) -> list[Judgement]:
  """Judges each claim [sentence, left, op, right].

  Args:
    claims: left is "SERIES @ X", or "SERIES" where nothing was swept; op is
      <, <=, > or >=; right is another of those, or a number.
    layout: the trials, by series and by x.
    headline: the metric whose mean over seeds is compared.

  Raises:
    FieldError: a claim has another shape or another operator.
  """
  judgements = []
  for claim in claims:
    if len(claim) != 4:
      raise FieldError("claims", claim, "[sentence, left, op, right]")
    sentence, left, op, right = claim
    check_choice("claims", op, _OPERATORS)
    a, b = _side(left, layout, headline), _side(right, layout, headline)
    if not (a.ran and b.ran):
      verdict = NOT_RUN
    elif a.number is None or b.number is None:
      verdict = UNJUDGED
    else:
      verdict = HOLDS if _OPERATORS[op](a.number, b.number) else FAILS
    judgements.append(
      Judgement(sentence, verdict, a.name, a.words, op, b.name, b.words)
    )
  return judgements


def _side(side: Any, layout: Layout, headline: Headline | None) -> _Side:
  if isinstance(side, int | float):
    metric = headline.metric if headline else ""
    return _Side("", side, format_value(side, metric), True)
  if layout.x is None:
    trial = layout.series.get(side, {}).get(None)
  else:
    name, _, at = side.rpartition(" @ ")
    trial = layout.series.get(name, {}).get(_number(at))
  if trial is None:
    return _Side(side, None, "no such trial", False)
  entry = measured(trial, headline.metric) if headline else None
  if entry is None:
    return _Side(side, None, trial.status, trial.result is not None)
  return _Side(side, entry["mean"], format_entry(entry, headline.metric), True)


def _number(text: str) -> float | None:
  try:
    return float(text)
  except ValueError:
    return None
