"""ARPA files: written, read, damaged, and as the kenlm library reads them."""

import bz2
import gzip
import math
import os
import pathlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.language_models import arpa_reader, ngram
from rnn_lab.language_models.arpa import for_vocabulary, read_arpa, write_arpa
from rnn_lab.language_models.counts import count
from rnn_lab.language_models.estimators import estimate

DATA = pathlib.Path(__file__).parent / "data"
WORDS = ("<unk>", "<eos>", "their", "books", "exams", "the", "(", "ä")
EOS = 1


def tokens_of(seed=0, size=8, length=900):
  """Random ids, the smaller ones more often."""
  rng = np.random.default_rng(seed)
  return rng.integers(0, size, length) // rng.choice([1, 2], length)


def model_of(order=3, eos=EOS, words=WORDS, unknown=True, **arguments):
  tokens = tokens_of(size=len(words), **arguments)
  if not unknown:
    tokens = np.where(tokens == 0, 2, tokens)
  return estimate(count(tokens, len(words), order, eos), "kneser_ney")


def assert_same(one, two, atol=1e-7):
  assert (one.order, one.vocabulary_size) == (two.order, two.vocabulary_size)
  assert one.eos == two.eos
  for a, b in zip(one.keys, two.keys, strict=True):
    assert_array_equal(a, b)
  for name in ("log_probs", "log_backoffs"):
    for a, b in zip(getattr(one, name), getattr(two, name), strict=True):
      assert_allclose(a, b, rtol=1e-8, atol=atol)


