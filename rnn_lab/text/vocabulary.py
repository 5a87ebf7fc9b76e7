"""Vocabularies: the tokens of a text and their ids.

A thin layer over the `tokenizers` library, which splits texts and looks up
ids. `vocabulary_training` makes vocabularies.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.rundir import sealed, unsealed, write_text
from rnn_lab.text.ids import check_ids
from rnn_lab.text.splitting import short_pieces, split_lines

if TYPE_CHECKING:
  from tokenizers import Tokenizer

EOS = "<eos>"
UNK = "<unk>"
UNITS = ("word", "character", "bpe")
# Lines and characters encoded at a time: the library's encodings take a hundred
# bytes a token until their ids are copied out.
LINES_AT_ONCE = 8192
CHARACTERS_AT_ONCE = 2**22


@dataclasses.dataclass(frozen=True, eq=False)
class Vocabulary:
  """The V tokens of a text, numbered from 0.

  Unit "word": the words of each line, then `<eos>`; other words are `<unk>`.
  Unit "character": every character is a token, newlines included; other
  characters are `<unk>`. Unit "bpe": byte pair encoding of the UTF-8 bytes of
  each line with its newline; nothing is unknown.

  Attributes:
    tokenizer: the library's object that splits texts and looks up ids.
    unit: "word", "character" or "bpe".
  """

  tokenizer: "Tokenizer"
  unit: str

  @functools.cached_property
  def size(self) -> int:
    """V, the number of tokens."""
    return self.tokenizer.get_vocab_size()

  @functools.cached_property
  def words(self) -> tuple[str, ...]:
    """The token of each id in readable form.

    Bytes that are not a whole character are escaped: `\\xe2`.
    """
    ids = self.tokenizer.get_vocab()
    words = sorted(ids, key=ids.__getitem__)
    if self.unit == "bpe":
      words = [_readable(word) for word in words]
    return tuple(words)

  @functools.cached_property
  def eos(self) -> int | None:
    """The id of `<eos>`, which ends a line; `None` unless unit is "word"."""
    return self.tokenizer.token_to_id(EOS) if self.unit == "word" else None

  @functools.cached_property
  def unk(self) -> int | None:
    """The id of `<unk>`; `None` for unit "bpe"."""
    return self.tokenizer.token_to_id(UNK) if self.unit != "bpe" else None

  @functools.cached_property
  def start(self) -> int:
    """The id that precedes a text: that of `<eos>`, else of newline, else 0."""
    if self.eos is not None:
      return self.eos
    return self.words.index("\n") if "\n" in self.words else 0

  def encode(self, text: str) -> np.ndarray:
    """Returns the ids of all tokens of `text`, int32 `[n]`.

    With unit "word" each line ends in `<eos>`, also a last line without a
    newline.

    Raises:
      FieldError: `text` is no text, such as a list of words.
    """
    if not isinstance(text, str):
      raise FieldError("text", f"{{field}} must be a text, got {text!r}")
    if self.unit == "character":
      return self._of_character[np.frombuffer(text.encode("utf-32-le"), "<u4")]
    lines = split_lines(text, keep_ends=self.unit == "bpe")
    ends = [self.eos] if self.unit == "word" else []
    ids = [np.zeros(0, np.int32)]
    for batch in _batches(lines):
      pieces = [piece for piece, _ in batch]
      encodings = self.tokenizer.encode_batch_fast(
        pieces, add_special_tokens=False
      )
      for encoding, (_, is_last) in zip(encodings, batch):
        tokens = encoding.ids + ends if is_last else encoding.ids
        ids.append(np.asarray(tokens, np.int32))
    return np.concatenate(ids)

  def encode_prompt(self, text: str) -> tuple[np.ndarray, list[str]]:
    """Encodes a text that is to be continued, without `<eos>` at its end.

    Returns:
      ids int32 `[n]`, and the words (or characters) that are not in the
      vocabulary, each once, in order of appearance.
    """
    # Bytes that a terminal could not decode become surrogates, which the
    # library does not accept.
    text = text.encode("utf-8", errors="replace").decode("utf-8")
    if self.unit == "bpe":
      return self.encode(text), []
    if self.unit == "character":
      words = list(text)
    else:
      lines = [self.split_words(line) for line in text.split("\n")]
      words = [word for line in lines for word in (EOS, *line)][1:]
    ids = [self.tokenizer.token_to_id(word) for word in words]
    known = [self.unk if i is None else i for i in ids]
    missing = [word for word, i in zip(words, ids) if i is None]
    return np.asarray(known, np.int32), list(dict.fromkeys(missing))

  def decode(self, ids: Sequence[int] | np.ndarray) -> str:
    """Returns the text of these ids; words are separated by one space.

    Raises:
      FieldError: one is not an id from 0 to V - 1.
    """
    known: list[int] = check_ids("ids", ids, self.size).tolist()
    if self.unit == "bpe":
      return self.tokenizer.decode(known, skip_special_tokens=False)
    if self.unit == "character":
      return "".join([self.words[i] for i in known])
    words = [self.words[i] if i != self.eos else "\n" for i in known]
    return " ".join(words).replace(" \n", "\n").replace("\n ", "\n")

  def split_words(self, line: str) -> list[str]:
    """Returns the words of a line, known or not, for unit "word"."""
    pairs = self.tokenizer.pre_tokenizer.pre_tokenize_str(line)
    return [word for word, _ in pairs]

  def save(self, path: str | os.PathLike) -> None:
    """Writes the vocabulary as JSON, atomically."""
    tokenizer = json.loads(self.tokenizer.to_str())
    value = sealed({"unit": self.unit, "tokenizer": tokenizer})
    path = local_path("vocabulary", path)
    write_text(path, json.dumps(value, indent=1) + "\n")

  @classmethod
  def load(cls, path: str | os.PathLike) -> "Vocabulary":
    """Reads what `save` wrote.

    Raises:
      FieldError: the file is missing or damaged.
    """
    from tokenizers import Tokenizer

    path = local_path("vocabulary", path)
    try:
      value = unsealed(json.loads(path.read_text(encoding="utf-8")))
      tokenizer = Tokenizer.from_str(json.dumps(value["tokenizer"]))
      vocabulary = cls(tokenizer, value["unit"])
      _check(vocabulary)
    # The library raises a bare Exception for a file that it cannot read.
    except Exception as error:
      raise FieldError(
        "vocabulary",
        "{field} must hold the words that a run wrote; "
        f"{os.fspath(path)!r} cannot be read ({type(error).__name__})",
      ) from error
    return vocabulary

  @functools.cached_property
  def _of_character(self) -> np.ndarray:
    """The id of every code point, as a table."""
    table = np.full(0x110000, self.unk, np.int32)
    for i, character in enumerate(self.words):
      if i != self.unk:
        table[ord(character)] = i
    return table


def _batches(lines: Sequence[str]) -> Iterator[list[tuple[str, bool]]]:
  """Yields the pieces of lines, and whether each is its line's last one."""
  batch, size = [], 0
  for line in lines:
    pieces = [*short_pieces(line)]
    for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces):
      batch.append((piece, left == 0))
      size += len(piece)
      if len(batch) == LINES_AT_ONCE or size > CHARACTERS_AT_ONCE:
        yield batch
        batch, size = [], 0
  if batch:
    yield batch


