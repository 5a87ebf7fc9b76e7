"""Vocabularies against slow counting, by hand, and through a file."""

import collections
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.text import splitting
from rnn_lab.text import vocabulary as vocabulary_module
from rnn_lab.text.splitting import split_lines
from rnn_lab.text.vocabulary import EOS, UNK, Vocabulary
from rnn_lab.text.vocabulary_training import train_vocabulary, vocabulary_of

TEXT = "the cat sat .\n\n the dog sat , the end\nno\n"
WORDS = st.lists(
  st.lists(st.sampled_from(["a", "b", "ab", UNK, "é", "x"]), max_size=5),
  max_size=6,
)
# What UTF-8 can hold.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def slow_words(text):
  """The tokens of a text with words apart by spaces, one by one."""
  tokens = []
  for line in split_lines(text):
    tokens += [word for word in line.split(" ") if word] + [EOS]
  return tokens


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, st.integers(1, 3), st.sampled_from([0, 3, 5]))
def test_words_as_counted_slowly(train, other, min_count, most):
  text = "\n".join(" ".join(line) for line in [*train, ["a"] * 3])
  counts = collections.Counter(slow_words(text))
  ranked = sorted((-n, word) for word, n in counts.items())
  kept = [w for n, w in ranked if -n >= min_count and w not in (EOS, UNK)]
  expected = [UNK, EOS, *kept][: most or None]
  vocabulary = train_vocabulary(text, "word", min_count, most, True)
  assert vocabulary.words == tuple(expected)
  assert vocabulary.size == len(expected)
  assert (vocabulary.unk, vocabulary.eos, vocabulary.start) == (0, 1, 1)
  for given_text in (text, "\n".join(" ".join(line) for line in other)):
    ids = vocabulary.encode(given_text)
    assert ids.dtype == np.int32
    slow = [w if w in expected else UNK for w in slow_words(given_text)]
    assert [vocabulary.words[i] for i in ids] == slow


def test_ties_are_in_order_of_code_points():
  vocabulary = train_vocabulary("b é a B b é a B c", "word", 1, 6, True)
  assert vocabulary.words == (UNK, EOS, "B", "a", "b", "é")
  assert train_vocabulary("baab", "character").words == (UNK, "a", "b")


def test_words_and_punctuation_are_cut_apart():
  vocabulary = train_vocabulary(TEXT, "word")
  assert vocabulary.split_words(" don't! <unk>\t(é1_x)...") == (
    ["don", "'", "t", "!", "<", "unk", ">", "(", "é1_x", ")..."]
  )
  spaced = train_vocabulary(TEXT, "word", pretokenized=True)
  assert spaced.split_words(" don't!  <unk>\t") == ["don't!", "<unk>"]


def test_every_line_ends_in_eos_and_decodes():
  vocabulary = train_vocabulary(TEXT, "word", pretokenized=True)
  ids = vocabulary.encode(TEXT)
  tokens = "the cat sat . | | the dog sat , the end | no |"
  expected = tokens.replace("|", EOS).split()
  assert [vocabulary.words[i] for i in ids] == expected
  # The two spaces of white in TEXT are normalised away.
  assert vocabulary.decode(ids) == TEXT.replace("\n the", "\nthe")
  assert vocabulary.decode(ids[4:7]) == "\n\nthe"
  assert_array_equal(vocabulary.encode("no"), vocabulary.encode("no\n"))
  assert vocabulary.encode("").shape == (0,)
  assert vocabulary.encode("\n\n").tolist() == [1, 1]


def test_only_a_newline_ends_a_line():
  text = "a\x0bb\x0cc\u2028d\x85e\rf\r\ng"
  assert split_lines(text) == ["a\x0bb\x0cc\u2028d\x85e\rf\r", "g"]
  assert "".join(split_lines(text + "\n\n", True)) == text + "\n\n"


def test_split_words_are_separated_as_in_lmplz():
  text = "a\x0bb\u3000c\u2028d\x85e\xa0f\r\0g \th\ni"
  words = ["a\x0bb\u3000c\u2028d\x85e\xa0f", "g", "h", EOS, "i", EOS]
  vocabulary = train_vocabulary(text, "word", pretokenized=True)
  assert set(vocabulary.words) == {UNK, *words}
  assert [vocabulary.words[i] for i in vocabulary.encode(text)] == words


