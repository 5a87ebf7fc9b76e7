"""Numbers and dates in words, to be written in digits, letter by letter."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import check_choice, check_int
from rnn_lab.tasks.base import MOST_EXAMPLES
from rnn_lab.tasks.batches import EVAL_SEEDS
from rnn_lab.tasks.date_words import (
  DATE_SOURCE_ALPHABET,
  DATE_TARGET_ALPHABET,
  LAST_DATE,
  date_pairs,
)
from rnn_lab.tasks.draws import LARGEST_SEED
from rnn_lab.tasks.number_words import (
  LARGEST_NUMBER,
  NUMBER_SOURCE_ALPHABET,
  NUMBER_TARGET_ALPHABET,
  number_pairs,
)
from rnn_lab.tasks.text_pairs import Texts, TextTask, text_task
from rnn_lab.tasks.written import commonest
from rnn_lab.text.scores import error_rate, exact_match
from rnn_lab.text.words import BOS, EOS, WordIds

MAX_PADDING = 0.25


class Kind(NamedTuple):
  """Pairs of one kind.

  Attributes:
    draw: `(count, seed, split) -> pairs`.
    source: the characters of what is read.
    target: the characters of what is written.
    longest: the most of them that a target has.
  """

  draw: Callable[[int, int, str], list[tuple[str, str]]]
  source: str
  target: str
  longest: int


KINDS = {
  "numbers": Kind(
    number_pairs,
    NUMBER_SOURCE_ALPHABET,
    NUMBER_TARGET_ALPHABET,
    len(str(LARGEST_NUMBER)),
  ),
  "dates": Kind(
    date_pairs,
    DATE_SOURCE_ALPHABET,
    DATE_TARGET_ALPHABET,
    len(LAST_DATE.isoformat()),
  ),
}
BOTH = "both"


@cached
def transduction(
  batch_size: int,
  kind: str = "dates",
  train_size: int = 20_000,
  eval_size: int = 1000,
  seed: int = 0,
) -> TextTask:
  """Makes the task of writing numbers or dates, given in words, in digits.

  For example "three hundred and forty-two thousand and seven" is 342007, and
  "thursday, march 5th, 1987" is 1987-03-05; see `number_words.number_pairs` and
  `date_words.date_pairs`. No number and no date is in two splits.

  Args:
    batch_size: B, at most `train_size`.
    kind: "numbers", "dates", or "both", half of the pairs each.
    train_size: number of training pairs.
    eval_size: number of pairs of validation and of test, always the same.
    seed: of the training pairs, from 0 to 2^32 - 1.

  Returns:
    The task: inputs and targets `[B, T]` characters, in buckets of lengths.
    Its scores are `exact_match` and `character_error`, the edit distance for
    each character. The baseline of `exact_match` is the share of the test pairs
    that have the target which is commonest in training.

  Raises:
    FieldError: an argument is out of range.
  """
  check_choice("kind", kind, (*KINDS, BOTH))
  kinds = [*KINDS.values()] if kind == BOTH else [KINDS[kind]]
  check_int("train_size", train_size, len(kinds), MOST_EXAMPLES)
  check_int("eval_size", eval_size, len(kinds), MOST_EXAMPLES)
  check_int("seed", seed, 0, LARGEST_SEED)
  draws = {"train": (train_size, seed)}
  draws |= {split: (eval_size, EVAL_SEEDS[split]) for split in EVAL_SEEDS}
  pairs = {split: _draw(kinds, *draws[split], split) for split in draws}
  texts = Texts(
    WordIds(_characters([k.source for k in kinds]), ()),
    WordIds((BOS, EOS, *_characters([k.target for k in kinds])), (BOS, EOS)),
    split=_split,
    join="".join,
  )
  symbols = {split: texts.read(pairs[split]) for split in pairs}
  targets = {
    split: [target.tolist() for target in symbols[split].targets]
    for split in symbols
  }

  def measure(
    split: str, predicted: list[list[int]], examples: np.ndarray
  ) -> dict[str, float]:
    true = [targets[split][n] for n in examples]
    return {
      "exact_match": exact_match(predicted, true),
      "character_error": error_rate(predicted, true),
    }

  guess = commonest(targets["train"], targets["test"])
  return text_task(
    "transduction",
    batch_size,
    texts,
    symbols,
    measure,
    longest=1 + max(k.longest for k in kinds),
    max_padding=MAX_PADDING,
    headline="exact_match",
    baselines={"exact_match": guess},
    summary=f"{kind}: {train_size:,} pairs for training, {eval_size:,} for "
    f"validation and as many for the test; {texts.source.size} characters "
    f"are read, {texts.target.size - 2} written",
  )


def _draw(
  kinds: list[Kind], count: int, seed: int, split: str
) -> list[tuple[str, str]]:
  """Draws pairs, of each kind an equal share; the last may have one more."""
  pairs = []
  for n, kind in enumerate(kinds, 1):
    share = count * n // len(kinds) - len(pairs)
    pairs += kind.draw(share, seed, split)
  return pairs


def _characters(alphabets: list[str]) -> tuple[str, ...]:
  return tuple(sorted(set("".join(alphabets))))


def _split(text: str) -> list[str]:
  return [*text.lower().strip()]
