"""The numbers of a trial that a claim can name."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from rnn_lab.reports import details
from rnn_lab.reports.goals import count
from rnn_lab.reports.gradients.numbers import NUMBERS as STUDY_NUMBERS
from rnn_lab.reports.gradients.numbers import study_number
from rnn_lab.reports.metrics import format_measured, format_value
from rnn_lab.reports.numbers import finite, mean
from rnn_lab.reports.parts import Part
from rnn_lab.reports.sections.lengths import bin_words, bins
from rnn_lab.reports.trial import Trial

BEST = "best possible"
# Numbers in this format are shown in a claim as they are written there.
PLAIN = "{:.3g}"
_SOLVED_NOTE = '"solved" is the share of seeds that solved the task'
_HORIZONS_NOTE = (
  '"horizons" is the share of horizons at which the error is below those of '
  "persistence, linear autoregression and the mean"
)


class Number(NamedTuple):
  """A number that one side of a claim gives or names.

  Attributes:
    value: the number; None if it is unknown or not finite.
    words: why there is none, or what to show in its place; "" for the value.
    note: explains it to the reader of several claims.
    name: what the claim calls it.
    ran: whether a trial that it is of has ended.
  """

  value: float | None
  words: str = ""
  note: str = ""
  name: str = ""
  ran: bool = True


class Finder(NamedTuple):
  """Finds a number of trials and of `where`; None if they have none such."""

  find: Callable[[Part, Sequence[Trial], str], Number | None]
  # The parts of the number that `where` can be; None for any text.
  where: Sequence[str] | None = ("",)
  # Its format; "" for that of the headline metric.
  form: str = ""


def shown(value: float, name: str, part: Part | None) -> str:
  """Formats a value of the number called `name`."""
  form, metric = NUMBERS[name].form, part.metric if part else ""
  return form.format(value) if form else format_value(value, metric)


def _headline(part: Part, trials: Sequence[Trial], where: str) -> Number:
  if trials[0].entry(part.metric) is None:
    return Number(None, trials[0].status)
  words = format_measured(trials[0], part.metric)
  return Number(mean(trials[0].values(part.metric)), words)


def _solved(part: Part, trials: Sequence[Trial], where: str) -> Number:
  counted = count(trials[0], part.goal) if part.goal else None
  if counted is None:
    words = trials[0].status if part.goal else "no goal"
    return Number(None, words, _SOLVED_NOTE)
  return _share(*counted, "seeds", _SOLVED_NOTE)


def _horizons(part: Part, trials: Sequence[Trial], where: str) -> Number | None:
  total = len(trials[0].details.get("forecasts", {}).get("mean", ()))
  if not total:
    return None
  won = total - len(details.horizons_lost(trials[0]))
  return _share(won, total, "horizons", _HORIZONS_NOTE)


def _share(some: int, total: int, of: str, note: str) -> Number:
  words = f"{some / total:.3g} ({some} of {total} {of})"
  return Number(some / total, words, note)


def _lengths(part: Part, trials: Sequence[Trial], where: str) -> Number | None:
  rows = bins(trials[0], part.metric)
  if not rows:
    return None
  chosen = rows[0 if where == "shortest" else -1]
  note = f'"{where}" are inputs of {bin_words(chosen)} steps'
  return _known(mean(chosen["values"]), "diverged", note)


def _best(part: Part, trials: Sequence[Trial], where: str) -> Number:
  values = details.floors(trials, where)
  if len(values) > 1:
    return Number(None, "not the same for all trials")
  return _known(values[0] if values else None, "unknown")


def _detail(
  name: str, part: Part, trials: Sequence[Trial], where: str
) -> Number | None:
  entry = trials[0].details.get(name)
  if where:
    entry = (entry or {}).get(where)
  if isinstance(entry, Mapping):
    entry = entry["perplexity"]  # beside the number of tokens and the floor
  return None if entry is None else _known(mean(finite(entry)), "infinite")


def _study(name: str, _: Part, trials: Sequence[Trial], where: str) -> Number:
  value = study_number(trials[0], name, where == "trained")
  return _known(value, "not measured")


def _known(value: float | None, otherwise: str, note: str = "") -> Number:
  return Number(value, otherwise if value is None else "", note)


NUMBERS = {
  "": Finder(_headline),
  "solved": Finder(_solved, form=PLAIN),
  "horizons": Finder(_horizons, form=PLAIN),
  "scores_by_length": Finder(_lengths, ("shortest", "longest")),
  BEST: Finder(_best, None),
}
for _name in ("perplexity_by_kind", "perplexity_by_context"):
  NUMBERS[_name] = Finder(partial(_detail, _name), None)
for _name in ("bytes", "parameters", "ngrams"):
  NUMBERS[_name] = Finder(partial(_detail, _name), form="{:,.0f}")
for _name in STUDY_NUMBERS:
  NUMBERS[_name] = Finder(partial(_study, _name), ("", "trained"), PLAIN)
