"""n-gram models against dicts and loops, the lecture, and the tool lmplz."""

import collections
import dataclasses
import io
import math
import pathlib
import zipfile

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.language_models import ngram
from rnn_lab.language_models.arpa import read_arpa
from rnn_lab.language_models.counts import count, ngrams
from rnn_lab.language_models.estimators import ESTIMATORS, estimate
from rnn_lab.language_models.storage import storage_table, stored_bytes

DATA = pathlib.Path(__file__).parent / "data"
EOS = 1


def ids_of(text):
  """Ids of a text's words, `<unk>` 0, `<eos>` 1, and the words."""
  words = {"<unk>": 0, "<eos>": EOS}
  ids = []
  for line in text.splitlines():
    ids += [words.setdefault(word, len(words)) for word in line.split()]
    ids.append(EOS)
  return np.array(ids, np.int32), tuple(words)


def model_of(tokens, size, order, estimator, eos=EOS, **arguments):
  return estimate(count(tokens, size, order, eos), estimator, **arguments)


def probability(model, context, word):
  return ngram.next_distribution(model, context)[word]


# The oracle: from the definitions, one word at a time.


def split_sentences(tokens, eos):
  """Lists of words, "<s>" in front of each; one without for unbroken text."""
  if eos is None:
    return [list(tokens)]
  parts, part = [], ["<s>"]
  for token in tokens:
    part.append(token)
    if token == eos:
      parts.append(part)
      part = ["<s>"]
  return parts + [part] * (len(part) > 1)


def count_slowly(tokens, order, eos):
  """`{k-gram: count}` for each k, as tuples of words."""
  tables = [collections.Counter() for _ in range(order + 1)]
  for sentence in split_sentences(tokens, eos):
    for end in range(len(sentence)):
      for k in range(1, order + 1):
        if end + 1 >= k and sentence[end] != "<s>":
          tables[k][tuple(sentence[end + 1 - k : end + 1])] += 1
  return tables


def adjust_slowly(tables, tokens, order, eos):
  """The number of different words in front, but for what begins a text."""
  result = [None, *({} for _ in range(order))]
  for k in range(1, order + 1):
    for gram, number in tables[k].items():
      before = (
        {g[0] for g in tables[k + 1] if g[1:] == gram} if k < order else 0
      )
      if k == order or gram[0] == "<s>":
        result[k][gram] = number
      else:
        at_start = eos is None and tuple(tokens[:k]) == gram
        result[k][gram] = len(before) + at_start
  return result


def last_by_suffix(tables, tokens, order, eos):
  """The n-gram that lmplz reads last, and all of its ends."""
  rank = {"<s>": 1, eos: 2}
  for token in tokens:
    rank.setdefault(token, len(rank) + 1)
  # Shorter ones begin with "<s>", which the tool repeats to fill them up.
  whole = [
    gram
    for k in range(2, order + 1)
    for gram in tables[k]
    if k == order or gram[0] == "<s>"
  ]
  last = max(whole, key=lambda gram: [rank[word] for word in gram[::-1]])
  return [last[-k:] for k in range(1, min(len(last), order - 1) + 1)]


