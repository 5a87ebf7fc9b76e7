"""How each corpus is read, split and turned into tokens."""

import hashlib
import os
import platform
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from rnn_lab.downloads import find_files
from rnn_lab.errors import FieldError
from rnn_lab.text import grammar
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.files import bad_file, read_text
from rnn_lab.text.request import PATHS, Request
from rnn_lab.text.splitting import keep_first, split_lines, split_shares
from rnn_lab.text.vocabulary import EOS, UNK, Vocabulary
from rnn_lab.text.vocabulary_training import train_vocabulary, vocabulary_of

MARK = re.compile(r"(?<!\S)</?s>(?!\S)")


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
  hashes = {"grammar": _sha256("\0".join(texts).encode("utf-8"))}
  kept = max(1, round(request.size * request.fraction))
  samples[0] = grammar.Sample(*(array[:kept] for array in samples[0]))
  kept_train = vocabulary.decode(new_ids[samples[0].words_ids])
  if request.unit != "word":
    # True probabilities are known of words only.
    return _corpus(request, texts, hashes, True, kept_train=kept_train)
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
  hashes = {"python_docs": _sha256(text.encode("utf-8"))}
  facts = {"python": platform.python_version()}
  texts = _split_in_three(text, request)
  return _corpus(request, texts, hashes, facts=facts)


def read_published(request: Request) -> Corpus:
  """Reads a published corpus from `data_dir`, or downloads it."""
  texts, hashes = {}, {}
  for part, path in find_files(request.name, request.data_dir).items():
    texts[part], hashes[path.name] = _read_text(
      "data_dir", str(path), request.unit
    )
  if "all" in texts:
    return _corpus(request, _split_in_three(texts["all"], request), hashes)
  texts = [texts[name] for name in ("train", "valid", "test")]
  return _corpus(request, texts, hashes, pretokenized=True)


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
    text, sha256 = _read_text(field, path, request.unit)
    name = os.path.basename(path)
    # Files of one name in different folders are recorded by path.
    hashes[name if hashes.get(name, sha256) == sha256 else path] = sha256
    texts.append(text)
  if len(texts) == 1:
    texts = _split_in_three(texts[0], request)
  return _corpus(request, texts, hashes, request.pretokenized)


def _corpus(
  request: Request,
  texts: Sequence[str],
  hashes: Mapping[str, str],
  pretokenized: bool = False,
  facts: Mapping[str, Any] = MappingProxyType({}),
  kept_train: str | None = None,
) -> Corpus:
  """Encodes three texts, of the training text the part that is kept.

  That is by default the requested share of its lines. The vocabulary is that of
  the whole training text, so that the perplexities of all shares are over the
  same words.
  """
  train, valid, test = texts
  if kept_train is None:
    kept_train = _keep_first(train, request)
  vocabulary = train_vocabulary(
    train,
    request.unit,
    request.min_count,
    request.max_vocabulary,
    pretokenized,
  )

  def encoded(text: str) -> Split:
    return _encode_split(vocabulary, text, pretokenized)

  return Corpus(
    request.name,
    vocabulary,
    encoded(kept_train),
    encoded(valid),
    encoded(test),
    hashes=hashes,
    facts=facts,
  )


def _split_in_three(text: str, request: Request) -> list[str]:
  """Splits a text into training, validation and test, in order."""
  shares = request.valid_fraction, request.test_fraction
  parts = split_shares(text, (1 - sum(shares), *shares), request.unit)
  if parts is None:
    raise FieldError(
      "valid_fraction",
      f"{{field}} {shares[0]:g} and test_fraction {shares[1]:g} leave none of "
      f"the text's {len(split_lines(text))} lines and {len(text.split())} "
      "words for one of the splits",
    )
  return parts


def _keep_first(text: str, request: Request) -> str:
  """Returns the share of a training text that is kept."""
  kept = text
  if request.fraction < 1:
    kept = keep_first(text, request.fraction, request.unit)
  if not kept or kept.isspace():
    raise FieldError(
      "fraction",
      "{field} must keep at least one word of the training split, got "
      f"{request.fraction!r}",
    )
  return kept


def _read_text(field: str, path: str, unit: str) -> tuple[str, str]:
  """Reads a text file, as `files.read_text` does.

  Raises:
    FieldError: see there; or the unit is "word", and a word marks the start or
      the end of a sentence, as other tools insert it: it would count as an easy
      word, beside the `<eos>` of each line.
  """
  text, sha256 = read_text(field, path)
  if unit == "word" and (mark := MARK.search(text)):
    line = text.count("\n", 0, mark.start()) + 1
    kind = "a text whose sentences are lines, without marks for their ends"
    raise bad_file(field, path, kind, f"has {mark[0]!r} in line {line}")
  return text, sha256


def _encode_split(
  vocabulary: Vocabulary, text: str, pretokenized: bool
) -> Split:
  """Encodes a text, and counts its characters and unknown tokens."""
  tokens = vocabulary.encode(text)
  # No token equals the None that a vocabulary without `<unk>` has.
  unknown = int(np.count_nonzero(tokens == vocabulary.unk))
  if vocabulary.unit != "word":
    return Split(tokens, len(text), unknown)
  lines = [line for line in split_lines(text) if UNK in line]
  unknown -= sum(vocabulary.split_words(line).count(UNK) for line in lines)
  characters = None
  # An <eos> written in the text decodes to a newline, one character.
  if pretokenized and not unknown and EOS not in text:
    characters = len(vocabulary.decode(tokens))
  return Split(tokens, characters, unknown)


def _sha256(raw: bytes) -> str:
  return hashlib.sha256(raw).hexdigest()