def _readable(token: str) -> str:
  """Converts a token of the byte-level alphabet to text.

  In that alphabet printable bytes are their own character, and the others, in
  order, are the characters from 256 on.
  """
  printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
  others = [byte for byte in range(256) if byte not in printable]
  raw = bytes(b if (b := ord(c)) < 256 else others[b - 256] for c in token)
  return raw.decode("utf-8", errors="backslashreplace")


def _check(vocabulary: Vocabulary) -> None:
  """Raises ValueError if a file that parsed is not a vocabulary of `save`."""
  unit, tokenizer = vocabulary.unit, vocabulary.tokenizer
  ids = sorted(tokenizer.get_vocab().values())
  if unit not in UNITS or ids != list(range(len(ids))):
    raise ValueError("unknown unit, or missing ids")
  if type(tokenizer.model).__name__ != {"bpe": "BPE"}.get(unit, "WordLevel"):
    raise ValueError("tokens of another unit")
  if unit != "bpe" and vocabulary.unk is None:
    raise ValueError("no <unk>")
  ends = [vocabulary.eos] if unit == "word" else []
  if None in ends or tokenizer.encode("").ids != ends:
    raise ValueError("lines do not end in <eos>")
  if unit == "character" and any(len(w) > 1 for w in vocabulary.words[1:]):
    raise ValueError("words among the characters")
