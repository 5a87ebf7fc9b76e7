"""Corpora: published counts, every source, splits, and wrong arguments."""

import bz2
import hashlib
import os
import pathlib
import platform
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.text import CORPORA, EOS, UNK, grammar, load

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
PTB = pathlib.Path(os.environ.get("RNN_LAB_PTB", SHARED / "ptb"))
SIZE = 3000
SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def english():
  return load("grammar", size=SIZE)


def words_of(corpus, split):
  return [corpus.vocabulary.words[i] for i in getattr(corpus, split).tokens]


def write(folder, texts):
  folder.mkdir(exist_ok=True)
  for name, text in texts.items():
    (folder / name).write_bytes(text.encode("utf-8"))
  return folder


def test_the_grammar_is_its_samples(english):
  assert english.name == "grammar"
  assert english.kinds == grammar.KINDS
  assert english.entropy_rate == grammar.entropy_rate(grammar.english())
  for stream, name in enumerate(SPLITS):
    split = getattr(english, name)
    size = SIZE if name == "train" else max(SIZE // 10, 1_000)
    sample = grammar.sample(grammar.english(), 0, stream, size)
    expected = [grammar.english().words[i] for i in sample.words_ids]
    assert words_of(english, name) == expected
    assert split.tokens.dtype == np.int32
    assert_array_equal(split.log_probs, sample.log_probs)
    assert_array_equal(split.kinds, sample.kinds)
    assert_array_equal(split.distances, sample.distances)
    assert split.unknown == 0
    # Each word and one space or newline after it, but for a cut last line.
    letters = sum(len(word) + 1 for word in expected if word != EOS)
    assert split.characters == letters - (expected[-1] != EOS)


def test_the_grammars_words_do_not_depend_on_the_text(english):
  vocabulary = english.vocabulary
  assert vocabulary.words[:2] == (UNK, EOS)
  assert set(vocabulary.words) == {*grammar.english().words, UNK}
  assert vocabulary.size == len(grammar.english().words) + 1
  other = load("grammar", size=100, seed=3)
  assert other.vocabulary.words == vocabulary.words
  assert other.hashes != english.hashes
  assert words_of(other, "train") != words_of(english, "train")[:100]
  # The library's own path gives the same ids as the grammar's did.
  text = vocabulary.decode(english.valid.tokens)
  whole = english.valid.tokens[-1] == vocabulary.eos
  encoded = vocabulary.encode(text)
  assert_array_equal(encoded if whole else encoded[:-1], english.valid.tokens)


def test_a_share_of_the_grammars_tokens(english):
  half = load("grammar", size=SIZE, fraction=0.5)
  for field in ("tokens", "log_probs", "kinds", "distances"):
    whole = getattr(english.train, field)
    assert_array_equal(getattr(half.train, field), whole[: SIZE // 2])
  text = half.vocabulary.decode(half.train.tokens)
  assert half.train.characters == len(text)
  assert half.hashes == english.hashes
  assert_array_equal(half.test.tokens, english.test.tokens)


def test_the_grammar_in_letters(english):
  letters = load("grammar", size=SIZE, unit="character", fraction=0.5)
  expected = english.vocabulary.decode(english.train.tokens[: SIZE // 2])
  assert letters.vocabulary.decode(letters.train.tokens) == expected
  assert letters.train.characters == len(letters.train.tokens) == len(expected)
  assert (letters.entropy_rate, letters.kinds) == (None, ())
  assert letters.train.log_probs is None
  pieces = load("grammar", size=SIZE, unit="bpe", max_vocabulary=300)
  assert pieces.vocabulary.size == 300
  assert pieces.valid.characters == english.valid.characters


def test_python_docs():
  corpus = load("python_docs")
  assert corpus.facts == {"python": platform.python_version()}
  topics = pytest.importorskip("pydoc_data.topics").topics
  text = "\n".join(topics[name] for name in sorted(topics))
  sha256 = hashlib.sha256(text.encode()).hexdigest()
  assert corpus.hashes == {"python_docs": sha256}
  lines = len(text.split("\n")) - text.endswith("\n")
  ends = [words_of(corpus, split).count(EOS) for split in SPLITS]
  tenth = round(lines / 10)
  assert ends == [lines - 2 * tenth, tenth, tenth]
  # The same three pieces, letter by letter, are the text.
  letters = load("python_docs", unit="bpe", max_vocabulary=256)
  decode = letters.vocabulary.decode
  pieces = [getattr(letters, split) for split in SPLITS]
  assert "".join(decode(piece.tokens) for piece in pieces) == text
  assert [p.characters for p in pieces] == [
    len(decode(p.tokens)) for p in pieces
  ]


# The conventions of the Penn Treebank's files, in small: a space first and
# last, <unk> written out, an empty line, and a last line without an end.
TRAIN = " the <unk> sat \n the N dog sat \n\n a <unk>"
VALID = " the cat <unk> sat \n"
TEST = " a dog \n the N \n"


def test_treebank_conventions(tmp_path):
  texts = {"ptb.train.txt": TRAIN, "ptb.valid.txt": VALID, "ptb.test.txt": TEST}
  folder = write(tmp_path, texts)
  corpus = load("ptb", data_dir=folder)
  expected = "the <unk> sat | the N dog sat | | a <unk> |".replace("|", EOS)
  assert words_of(corpus, "train") == expected.split()
  # <unk> and <eos>, then by count, then by code point.
  assert corpus.vocabulary.words == (UNK, EOS, "sat", "the", "N", "a", "dog")
  assert words_of(corpus, "valid") == ["the", UNK, UNK, "sat", EOS]
  # Only "cat" was replaced: the other <unk> is the corpus' own.
  assert [getattr(corpus, s).unknown for s in SPLITS] == [0, 1, 0]
  assert corpus.train.characters == len(
    "the <unk> sat\nthe N dog sat\n\na <unk>\n"
  )
  assert corpus.valid.characters is None
  assert corpus.test.characters == len("a dog\nthe N\n")
  assert corpus.entropy_rate is None and corpus.kinds == ()
  assert corpus.hashes == {
    name: hashlib.sha256(text.encode()).hexdigest()
    for name, text in texts.items()
  }


def test_a_written_end_of_line_has_no_known_length(tmp_path):
  texts = {"ptb.train.txt": TRAIN, "ptb.valid.txt": "a <eos> a\n"}
  corpus = load("ptb", data_dir=write(tmp_path, texts | {"ptb.test.txt": TEST}))
  assert words_of(corpus, "valid") == ["a", EOS, "a", EOS]
  assert corpus.valid.characters is None


@pytest.mark.skipif(
  not (PTB / "ptb.train.txt").is_file(),
  reason=f"the Penn Treebank is not in {PTB} (or set RNN_LAB_PTB)",
)
def test_published_counts_of_the_treebank():
  corpus = load("ptb", data_dir=PTB)
  sizes = [len(getattr(corpus, split).tokens) for split in SPLITS]
  assert sizes == [929_589, 73_760, 82_430]
  assert corpus.vocabulary.size == 10_000
  assert [getattr(corpus, split).unknown for split in SPLITS] == [0, 0, 0]


@pytest.mark.skipif(
  not (SHARED / "wikitext2").is_dir(),
  reason="WikiText-2 is not beside the checkout",
)
def test_published_counts_of_wikitext(tmp_path):
  for name in ("valid.txt", "test.txt"):
    (tmp_path / name).symlink_to(SHARED / "wikitext2" / name)
  with pytest.raises(FieldError, match=" has no train.txt$"):
    load("wikitext2", data_dir=tmp_path)
  (tmp_path / "train.txt").symlink_to(SHARED / "wikitext2" / "valid.txt")
  corpus = load("wikitext2", data_dir=tmp_path)
  sizes = [len(getattr(corpus, split).tokens) for split in SPLITS]
  assert sizes == [217_646, 217_646, 245_569]
  assert corpus.valid.unknown == 0
  # Its lines have a space at either end, which are no words.
  text = (SHARED / "wikitext2" / "valid.txt").read_text(encoding="utf-8")
  lines = [" ".join(line.split()) for line in text.split("\n")[:-1]]
  assert corpus.valid.characters == len("\n".join(lines)) + 1
  slow = [w for line in lines for w in (*line.split(), EOS)]
  assert words_of(corpus, "valid") == slow
  known = {*slow, UNK}
  text = (SHARED / "wikitext2" / "test.txt").read_text(encoding="utf-8")
  unknown = [word for word in text.split() if word not in known]
  assert corpus.test.unknown == len(unknown)


@pytest.mark.skipif(
  not (SHARED / "tiny_shakespeare.txt").is_file(),
  reason="Shakespeare is not beside the checkout",
)
def test_shakespeare():
  corpus = load("tiny_shakespeare", data_dir=SHARED, unit="character")
  assert sum(getattr(corpus, s).characters for s in SPLITS) == 1_115_394
  # 65 characters, and <unk>.
  assert corpus.vocabulary.size == 66
  words = load("tiny_shakespeare", data_dir=SHARED, fraction=0.1)
  assert words.vocabulary.words[2] == ","
  assert words.valid.unknown > 0 and words.valid.characters is None


LINES = [f"line {i} of ten, {'xyz'[i % 3]}!\n" for i in range(10)]


def test_a_text_in_one_file(tmp_path):
  path = write(tmp_path, {"a.txt": "".join(LINES)}) / "a.txt"
  shares = {"valid_fraction": 0.3, "test_fraction": 0.2}
  corpus = load("text", train_path=path, unit="character", **shares)
  texts = [
    corpus.vocabulary.decode(getattr(corpus, split).tokens) for split in SPLITS
  ]
  # The digits that come after the training split are unknown.
  expected = [LINES[:5], LINES[5:8], LINES[8:]]
  assert texts[0] == "".join(expected[0])
  digits = [f"line {i} " for i in range(5, 8)]
  assert [getattr(corpus, s).unknown for s in SPLITS] == [0, 3, 2]
  assert texts[1].count(UNK) == len(digits)
  for name, lines in zip(SPLITS, expected):
    assert getattr(corpus, name).characters == len("".join(lines))
  assert list(corpus.hashes) == ["a.txt"]
  assert (
    load("text", train_path=str(path), unit="character", **shares) is corpus
  )


def test_a_text_in_three_files(tmp_path):
  texts = {"a": "a b, b\n", "b": "b c\n", "c": "\ufeffc\n\nb"}
  folder = write(tmp_path, texts)
  paths = {f"{split}_path": folder / n for split, n in zip(SPLITS, "abc")}
  corpus = load("text", **paths)
  assert corpus.vocabulary.words == (UNK, EOS, "b", ",", "a")
  assert words_of(corpus, "valid") == ["b", UNK, EOS]
  # The byte order mark is no character.
  assert words_of(corpus, "test") == [UNK, EOS, EOS, "b", EOS]
  assert [getattr(corpus, split).unknown for split in SPLITS] == [0, 1, 1]
  # What stood between its words is not known any more.
  assert corpus.train.characters is None
  assert list(corpus.hashes) == ["a", "b", "c"]
  assert corpus.hashes["c"] == hashlib.sha256(texts["c"].encode()).hexdigest()


def test_files_of_one_name_keep_their_hashes_apart(tmp_path):
  paths = {}
  for split, text in zip(SPLITS, ("a\n", "b\n", "b\n")):
    folder = write(tmp_path / split, {"t.txt": text})
    paths[f"{split}_path"] = str(folder / "t.txt")
  hashes = load("text", **paths).hashes
  assert list(hashes) == ["t.txt", paths["valid_path"], paths["test_path"]]


def test_words_that_white_space_separates(tmp_path):
  path = write(tmp_path, {"a.txt": "a-b , <unk> c.\n" * 10}) / "a.txt"
  cut = load("text", train_path=path)
  assert words_of(cut, "test") == [*"a-b,<", "unk", *">c.", EOS]
  whole = load("text", train_path=path, pretokenized=True)
  assert words_of(whole, "test") == ["a-b", ",", UNK, "c.", EOS]


def test_a_share_of_the_lines(tmp_path):
  path = write(tmp_path, {"a.txt": "".join(LINES)}) / "a.txt"
  corpus = load("text", train_path=path, fraction=0.26, min_count=2)
  # 8 lines to train on, of which 2.08 are kept.
  assert words_of(corpus, "train").count(EOS) == 2
  # The words of all 8, so that perplexities at all shares are of the same.
  kept = (UNK, EOS, "!", ",", "line", "of", "ten", "x", "y", "z")
  assert corpus.vocabulary.words == kept
  assert corpus.train.unknown == 2  # the numbers
  least = load("text", train_path=path, fraction=1e-6)
  assert words_of(least, "train").count(EOS) == 1


def split_texts(path, **arguments):
  corpus = load("text", train_path=path, unit="character", **arguments)
  decode = corpus.vocabulary.decode
  return [decode(getattr(corpus, split).tokens) for split in SPLITS]


WORDS = "".join("word of the text "[: n % 13 + 2] for n in range(400))


@pytest.mark.parametrize("before", ["", "one\ntwo\n"])
def test_a_text_of_one_line_is_split_between_words(tmp_path, before):
  """As text8: by its characters, in shares of lines there would be nothing."""
  path = write(tmp_path, {"a": before + WORDS}) / "a"
  parts = split_texts(path)
  assert "".join(parts) == before + WORDS
  for part, share in zip(parts, (0.8, 0.1, 0.1)):
    assert abs(len(part) / len(WORDS) - share) < 0.01
  assert all(part[-1] == " " and part[0] != " " for part in parts[:2])
  [kept, *others] = split_texts(path, fraction=0.25)
  assert parts[0].startswith(kept) and others == parts[1:]
  assert abs(len(kept) / len(parts[0]) - 0.25) < 0.02


def test_a_text_without_spaces_is_split_anywhere(tmp_path):
  path = write(tmp_path, {"a": "abcdefghij" * 300}) / "a"
  assert [*map(len, split_texts(path))] == [2400, 300, 300]
  with pytest.raises(FieldError, match="1 lines and 1 words for one of the sp"):
    load("text", train_path=path)


def test_ends_of_lines_from_elsewhere(tmp_path):
  lines = ["one two", "three", "four \rfive", "", "six"] * 3
  text = "".join(line + "\n" for line in lines)
  files = {"l": text, "w": text.replace("\n", "\r\n")}
  files["m"] = text.replace("\r", "").replace("\n", "\r")
  folder = write(tmp_path, files)
  assert "".join(split_texts(folder / "w")) == text
  assert split_texts(folder / "w") == split_texts(folder / "l")
  assert "".join(split_texts(folder / "m")) == text.replace("\r", "")


@pytest.mark.parametrize("mark", ["<s>", "</s>"])
def test_marks_of_sentences_are_no_words(tmp_path, mark):
  text = f"a b<s> c\na {mark}\n" * 5
  path = write(tmp_path, {"a": text}) / "a"
  for pretokenized in (True, False):
    with pytest.raises(FieldError, match=f"a' has '{mark}' in line 2$"):
      load("text", train_path=path, pretokenized=pretokenized)
  names = [f"ptb.{split}.txt" for split in SPLITS]
  texts = dict.fromkeys(names, "a b\n") | {names[1]: text}
  folder = write(tmp_path / "ptb", texts)
  with pytest.raises(FieldError, match=f"^data_dir .* has '{mark}' in line 2$"):
    load("ptb", data_dir=folder)
  # Of characters they are a part.
  assert mark in split_texts(path)[0]


BAD_FILES = {
  "empty": (b"", "is empty"),
  "blank": (b" \n\n", "is empty"),
  "latin": (b"ab\ncaf\xe9\n", r"is not UTF-8 \(at byte 6\)"),
  "bzip2": (bz2.compress(b"a\nb\n"), r"is compressed \(bzip2\); decompress"),
  "short": (b"a\nb\n", "leave none of the text's 2 lines and 2 words"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_are_no_texts(tmp_path, name):
  raw, words = BAD_FILES[name]
  (tmp_path / name).write_bytes(raw)
  with pytest.raises(FieldError, match=words) as caught:
    load("text", train_path=tmp_path / name)
  assert "\n" not in str(caught.value)
  if name != "short":
    start = "train_path must be the path of a text file in UTF-8; "
    assert str(caught.value).startswith(start + repr(str(tmp_path / name)))
  (tmp_path / name).write_text("mended\n" * 5)
  assert len(load("text", train_path=tmp_path / name).train.tokens) == 6


def test_a_damaged_file_of_a_folder(tmp_path):
  texts = {"ptb.train.txt": TRAIN, "ptb.valid.txt": "", "ptb.test.txt": TEST}
  write(tmp_path, texts)
  with pytest.raises(
    FieldError, match="^data_dir must .*ptb.valid.txt' is empty"
  ):
    load("ptb", data_dir=tmp_path)


def test_paths_that_cannot_be_read(tmp_path):
  good = write(tmp_path, {"a.txt": "a\n" * 9}) / "a.txt"
  for path in (
    tmp_path,
    tmp_path / "nothing",
    "a\0b",
    good / "below",
    "x" * 5000,
  ):
    with pytest.raises(FieldError, match="^train_path must .* cannot be read"):
      load("text", train_path=path)
  with pytest.raises(FieldError, match="^test_path must .*Is a directory"):
    load("text", train_path=good, valid_path=good, test_path=tmp_path)


@pytest.mark.parametrize(
  "missing,given",
  [
    ("train_path", []),
    ("train_path", ["valid_path", "test_path"]),
    ("valid_path", ["train_path", "test_path"]),
    ("test_path", ["train_path", "valid_path"]),
  ],
)
def test_paths_that_are_missing(tmp_path, missing, given):
  path = write(tmp_path, {"a.txt": "a\n" * 9}) / "a.txt"
  with pytest.raises(FieldError, match=f"^{missing} must .*path .*got None"):
    load("text", **dict.fromkeys(given, path))


@pytest.mark.parametrize(
  "field,value,others",
  [
    ("name", "brown", {}),
    ("name", ["grammar"], {}),
    ("unit", "letter", {}),
    ("unit", ["word"], {}),
    ("min_count", 0, {"name": "python_docs"}),
    ("min_count", 10**6, {"name": "python_docs"}),
    ("min_count", 2, {}),
    ("max_vocabulary", 100, {}),
    ("max_vocabulary", 2, {"name": "python_docs"}),
    ("max_vocabulary", 0, {"name": "python_docs", "unit": "bpe"}),
    ("size", 0, {}),
    ("size", 1e6, {}),
    ("seed", -1, {}),
    ("fraction", 0.0, {}),
    ("pretokenized", 1, {"name": "text"}),
    ("pretokenized", True, {"name": "python_docs"}),
    ("fraction", 1.01, {}),
    ("fraction", float("nan"), {}),
    ("fraction", "half", {}),
    ("data_dir", 3, {}),
    ("data_dir", ".", {}),
    ("data_dir", ".", {"name": "text"}),
    ("train_path", "a.txt", {"name": "ptb"}),
    ("valid_path", b"a", {"name": "text"}),
    ("valid_fraction", 0, {"name": "python_docs"}),
    ("valid_fraction", 1.0, {"name": "python_docs"}),
    ("valid_fraction", 0.2, {}),
    ("test_fraction", 0.9, {"name": "python_docs"}),
    ("test_fraction", 0.5, {"name": "python_docs", "valid_fraction": 0.5}),
    ("test_fraction", 0.2, {"name": "wikitext2"}),
    (
      "valid_fraction",
      0.2,
      {"name": "text", **dict.fromkeys(("train_path", "valid_path"), "a")}
      | {"test_path": "a"},
    ),
  ],
)
def test_wrong_arguments(field, value, others):
  with pytest.raises(FieldError) as caught:
    load(**{"name": "grammar", **others, field: value})
  assert str(caught.value).startswith(f"{field} must be ")
  assert f"got {value!r}" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_a_share_without_a_word(tmp_path):
  path = write(tmp_path, {"a.txt": "\n" * 8 + "a\n" * 8}) / "a.txt"
  with pytest.raises(
    FieldError, match="^fraction must .*at least one word.*0.5"
  ):
    load("text", train_path=path, fraction=0.5)


def test_importing_loads_neither_tokenizers_nor_the_grammar():
  code = (
    "import sys, rnn_lab.tasks.digits, rnn_lab.text, rnn_lab.training\n"
    "print([m for m in sys.modules if 'tokenizers' in m or 'grammar' in m])"
  )
  path = os.pathsep.join(filter(None, sys.path))
  run = subprocess.run(
    [sys.executable, "-c", code],
    capture_output=True,
    check=True,
    env={**os.environ, "PYTHONPATH": path},
    text=True,
  )
  assert run.stdout == "[]\n"


def test_every_corpus_has_a_name_and_a_known_truth(english):
  named = {"tiny_shakespeare", "ptb", "wikitext2"}
  assert set(CORPORA) == {"grammar", "python_docs", "text"} | named
  # The source's own entropy is what its words cost on average, here to
  # within a few percent.
  cost = -english.train.log_probs.mean()
  assert_allclose(cost, english.entropy_rate, rtol=0.05)
