"""The corpora, by name: each as three streams of tokens and a vocabulary."""

import functools
import hashlib
import os
import platform
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from rnn_lab.errors import FieldError, check_choice
from rnn_lab.text import grammar
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.downloads import files_of
from rnn_lab.text.request import PATHS, Request, checked
from rnn_lab.text.texts import (
  Texts,
  first_lines,
  in_three,
  read_text,
  split_of,
)
from rnn_lab.text.vocabulary import EOS, UNK
from rnn_lab.text.vocabulary_training import train_vocabulary, vocabulary_of

# Tokens of the grammar's validation and test splits: a tenth of the training
# split's, but in these bounds.
GRAMMAR_EVAL_SIZES = (1_000, 100_000)


def load(name: str, **arguments: Any) -> Corpus:
  """A corpus by name.

  "grammar": sentences of `grammar.ENGLISH`, as many as asked for, with a known
  entropy rate; its words are always all of the grammar's. "python_docs": the
  help topics of the Python that runs, which differ by its version. From
  `data_dir`, or downloaded: "tiny_shakespeare"; "ptb", the Penn Treebank as
  Mikolov prepared it; "wikitext2". "text": any files.

  An argument that the corpus has no use for must be left as it is.

  Args:
    name: a key of CORPORA.
    **arguments: the fields of `Request`, which documents them.

  Returns:
    The corpus; equal arguments give the same object.

  Raises:
    FieldError: an argument is not what it may be; a file is missing, empty or
      not UTF-8; a download failed.
  """
  check_choice("name", name, CORPORA)
  return _load(checked(Request(name, **arguments)))


@functools.cache
def _load(request: Request) -> Corpus:
  return CORPORA[request.name](request)


def _grammar(request: Request) -> Corpus:
  least, most = GRAMMAR_EVAL_SIZES
  eval_size = min(max(request.size // 10, least), most)
  sizes = (request.size, eval_size, eval_size)
  samples = [
    grammar.sample(grammar.ENGLISH, request.seed, stream, size)
    for stream, size in enumerate(sizes)
  ]
  all_words = grammar.ENGLISH.words
  # All of them, in one order: an id means the same word in every size.
  words = (UNK, EOS, *(word for word in all_words if word != EOS))
  vocabulary = vocabulary_of(words)
  renumbered = np.asarray([words.index(word) for word in all_words], np.int32)
  texts = [vocabulary.decode(renumbered[s.words_ids]) for s in samples]
  sha256 = hashlib.sha256("\0".join(texts).encode("utf-8")).hexdigest()
  hashes = {"grammar": sha256}
  kept = max(1, round(request.size * request.fraction))
  samples[0] = grammar.Sample(*(array[:kept] for array in samples[0]))
  splits = []
  for sample in samples:
    tokens = renumbered[sample.words_ids]
    characters = len(vocabulary.decode(tokens))
    truth = sample.log_probs, sample.kinds, sample.distances
    splits.append(Split(tokens, characters, 0, *truth))
  if request.unit != "word":
    # The grammar says nothing of letters, so no truth goes along.
    known, texts[0] = texts[0], vocabulary.decode(splits[0].tokens)
    return _corpus(request, Texts(*texts, hashes, pretokenized=True), known)
  return Corpus(
    name=request.name,
    vocabulary=vocabulary,
    train=splits[0],
    valid=splits[1],
    test=splits[2],
    entropy_rate=grammar.entropy_rate(grammar.ENGLISH),
    kinds=grammar.KINDS,
    hashes=types.MappingProxyType(hashes),
    facts=types.MappingProxyType({}),
  )


def _python_docs(request: Request) -> Corpus:
  from pydoc_data import topics

  text = "\n".join(topics.topics[topic] for topic in sorted(topics.topics))
  parts = in_three(text, request.valid_fraction, request.test_fraction)
  return _from_texts(
    request,
    Texts(
      *parts,
      hashes={"python_docs": hashlib.sha256(text.encode("utf-8")).hexdigest()},
      facts={"python": platform.python_version()},
    ),
  )


def _by_name(request: Request) -> Corpus:
  """A corpus that is downloaded, or in a folder."""
  paths = files_of(request.name, request.data_dir)
  texts, hashes = {}, {}
  for part, path in paths.items():
    texts[part], hashes[path.name] = read_text("data_dir", str(path))
  if "all" in texts:
    fractions = request.valid_fraction, request.test_fraction
    return _from_texts(
      request, Texts(*in_three(texts["all"], *fractions), hashes)
    )
  return _from_texts(request, Texts(**texts, hashes=hashes, pretokenized=True))


def _text(request: Request) -> Corpus:
  paths = {field: getattr(request, field) for field in PATHS}
  if request.valid_path is None and request.test_path is None:
    del paths["valid_path"], paths["test_path"]
  texts, hashes = [], {}
  for field, path in paths.items():
    if path is None:
      raise FieldError(
        field,
        "{field} must be the path of a text file, got None; valid_path and "
        "test_path are given together or not at all",
      )
  for field, path in paths.items():
    text, sha256 = read_text(field, path)
    name = os.path.basename(path)
    # Files of one name, in several folders, are told apart by the path.
    hashes[name if hashes.get(name, sha256) == sha256 else path] = sha256
    texts.append(text)
  if len(texts) == 1:
    texts = in_three(texts[0], request.valid_fraction, request.test_fraction)
  return _from_texts(
    request, Texts(*texts, hashes, pretokenized=request.pretokenized)
  )


def _from_texts(request: Request, texts: Texts) -> Corpus:
  """Keeps the share of the training text, and makes tokens of all three.

  The vocabulary is that of the whole training text, so that perplexities at
  several shares are of the same words.
  """
  kept = first_lines(texts.train, request.fraction)
  return _corpus(request, texts._replace(train=kept), texts.train)


def _corpus(request: Request, texts: Texts, known: str) -> Corpus:
  vocabulary = train_vocabulary(
    known,
    request.unit,
    request.min_count,
    request.max_vocabulary,
    texts.pretokenized,
  )
  splits = {
    name: split_of(vocabulary, getattr(texts, name), texts.pretokenized)
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


CORPORA: dict[str, Callable[[Request], Corpus]] = {
  "grammar": _grammar,
  "python_docs": _python_docs,
  "tiny_shakespeare": _by_name,
  "ptb": _by_name,
  "wikitext2": _by_name,
  "text": _text,
}
