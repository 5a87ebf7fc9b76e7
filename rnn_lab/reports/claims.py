"""Textbook sentences, judged by the numbers of a sweep.

A claim is [sentence, left, op, right]. Each side is a number, or words:

  [TASK /] SERIES [@ X] [: PART] [* FACTOR]

SERIES is a trial's series, X the value of the swept field where one was swept:
"LSTM", "LSTM @ 100". That alone is the mean over seeds of the headline metric.
A sweep over several tasks needs the TASK, too: "adding / LSTM @ 100". PART is
another number of the trial. Of a task that has a goal (rnn_lab.reports.goals):

  "LSTM @ 100: solved"  share of the seeds that solved the task

Of a language model:

  "LSTM: topic"         perplexity on one kind of word
  "LSTM: context 16"    perplexity after 16 tokens of context
  "LSTM: bytes"         or parameters, or ngrams

Of a gradient study, at initialisation or, with ", trained" behind it, then (see
`rnn_lab.reports.gradients.numbers.NUMBERS`):

  "LSTM: gradient left"          or factor a step, Lyapunov exponent, half-life
  "LSTM: gradient left, trained"

"floor" in place of a series is the best possible test perplexity, and
"floor: topic" that on one kind of word. FACTOR is a number:
"LSTM" "<=" "floor * 1.05", "LSTM: bytes" "<" "5-gram: bytes * 0.1".

A mean that is not finite cannot be judged.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.reports.details import details_of, floors, levels, mean
from rnn_lab.reports.goals import count
from rnn_lab.reports.gradients.numbers import is_study_number, study_number
from rnn_lab.reports.headline import measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.parts import Part
from rnn_lab.reports.series import Layout, all_trials
from rnn_lab.reports.tables import format_measured, format_value

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
_FLOOR = "floor"
_CONTEXT = "context "
_SOLVED = "solved"
_COUNTS = ("bytes", "parameters", "ngrams")


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
  claims: Sequence[Sequence[Any]], parts: Sequence[Part]
) -> list[Judgement]:
  """Judges each claim [sentence, left, op, right].

  Args:
    claims: left and right as above; op is <, <=, > or >=.
    parts: the trials by task, each with the metric that is compared.

  Raises:
    FieldError: a claim has another shape or another operator.
  """
  judgements = []
  for claim in claims:
    if len(claim) != 4:
      raise FieldError("claims", claim, "[sentence, left, op, right]")
    sentence, left, op, right = claim
    check_choice("claims", op, _OPERATORS)
    a, b = _side(left, right, parts), _side(right, left, parts)
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


def _side(side: Any, other: Any, parts: Sequence[Part]) -> _Side:
  if isinstance(side, int | float):
    # Written like the number that it is compared with.
    part, text = _of_task(other, parts)
    which = str(text).rpartition(": ")[2]
    if which == _SOLVED or is_study_number(which):
      return _Side("", side, f"{side:g}", True)
    return _Side("", side, format_value(side, _metric(part)), True)
  part, text = _of_task(side, parts)
  found = part and _of_series(text, part)
  if not found:
    return _Side(side, None, "no such trial", False)
  ahead = side.removesuffix(text)
  return found._replace(name=ahead + found.name)


def _of_task(side: Any, parts: Sequence[Part]) -> tuple[Part | None, Any]:
  """The part that "TASK / ..." names, and the rest; of one task, that one."""
  for part in parts:
    if isinstance(side, str) and side.startswith(f"{part.task} / "):
      return part, side.removeprefix(f"{part.task} / ")
  return (parts[0] if len(parts) == 1 else None), side


def _metric(part: Part | None) -> str:
  return part.headline.metric if part and part.headline else ""


def _of_series(side: str, part: Part) -> _Side | None:
  """A side without its task; None if no trial is called that."""
  layout, metric = part.layout, _metric(part)
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
    number, words = _floor(trials, which)
  elif which == _SOLVED:
    number, words = _solved(trials[0], part)
  elif is_study_number(which):
    number = study_number(trials[0], which)
    words = "not measured" if number is None else f"{number:.3g}"
  elif which:
    number, words = _part(trials[0], which)
  else:
    number, words = _measured(trials[0], metric)
  if number is not None and factor is not None:
    number *= factor
    words = (
      f"{number:,.0f}" if which in _COUNTS else format_value(number, metric)
    )
  ran = any(trial.result is not None for trial in trials)
  shown = "best possible" if _is_floor(name, layout) else name
  if which:
    shown += f": {which}"
  if factor is not None:
    shown += f" × {factor:g}"
  return _Side(shown, number, words, ran)


def _trials(name: str, layout: Layout) -> list[Trial]:
  """The trial called "SERIES" or "SERIES @ X"; for the floor, all it has."""
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
    return all_trials(layout)
  return [line[at] for line in layout.series.values() if at in line]


def _is_floor(name: str, layout: Layout) -> bool:
  series = name.rpartition(" @ ")[0] or name
  return series == _FLOOR and _FLOOR not in layout.series


def _measured(trial: Trial, metric: str) -> tuple[float | None, str]:
  entry = measured(trial, metric)
  if entry is None:
    return None, trial.status
  return entry["mean"], format_measured(trial, metric)


def _solved(trial: Trial, part: Part) -> tuple[float | None, str]:
  counted = count(trial, part.goal) if part.goal else None
  if counted is None:
    return None, "no goal" if part.goal is None else trial.status
  share = counted.solved / counted.total
  return share, f"{share:.3g} ({counted.solved} of {counted.total} seeds)"


def _part(trial: Trial, part: str) -> tuple[float | None, str]:
  details = details_of(trial)
  if details is None:
    return None, trial.status
  if part in _COUNTS:
    count = details.get(part)
    return count, "no such number" if count is None else f"{count:,}"
  kind = details.get("perplexity_by_kind", {}).get(part)
  lengths = details.get("perplexity_by_context", {})
  values = kind["perplexity"] if kind else None
  if values is None and part.startswith(_CONTEXT):
    values = lengths.get(part.removeprefix(_CONTEXT))
  if values is None:
    return None, "no such number"
  number = mean(values)
  if number is None:
    return None, "infinite"
  return number, format_value(number, "perplexity")


def _floor(trials: Sequence[Trial], part: str) -> tuple[float | None, str]:
  found = floors(trials)
  if part:
    kinds = [
      details.get("perplexity_by_kind", {}).get(part)
      for trial in trials
      if (details := details_of(trial))
    ]
    found = levels(kind["floor"] for kind in kinds if kind)
  if not found:
    return None, "not known"
  if len(found) > 1:
    return None, "not the same for all trials"
  return found[0], format_value(found[0], "perplexity")


def _number(text: str) -> float | None:
  try:
    return float(text)
  except ValueError:
    return None
