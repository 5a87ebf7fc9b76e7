"""Ids of tokens: order, special tokens, and what a file can hold."""

import collections
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_lab.errors import FieldError
from rnn_lab.text.words import BOS, EOS, PAD, SPECIALS, UNK, WordIds, word_ids

SENTENCES = [["the", "cat", "sat"], ["the", "dog"], ["Cat"], ["cat", "the"]]
WORDS = ["a", "b", "ab", "é", "x y", "", *SPECIALS]
ROWS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6), max_size=6)


def test_frequent_words_first():
  ids = word_ids(SENTENCES)
  # Words of one count are in the order of code points: capitals first.
  assert ids.words == (*SPECIALS, "the", "cat", "Cat", "dog", "sat")
  assert (ids.pad, ids.unk, ids.bos, ids.eos) == (0, 1, 2, 3)
  assert ids.size == 9
  assert word_ids(SENTENCES) == ids and hash(word_ids(SENTENCES)) == hash(ids)
  encoded = ids.encode(["dog", "bit", "the"])
  assert encoded.dtype == np.int32 and encoded.tolist() == [7, 1, 4]
  assert ids.encode([]).shape == (0,) and ids.encode([]).dtype == np.int32


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.integers(1, 3), st.sampled_from([0, 5, 6]))
def test_as_counted_slowly(train, other, min_count, most):
  train = [*train, ["a"] * 3]
  counts = collections.Counter()
  for row in train:
    for word in row:
      counts[word] += word not in SPECIALS
  kept = [w for w, n in counts.items() if n >= max(min_count, 1)]
  kept.sort(key=lambda word: (-counts[word], word))
  expected = [*SPECIALS, *kept][: most or None]
  ids = word_ids(train, min_count, most)
  assert list(ids.words) == expected
  for row in other:
    known = [w in expected and w not in SPECIALS for w in row]
    slow = [expected.index(w) if k else 1 for w, k in zip(row, known)]
    assert ids.encode(row).tolist() == slow
    shown = [w if k else UNK for w, k in zip(row, known)]
    assert ids.decode(ids.encode(row)) == shown


def test_special_tokens_of_a_text_do_not_pad_or_end():
  ids = word_ids([[PAD, "a", EOS, BOS, UNK]])
  assert ids.words == (*SPECIALS, "a")
  assert ids.encode([PAD, "a", EOS, BOS, UNK]).tolist() == [1, 4, 1, 1, 1]


def test_decoding_ends_at_the_end():
  ids = word_ids(SENTENCES)
  row = np.array([ids.bos, 4, 1, 5, ids.eos, 6, ids.pad])
  assert ids.decode(row) == ["the", UNK, "cat"]
  assert ids.decode([4, ids.pad, ids.pad]) == ["the"]
  assert ids.decode([ids.eos]) == []


def test_tags_have_no_special_tokens():
  tags = word_ids([["O", "B-NP", "O"]], specials=())
  assert tags.words == ("O", "B-NP")
  assert tags.pad is tags.unk is tags.bos is tags.eos is None
  assert tags.encode(["B-NP", "O"]).tolist() == [1, 0]
  assert tags.decode([1, 0]) == ["B-NP", "O"]
  with pytest.raises(FieldError, match="^tokens must be .* 2 .*got 'I-NP'$"):
    tags.encode(["O", "I-NP"])
  padded = word_ids([["O"]], specials=(PAD, UNK))
  assert (padded.pad, padded.unk, padded.eos) == (0, 1, None)


def test_a_users_text_has_a_known_word():
  ids = word_ids(SENTENCES)
  tokens = ["bird", "the"]
  got = ids.encode_input("bird the", tokens)
  assert got.tolist() == ids.encode(tokens).tolist() == [ids.unk, 4]
  with pytest.raises(FieldError, match="^input must have at least .* 'bird'$"):
    ids.encode_input("bird", ["bird"])


def test_characters_of_words():
  words = [word for sentence in SENTENCES for word in sentence]
  ids = word_ids(words, specials=(PAD, UNK))
  # Seven t, then four a and four of no other letter.
  assert ids.words[:4] == (PAD, UNK, "t", "a")
  assert ids.decode(ids.encode("taxa")) == ["t", "a", UNK, "a"]


def test_a_file_of_words(tmp_path):
  path = tmp_path / "words.json"
  for ids in (
    word_ids(SENTENCES),
    word_ids([["é", "\ud800", 'a "b"\n']]),
    WordIds(("O", PAD), ()),
  ):
    ids.save(path)
    assert WordIds.load(path) == ids
  assert [p.name for p in tmp_path.iterdir()] == ["words.json"]


GOOD = {"specials": [PAD, UNK], "words": [PAD, UNK, "a", "b"]}
DAMAGED = {
  "empty": b"",
  "half": json.dumps(GOOD).encode()[:-9],
  "binary": b"\xff\xfe\0",
  "list": b"[1]",
  "deep": b"[" * 100_000,
  "no words": b'{"specials": []}',
  "no list": json.dumps(GOOD | {"specials": [], "words": "ab"}).encode(),
  "number": json.dumps(GOOD | {"words": [PAD, UNK, 3]}).encode(),
  "null": json.dumps(GOOD | {"words": None}).encode(),
  "double": json.dumps(GOOD | {"words": [PAD, UNK, "a", "a"]}).encode(),
  "others first": json.dumps(GOOD | {"words": ["a", PAD, UNK]}).encode(),
  "specials": json.dumps(GOOD | {"specials": [PAD, UNK, "a"]}).encode(),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(tmp_path, name):
  path = tmp_path / name
  path.write_bytes(DAMAGED[name])
  with pytest.raises(FieldError, match="^path must hold the words th") as e:
    WordIds.load(path)
  assert repr(str(path)) in str(e.value) and "\n" not in str(e.value)


def test_files_that_are_not_there(tmp_path):
  (tmp_path / "good").write_text(json.dumps(GOOD))
  assert WordIds.load(tmp_path / "good").words == (PAD, UNK, "a", "b")
  with pytest.raises(FieldError, match="No such file"):
    WordIds.load(tmp_path / "none")
  with pytest.raises(FieldError, match="Is a directory"):
    WordIds.load(tmp_path)


@pytest.mark.parametrize(
  "arguments,field,words",
  [
    ({"min_count": 0}, "min_count", "at least 1, got 0"),
    ({"min_count": True}, "min_count", "got True"),
    ({"min_count": 4}, "min_count", "at most 3, .* got 4"),
    ({"max_size": -1}, "max_size", "got -1"),
    ({"max_size": 4}, "max_size", "at least 5 .*got 4"),
    ({"specials": ("<s>",)}, "specials", "<pad>, <unk>, <bos>, <eos>; got"),
    ({"specials": (PAD, PAD)}, "words", "differ, got '<pad>' twice"),
  ],
)
def test_wrong_arguments(arguments, field, words):
  with pytest.raises(FieldError, match=f"^{field} must .*{words}"):
    word_ids(SENTENCES, **arguments)


@pytest.mark.parametrize("wrong", [-1, 6])
def test_ids_of_no_word_are_refused(wrong):
  words = word_ids([["a", "b"]])
  assert words.size == 6
  with pytest.raises(FieldError, match=f"^ids must be .* 0 to 5, got {wrong}$"):
    words.decode([4, wrong])
