"""Dates as people write them, and pairs of these and ISO dates."""

import datetime

import numpy as np

from rnn_lab.tasks.distinct_pairs import distinct_pairs
from rnn_lab.tasks.draws import integers
from rnn_lab.tasks.number_words import spell_below_hundred

FIRST_DATE = datetime.date(1800, 1, 1)
LAST_DATE = datetime.date(2099, 12, 31)
MONTHS = (
  *("january", "february", "march", "april", "may", "june", "july"),
  *("august", "september", "october", "november", "december"),
)
WEEKDAYS = (
  *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
  "sunday",
)
ORDINALS = (
  *("first", "second", "third", "fourth", "fifth", "sixth", "seventh"),
  *("eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth"),
  *("fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
  *("nineteenth", "twentieth", "twenty-first", "twenty-second"),
  *("twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth"),
  *("twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth"),
  "thirty-first",
)
# The fields are described in `_fields`.
LAYOUTS = (
  "{month} {d}, {y}",
  "{month} {dth}, {y}",
  "{mon} {d}, {y}",
  "{mon} {dth} {y}",
  "{d} {month} {y}",
  "{dth} {month} {y}",
  "{d} {mon} {y}",
  "{dd}-{mon}-{y}",
  "{d}. {month} {y}",
  "{dth} of {month}, {y}",
  "the {dth} of {month} {y}",
  "the {ordinal} of {month} {y}",
  "the {ordinal} of {month}, {spelled}",
  "{month} {ordinal}, {y}",
  "{month} the {ordinal}, {spelled}",
  "{d} {month} {spelled}",
  "{weekday}, {d} {month} {y}",
  "{weekday}, {month} {dth}, {y}",
  "{weekday} the {ordinal} of {month} {y}",
  "{weekday} the {ordinal} of {month} {spelled}",
  "{day} {d} {mon} {y}",
  "{day}, {mon} {d}, {y}",
  "{y}, {month} {d}",
  "{y}/{mm}/{dd}",
)
# Only where the day is above 12 do these not also mean another date.
NUMERIC_LAYOUTS = ("{dd}.{mm}.{y}", "{d}/{m}/{y}", "{m}/{d}/{y}")
# The characters of all sources and of all targets of `date_pairs`.
DATE_SOURCE_ALPHABET = " ,-./0123456789abcdefghijlmnoprstuvwxy"
DATE_TARGET_ALPHABET = "-0123456789"


def date_pairs(
  count: int, seed: int, split: str = "train"
) -> list[tuple[str, str]]:
  """Draws pairs of a date as people write it and in ISO 8601.

  For example ("thursday, march 5th, 1987", "1987-03-05"). The date is uniform
  from FIRST_DATE to LAST_DATE, the layout uniform in LAYOUTS, with
  NUMERIC_LAYOUTS if the day is above 12; a source that was drawn before is not
  drawn again. Each date belongs to one split, in all of its layouts. No source
  has two meanings.

  Args:
    count: number of pairs, from 1 up.
    seed: from 0 to 2^32 - 1; fewer pairs are the beginning of more.
    split: "train", "valid" or "test"; see `draws.in_split`.

  Returns:
    Sources in DATE_SOURCE_ALPHABET and targets in DATE_TARGET_ALPHABET.

  Raises:
    FieldError: an argument is out of range.
  """
  return distinct_pairs(count, seed, split, _draw_days, _write_date)


def spell_year(year: int) -> str:
  """Writes a year as it is spoken.

  For example "eighteen hundred", "nineteen oh five", "nineteen eighty-seven",
  "two thousand", "two thousand and five", "twenty seventeen".

  Args:
    year: from 1100 to 2099.
  """
  century, rest = divmod(year, 100)
  if century == 20 and rest < 10:
    return "two thousand" + (f" and {spell_below_hundred(rest)}" * (rest > 0))
  words = spell_below_hundred(century)
  if rest == 0:
    return f"{words} hundred"
  return f"{words} {'oh ' * (rest < 10)}{spell_below_hundred(rest)}"


def write_date(date: datetime.date, layout: str) -> str:
  """Writes a date in a layout, one of LAYOUTS or NUMERIC_LAYOUTS."""
  return layout.format_map(_fields(date))


def _fields(date: datetime.date) -> dict[str, str | int]:
  """Returns the fields of layouts, here of the fifth of March 1987."""
  month, weekday = MONTHS[date.month - 1], WEEKDAYS[date.weekday()]
  return {
    "d": date.day,  # 5
    "dd": f"{date.day:02}",  # 05
    "dth": f"{date.day}{ORDINALS[date.day - 1][-2:]}",  # 5th
    "ordinal": ORDINALS[date.day - 1],  # fifth
    "m": date.month,  # 3
    "mm": f"{date.month:02}",  # 03
    "mon": month[:3],  # mar
    "month": month,  # march
    "y": date.year,  # 1987
    "spelled": spell_year(date.year),  # nineteen eighty-seven
    "day": weekday[:3],  # thu
    "weekday": weekday,  # thursday
  }


def _draw_days(uniforms_N2: np.ndarray) -> np.ndarray:
  first, last = FIRST_DATE.toordinal(), LAST_DATE.toordinal()
  return first + integers(uniforms_N2[:, 0], last + 1 - first)


def _write_date(day: int, uniform: float) -> tuple[str, str]:
  date = datetime.date.fromordinal(day)
  layouts = LAYOUTS + NUMERIC_LAYOUTS * (date.day > 12)
  layout = layouts[int(uniform * len(layouts))]
  return write_date(date, layout), date.isoformat()