def discounts_slowly(adjusted, tables, last):
  """Discounts for counts 0, 1, 2, 3+ by Chen and Goodman's equation 26."""
  values = [tables[g] if g in last else a for g, a in adjusted.items()]
  n = [values.count(i) for i in range(5)]
  if 0 in n[1:4]:
    return [0, 0.5, 1, 1.5]
  y = n[1] / (n[1] + 2 * n[2])
  discounts = [0] + [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
  if any(not 0 <= d <= i for i, d in enumerate(discounts)):
    return [0, 0.5, 1, 1.5]
  return discounts


def kneser_ney_slowly(tokens, size, order, eos):
  """`p(word, context)` of interpolated modified Kneser-Ney."""
  tokens = [int(t) for t in tokens]
  tables = count_slowly(tokens, order, eos)
  adjusted = adjust_slowly(tables, tokens, order, eos)
  last = []
  if eos is not None and order > 1:
    last = last_by_suffix(tables, tokens, order, eos)
  discounts = [
    discounts_slowly(adjusted[k], tables[k], last if k < order else [])
    for k in range(1, order + 1)
  ]

  def p(word, context):
    table = adjusted[len(context) + 1]
    discount = discounts[len(context)]
    after = [a for gram, a in table.items() if gram[:-1] == context]
    lower = p(word, context[1:]) if context else 1 / size
    if not after:
      return lower
    own = table.get((*context, word), 0)
    left = sum(discount[min(a, 3)] for a in after) / sum(after)
    return (own - discount[min(own, 3)]) / sum(after) + left * lower

  return p


def contexts_of(tokens, size, order, eos, rng):
  """Contexts that were seen, and others: lists of ids, oldest first."""
  seen = [list(tokens[max(0, i - order) : i]) for i in (1, 2, len(tokens) // 2)]
  seen.append(list(tokens[-order:]))
  others = rng.integers(0, size, (4, order)).tolist()
  starts = [] if eos is None else [[0, eos], [eos, 0], [eos, eos]]
  return [*seen, *others, *starts, []]


def words_before(context, order, eos):
  """What a model of this order looks at, `<s>` for the end before."""
  context = list(context)[max(0, len(context) - order + 1) :]
  if order == 1:
    context = []
  for i in range(len(context) - 1, -1, -1):
    if context[i] == eos:
      return ("<s>", *context[i + 1 :])
  return tuple(context)


# The text has `size` words at most, and short sentences with ends.
TEXTS = st.lists(st.integers(0, 6), min_size=1, max_size=120)
ENDS = st.sampled_from([None, EOS])
SETTINGS = hypothesis.settings(max_examples=40, deadline=None)


@SETTINGS
@hypothesis.given(TEXTS, st.integers(1, 5), ENDS)
@hypothesis.example([EOS, EOS, EOS], 3, EOS)
@hypothesis.example([3], 4, None)
@hypothesis.example([3], 4, EOS)
def test_counts_are_those_of_a_loop(tokens, order, eos):
  size = 7
  counts = count(np.array(tokens), size, order, eos)
  slow = count_slowly(tokens, order, eos)
  for k in range(1, order + 1):
    rows = ngrams(counts.keys, size, k).tolist()
    fast = {
      tuple("<s>" if word == size else word for word in row): number
      for row, number in zip(rows, counts.counts[k - 1].tolist())
      if number
    }
    assert fast == slow[k]


@SETTINGS
@hypothesis.given(TEXTS, st.integers(1, 4), ENDS, st.integers(0, 99))
@hypothesis.example([EOS, EOS, EOS], 3, EOS, 0)
@hypothesis.example([3], 4, None, 0)
def test_kneser_ney_is_that_of_a_loop(tokens, order, eos, seed):
  size = 8
  model = model_of(np.array(tokens), size, order, "kneser_ney", eos)
  p = kneser_ney_slowly(tokens, size, order, eos)
  rng = np.random.default_rng(seed)
  for context in contexts_of(tokens, size, order, eos, rng):
    before = words_before(context, order, eos)
    expected = [p(word, before) for word in range(size)]
    result = ngram.next_distribution(model, context)
    assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("all_at_once", [False, True])
def test_discounts_are_those_of_a_loop(all_at_once):
  # Larger texts have discounts of their own, unless all words are in the first
  # sentence: then the end of it is what was first seen last.
  size, own = 20, 0
  for seed in range(12):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(size - 2, 0.5))
    tokens = rng.choice(size - 2, 300, p=weights) + 2
    tokens[rng.random(300) < 0.2] = EOS
    if all_at_once:
      tokens = np.concatenate([np.unique(tokens)[1:], [EOS], tokens])
    model = model_of(tokens, size, 3, "kneser_ney")
    own += len(model.notes) < 3
    p = kneser_ney_slowly(tokens, size, 3, EOS)
    for context in (tokens[40:42].tolist(), [EOS]):
      before = words_before(context, 3, EOS)
      expected = [p(word, before) for word in range(size)]
      result = ngram.next_distribution(model, context)
      assert_allclose(result, expected, rtol=1e-5)
  assert own > 6


@SETTINGS
@hypothesis.given(
  TEXTS, st.integers(1, 5), ENDS, st.sampled_from(sorted(ESTIMATORS))
)
def test_probabilities_sum_to_one(tokens, order, eos, estimator):
  size = 9
  model = model_of(np.array(tokens), size, order, estimator, eos, add_k=0.3)
  rng = np.random.default_rng(len(tokens))
  for context in contexts_of(tokens, size, order, eos, rng):
    p = ngram.next_distribution(model, context)
    assert p.shape == (size,)
    if estimator == "maximum_likelihood" and np.isnan(p).any():
      assert np.isnan(p).all()
      before = words_before(context, order, eos)
      slow = count_slowly(tokens, order, eos)
      assert not any(gram[:-1] == before for gram in slow[len(before) + 1])
    else:
      assert_allclose(p.sum(), 1, rtol=0, atol=1e-9)
      assert np.all(p >= 0)


@pytest.mark.parametrize("eos", [EOS, None])
@pytest.mark.parametrize("estimator", ["maximum_likelihood", "add_k"])
def test_quotients_of_counts(estimator, eos):
  rng = np.random.default_rng(3)
  tokens, size, order = rng.integers(0, 5, 200), 6, 3
  model = model_of(tokens, size, order, estimator, eos, add_k=0.25)
  tables = count_slowly(tokens.tolist(), order, eos)
  k = {"maximum_likelihood": 0.0, "add_k": 0.25}[estimator]
  for context in contexts_of(tokens.tolist(), size, order, eos, rng):
    before = words_before(context, order, eos)
    table = tables[len(before) + 1]
    whole = sum(n for gram, n in table.items() if gram[:-1] == before)
    for word in range(size):
      own, total = table[(*before, word)] + k, whole + k * size
      expected = own / total if total else math.nan
      assert_allclose(probability(model, context, word), expected)


def test_the_lectures_example():
  # "students opened their" 1,000 times: books 400 times, exams 100 times.
  words = ["students", "opened", "their", "books", "exams", "minds", "<eos>"]
  ids = {word: i for i, word in enumerate(words)}
  endings = ["books"] * 400 + ["exams"] * 100 + ["minds"] * 500
  context = [ids[word] for word in ("students", "opened", "their")]
  lines = [[*context, ids[word], ids["<eos>"]] for word in endings]
  model = model_of(
    np.ravel(lines), len(words), 4, "maximum_likelihood", ids["<eos>"]
  )
  p = ngram.next_distribution(model, context)
  assert p[ids["books"]] == pytest.approx(0.4, abs=1e-12)
  assert p[ids["exams"]] == pytest.approx(0.1, abs=1e-12)


def test_the_lectures_ngrams():
  words = ["the", "students", "opened", "their"]
  counts = count(np.arange(4), 4, 4)
  listed = [
    {
      " ".join(words[i] for i in row)
      for row in ngrams(counts.keys, 4, k)
      if 4 not in row
    }
    for k in (1, 2, 3, 4)
  ]
  assert listed == [
    {"the", "students", "opened", "their"},
    {"the students", "students opened", "opened their"},
    {"the students opened", "students opened their"},
    {"the students opened their"},
  ]


def test_maximum_likelihood_fails_in_two_ways():
  # 0 1 2 was seen; 0 1 3 has a known context, 3 1 is a context never seen.
  tokens = np.array([0, 1, 2, 3])
  model = model_of(tokens, 4, 3, "maximum_likelihood", eos=None)
  carry = ngram.initial_carry(model, 3)
  inputs = np.array([[0, 1], [0, 1], [3, 1]])
  targets = np.array([[1, 2], [1, 3], [1, 2]])
  _, log_p = ngram.score(model, carry, inputs, targets)
  # Nothing follows 3, and so there is no probability after it either.
  expected = [[0, 0], [0, -math.inf], [math.nan, math.nan]]
  assert_array_equal(log_p, expected)
  assert ngram.failures(log_p) == (1, 2)
  # The others have a probability for everything.
  for estimator in ("add_k", "kneser_ney"):
    other = model_of(tokens, 4, 3, estimator, eos=None)
    _, log_p = ngram.score(other, carry, inputs, targets)
    assert np.all(np.isfinite(log_p))
    assert ngram.failures(log_p) == (0, 0)


@pytest.mark.parametrize("eos", [EOS, None])
@pytest.mark.parametrize("estimator", sorted(ESTIMATORS))
@pytest.mark.parametrize("order", [1, 2, 4])
def test_score_is_next_distribution_word_by_word(estimator, order, eos):
  rng = np.random.default_rng(8)
  size, length = 6, 30
  model = model_of(rng.integers(0, size, 300), size, order, estimator, eos)
  texts = rng.integers(0, size, (3, length + 1))
  inputs, targets = texts[:, :-1], texts[:, 1:]
  expected = np.zeros((3, length))
  for b in range(3):
    for t in range(length):
      p = probability(model, texts[b, : t + 1], texts[b, t + 1])
      with np.errstate(divide="ignore"):
        expected[b, t] = np.log(p)
  for window in (1, 2, 7, length):
    carry = ngram.initial_carry(model, 3)
    parts = []
    for first in range(0, length, window):
      part = slice(first, first + window)
      carry, log_p = ngram.score(
        model, carry, inputs[:, part], targets[:, part]
      )
      parts.append(log_p)
    assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-9)
    assert carry.shape == (3, order - 1)


def test_a_sentence_forgets_the_one_before():
  tokens = np.random.default_rng(1).integers(0, 6, 500)
  model = model_of(tokens, 6, 4, "kneser_ney")
  after = [ngram.next_distribution(model, [w, w, EOS, 2]) for w in (0, 3)]
  assert_array_equal(after[0], after[1])
  unbroken = model_of(tokens, 6, 4, "kneser_ney", eos=None)
  after = [ngram.next_distribution(unbroken, [w, EOS, 2]) for w in (0, 3)]
  assert np.abs(after[0] - after[1]).max() > 1e-3


def test_lmplz_has_the_same_numbers():
  # kenlm_text.txt is 32 lines of Shakespeare, in lower case and without
  # punctuation; kenlm_order3.arpa was made from it by kenlm 0.3.0:
  #   lmplz -o 3 --discount_fallback < kenlm_text.txt > kenlm_order3.arpa
  # Its log: order 3 has the fixed discounts; the others have their own, and
  # are changed by several percent by the n-gram that the tool reads last.
  text = (DATA / "kenlm_text.txt").read_text(encoding="utf-8")
  tokens, words = ids_of(text)
  model = model_of(tokens, len(words), 3, "kneser_ney")
  theirs, names = read_arpa(DATA / "kenlm_order3.arpa")
  assert {*names} == {*words}
  assert [len(k) for k in theirs.keys] == [len(k) for k in model.keys]
  assert [len(k) for k in model.keys] == [70, 109, 91]
  to_theirs = np.array([names.index(word) for word in words] + [len(words)])
  for k in (1, 2, 3):
    rows = to_theirs[ngrams(model.keys, len(words), k)].tolist()
    others = ngrams(theirs.keys, len(words), k).tolist()
    place = {tuple(row): i for i, row in enumerate(others)}
    order = [place[tuple(row)] for row in rows]
    # In natural logarithms; the file has float32.
    log_probs = theirs.log_probs[k - 1][order]
    assert_allclose(model.log_probs[k - 1], log_probs, rtol=0, atol=2e-6)
    if k < 3:
      weights = theirs.log_backoffs[k - 1][order]
      assert_allclose(model.log_backoffs[k - 1], weights, rtol=0, atol=2e-6)
  assert len(model.notes) == 1
  assert model.notes[0].startswith("order 3: ")
  assert "0.5, 1, 1.5" in model.notes[0]


def test_words_that_the_text_lacks_share_alike():
  text = (DATA / "kenlm_text.txt").read_text(encoding="utf-8")
  tokens, words = ids_of(text)
  model = model_of(tokens, len(words) + 5, 2, "kneser_ney")
  p = ngram.next_distribution(model, [EOS])
  unseen = np.append(p[len(words) :], p[0])
  assert_allclose(unseen, unseen[0], rtol=1e-12)
  # No more than what the others have; as much as one that loses all of its 3.
  assert 0 < unseen[0] <= p[1 : len(words)].min() * (1 + 1e-12)
  assert p.sum() == pytest.approx(1, abs=1e-12)


def test_storage_table():
  tokens, words = ids_of("a b a\nb a b a\n")
  test, _ = ids_of("a b\nb b a\n")
  counts = count(tokens, len(words), 3, EOS)
  rows = storage_table(counts, test)
  assert [row.order for row in rows] == [1, 2, 3]
  # a b </s>; <s>a ab ba a</s> <s>b; <s>ab aba ba</s> <s>ba bab.
  assert [row.ngrams for row in rows] == [3, 5, 5]
  # All are known; b</s> and bb are not among the 7 pairs; of the triples ab</s>
  # and <s>bb and bba and not ba</s> and <s>ab.
  assert [row.unseen for row in rows] == [0, 2 / 7, 3 / 5]
  model = estimate(counts, "kneser_ney")
  assert sum(row.bytes for row in rows) == stored_bytes(model)
  assert rows[2].bytes == 5 * 16
  # A word that the vocabulary has and the training text has not.
  fewer = storage_table(count(tokens, 9, 2, EOS), np.array([7, 2, 2, EOS]))
  assert fewer[0].unseen == 1 / 4
  nothing = storage_table(count(tokens, 9, 3, None), np.array([2]))
  assert math.isnan(nothing[2].unseen)
  # A text so short that it has no longer n-grams at all.
  short = storage_table(count(np.array([3]), 9, 3, None), tokens)
  assert [row.ngrams for row in short] == [1, 0, 0]
  assert short[2].unseen == 1


@pytest.mark.parametrize("estimator", sorted(ESTIMATORS))
def test_saved_and_loaded(tmp_path, estimator):
  tokens, words = ids_of("a b a\nb a b a\n")
  model = model_of(tokens, len(words), 3, estimator)
  path = tmp_path / "model.npz"
  ngram.save(model, path)
  assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]
  again = ngram.load(path)
  for field in dataclasses.fields(model):
    first, second = getattr(model, field.name), getattr(again, field.name)
    assert type(first) is type(second)
    if field.name in ngram.ARRAYS:
      assert len(first) == len(second)
      for a, b in zip(first, second):
        assert_array_equal(a, b)
    else:
      assert_array_equal(first, second)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "other"])
