"""Numbers and dates in words, read back by parsers written here."""

import datetime
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnn_lab.errors import FieldError
from rnn_lab.tasks import date_words, number_words
from rnn_lab.tasks.date_words import date_pairs, write_date
from rnn_lab.tasks.number_words import STYLES, Style, number_pairs, spell

ONES = (
  "zero one two three four five six seven eight nine ten eleven twelve "
  "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
VALUES = {word: n for n, word in enumerate(ONES.split())}
VALUES |= {word: 10 * n for n, word in enumerate(TENS.split(), start=2)}
IRREGULAR = {
  "first": 1,
  "second": 2,
  "third": 3,
  "fifth": 5,
  "eighth": 8,
  "ninth": 9,
  "twelfth": 12,
  "twentieth": 20,
  "thirtieth": 30,
}
MONTHS = (
  *("jan", "feb", "mar", "apr", "may", "jun"),
  *("jul", "aug", "sep", "oct", "nov", "dec"),
)
DAYS = ("sat", "sun", "mon", "tue", "wed", "thu", "fri")


def parse_number(text):
  total, group = 0, 0
  for word in text.replace("-", " ").split():
    if word == "hundred":
      group *= 100
    elif word in ("thousand", "million"):
      total += group * {"thousand": 10**3, "million": 10**6}[word]
      group = 0
    elif word != "and":
      group += VALUES[word]
  return total + group


@given(st.integers(0, 999_999_999), st.sampled_from(STYLES))
def test_spelled_numbers_are_read_back(number, style):
  text = spell(number, style)
  assert parse_number(text) == number
  assert ("-" in text) <= style.hyphen
  assert (" and " in text) <= style.use_and
  assert re.fullmatch("[a-z]+([ -][a-z]+)*", text)


def test_every_small_number_in_every_style():
  for number in range(1_101):
    for style in STYLES:
      assert parse_number(spell(number, style)) == number


@pytest.mark.parametrize(
  "number, style, words",
  [
    (
      342_007,
      Style(True, True),
      "three hundred and forty-two thousand and seven",
    ),
    (342_007, Style(False, False), "three hundred forty two thousand seven"),
    (1_000_000, Style(True, True), "one million"),
    (1_000_021, Style(True, False), "one million and twenty one"),
    (
      20_305_111,
      Style(True, True),
      "twenty million three hundred and five thousand one hundred and eleven",
    ),
    (100, Style(True, True), "one hundred"),
    (5_042_000, Style(True, True), "five million forty-two thousand"),
    (0, Style(True, True), "zero"),
  ],
)
def test_spelling_by_hand(number, style, words):
  assert spell(number, style) == words


def zeller(year, month, day):
  """The weekday by Zeller's congruence, 0 for Saturday."""
  if month < 3:
    year, month = year - 1, month + 12
  century, rest = divmod(year, 100)
  shift = 13 * (month + 1) // 5
  return (day + shift + rest + rest // 4 + century // 4 + 5 * century) % 7


def parse_ordinal(word):
  return IRREGULAR.get(word) or VALUES.get(word.removesuffix("th"))


def parse_year(words):
  if words[-1] == "hundred":
    return 100 * VALUES[words[0]]
  rest = sum(VALUES[w] for w in words[1:] if w not in ("oh", "thousand", "and"))
  return (1000 if "thousand" in words else 100) * VALUES[words[0]] + rest


def parse_date(text):
  """Returns the ISO date, having checked the weekday and the suffix."""
  tokens = re.findall("[a-z]+|[0-9]+", text)
  named_day = [DAYS.index(t[:3]) for t in tokens if t[:3] in DAYS]
  # "second", "seventh" and "monday" begin like no month.
  months = [MONTHS.index(t[:3]) + 1 for t in tokens if t[:3] in MONTHS]
  years = [int(t) for t in tokens if t.isdigit() and len(t) == 4]
  small = [int(t) for t in tokens if t.isdigit() and len(t) < 3]
  words = [
    t
    for t in tokens
    if t.isalpha()
    and t[:3] not in (*MONTHS, *DAYS)
    and t not in ("the", "of", "st", "nd", "rd", "th")
  ]
  if len(small) == 2:
    # The year first and the day last; otherwise one of them is above 12.
    if tokens[0] != str(years[0]):
      small.sort()
      assert small[0] <= 12 < small[1]
    months, small = small[:1], small[1:]
  for n, word in enumerate(words):
    if word not in VALUES and parse_ordinal(word):
      small = [parse_ordinal(word) + sum(VALUES[w] for w in words[:n])]
      words = words[n + 1 :]
      break
  if words:
    years = [parse_year(words)]
  [year], [month], [day] = years, months, small
  suffix = re.search("[0-9](st|nd|rd|th)", text)
  if suffix:
    teens = 10 < day < 20
    expected = {1: "st", 2: "nd", 3: "rd"}.get(0 if teens else day % 10, "th")
    assert suffix[1] == expected
  assert named_day in ([], [zeller(year, month, day)])
  return f"{year}-{month:02}-{day:02}"


def test_dates_by_hand():
  date = datetime.date(1987, 3, 5)
  written = {write_date(date, layout) for layout in date_words.LAYOUTS}
  assert {
    "march 5th, 1987",
    "5 mar 1987",
    "the fifth of march 1987",
    "the fifth of march, nineteen eighty-seven",
    "thursday, 5 march 1987",
    "05-mar-1987",
    "1987/03/05",
  } <= written
  assert len(written) == len(date_words.LAYOUTS)


@pytest.mark.parametrize(
  "year, words",
  [
    (1800, "eighteen hundred"),
    (1905, "nineteen oh five"),
    (1987, "nineteen eighty-seven"),
    (2000, "two thousand"),
    (2005, "two thousand and five"),
    (2010, "twenty ten"),
    (2099, "twenty ninety-nine"),
  ],
)
def test_years_by_hand(year, words):
  assert date_words.spell_year(year) == words


def test_every_day_and_year_in_every_layout_is_read_back():
  """All days of a leap year, and a changing day of every year."""
  dates = [
    datetime.date(2000, 1, 1) + datetime.timedelta(n) for n in range(366)
  ]
  dates += [
    datetime.date(year, 1 + year % 12, 1 + year * 7 % 28)
    for year in range(1800, 2100)
  ]
  for date in dates:
    layouts = date_words.LAYOUTS
    if date.day > 12:
      layouts += date_words.NUMERIC_LAYOUTS
    for layout in layouts:
      text = write_date(date, layout)
      assert parse_date(text) == date.isoformat(), text


MAKERS = [
  (
    number_pairs,
    lambda text: str(parse_number(text)),
    number_words.NUMBER_SOURCE_ALPHABET,
    number_words.NUMBER_TARGET_ALPHABET,
  ),
  (
    date_pairs,
    parse_date,
    date_words.DATE_SOURCE_ALPHABET,
    date_words.DATE_TARGET_ALPHABET,
  ),
]
every_kind = pytest.mark.parametrize(
  "make, parse, sources, targets", MAKERS, ids=["numbers", "dates"]
)


@every_kind
def test_pairs_are_true_and_their_alphabets_are_exact(
  make, parse, sources, targets
):
  pairs = make(4_000, 5)
  assert len(pairs) == len({source for source, _ in pairs}) == 4_000
  for source, target in pairs:
    assert parse(source) == target, source
  for place, alphabet in enumerate((sources, targets)):
    used = {c for pair in pairs for c in pair[place]}
    assert "".join(sorted(used)) == alphabet


@every_kind
def test_splits_share_no_value(make, parse, sources, targets):
  """Neither with one seed nor with several."""
  values = {
    split: {t for seed in (1, 2) for _, t in make(1_500, seed, split)}
    for split in ("train", "valid", "test")
  }
  assert not values["train"] & values["valid"]
  assert not values["train"] & values["test"]
  assert not values["valid"] & values["test"]
  assert make(5, 1) == make(5, 1, "train")


@every_kind
def test_fewer_pairs_are_the_beginning_of_more(make, parse, sources, targets):
  pairs = make(1_500, 3, "valid")
  assert make(1_100, 3, "valid") == pairs[:1_100]
  assert make(20, 4, "valid") != pairs[:20]


def test_numbers_of_all_lengths_and_styles():
  pairs = number_pairs(4_000, 5, "test")
  lengths = np.bincount([len(target) for _, target in pairs], minlength=10)
  # Short ones are soon used up: a tenth of 10, 90 and 900 are in the test.
  assert (lengths[4:] > 300).all() and (lengths[1:4] > 0).all()
  assert all(target == str(int(target)) for _, target in pairs)
  long = [source for source, target in pairs if len(target) == 9]
  for mark in "-", " and ":
    share = np.mean([mark in source for source in long])
    assert 0.4 < share < 0.6
  first = np.bincount(
    [int(target[0]) for _, target in pairs if len(target) > 4]
  )
  assert (first[1:] > 0.07 * first.sum()).all()


def test_dates_of_all_years_and_layouts():
  pairs = date_pairs(4_000, 5)
  years = np.array([int(target[:4]) for _, target in pairs])
  assert years.min() == 1800 and years.max() == 2099
  counts = np.histogram(years, 3, (1800, 2100))[0]
  assert (np.abs(counts - 4_000 / 3) < 150).all()
  layouts = (*date_words.LAYOUTS, *date_words.NUMERIC_LAYOUTS)
  used = dict.fromkeys(layouts, 0)
  for source, target in pairs:
    date = datetime.date.fromisoformat(target)
    for layout in layouts:
      used[layout] += source == write_date(date, layout)
  assert min(used.values()) > 60
  numeric = [s for s, _ in pairs if re.fullmatch("[0-9]+[./][0-9]+[./].*", s)]
  for source in numeric:
    numbers = [int(n) for n in re.findall("[0-9]+", source)]
    assert numbers[0] > 31 or max(numbers[:2]) > 12


@pytest.mark.parametrize("make", [number_pairs, date_pairs])
@pytest.mark.parametrize(
  "arguments, words",
  [
    ((0, 1), "count must be an integer from 1 to 100000, got 0"),
    ((100_001, 1), "count must be"),
    ((5, -1), "seed must be an integer from 0 to"),
    ((5, 1, "tset"), "split must be .*'tset'; did you mean 'test'"),
  ],
)
def test_bad_arguments(make, arguments, words):
  with pytest.raises(FieldError, match=f"^{words}"):
    make(*arguments)


@pytest.mark.parametrize("number", [-1, 10**9, 1.0, True])
def test_numbers_that_cannot_be_spelled(number):
  with pytest.raises(FieldError, match="^number must be .* from 0 to 9999"):
    spell(number)


def test_names_of_digits():
  assert tuple(ONES.split()[:10]) == number_words.DIGIT_NAMES