@pytest.mark.parametrize("unknown", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_written_and_read(tmp_path, order, unknown):
  model = model_of(order, unknown=unknown)
  path = tmp_path / "model.arpa"
  write_arpa(model, WORDS, path)
  assert [p.name for p in tmp_path.iterdir()] == ["model.arpa"]
  again, words = read_arpa(path)
  assert words == WORDS
  assert again.estimator == "arpa"
  assert_same(model, again)
  write_arpa(again, words, tmp_path / "again.arpa")
  assert_same(again, read_arpa(tmp_path / "again.arpa")[0])


def test_the_names_in_the_file(tmp_path):
  def unigrams(model, words):
    write_arpa(model, words, tmp_path / "model.arpa")
    lines = (tmp_path / "model.arpa").read_text(encoding="utf-8").split("\n")
    start = lines.index("\\1-grams:") + 1
    rows = [line.split("\t") for line in lines[start : lines.index("", start)]]
    return {row[1]: row[0] for row in rows}

  # A word of the text is no name for words that are not in it.
  seen = unigrams(model_of(), WORDS)
  assert "<unk>" not in seen
  assert {"<unknown>", "<s>", "</s>"} <= {*seen}
  assert "<eos>" not in seen
  assert seen["<s>"] == "-99"
  # One that is not in the text is just that.
  unseen = unigrams(model_of(unknown=False), WORDS)
  assert "<unknown>" not in unseen
  assert float(unseen["<unk>"]) == min(map(float, {*unseen.values()} - {"-99"}))


def test_characters_with_and_without_shape(tmp_path):
  words = ("<unk>", "\n", " ", "a", "\t", "b", "\\", "\u2028", "\xa0")
  model = model_of(order=3, eos=None, words=words, unknown=False)
  path = tmp_path / "model.arpa"
  write_arpa(model, words, path)
  again, read = read_arpa(path)
  assert read == words
  assert_same(model, again)
  # Both ends are there, as other tools want, but never happen.
  lines = path.read_text(encoding="utf-8").split("\n")
  assert "-99\t</s>\t0" in lines
  assert [line for line in lines if line.startswith("-99\t<s>")]


@pytest.mark.parametrize(
  "word", ["<s>", "</s>", "<UNK>", "<unknown>", "", "books", "\u2420"]
)
def test_words_that_a_file_cannot_hold(tmp_path, word):
  words = (*WORDS[:2], word, *WORDS[3:])
  with pytest.raises(FieldError, match="^words has "):
    write_arpa(model_of(), words, tmp_path / "model.arpa")
  assert [*tmp_path.iterdir()] == []


def test_unbroken_text_with_the_name_of_an_end(tmp_path):
  words = (*WORDS[:2], "</s>", *WORDS[3:])
  with pytest.raises(FieldError, match="^words has '</s>'"):
    write_arpa(model_of(eos=None), words, tmp_path / "model.arpa")
  assert [*tmp_path.iterdir()] == []


def test_what_cannot_be_written(tmp_path):
  path = tmp_path / "model.arpa"
  counts = count(tokens_of(), len(WORDS), 2, EOS)
  with pytest.raises(FieldError, match="^estimator .*got 'maximum_likelihood'"):
    write_arpa(estimate(counts, "maximum_likelihood"), WORDS, path)
  with pytest.raises(FieldError, match="^words must be 8, .*got 3"):
    write_arpa(model_of(), WORDS[:3], path)
  with pytest.raises(FieldError, match="^arpa_file .*cannot be written"):
    write_arpa(model_of(), WORDS, tmp_path / "nowhere" / "model.arpa")
  assert [*tmp_path.iterdir()] == []


def test_nothing_is_left_half_written(tmp_path, monkeypatch):
  path = tmp_path / "model.arpa"
  path.write_text("what was there before")

  def fail(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(os, "replace", fail)
  with pytest.raises(KeyboardInterrupt):
    write_arpa(model_of(), WORDS, path)
  assert [p.name for p in tmp_path.iterdir()] == ["model.arpa"]
  assert path.read_text() == "what was there before"


GOOD = """\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-1\t<unk>
-99\t<s>\t-0.3
-0.5\t</s>
-0.4\ta\t-0.2

\\2-grams:
-0.1\t<s> a
-0.2\ta a
-0.9\ta </s>

\\end\\
"""


def test_reads_by_hand(tmp_path):
  path = tmp_path / "model.arpa"
  # Other tools write comments in front, spaces for tabs, and \r\n.
  path.write_bytes(("made by hand\n\n" + GOOD).replace("\n", "\r\n").encode())
  model, words = read_arpa(path)
  assert words == ("<unk>", "<eos>", "a")
  assert (model.order, model.vocabulary_size, model.eos) == (2, 3, 1)
  log_p = np.log10(ngram.next_distribution(model, [1]))
  assert_allclose(log_p, [-1.3, -0.8, -0.1], atol=1e-12)
  log_p = np.log10(ngram.next_distribution(model, [2]))
  assert_allclose(log_p, [-1.2, -0.9, -0.2], atol=1e-12)
  path.write_text(GOOD.replace("\t", "  "))
  assert_same(read_arpa(path)[0], model)


DAMAGE = {
  "empty": (lambda t: "", 1, "empty"),
  "blank": (lambda t: " \n\n", 1, "empty"),
  "no data": (lambda t: t.replace("\\data\\", "data"), 16, "no line"),
  "not a text": (lambda t: "{}\n[]\n", 2, "no line"),
  "no size": (lambda t: t.replace("=4", ""), 2, "'ngram 1'"),
  "size in words": (lambda t: t.replace("=4", "=four"), 2, "'ngram 1=four'"),
  "no sizes": (
    lambda t: t.replace("ngram 1=4\nngram 2=3\n", ""),
    3,
    "0 orders",
  ),
  "order left out": (lambda t: t.replace("m 2=", "m 3="), 3, "'ngram 3=3'"),
  "fewer": (lambda t: t.replace("1=4", "1=5"), 10, "4 1-grams, not 5"),
  "more": (lambda t: t.replace("1=4", "1=3"), 9, "more 1-grams than the 3"),
  "fewer at the end": (lambda t: t.replace("2=3", "2=4"), 15, "3 2-grams"),
  "more at the end": (lambda t: t.replace("2=3", "2=2"), 14, "more 2-grams"),
  "another section": (lambda t: t.replace("\\2-", "\\3-"), 11, "3-grams:"),
  "no number": (lambda t: t.replace("-0.4", "minus"), 9, "'minus' is no"),
  "nan": (lambda t: t.replace("-0.4", "nan"), 9, "'nan' is not a number"),
  "underscore": (lambda t: t.replace("-0.4", "-0_4"), 9, "'-0_4' is no"),
  "above one": (lambda t: t.replace("-0.4", "0.4"), 9, "'0.4' is not a number"),
  "back-off": (
    lambda t: t.replace("-0.3", "much"),
    7,
    "'much' is not a number",
  ),
  "infinite": (lambda t: t.replace("-0.3", "inf"), 7, "'inf' is not a number"),
  "a word missing": (lambda t: t.replace("a a", "a"), 13, "2 fields"),
  "a word too many": (lambda t: t.replace("a a", "a a a a"), 13, "5 fields"),
  "back-off at the end": (lambda t: t.replace("a a", "a a\t-1"), 13, "4 f"),
  "unknown word": (lambda t: t.replace("a a", "a b"), 13, "'b' is not among"),
  "word twice": (lambda t: t.replace("<unk>", "a"), 9, "'a' occurs twice"),
  "pair twice": (lambda t: t.replace("a </s>", "a a"), 14, "occurs twice"),
  "start inside": (lambda t: t.replace("a a", "a <s>"), 13, "<s> inside"),
  "truncated": (lambda t: t.replace("\\end\\\n", ""), 15, "ends here"),
  "cut in a section": (lambda t: t[: t.index("-0.2\ta a")], 12, "ends here"),
  "cut in a line": (lambda t: t[: t.index("\ta a") + 2], 13, "2 fields"),
  "cut in the sizes": (lambda t: t[: t.index("\n\n")], 3, "ends here"),
  "other end": (lambda t: t.replace("\\end", "\\stop"), 16, "instead of"),
  "only ends": (
    lambda t: "\\data\\\nngram 1=1\n\\1-grams:\n-99 <s>\n\\end\\\n",
    None,
    "no words",
  ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_named(tmp_path, damage):
  change, line, words = DAMAGE[damage]
  path = tmp_path / "model.arpa"
  assert change(GOOD) != GOOD
  path.write_text(change(GOOD), encoding="utf-8")
  with pytest.raises(FieldError) as caught:
    read_arpa(path)
  message = str(caught.value)
  assert message.startswith(f"arpa_file {str(path)!r} is damaged in line ")
  assert line is None or f"in line {line}: " in message
  assert words in message
  assert "\n" not in message


def test_a_missing_middle_is_named(tmp_path):
  # "a a a" whose beginning "a a" is not there.
  text = GOOD.replace("ngram 2=3\n", "ngram 2=2\nngram 3=1\n")
  text = text.replace("-0.2\ta a\n", "")
  text = text.replace("\\end", "\\3-grams:\n-0.1\ta a a\n\n\\end")
  (tmp_path / "model.arpa").write_text(text)
  with pytest.raises(
    FieldError, match="line 17: .*first 2 words are not a 2-gram"
  ):
    read_arpa(tmp_path / "model.arpa")


def test_files_that_cannot_be_read(tmp_path):
  path = tmp_path / "model.arpa"
  with pytest.raises(FieldError, match="^arpa_file .*cannot be read"):
    read_arpa(path)
  with pytest.raises(FieldError, match="^arpa_file .*cannot be read"):
    read_arpa(tmp_path)
  path.write_bytes(GOOD.replace("\ta\t", "\tä\t").encode("latin-1"))
  with pytest.raises(FieldError, match="damaged in line 9: not UTF-8"):
    read_arpa(path)


def test_ids_of_another_vocabulary(tmp_path):
  model = model_of(order=4)
  write_arpa(model, WORDS, tmp_path / "model.arpa")
  read, words = read_arpa(tmp_path / "model.arpa")
  order = np.random.default_rng(2).permutation(len(WORDS))
  wanted = tuple(WORDS[i] for i in order)
  moved = for_vocabulary(read, words, wanted, wanted.index("<eos>"))
  for context in ([3], [5, 0, 2], [2, EOS], [7, 7, 7], []):
    p = ngram.next_distribution(model, context)
    there = [wanted.index(WORDS[i]) for i in context]
    assert_allclose(ngram.next_distribution(moved, there), p[order], rtol=1e-6)
  # A word less: its n-grams go, the others stay what they were.
  fewer = tuple(w for w in wanted if w != "exams")
  moved = for_vocabulary(read, words, fewer, fewer.index("<eos>"))
  p = ngram.next_distribution(model, [2, 3])
  expected = [p[WORDS.index(word)] for word in fewer]
  context = [fewer.index(WORDS[i]) for i in (2, 3)]
  assert_allclose(ngram.next_distribution(moved, context), expected, rtol=1e-6)
  with pytest.raises(FieldError, match="none of its 3, such as 'pens'"):
    for_vocabulary(read, words, ("<unk>", "<eos>", "pens"), EOS)
  with pytest.raises(
    FieldError, match="^arpa_file .*got a model with sentence e"
  ):
    for_vocabulary(read, words, wanted, None)


# With n-grams of its <unk>, as some tools write them.
OPEN = """\\data\\
ngram 1=4
ngram 2=4

\\1-grams:
-1\t<unk>\t-0.25
-99\t<s>\t-0.3
-0.5\t</s>
-0.4\ta\t-0.2

\\2-grams:
-0.1\t<s> a
-0.2\ta a
-0.6\ta <unk>
-0.7\t<unk> </s>

\\end\\
"""
# The words of a text, and log10 p of each, as kenlm's query has them.
QUERIES = {
  "with": (OPEN, "a b a c </s>", [-0.1, -0.6, -0.65, -0.6, -0.7]),
  "unigram": (GOOD, "a b a c </s>", [-0.1, -1.2, -0.4, -1.2, -0.5]),
  "without": (
    GOOD.replace("-1\t<unk>\n", "").replace("1=4", "1=3"),
    "a b </s>",
    [-0.1, -100.2, -0.5],
  ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_unknown_words_are_answered_as_in_kenlm(tmp_path, name):
  text, query, expected = QUERIES[name]
  path = tmp_path / "model.arpa"
  path.write_text(text)
  vocabulary = ("<unk>", "<eos>", "c", "a", "b")
  model = for_vocabulary(*read_arpa(path), vocabulary, EOS)
  words = query.replace("</s>", "<eos>").split()

  def log_p(model):
    ids = np.array([[vocabulary.index(word) for word in words]])
    inputs = np.concatenate([[[EOS]], ids[:, :-1]], axis=1)
    carry = ngram.initial_carry(model, 1)
    return ngram.score(model, carry, inputs, ids)[1][0] / math.log(10)

  assert_allclose(log_p(model), expected, atol=1e-12)
  [note, *more] = model.notes
  assert "lacks 2 of the 5 words of the vocabulary, such as 'c'" in note
  assert [n for n in more if "no <unk>" in n] == more
  assert len(more) == (name == "without")
  # Saved, or written as a file again, it answers the same.
  ngram.save(model, tmp_path / "model.npz")
  assert_allclose(log_p(ngram.load(tmp_path / "model.npz")), expected)
  write_arpa(model, vocabulary, path)
  again = for_vocabulary(*read_arpa(path), vocabulary, EOS)
  assert_allclose(log_p(again), expected, atol=1e-8)


def test_compressed_and_binary_files(tmp_path):
  path = tmp_path / "model.arpa"
  path.write_bytes(gzip.compress(GOOD.encode()))
  assert read_arpa(path)[1] == ("<unk>", "<eos>", "a")
  path.write_bytes(gzip.compress(GOOD.encode())[:-9])
  with pytest.raises(FieldError, match="^arpa_file .* is a damaged gzip file$"):
    read_arpa(path)
  path.write_bytes(bz2.compress(GOOD.encode()))
  with pytest.raises(FieldError, match=r"is compressed \(bzip2\)"):
    read_arpa(path)
  path.write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
  with pytest.raises(FieldError, match="is a binary file of kenlm"):
    read_arpa(path)


def test_blocks_of_lines_are_one_file(tmp_path, monkeypatch):
  model = model_of(order=4)
  path = tmp_path / "model.arpa"
  write_arpa(model, WORDS, path)
  whole, _ = read_arpa(path)
  monkeypatch.setattr(arpa_reader, "LINES_AT_ONCE", 7)
  # Some lines without a back-off weight, and a field between two spaces.
  text = path.read_text(encoding="utf-8").replace("\t0\n", "\n")
  path.write_text(text.replace("\t", " \t "), encoding="utf-8")
  assert_same(read_arpa(path)[0], whole, atol=0)
  lines = path.read_text(encoding="utf-8").split("\n")
  at = lines.index("\\3-grams:") + 12
  for line, words in {
    lines[at].replace("-", "--"): "is not a number",
    lines[at].replace("books", "pens"): "is not among the 1-grams",
    lines[at - 9]: "a 3-gram that occurs twice",
    lines[at] + " exams exams": "fields for a 3-gram",
  }.items():
    assert line != lines[at]
    damaged = [*lines[:at], line, *lines[at + 1 :]]
    path.write_text("\n".join(damaged), encoding="utf-8")
    with pytest.raises(FieldError, match=f"in line {at + 1}: .*{words}"):
      read_arpa(path)


def test_a_tools_file_of_a_text_with_unknown_words(tmp_path):
  # lmplz has its own <unk> beside the corpus's, which was called <unknown>.
  text = GOOD.replace("1=4", "1=5").replace(
    "-0.4\ta\t", "-0.7\t<unknown>\n-0.4\ta\t"
  )
  (tmp_path / "model.arpa").write_text(text)
  model, words = read_arpa(tmp_path / "model.arpa")
  assert words == ("<unk>", "<eos>", "<unknown>", "a")
  model = for_vocabulary(model, words, ("<eos>", "a", "<unk>"), 0)
  p = ngram.next_distribution(model, [])
  assert math.log10(p[2]) == pytest.approx(-0.7)


@pytest.mark.parametrize("unknown", [True, False])
@pytest.mark.parametrize("order", [2, 3, 5])
def test_kenlm_gives_the_same_scores(tmp_path, order, unknown):
  kenlm = pytest.importorskip("kenlm")
  model = model_of(order, unknown=unknown)
  path = tmp_path / "model.arpa"
  write_arpa(model, WORDS, path)
  theirs = kenlm.Model(str(path))
  test = tokens_of(seed=9, length=400)
  test[-1] = EOS
  inputs = np.append(EOS, test[:-1])
  carry = ngram.initial_carry(model, 1)
  _, log_p = ngram.score(model, carry, inputs[None], test[None])
  log_p = log_p[0] / math.log(10)
  name = "<unknown>" if unknown else "<unk>"
  names = [name, "</s>", *WORDS[2:]]
  sentences = np.split(np.arange(400), np.flatnonzero(test == EOS)[:-1] + 1)
  for places in sentences:
    sentence = " ".join(names[i] for i in test[places[:-1]])
    each = [row[0] for row in theirs.full_scores(sentence)]
    assert_allclose(each, log_p[places], atol=1e-5)
    assert abs(theirs.score(sentence) - log_p[places].sum()) < 1e-4
  # kenlm's perplexity is over words and </s>, as ours.
  place = sentences[0]
  sentence = " ".join(names[i] for i in test[place[:-1]])
  perplexity = 10 ** -log_p[place].mean()
  assert theirs.perplexity(sentence) == pytest.approx(perplexity, rel=1e-4)


def test_kenlm_scores_unbroken_text(tmp_path):
  kenlm = pytest.importorskip("kenlm")
  words = ("<unk>", "\n", " ", "a", "b", "c")
  model = model_of(4, eos=None, words=words)
  path = tmp_path / "model.arpa"
  write_arpa(model, words, path)
  test = tokens_of(seed=4, size=len(words), length=300)
  carry = ngram.initial_carry(model, 1)
  inputs = np.append(-1, test[:-1])
  _, log_p = ngram.score(model, carry, inputs[None], test[None])
  names = ["<unknown>", "\u240a", "\u2420", "a", "b", "c"]
  text = " ".join(names[i] for i in test)
  theirs = kenlm.Model(str(path)).score(text, bos=False, eos=False)
  assert theirs == pytest.approx(log_p.sum() / math.log(10), abs=1e-3)


def test_kenlms_own_file_is_read_as_kenlm_reads_it():
  kenlm = pytest.importorskip("kenlm")
  path = DATA / "kenlm_order3.arpa"
  model, words = read_arpa(path)
  theirs = kenlm.Model(str(path))
  sentence = "my lord the oracle is not the king"
  ids = [words.index(w) if w in words else 0 for w in sentence.split()]
  ids.append(model.eos)
  carry = ngram.initial_carry(model, 1)
  inputs = np.array([[model.eos, *ids[:-1]]])
  _, log_p = ngram.score(model, carry, inputs, np.array([ids]))
  expected = theirs.score(sentence)
  assert log_p.sum() / math.log(10) == pytest.approx(expected, abs=1e-4)
