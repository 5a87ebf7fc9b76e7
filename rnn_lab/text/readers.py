"""How each corpus is read and turned into tokens."""

import hashlib
import os
import platform
import types

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.text import grammar
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.downloads import find_files
from rnn_lab.text.request import PATHS, Request
from rnn_lab.text.texts import (
  Texts,
  encode_split,
  keep_first_lines,
  read_text,
  split_in_three,
)
from rnn_lab.text.vocabulary import EOS, UNK
from rnn_lab.text.vocabulary_training import train_vocabulary, vocabulary_of

# The grammar's validation and test splits have a tenth of the training
# split's tokens, within these bounds.
GRAMMAR_EVAL_SIZES = (1_000, 100_000)


def read_grammar(request: Request) -> Corpus:
  """Samples sentences of the English grammar, with their true probabilities."""
  english = grammar.english()
  low, high = GRAMMAR_EVAL_SIZES
  eval_size = min(max(request.size // 10, low), high)
  sizes = (request.size, eval_size, eval_size)
  samples = [
    grammar.sample(english, request.seed, stream, size)
    for stream, size in enumerate(sizes)
  ]
  # All words in a fixed order: an id means the same word at every size.
  words = (UNK, EOS, *(word for word in english.words if word != EOS))
  vocabulary = vocabulary_of(words)
  new_ids = np.asarray([words.index(word) for word in english.words], np.int32)
  texts = [vocabulary.decode(new_ids[s.words_ids]) for s in samples]
  sha256 = hashlib.sha256("\0".join(texts).encode("utf-8")).hexdigest()
  hashes = {"grammar": sha256}
  kept = max(1, round(request.size * request.fraction))
  samples[0] = grammar.Sample(*(array[:kept] for array in samples[0]))
  splits = []
  for sample in samples:
    tokens = new_ids[sample.words_ids]
    characters = len(vocabulary.decode(tokens))
    truth = sample.log_probs, sample.kinds, sample.distances
    splits.append(Split(tokens, characters, 0, *truth))
  if request.unit != "word":
    # True probabilities are known of words only.
    whole_train, texts[0] = texts[0], vocabulary.decode(splits[0].tokens)
    parts = Texts(*texts, hashes, pretokenized=True)
    return _corpus(request, parts, whole_train)
  return Corpus(
    name=request.name,
    vocabulary=vocabulary,
    train=splits[0],
    valid=splits[1],
    test=splits[2],
    entropy_rate=grammar.entropy_rate(english),
    kinds=grammar.KINDS,
    hashes=types.MappingProxyType(hashes),
    facts=types.MappingProxyType({}),
  )


def read_python_docs(request: Request) -> Corpus:
  """Reads the help topics of the running Python."""
  from pydoc_data.topics import topics

  text = "\n".join(topics[topic] for topic in sorted(topics))
  sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
  facts = {"python": platform.python_version()}
  parts = split_in_three(text, request.valid_fraction, request.test_fraction)
  hashes = {"python_docs": sha256}
  return _from_texts(request, Texts(*parts, hashes, facts=facts))


def read_published(request: Request) -> Corpus:
  """Reads a published corpus from `data_dir`, or downloads it."""
  paths = find_files(request.name, request.data_dir)
  texts, hashes = {}, {}
  for part, path in paths.items():
    texts[part], hashes[path.name] = read_text("data_dir", str(path))
  if "all" in texts:
    fractions = request.valid_fraction, request.test_fraction
    parts = split_in_three(texts["all"], *fractions)
    return _from_texts(request, Texts(*parts, hashes))
  return _from_texts(request, Texts(**texts, hashes=hashes, pretokenized=True))


def read_files(request: Request) -> Corpus:
  """Reads the user's files: one to split, or one for each split."""
  paths = {field: getattr(request, field) for field in PATHS}
  if request.valid_path is None and request.test_path is None:
    del paths["valid_path"], paths["test_path"]
  for field, path in paths.items():
    if path is None:
      raise FieldError(
        field,
        "{field} must be the path of a text file, got None; valid_path and "
        "test_path are given together or not at all",
      )
  texts, hashes = [], {}
  for field, path in paths.items():
    text, sha256 = read_text(field, path)
    name = os.path.basename(path)
    # Files of one name in different folders are recorded by path.
    hashes[name if hashes.get(name, sha256) == sha256 else path] = sha256
    texts.append(text)
  if len(texts) == 1:
    texts = split_in_three(
      texts[0], request.valid_fraction, request.test_fraction
    )
  return _from_texts(
    request, Texts(*texts, hashes, pretokenized=request.pretokenized)
  )


def _from_texts(request: Request, texts: Texts) -> Corpus:
  """Keeps the requested share of the training text and encodes all splits.

  The vocabulary is that of the whole training split, so that the perplexities
  of all shares are over the same words.
  """
  kept = keep_first_lines(texts.train, request.fraction)
  return _corpus(request, texts._replace(train=kept), texts.train)


def _corpus(request: Request, texts: Texts, whole_train: str) -> Corpus:
  vocabulary = train_vocabulary(
    whole_train,
    request.unit,
    request.min_count,
    request.max_vocabulary,
    texts.pretokenized,
  )
  splits = {
    name: encode_split(vocabulary, getattr(texts, name), texts.pretokenized)
    for name in ("train", "valid", "test")
  }
  return Corpus(
    name=request.name,
    vocabulary=vocabulary,
    **splits,
    entropy_rate=None,
    kinds=(),
    hashes=types.MappingProxyType(dict(texts.hashes)),
    facts=types.MappingProxyType(dict(texts.facts)),
  )