@pytest.mark.parametrize("unit", ["word", "bpe"])
def test_long_lines_have_the_tokens_of_short_ones(unit, monkeypatch):
  text = "a  bé cd, \xa0 efg don't\n\n" + " ab  cd ef g" * 9 + "\nlast one"
  most = 270 if unit == "bpe" else 0
  whole = train_vocabulary(text, unit, 1, most)
  # What the library says of each line as a whole.
  lines = split_lines(text, keep_ends=unit == "bpe")
  ids = [i for line in lines for i in whole.tokenizer.encode(line).ids]
  monkeypatch.setattr(splitting.short_pieces, "__defaults__", (7,))
  monkeypatch.setattr(vocabulary_module, "CHARACTERS_AT_ONCE", 20)
  assert max(map(len, splitting.short_pieces(lines[2]))) < 14
  assert "".join(splitting.short_pieces(lines[2])) == lines[2]
  cut = train_vocabulary(text, unit, 1, most)
  assert cut.words == whole.words
  assert cut.encode(text).tolist() == ids


def test_special_words_only_as_whole_words():
  text = f"a{UNK}b {UNK} a{EOS} {UNK}\n"
  vocabulary = train_vocabulary(text, "word", pretokenized=True)
  assert vocabulary.words == (UNK, EOS, f"a{EOS}", f"a{UNK}b")
  assert vocabulary.encode(text).tolist() == [3, 0, 2, 0, 1]


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_characters_as_the_library_has_them(train, other):
  vocabulary = train_vocabulary(train + "a\n", "character")
  assert sorted(vocabulary.words[1:]) == sorted(set(train) | {"a", "\n"})
  assert vocabulary.eos is None
  assert vocabulary.words[vocabulary.start] == "\n"
  assert vocabulary.decode(vocabulary.encode(train)) == train
  for text in (train, other):
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == vocabulary.tokenizer.encode(text).ids
    known = [c if c in vocabulary.words else UNK for c in text]
    assert [vocabulary.words[i] for i in ids] == known


def test_without_a_newline_characters_start_at_0():
  assert train_vocabulary("ab", "character").start == 0


BPE = train_vocabulary(TEXT * 3, "bpe", max_vocabulary=262)


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT)
def test_bpe_loses_nothing(text):
  ids = BPE.encode(text)
  assert BPE.decode(ids) == text
  assert_array_equal(BPE.encode_prompt(text)[0], ids)


def test_bpe_merges_the_most_frequent_pairs():
  assert BPE.size == 262
  assert (BPE.unk, BPE.eos) == (None, None)
  assert BPE.words[BPE.start] == "\n"
  # By hand: "at", "he" and "th" 9 times each, equal counts in order of bytes;
  # then what "he" left of "th", "the"; 6 of those stand after a space.
  assert BPE.words[256:259] == ("at", "he", "the")
  assert " the" in BPE.words[259:]
  assert all("\n" not in word or word == "\n" for word in BPE.words)
  every_byte = {
    bytes([b]).decode("utf-8", "backslashreplace") for b in range(256)
  }
  assert set(BPE.words[:256]) == every_byte


def test_bpe_is_the_same_in_any_order_of_lines():
  lines = [f"{a}{b}{c} {c}{a}\n" for a in "abé" for b in "bcd" for c in "dea"]
  forth = train_vocabulary("".join(lines), "bpe", max_vocabulary=290)
  back = train_vocabulary("".join(lines[::-1]), "bpe", max_vocabulary=290)
  assert forth.words == back.words
  assert forth.size == 290


def test_bpe_stops_where_no_pair_is_frequent():
  vocabulary = train_vocabulary("ab ab ba", "bpe", 2, 1000)
  assert vocabulary.words[256:] == ("ab",)


def test_many_lines_are_encoded_as_one_by_one(monkeypatch):
  monkeypatch.setattr("rnn_lab.text.vocabulary.LINES_AT_ONCE", 3)
  for vocabulary in (BPE, train_vocabulary(TEXT, "word")):
    lines = [vocabulary.encode(line + "\n") for line in split_lines(TEXT * 3)]
    assert_array_equal(vocabulary.encode(TEXT * 3), np.concatenate(lines))


def test_prompts():
  vocabulary = train_vocabulary(TEXT, "word", pretokenized=True)
  ids, unknown = vocabulary.encode_prompt(f"the cow sat\n{UNK} moo cow no")
  words = [vocabulary.words[i] for i in ids]
  assert words == ["the", UNK, "sat", EOS, UNK, UNK, UNK, "no"]
  assert unknown == ["cow", "moo"]
  assert ids.dtype == np.int32
  # After a newline, a line begins.
  assert vocabulary.encode_prompt("no\n")[0].tolist()[1:] == [vocabulary.eos]
  for nothing in ("", "  "):
    ids, unknown = vocabulary.encode_prompt(nothing)
    assert (ids.shape, ids.dtype, unknown) == ((0,), np.int32, [])
  ids, unknown = train_vocabulary("ab", "character").encode_prompt("abcbc")
  assert (ids.tolist(), unknown) == ([1, 2, 0, 2, 0], ["c"])


