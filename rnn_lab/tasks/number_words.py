"""English numbers in words, and pairs of words and digits to translate."""

from typing import NamedTuple

import numpy as np

from rnn_lab.errors import check_int
from rnn_lab.tasks.distinct_pairs import distinct_pairs
from rnn_lab.tasks.draws import integers

LARGEST_NUMBER = 999_999_999
BELOW_TWENTY = (
  *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight"),
  *("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
  *("sixteen", "seventeen", "eighteen", "nineteen"),
)
DIGIT_NAMES = BELOW_TWENTY[:10]
# From twenty on.
TENS = (
  *("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
  "ninety",
)
# The characters of all sources and of all targets of `number_pairs`.
NUMBER_SOURCE_ALPHABET = " -adefghilmnorstuvwxyz"
NUMBER_TARGET_ALPHABET = "0123456789"


class Style(NamedTuple):
  """How a number is written.

  Attributes:
    use_and: "two hundred and one", not "two hundred one".
    hyphen: "forty-two", not "forty two".
  """

  use_and: bool = True
  hyphen: bool = True


STYLES = tuple(Style(a, h) for a in (True, False) for h in (True, False))


def spell(number: int, style: Style = STYLES[0]) -> str:
  """Writes a number in English words.

  With "and" it is British English: "and" stands before the tens and ones of a
  group of three digits that has hundreds, and before a last group without
  hundreds, as in "three hundred and forty-two thousand and seven".

  Args:
    number: from 0 to 999,999,999.
    style: with or without "and" and hyphens.

  Raises:
    FieldError: the number is out of range.
  """
  check_int("number", number, 0, LARGEST_NUMBER)
  if number == 0:
    return BELOW_TWENTY[0]
  words = []
  for scale, name in (10**6, ["million"]), (10**3, ["thousand"]), (1, []):
    group = number // scale % 1000
    if group == 0:
      continue
    if style.use_and and scale == 1 and group < 100 and words:
      words.append("and")
    words += _spell_group(group, style) + name
  return " ".join(words)


def _spell_group(group: int, style: Style) -> list[str]:
  """Returns the words of a number from 1 to 999."""
  hundreds, rest = divmod(group, 100)
  words = []
  if hundreds:
    words += [BELOW_TWENTY[hundreds], "hundred"]
    if rest and style.use_and:
      words.append("and")
  if rest:
    words.append(spell_below_hundred(rest, "-" if style.hyphen else " "))
  return words


def spell_below_hundred(number: int, joint: str = "-") -> str:
  """Writes a number from 0 to 99; `joint` stands between tens and ones."""
  if number < 20:
    return BELOW_TWENTY[number]
  tens, ones = divmod(number, 10)
  return TENS[tens - 2] + (joint + BELOW_TWENTY[ones] if ones else "")


def number_pairs(
  count: int, seed: int, split: str = "train"
) -> list[tuple[str, str]]:
  """Draws pairs of a number in words and in digits.

  For example ("three hundred and forty-two thousand and seven", "342007"). The
  number of digits is uniform from 1 to 9, the number uniform among those with
  so many digits, the style uniform in STYLES; a source that was drawn before is
  not drawn again. Each number belongs to one split, in all of its styles.

  Args:
    count: number of pairs, from 1 up.
    seed: from 0 to 2^32 - 1; fewer pairs are the beginning of more.
    split: "train", "valid" or "test"; see `draws.in_split`.

  Returns:
    Sources in NUMBER_SOURCE_ALPHABET and targets in NUMBER_TARGET_ALPHABET.

  Raises:
    FieldError: an argument is out of range.
  """
  return distinct_pairs(count, seed, split, _draw_numbers, _write_number)


def _draw_numbers(uniforms_N2: np.ndarray) -> np.ndarray:
  digits = 1 + integers(uniforms_N2[:, 0], len(str(LARGEST_NUMBER)))
  # The smallest number of one digit is 0.
  low = np.where(digits == 1, 0, 10 ** (digits - 1))
  return low + integers(uniforms_N2[:, 1], 10**digits - low)


def _write_number(number: int, uniform: float) -> tuple[str, str]:
  return spell(number, STYLES[int(uniform * len(STYLES))]), str(number)
