"""The numbers of a trial that a claim can name."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rnn_lab.reports.details import floors, horizons_lost
from rnn_lab.reports.goals import count
from rnn_lab.reports.gradients.numbers import NUMBERS as STUDY_NUMBERS
from rnn_lab.reports.gradients.numbers import study_number
from rnn_lab.reports.load import Trial
from rnn_lab.reports.metrics import format_measured, format_value
from rnn_lab.reports.numbers import mean
from rnn_lab.reports.parts import Part
from rnn_lab.reports.sections.lengths import bin_words, bins

TRAINED = ", trained"
_CONTEXT = "context "
# The place of a bin among those of the inputs' lengths.
_LENGTHS = {"shortest": 0, "longest": -1}
_COUNTS = ("bytes", "parameters", "ngrams")
_SOLVED_NOTE = '"solved" is the share of seeds that solved the task'
_HORIZONS_NOTE = (
  '"horizons" is the share of horizons at which the error is below those of '
  "persistence, linear autoregression and the mean"
)
_TEXT_NOTE = (
  "what follows a colon is a kind of word, a length of context or a size"
)


class Number(NamedTuple):
  """A number of a trial.

  Attributes:
    value: the number; None if it is unknown or not finite.
    words: the number, or why there is none.
    show: formats a multiple of it.
    note: explains it to the reader of several claims.
    is_plain: whether a number in the claim is shown as it is written there.
  """

  value: float | None
  words: str
  show: Callable[[float], str]
  note: str = ""
  is_plain: bool = False


def number_of(part: Part, trial: Trial, which: str) -> Number:
  """Returns the number called `which`; the headline metric if it is empty."""
  for find in _FINDERS:
    number = find(part, trial, which)
    if number is not None:
      return number
  words = trial.status if trial.result is None else "no such number"
  return Number(None, words, shown_as_headline(part))


def floor_of(part: Part, trials: Sequence[Trial], kind: str) -> Number:
  """Returns the best possible test perplexity, on one kind of word if given."""
  values = floors(trials, kind)
  show = shown_as_headline(part)
  if not values:
    return Number(None, "unknown", show)
  if len(values) > 1:
    return Number(None, "not the same for all trials", show)
  return Number(values[0], format_value(values[0], "perplexity"), show)


def shown_as_headline(part: Part | None) -> Callable[[float], str]:
  """Returns the format of the part's headline metric."""
  metric = part.headline.metric if part and part.headline else ""
  return lambda value: format_value(value, metric)


def _headline(part: Part, trial: Trial, which: str) -> Number | None:
  if which:
    return None
  show = shown_as_headline(part)
  metric = part.headline.metric if part.headline else ""
  entry = trial.entry(metric)
  if entry is None:
    return Number(None, trial.status, show)
  return Number(entry["mean"], format_measured(trial, metric), show)


def _solved(part: Part, trial: Trial, which: str) -> Number | None:
  if which != "solved":
    return None
  value, words = None, trial.status
  if part.goal is None:
    words = "no goal"
  elif counted := count(trial, part.goal):
    value = counted.solved / counted.total
    words = f"{value:.3g} ({counted.solved} of {counted.total} seeds)"
  return Number(value, words, "{:.3g}".format, _SOLVED_NOTE, is_plain=True)


def _of_lengths(part: Part, trial: Trial, which: str) -> Number | None:
  metric = part.headline.metric if part.headline else ""
  rows = bins(trial, metric)
  if which not in _LENGTHS or not rows:
    return None
  chosen = rows[_LENGTHS[which]]
  value, show = mean(chosen["values"]), shown_as_headline(part)
  words = "diverged" if value is None else show(value)
  note = f'"{which}" are inputs of {bin_words(chosen)} steps'
  return Number(value, words, show, note)


def _of_horizons(part: Part, trial: Trial, which: str) -> Number | None:
  if which != "horizons" or "forecasts" not in trial.details:
    return None
  total = len(trial.details["forecasts"]["mean"])
  won = total - len(horizons_lost(trial))
  words = f"{won / total:.3g} ({won} of {total} horizons)"
  return Number(won / total, words, "{:.3g}".format, _HORIZONS_NOTE, True)


def _of_study(part: Part, trial: Trial, which: str) -> Number | None:
  name = which.removesuffix(TRAINED)
  if name not in STUDY_NUMBERS:
    return None
  value = study_number(trial, name, which.endswith(TRAINED))
  words = "not measured" if value is None else f"{value:.3g}"
  return Number(value, words, "{:.3g}".format, is_plain=True)


def _of_details(part: Part, trial: Trial, which: str) -> Number | None:
  details = trial.details
  if which in _COUNTS and which in details:
    show = "{:,.0f}".format
    return Number(details[which], show(details[which]), show, _TEXT_NOTE)
  values = (
    details.get("perplexity_by_kind", {}).get(which, {}).get("perplexity")
  )
  if values is None and which.startswith(_CONTEXT):
    by_context = details.get("perplexity_by_context", {})
    values = by_context.get(which.removeprefix(_CONTEXT))
  if values is None:
    return None
  value = mean(values)
  words = "infinite" if value is None else format_value(value, "perplexity")
  return Number(value, words, shown_as_headline(part), _TEXT_NOTE)


_FINDERS = (
  _headline,
  _solved,
  _of_lengths,
  _of_horizons,
  _of_study,
  _of_details,
)