def test_a_prompt_that_no_terminal_could_decode():
  assert BPE.decode(BPE.encode_prompt("a\udcff")[0]) == "a?"
  vocabulary = train_vocabulary(TEXT, "word")
  assert vocabulary.encode_prompt("the \udcff")[1] == ["?"]


UNITS = {
  "word": train_vocabulary(TEXT, "word"),
  "pretokenized": vocabulary_of([EOS, "don't", UNK]),
  "character": train_vocabulary(TEXT, "character"),
  "bpe": BPE,
}


@pytest.mark.parametrize("unit", UNITS)
def test_a_file_gives_the_same_vocabulary(tmp_path, unit):
  saved = UNITS[unit]
  saved.save(tmp_path / "v.json")
  assert [path.name for path in tmp_path.iterdir()] == ["v.json"]
  loaded = Vocabulary.load(tmp_path / "v.json")
  for field in ("unit", "words", "size", "unk", "eos", "start"):
    assert getattr(loaded, field) == getattr(saved, field)
  text = TEXT + "don't what?\n"
  assert_array_equal(loaded.encode(text), saved.encode(text))
  assert loaded.decode(loaded.encode(text)) == saved.decode(saved.encode(text))
  assert loaded.encode_prompt("don't")[1] == saved.encode_prompt("don't")[1]


def _without_a_word(value):
  del value["tokenizer"]["model"]["vocab"]["the"]


DAMAGE = {
  "no unit": lambda value: value.pop("unit"),
  "unknown unit": lambda value: value.update(unit="letter"),
  "another unit": lambda value: value.update(unit="bpe"),
  "words as characters": lambda value: value.update(unit="character"),
  "no model": lambda value: value["tokenizer"].pop("model"),
  "a hole": _without_a_word,
  "no ends": lambda value: value["tokenizer"].update(post_processor=None),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_vocabularies(tmp_path, damage):
  path = tmp_path / "v.json"
  UNITS["word"].save(path)
  value = json.loads(path.read_text())
  DAMAGE[damage](value)
  path.write_text(json.dumps(value))
  with pytest.raises(
    FieldError, match="^vocabulary .*cannot be read"
  ) as caught:
    Vocabulary.load(path)
  assert str(path) in str(caught.value)
  assert "\n" not in str(caught.value)


def test_files_that_are_no_vocabularies(tmp_path):
  UNITS["word"].save(tmp_path / "cut.json")
  whole = (tmp_path / "cut.json").read_bytes()
  (tmp_path / "cut.json").write_bytes(whole[:-9])
  (tmp_path / "empty.json").write_bytes(b"")
  (tmp_path / "list.json").write_text("[]")
  (tmp_path / "latin.json").write_bytes(b'"\xe9"')
  for name in ("cut", "empty", "list", "latin", "missing"):
    with pytest.raises(FieldError, match="^vocabulary .*cannot be read"):
      Vocabulary.load(tmp_path / f"{name}.json")


@pytest.mark.parametrize(
  "arguments,words",
  [
    (("letter",), "^unit must be one of bpe, character, word, got 'letter'"),
    (("word", 0), "^min_count must .*got 0"),
    (("word", 6), "^min_count must be at most 3, the count of .*got 6"),
    (("word", 1, -1), "^max_vocabulary must .*got -1"),
    (
      ("word", 1, 2),
      r"^max_vocabulary .*at least 3 \(or 0 for no bound\).*got 2",
    ),
    (("bpe",), "^max_vocabulary .*at least 256 for unit 'bpe', got 0"),
    (("bpe", 1, 255), "^max_vocabulary must .*got 255"),
    (("bpe", 1, 300.0), "^max_vocabulary must .*got 300.0"),
  ],
)
def test_wrong_arguments(arguments, words):
  with pytest.raises(FieldError, match=words):
    train_vocabulary(TEXT, *arguments)


@pytest.mark.parametrize("unit", ["word", "character", "bpe"])
def test_ids_of_no_token_are_refused(unit):
  most = 260 if unit == "bpe" else 0
  vocabulary = train_vocabulary("a b\nc a", unit, 1, most)
  for wrong in (-1, vocabulary.size, 0.5):
    words = f"^ids must be .* from 0 to {vocabulary.size - 1}, got {wrong}$"
    with pytest.raises(FieldError, match=words):
      vocabulary.decode([0, wrong])
  for wrong in (3, None, b"a", ["a"]):
    with pytest.raises(FieldError, match="^text must be a text, got"):
      vocabulary.encode(wrong)
  assert vocabulary.decode([]) == ""