def test_a_damaged_model_is_named(tmp_path, damage):
  path = tmp_path / "model.npz"
  tokens, words = ids_of("a b a\nb a b a\n")
  ngram.save(model_of(tokens, len(words), 3, "kneser_ney"), path)
  raw = path.read_bytes()
  if damage == "missing":
    path.unlink()
  elif damage == "other":
    np.savez(path, keys_1=np.zeros(3))
  else:
    new = {"empty": b"", "text": b"no archive", "cut": raw[: len(raw) // 2]}
    path.write_bytes(new[damage])
  with pytest.raises(
    FieldError, match="^ngram_file .*cannot be read"
  ) as caught:
    ngram.load(path)
  assert "\n" not in str(caught.value)


def npy(array, shape=None, version=b"\1\0"):
  """An array's file whose header claims a shape."""
  stream = io.BytesIO()
  np.lib.format.write_array(stream, array)
  raw = stream.getvalue()
  if shape is not None:
    old, new = f"{array.shape}, ", f"{shape}, "
    padding = b" " * (len(new) - len(old))
    raw = raw.replace(old.encode(), new.encode()).replace(
      padding + b"\n", b"\n"
    )
  return raw.replace(b"NUMPY\1\0", b"NUMPY" + version, 1)


@pytest.mark.parametrize("harm", ["shape", "compressed", "version", "object"])
def test_a_model_that_claims_more_than_it_has_is_named(tmp_path, harm):
  path = tmp_path / "model.npz"
  tokens, words = ids_of("a b a\nb a b a\n")
  ngram.save(model_of(tokens, len(words), 2, "kneser_ney"), path)
  with zipfile.ZipFile(path) as archive:
    raw = {name: archive.read(name) for name in archive.namelist()}
  keys = np.load(io.BytesIO(raw["keys_2.npy"]))
  raw["keys_2.npy"] = {
    # 8 TB.
    "shape": npy(keys, (10**12,)),
    "compressed": npy(keys),
    "version": npy(keys, version=b"\3\0"),
    "object": npy(keys.astype(object)),
  }[harm]
  kind = zipfile.ZIP_DEFLATED if harm == "compressed" else zipfile.ZIP_STORED
  with zipfile.ZipFile(path, "w", kind) as archive:
    for name, content in raw.items():
      archive.writestr(name, content)
  with pytest.raises(FieldError, match=r"cannot be read \(ValueError\)$"):
    ngram.load(path)


@pytest.mark.parametrize("wrong", [3, -2, 0.5])
def test_ids_of_no_word_are_refused(wrong):
  model = estimate(count(np.array([0, 1, 2, 1]), 3, 2), "add_k")
  with pytest.raises(FieldError, match=f"^context must .*-1 to 2, got {wrong}"):
    ngram.next_distribution(model, [0, wrong])
  carry = ngram.initial_carry(model, 1)
  with pytest.raises(FieldError, match=f"^inputs_BT must .*got {wrong}"):
    ngram.score(model, carry, np.array([[wrong]]), np.array([[0]]))
  for target in (wrong, -1):
    with pytest.raises(FieldError, match=f"^targets_BT must .*got {target}"):
      ngram.score(model, carry, np.array([[0]]), np.array([[target]]))


@pytest.mark.parametrize(
  "arguments, words",
  [
    ({"order": 0}, "order must .*got 0"),
    ({"order": 8}, "order must .*got 8"),
    ({"tokens": np.zeros(0, np.int32)}, "tokens must hold at least one"),
    ({"tokens": np.array([0, 5])}, "tokens must be ids from 0 to 3, got 5"),
    ({"tokens": np.array([-1, 3])}, "tokens must .*got -1"),
    ({"estimator": "good_turing"}, "estimator must .*got 'good_turing'"),
    ({"add_k": 0.0}, "add_k must .*got 0.0"),
    ({"add_k": math.nan}, "add_k must .*got nan"),
  ],
)
def test_wrong_arguments_are_named(arguments, words):
  values = {"tokens": np.array([0, 1]), "order": 2, "estimator": "add_k"}
  values |= {"add_k": 1.0, **arguments}
  with pytest.raises(FieldError, match=words):
    counts = count(values["tokens"], 4, values["order"])
    estimate(counts, values["estimator"], values["add_k"])
