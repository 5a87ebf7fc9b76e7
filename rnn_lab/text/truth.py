"""What a text's own source says about the next word, where it is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.text import grammar


def true_distribution(
  section: Mapping[str, Any], words: Sequence[str]
) -> dict[str, float] | None:
  """The probabilities of the words that follow `words`.

  Args:
    section: a config's section `task`, of a language model.
    words: from the beginning of a sentence; `<eos>` begins another one.

  Returns:
    `{word: probability}`; None where the source is not known, or cannot say
    these words.
  """
  if section["corpus"] != "grammar" or section["unit"] != "word":
    return None
  return grammar.next_distribution(grammar.ENGLISH, words)
