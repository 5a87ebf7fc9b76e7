"""Distinct pairs of source and target strings, in splits without overlap."""

from collections.abc import Callable

import numpy as np

from rnn_lab.errors import check_choice, check_int
from rnn_lab.tasks.base import MOST_EXAMPLES
from rnn_lab.tasks.draws import SPLITS, in_split, uniforms

# Candidates that are drawn at once, whose numbers are one stream of the seed.
CHUNK = 1024


def distinct_pairs(
  count: int,
  seed: int,
  split: str,
  draw_values: Callable[[np.ndarray], np.ndarray],
  write_pair: Callable[[int, float], tuple[str, str]],
) -> list[tuple[str, str]]:
  """Draws pairs whose sources are all distinct.

  A value belongs to one split, by its hash (`draws.in_split`), and is written
  in one of several styles. Fewer pairs are the beginning of more.

  Args:
    count: number of pairs, from 1 to MOST_EXAMPLES, and well below the number
      of distinct sources of the split.
    seed: from 0 to 2^32 - 1.
    split: "train", "valid" or "test".
    draw_values: from uniform numbers `[n, 2]` to integers `[n]`.
    write_pair: from a value and a uniform number, which decides the style, to
      source and target.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("count", count, 1, MOST_EXAMPLES)
  check_choice("split", split, SPLITS)
  pairs: dict[str, str] = {}
  chunk = 0
  while len(pairs) < count:
    stream = len(SPLITS) * chunk + SPLITS.index(split)
    drawn = uniforms(seed, stream, (CHUNK, 3))
    values = draw_values(drawn[:, :2])
    kept = in_split(values, split)
    for value, style in zip(values[kept].tolist(), drawn[kept, 2].tolist()):
      source, target = write_pair(value, style)
      pairs.setdefault(source, target)
    chunk += 1
  return [*pairs.items()][:count]
