"""How each corpus is read and turned into tokens."""

import hashlib
import os
import platform

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


def read_grammar(request: Request) -> Corpus:
  """Samples sentences of the English grammar, with their true probabilities."""
  english = grammar.english()
  eval_size = min(max(request.size // 10, 1_000), 100_000)
  samples = [
    grammar.sample(english, request.seed, stream, size)
    for stream, size in enumerate((request.size, eval_size, eval_size))
  ]
  # All words in a fixed order: an id means the same word at every size.
  words = (UNK, EOS, *(word for word in english.words if word != EOS))
  vocabulary = vocabulary_of(words)
  new_ids = np.asarray([words.index(word) for word in english.words], np.int32)
  texts = [vocabulary.decode(new_ids[s.words_ids]) for s in samples]
  hashes = {"grammar": _sha256("\0".join(texts))}
  kept = max(1, round(request.size * request.fraction))
  samples[0] = grammar.Sample(*(array[:kept] for array in samples[0]))
  kept_train = vocabulary.decode(new_ids[samples[0].words_ids])
  if request.unit != "word":
    # True probabilities are known of words only.
    return _corpus(
      request, Texts(*texts, hashes, pretokenized=True), kept_train
    )
  splits = [
    Split(new_ids[word_ids], len(text), 0, *truth)
    for (word_ids, *truth), text in zip(samples, (kept_train, *texts[1:]))
  ]
  return Corpus(
    request.name,
    vocabulary,
    *splits,
    entropy_rate=grammar.entropy_rate(english),
    kinds=grammar.KINDS,
    hashes=hashes,
  )


def read_python_docs(request: Request) -> Corpus:
  """Reads the help topics of the running Python."""
  from pydoc_data.topics import topics

  text = "\n".join(topics[topic] for topic in sorted(topics))
  parts = split_in_three(text, request)
  facts = {"python": platform.python_version()}
  hashes = {"python_docs": _sha256(text)}
  return _corpus(request, Texts(*parts, hashes, facts=facts))


def read_published(request: Request) -> Corpus:
  """Reads a published corpus from `data_dir`, or downloads it."""
  texts, hashes = {}, {}
  for part, path in find_files(request.name, request.data_dir).items():
    texts[part], hashes[path.name] = read_text("data_dir", str(path))
  if "all" in texts:
    parts = split_in_three(texts["all"], request)
    return _corpus(request, Texts(*parts, hashes))
  return _corpus(request, Texts(**texts, hashes=hashes, pretokenized=True))


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
  parts = split_in_three(texts[0], request) if len(texts) == 1 else texts
  pretokenized = request.pretokenized
  return _corpus(request, Texts(*parts, hashes, pretokenized=pretokenized))


def _sha256(text: str) -> str:
  return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _corpus(
  request: Request, texts: Texts, kept_train: str | None = None
) -> Corpus:
  """Encodes the kept part of the training text, and the other splits.

  What is kept is by default the requested share of its lines. The vocabulary
  is that of the whole training text, so that the perplexities of all shares
  are over the same words.
  """
  if kept_train is None:
    kept_train = keep_first_lines(texts.train, request.fraction)
  vocabulary = train_vocabulary(
    texts.train,
    request.unit,
    request.min_count,
    request.max_vocabulary,
    texts.pretokenized,
  )
  return Corpus(
    request.name,
    vocabulary,
    *(
      encode_split(vocabulary, text, texts.pretokenized)
      for text in (kept_train, texts.valid, texts.test)
    ),
    hashes=texts.hashes,
    facts=texts.facts,
  )
