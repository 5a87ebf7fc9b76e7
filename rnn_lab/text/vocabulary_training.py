"""Makes vocabularies from a text or from a list of words.

Words are counted here and not by the `tokenizers` library, whose order of
equally frequent words is not documented: equal texts give equal ids on every
machine.
"""

import collections
from collections.abc import Iterable, Iterator

from tokenizers import (
  Regex,
  Tokenizer,
  decoders,
  models,
  pre_tokenizers,
  processors,
  trainers,
)

from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.text.request import LARGEST
from rnn_lab.text.splitting import short_pieces, split_lines
from rnn_lab.text.vocabulary import EOS, UNITS, UNK, Vocabulary
from rnn_lab.text.words import most_frequent

# What separates words in texts that are split already: what kenlm's lmplz takes
# for it, and not the white space of Unicode.
SEPARATORS = r"[\x00\t\n\r ]+"
# The tokens of a byte pair vocabulary before its first merge.
BYTES = 256


def train_vocabulary(
  text: str,
  unit: str,
  min_count: int = 1,
  max_vocabulary: int = 0,
  pretokenized: bool = False,
) -> Vocabulary:
  """Makes the vocabulary of a text.

  Words and characters are numbered by decreasing count, equal counts by code
  point, after `<unk>` (0) and, for words, `<eos>` (1), which every vocabulary
  has. Byte pairs: Sennrich, Haddow & Birch, "Neural Machine Translation of
  Rare Words with Subword Units", 2016, on bytes, with no merge across the end
  of a line or between words.

  Args:
    text: the text to count.
    unit: "word", "character" or "bpe".
    min_count: the smallest count of a word or character to be kept; for bpe,
      of a pair to be merged.
    max_vocabulary: the largest number of tokens, `<unk>` and `<eos>` included;
      0 for no bound. bpe needs one, at least 256, and has fewer tokens if no
      pair is left to merge.
    pretokenized: whether words are separated by white space of ASCII alone
      (space, tab, carriage return and null, as in `lmplz`); otherwise runs of
      letters and digits are words, and so are runs of other characters.

  Raises:
    FieldError: an argument is invalid, or no word reaches `min_count`.
  """
  check_choice("unit", unit, UNITS)
  check_int("min_count", min_count, 1, LARGEST)
  check_int("max_vocabulary", max_vocabulary, 0, LARGEST)
  least = BYTES if unit == "bpe" else 3
  if max_vocabulary < least and (max_vocabulary or unit == "bpe"):
    unbounded = "" if unit == "bpe" else " (or 0 for no bound)"
    raise FieldError(
      "max_vocabulary",
      f"{{field}} must be an integer of at least {least}{unbounded} for unit "
      f"{unit!r}, got {max_vocabulary!r}",
    )
  if unit == "bpe":
    return _train_bpe(text, min_count, max_vocabulary)
  splitter = _splitter(unit, pretokenized)
  counts = collections.Counter()
  if unit == "character":
    counts.update(text)
  else:
    for piece in _pieces(text):
      counts.update(word for word, _ in splitter.pre_tokenize_str(piece))
  special = (UNK, EOS) if unit == "word" else (UNK,)
  for token in special:
    counts.pop(token, None)
  kept = most_frequent(
    counts, min_count, max_vocabulary and max_vocabulary - len(special)
  )
  return vocabulary_of((*special, *kept), unit, pretokenized)


def vocabulary_of(
  words: Iterable[str], unit: str = "word", pretokenized: bool = True
) -> Vocabulary:
  """Makes the vocabulary of these words (or characters), in this order.

  Args:
    words: distinct words that include `<unk>` and, for unit "word", `<eos>`.
    unit: "word" or "character".
    pretokenized: as in `train_vocabulary`.
  """
  ids = {word: i for i, word in enumerate(words)}
  tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNK))
  tokenizer.pre_tokenizer = _splitter(unit, pretokenized)
  if unit == "word":
    # A template, not a special token of the library: those are also found
    # inside words.
    tokenizer.post_processor = processors.TemplateProcessing(
      single=f"$A {EOS}", special_tokens=[(EOS, ids[EOS])]
    )
  return Vocabulary(tokenizer, unit)


def _pieces(text: str, keep_ends: bool = False) -> Iterator[str]:
  """Yields the lines of a text, long ones in pieces."""
  for line in split_lines(text, keep_ends):
    yield from short_pieces(line)


def _splitter(unit: str, pretokenized: bool) -> pre_tokenizers.PreTokenizer:
  if unit == "character":
    return pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
  if pretokenized:
    return pre_tokenizers.Split(Regex(SEPARATORS), behavior="removed")
  return pre_tokenizers.Whitespace()


def _train_bpe(text: str, min_count: int, max_vocabulary: int) -> Vocabulary:
  tokenizer = Tokenizer(models.BPE())
  tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
  tokenizer.decoder = decoders.ByteLevel()
  trainer = trainers.BpeTrainer(
    vocab_size=max_vocabulary,
    min_frequency=min_count,
    show_progress=False,
    initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
  )
  tokenizer.train_from_iterator(_pieces(text, keep_ends=True), trainer)
  return Vocabulary(tokenizer, "bpe")
