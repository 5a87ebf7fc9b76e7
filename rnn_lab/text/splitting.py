"""Cuts texts: into lines, into shares of a text, and very long lines."""

import re
from collections.abc import Iterator, Sequence

from rnn_lab.errors import FieldError, check_float

# Lines are too uneven to be counted if a part has more characters than its
# share and this part of the text, or fewer than this part of its share.
TOO_MANY, TOO_FEW = 1 / 3, 1 / 2
# Where a word begins, and where a line can be cut without changing its tokens.
WORD_START = re.compile(r"(?<=[\t\n\r ])[^\t\n\r ]")
BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")
# How far a cut between characters goes to the next word.
NEAR = 1000
LONG_LINE = 2**16


def split_lines(text: str, keep_ends: bool = False) -> list[str]:
  """Splits a text at newlines only, unlike `str.splitlines`."""
  lines = text.split("\n")
  last = lines.pop()
  if keep_ends:
    lines = [line + "\n" for line in lines]
  return [*lines, last] if last else lines


def split_shares(
  text: str, shares: Sequence[float], unit: str
) -> list[str] | None:
  """Splits a text into parts with given shares of its lines.

  If the text has too few lines, or lines of such different lengths that a part
  would have less than half of its share of the characters, or a third of all
  more than that, the shares are those of characters, and each part but the
  first begins with a word. That is how texts of one line are split, such as
  text8. Without a space within 1,000 characters texts are cut anywhere, unless
  the unit is "word".

  Args:
    text: the text.
    shares: the share of each part, in order; they add up to 1.
    unit: of the tokens: "word", "character" or "bpe".

  Returns:
    The parts, which joined are the text, none of them blank; `None` if the
    text is too short.
  """
  lines = split_lines(text, keep_ends=True)
  counts = [max(1, round(len(lines) * share)) for share in shares[1:]]
  ends = _ends([len(lines) - sum(counts), *counts])
  parts = ["".join(lines[a:b]) for a, b in zip([0, *ends], ends)]
  sizes = [0 if part.isspace() else len(part) for part in parts]
  if ends[0] < 1 or _are_uneven(sizes, shares, len(text)):
    ends = [_cut(text, round(end), unit) for end in _ends(shares, len(text))]
    ends[-1] = len(text)
    parts = [text[a:b] for a, b in zip([0, *ends], ends)]
  return None if any(not p or p.isspace() for p in parts) else parts


def check_shares(valid_fraction: float, test_fraction: float) -> None:
  """Raises FieldError unless both are above 0 and leave something to train."""
  check_float("valid_fraction", valid_fraction, 0, 1, above=True, below=True)
  check_float("test_fraction", test_fraction, 0, 1, above=True, below=True)
  left = 1 - valid_fraction
  if test_fraction >= left:
    raise FieldError(
      "test_fraction",
      f"{{field}} must be below 1 - valid_fraction = {left:g}, got "
      f"{test_fraction!r}",
    )


def keep_first(text: str, share: float, unit: str) -> str:
  """Returns the given share of a text's lines, the first, at least one.

  Of a text whose lines are too uneven it is the share of its characters; see
  `split_shares`.
  """
  lines = split_lines(text, keep_ends=True)
  kept = "".join(lines[: max(1, round(len(lines) * share))])
  if _are_uneven([len(kept)], [share], len(text)):
    kept = text[: _cut(text, round(len(text) * share), unit)]
  return kept


def short_pieces(line: str, longest: int = LONG_LINE) -> Iterator[str]:
  """Yields the pieces of a long line, whose tokens are those of the line.

  Tokenizers take a hundred bytes for a character. Lines are cut in front of a
  single space between two words.
  """
  start = 0
  while len(line) - start > longest:
    found = BETWEEN_WORDS.search(line, start + longest)
    if found is None:
      break
    yield line[start : found.start()]
    start = found.start()
  yield line[start:]


def _ends(sizes: Sequence[float], times: int = 1) -> list:
  """Returns the running sums, times a number."""
  return [sum(sizes[: n + 1]) * times for n in range(len(sizes))]


def _are_uneven(
  sizes: Sequence[int], shares: Sequence[float], total: int
) -> bool:
  """Returns whether sizes are far from their shares of the total."""
  return any(
    not TOO_FEW * share * total <= size <= (share + TOO_MANY) * total
    for size, share in zip(sizes, shares)
  )


def _cut(text: str, end: int, unit: str) -> int:
  """Returns where the first word begins at or after a place."""
  limit = len(text) if unit == "word" else min(len(text), end + NEAR)
  found = WORD_START.search(text, max(end, 1), limit)
  if found is not None:
    return found.start()
  return len(text) if unit == "word" else min(max(end, 1), len(text))
