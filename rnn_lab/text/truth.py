"""The true distribution of the next word, where the source is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.text import grammar


def true_distribution(
  section: Mapping[str, Any], words: Sequence[str]
) -> dict[str, float] | None:
  """Returns the true probabilities of the words that can follow `words`.

  Args:
    section: the section `task` of a language model's config.
    words: all words since the start of a sentence; `<eos>` starts another.

  Returns:
    `{word: probability}`, or None if the source is unknown or cannot produce
    `words`.
  """
  if section["corpus"] != "grammar" or section["unit"] != "word":
    return None
  return grammar.next_distribution(grammar.english(), words)
