"""Scores by hand, by formula and by a slow loop over chunks."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from rnn_lab.errors import FieldError
from rnn_lab.text.scores import bleu, chunk_f1, exact_match, token_accuracy

HYPOTHESES = ["The cat sat on the red mat.", "A dog runs fast"]
REFERENCES = ["The cat sat on the mat.", "A dog is running very fast"]


def test_bleu_is_its_formula():
  # Tokens: the cat sat on the red mat . | a dog runs fast (8 + 4);
  # the cat sat on the mat . | a dog is running very fast (7 + 6).
  # 1-grams 7 + 3 of 12; 2-grams 4 + "mat ." + 1 of 10; 3-grams 3 + 0 of 8;
  # 4-grams 2 + 0 of 6.
  precisions = [10 / 12, 6 / 10, 3 / 8, 2 / 6]
  logs = sum(map(math.log, precisions)) / 4
  expected = 100 * math.exp(1 - 13 / 12) * math.exp(logs)
  result = bleu(HYPOTHESES, REFERENCES)
  assert_allclose(result.score, expected, rtol=1e-12)
  assert "case:mixed" in result.signature and "tok:13a" in result.signature


def test_bleu_without_a_match_is_smoothed():
  # No 3-gram and no 4-gram matches: 1 / (2 * 2) and 1 / (4 * 1).
  expected = 100 * (4 / 4 * 1 / 3 * 1 / 4 * 1 / 4) ** 0.25
  assert_allclose(bleu(["a b d c"], ["a b c d"]).score, expected, rtol=1e-12)
  assert bleu([""], ["a b c d"]).score == 0


def test_bleu_in_lower_case():
  upper = [hypothesis.upper() for hypothesis in HYPOTHESES]
  assert bleu(upper, REFERENCES).score < 20
  lower = bleu(upper, REFERENCES, lowercase=True)
  assert_allclose(lower.score, bleu(HYPOTHESES, REFERENCES).score, rtol=1e-12)
  assert "case:lc" in lower.signature


def test_bleu_does_not_warn_of_tokenized_sentences(caplog):
  bleu(["a b c ."] * 150, ["a b c ."] * 150)
  assert not caplog.records


def slow_chunks(tags):
  """(first, last, type) of each chunk of one sentence, by definition."""
  chunks = []
  for i, tag in enumerate(tags):
    if tag == "O":
      continue
    kind = tag[2:]
    previous = tags[i - 1] if i else "O"
    if tag[0] == "B" or previous == "O" or previous[2:] != kind:
      last = i
      while last + 1 < len(tags) and tags[last + 1] == f"I-{kind}":
        last += 1
      chunks.append((i, last, kind))
  return set(chunks)


TAGS = st.sampled_from(["O", "B-NP", "I-NP", "B-VP", "I-VP", "B-A-B", "I-A-B"])
PAIRS = st.lists(
  st.lists(st.tuples(TAGS, TAGS), max_size=8), min_size=1, max_size=5
)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_chunks_as_counted_slowly(rows):
  hypotheses = [tuple(h for h, _ in row) for row in rows]
  references = [tuple(r for _, r in row) for row in rows]
  right = predicted = true = 0
  for h, r in zip(hypotheses, references):
    h, r = slow_chunks(h), slow_chunks(r)
    right, predicted, true = (
      right + len(h & r),
      predicted + len(h),
      true + len(r),
    )
  precision = right / predicted if predicted else 0
  recall = right / true if true else 0
  both = precision + recall
  expected = {
    "f1": 2 * precision * recall / both if both else 0,
    "precision": precision,
    "recall": recall,
  }
  result = chunk_f1(hypotheses, references)
  assert result.keys() == expected.keys()
  for name, value in expected.items():
    assert_allclose(result[name], value, rtol=1e-12, err_msg=name)


def test_chunks_by_hand():
  references = [["B-NP", "I-NP", "B-NP", "O", "B-VP"], ["O", "B-PP"]]
  # The first two join to one, the verb is right, and O I-PP starts a chunk.
  hypotheses = [["B-NP", "I-NP", "I-NP", "O", "B-VP"], ["O", "I-PP"]]
  assert chunk_f1(hypotheses, references) == pytest.approx(
    {"f1": 2 * 2 / 7, "precision": 2 / 3, "recall": 2 / 4}
  )
  # The end of a sentence ends a chunk.
  assert chunk_f1([["B-NP"], ["I-NP"]], [["B-NP"], ["B-NP"]])["f1"] == 1
  nothing = {"f1": 0, "precision": 0, "recall": 0}
  assert chunk_f1([["O", "O"], []], [["O", "O"], []]) == nothing


def test_exact_match_and_token_accuracy():
  assert exact_match(["ab", "c", "d"], ["ab", "C", "d"]) == 2 / 3
  assert exact_match([("a", "b"), ["c"]], [["a", "b"], ["c", "d"]]) == 1 / 2
  tags = [["N", "V"], [], ["V", "D", "N"]]
  assert token_accuracy([["N", "N"], [], ["V", "D", "V"]], tags) == 3 / 5


@pytest.mark.parametrize("score", [bleu, chunk_f1, exact_match, token_accuracy])
def test_numbers_that_differ(score):
  for hypotheses, references in ([["O"]], []), ([], []), ([], [["O"]]):
    with pytest.raises(
      FieldError, match=f"^hypotheses .* {len(references)} references"
    ):
      score(hypotheses, references)


@pytest.mark.parametrize("score", [chunk_f1, token_accuracy])
def test_lengths_that_differ(score):
  words = "^hypotheses must have 2 tokens in sentence 1, .* got 1$"
  with pytest.raises(FieldError, match=words):
    score([["O"], ["O"]], [["O"], ["O", "O"]])


def test_wrong_arguments():
  with pytest.raises(FieldError, match="^lowercase must be .*got 1$"):
    bleu(["a"], ["a"], 1)
  with pytest.raises(FieldError, match="^hypotheses must .*got 'E-NP'$"):
    chunk_f1([["O", "E-NP"]], [["O", "O"]])
  with pytest.raises(FieldError, match="^hypotheses must .*got 3$"):
    chunk_f1([[3]], [["O"]])
  with pytest.raises(FieldError, match="^references must .*texts, got None$"):
    bleu(["a"], [None])
  with pytest.raises(FieldError, match="^hypotheses must .*texts, got 'ab'$"):
    bleu("ab", ["a", "b"])
  with pytest.raises(FieldError, match="^references must .*got 'B'$"):
    chunk_f1([["O"]], [["B"]])
  with pytest.raises(FieldError, match="^references must have at least one"):
    token_accuracy([[]], [[]])
