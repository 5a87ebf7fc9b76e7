"""The sentence polarity data: is a sentence of a film review favourable?

5,331 negative and 5,331 positive sentences: Pang & Lee, "Seeing Stars:
Exploiting Class Relationships for Sentiment Categorization with Respect to
Rating Scales", 2005. There is no published split; results are means over ten
folds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.downloads import find_files
from rnn_lab.errors import FieldError, check_int
from rnn_lab.text.files import bad_file, path_or_none, read_text
from rnn_lab.text.splitting import split_lines

# In the order of their labels, 0 and 1.
CLASSES = ("negative", "positive")
# One sentence in this many of a fold's training part is for validation.
VALID_SHARE = 10
# A verb before "n't", "n't", other contractions, words and numbers, and any
# other character alone.
TOKEN = re.compile(
  r"\w+?(?=n't\b)|n't\b|'(?:s|d|m|ll|re|ve)\b|\d+(?:[.,]\d+)+|\w+|[^\w\s]"
)


class Polarity(NamedTuple):
  """N labelled sentences, the negative ones first.

  Attributes:
    sentences: the N lines, without white space at their ends.
    labels: int32 `[N]`, indices into CLASSES.
    hashes: `{file: sha256}` of what was read.
  """

  sentences: list[str]
  labels: np.ndarray
  hashes: Mapping[str, str]


class Fold(NamedTuple):
  """Indices of the sentences of each split, int64, in ascending order."""

  train: np.ndarray
  valid: np.ndarray
  test: np.ndarray


def read(data_dir: str | None = None) -> Polarity:
  """Reads the sentences of both classes.

  Args:
    data_dir: a folder that holds rt-polarity.neg and rt-polarity.pos, in UTF-8
      or in Windows-1252; `None` downloads them.

  Raises:
    FieldError: a file is missing, empty, in another encoding or has a line
      without a word; a download failed.
  """
  paths = find_files("sentence_polarity", path_or_none("data_dir", data_dir))
  sentences, labels, hashes = [], [], {}
  for label, name in enumerate(CLASSES):
    path = paths[name]
    text, hashes[path.name] = read_text("data_dir", path, ("utf-8", "cp1252"))
    lines = [line.strip() for line in split_lines(text)]
    if "" in lines:
      words = f"has no word in line {lines.index('') + 1}"
      raise bad_file("data_dir", path, "a text file", words)
    sentences += lines
    labels += [label] * len(lines)
  return Polarity(sentences, np.asarray(labels, np.int32), hashes)


def tokenize(sentence: str) -> list[str]:
  """Splits a sentence into lower-case words, contractions and punctuation.

  "It's good, isn't it?" becomes it 's good , is n't it ?; parts of a
  hyphenated word and the hyphen are three tokens.
  """
  return TOKEN.findall(sentence.lower())


def folds(
  labels: np.ndarray, num_folds: int = 10, seed: int = 0
) -> tuple[Fold, ...]:
  """Splits sentences at random for cross-validation, by class.

  The folds' test parts have every sentence once. Their sizes differ by at most
  one, and so do the numbers of each class in them. The validation split is a
  tenth of each class of a fold's other sentences, rounded up.

  Args:
    labels: integers `[N]`.
    num_folds: from 2 to half the sentences of the rarest class.
    seed: from 0 to 2^32 - 1.

  Raises:
    FieldError: an argument is out of range, or a class has fewer than four
      sentences.
  """
  labels = np.asarray(labels)
  classes, sizes = np.unique(labels, return_counts=True)
  if min(sizes, default=0) < 4:
    raise FieldError(
      "labels",
      "{field} must have at least four sentences of each class, got "
      f"{dict(zip(classes.tolist(), sizes.tolist()))}",
    )
  check_int("num_folds", num_folds, 2, int(min(sizes)) // 2)
  check_int("seed", seed, 0, 2**32 - 1)
  # RandomState, not default_rng: numpy guarantees that its numbers are fixed.
  random = np.random.RandomState(seed)
  shuffled = [random.permutation(np.flatnonzero(labels == c)) for c in classes]
  # Cards dealt to the folds: the next class goes on where the last one ended.
  fold_of = np.arange(len(labels)) % num_folds
  fold_of = np.split(fold_of, np.cumsum(sizes)[:-1])
  result = []
  for fold in range(num_folds):
    others = [rows[of != fold] for rows, of in zip(shuffled, fold_of)]
    valid = np.concatenate([rows[::VALID_SHARE] for rows in others])
    test = [rows[of == fold] for rows, of in zip(shuffled, fold_of)]
    train = np.setdiff1d(np.concatenate(others), valid)
    result.append(Fold(train, np.sort(valid), np.sort(np.concatenate(test))))
  return tuple(result)


def naive_bayes(
  sentences: Sequence[str], labels: np.ndarray, ngrams: int = 2
) -> Callable[[Sequence[str]], np.ndarray]:
  """Fits multinomial naive Bayes to the n-grams of sentences, a baseline.

  An n-gram counts once in a sentence, and one is added to every count: Wang &
  Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
  Classification", 2012.

  Args:
    sentences: the N training sentences.
    labels: integers `[N]`.
    ngrams: the largest number of tokens of an n-gram; shorter ones are
      counted too.

  Returns:
    A function from M sentences to their predicted labels `[M]`.

  Raises:
    FieldError: `ngrams` is out of range, there is not one label for each
      sentence, or there are no words.
  """
  check_int("ngrams", ngrams, 1, 5)
  if not len(sentences) == len(labels) > 0:
    raise FieldError(
      "labels",
      f"{{field}} must have one entry for each of {len(sentences)} sentences "
      f"(at least one), got {len(labels)}",
    )
  if not any(map(tokenize, sentences)):
    raise FieldError("sentences", "{field} must have at least one word")
  from sklearn.feature_extraction.text import CountVectorizer
  from sklearn.naive_bayes import MultinomialNB
  from sklearn.pipeline import make_pipeline

  counter = CountVectorizer(
    tokenizer=tokenize,
    token_pattern=None,  # pyright: ignore[reportArgumentType] - allowed
    ngram_range=(1, ngrams),
    binary=True,
  )
  return make_pipeline(counter, MultinomialNB()).fit(sentences, labels).predict
