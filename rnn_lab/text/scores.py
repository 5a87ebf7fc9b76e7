"""Scores of predicted sentences and tags against the true ones.

BLEU is computed by sacrebleu and the F1 of chunks by seqeval, whose numbers
can be compared with published ones.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

from rnn_lab.errors import FieldError, check_bool
from rnn_lab.text.chunking import CHUNK_TAG


class Bleu(NamedTuple):
  """BLEU of a corpus.

  Attributes:
    score: from 0 to 100.
    signature: how sacrebleu computed it, to be reported with the score.
  """

  score: float
  signature: str


def bleu(
  hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False
) -> Bleu:
  """Computes BLEU of a corpus with one reference for each hypothesis.

  100 b exp(mean over n = 1..4 of log p_n), where p_n is the share of the
  hypotheses' n-grams that their references have, and b = min(1, exp(1 - r / h))
  for r reference and h hypothesis tokens. Where no n-gram matches, p_n is
  smoothed ("exp"). Papineni, Roukos, Ward & Zhu, "BLEU: a Method for Automatic
  Evaluation of Machine Translation", 2002; Post, "A Call for Clarity in
  Reporting BLEU Scores", 2018.

  Args:
    hypotheses: the predicted sentences, detokenized: sacrebleu splits them in
      its own way ("13a").
    references: the true sentences, as they were published.
    lowercase: whether to compare in lower case.

  Raises:
    FieldError: there are no references, not as many hypotheses, or one is no
      text.
  """
  check_bool("lowercase", lowercase)
  _check_pairs(hypotheses, references)
  for field, texts in ("hypotheses", hypotheses), ("references", references):
    wrong = [text for text in texts if not isinstance(text, str)]
    if isinstance(texts, str) or wrong:
      got = texts if isinstance(texts, str) else wrong[0]
      raise FieldError(field, f"{{field}} must be a list of texts, got {got!r}")
  # Imported here: only translation needs it.
  from sacrebleu.metrics.bleu import BLEU

  # `force` leaves out a warning about sentences that look tokenized, which a
  # model that is not trained yet can predict.
  metric = BLEU(lowercase=lowercase, force=True)
  score = metric.corpus_score([*hypotheses], [[*references]]).score
  return Bleu(float(score), str(metric.get_signature()))


def chunk_f1(
  hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> dict[str, float]:
  """Computes F1, precision and recall of chunks over a whole corpus.

  A predicted chunk is right if a true one has the same first and last word and
  the same type. Precision is the share of predicted chunks that are right,
  recall that of true chunks that are found, each 0 without any, and F1 their
  harmonic mean. As in the evaluation program of CoNLL-2000, an I-type starts a
  chunk if the tag before is O or of another type.

  Args:
    hypotheses: the predicted tags of each sentence: O, B-type or I-type.
    references: the true tags, as many.

  Returns:
    `{"f1": ..., "precision": ..., "recall": ...}`, each from 0 to 1.

  Raises:
    FieldError: the lengths differ, there are no references, or a tag is not
      of the scheme.
  """
  _check_lengths(hypotheses, references)
  for field, rows in ("hypotheses", hypotheses), ("references", references):
    for tag in {tag for row in rows for tag in row}:
      if not isinstance(tag, str) or not CHUNK_TAG.fullmatch(tag):
        raise FieldError(
          field, f"{{field}} must be tags O, B-type or I-type, got {tag!r}"
        )
  # Imported here: it loads scikit-learn.
  from seqeval.metrics.sequence_labeling import (
    precision_recall_fscore_support,
  )

  scores = precision_recall_fscore_support(
    [[*row] for row in references],
    [[*row] for row in hypotheses],
    average="micro",
    zero_division=0,  # pyright: ignore[reportArgumentType] - 0 is allowed
  )
  # Numbers, and not lists, of an average.
  precision, recall, f1 = (cast(float, score) for score in scores[:3])
  return {
    "f1": float(f1),
    "precision": float(precision),
    "recall": float(recall),
  }


def exact_match(
  hypotheses: Sequence[Sequence], references: Sequence[Sequence]
) -> float:
  """Computes the share of hypotheses that equal their references.

  Args:
    hypotheses: the predicted sequences, as strings or lists of symbols.
    references: the true ones, as many, of the same kind.

  Raises:
    FieldError: there are no references, or not as many hypotheses.
  """
  _check_pairs(hypotheses, references)
  right = sum([*h] == [*r] for h, r in zip(hypotheses, references))
  return right / len(references)


def error_rate(
  hypotheses: Sequence[Sequence], references: Sequence[Sequence]
) -> float:
  """Computes the edit distance of a corpus for each symbol of its references.

  The distance is the least number of symbols to insert, delete or replace that
  make a hypothesis its reference: of strings this is the character error rate,
  of lists of words the word error rate. It can exceed 1. Levenshtein, "Binary
  Codes Capable of Correcting Deletions, Insertions, and Reversals", 1966.

  Args:
    hypotheses: the predicted sequences, as strings or lists of symbols.
    references: the true ones, as many, of the same kind.

  Raises:
    FieldError: there are no references, not as many hypotheses, or all
      references are empty.
  """
  _check_pairs(hypotheses, references)
  length = sum(map(len, references))
  if length == 0:
    raise FieldError("references", "{field} must have at least one symbol")
  return sum(map(_edit_distance, hypotheses, references)) / length


def token_accuracy(
  hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> float:
  """Computes the share of a corpus' tokens that are predicted as they are.

  Args:
    hypotheses: the predicted tokens (or tags) of each sentence.
    references: the true ones, as many.

  Raises:
    FieldError: the lengths differ, or there are no tokens.
  """
  _check_lengths(hypotheses, references)
  pairs = [p for h, r in zip(hypotheses, references) for p in zip(h, r)]
  if not pairs:
    raise FieldError("references", "{field} must have at least one token")
  return sum(h == r for h, r in pairs) / len(pairs)


def _edit_distance(hypothesis: Sequence, reference: Sequence) -> int:
  """Returns the edit distance, by dynamic programming, a row at a time."""
  # row[j]: from the hypothesis so far to the first j symbols of the reference.
  row = [*range(len(reference) + 1)]
  for i, symbol in enumerate(hypothesis, 1):
    before, row = row, [i]
    for j, wanted in enumerate(reference, 1):
      replaced = before[j - 1] + (symbol != wanted)
      row.append(min(replaced, before[j] + 1, row[-1] + 1))
  return row[-1]


def _check_pairs(hypotheses: Sequence, references: Sequence) -> None:
  if not len(hypotheses) == len(references) > 0:
    raise FieldError(
      "hypotheses",
      f"{{field}} must be as many as the {len(references)} references, at "
      f"least one, got {len(hypotheses)}",
    )


def _check_lengths(
  hypotheses: Sequence[Sequence], references: Sequence[Sequence]
) -> None:
  _check_pairs(hypotheses, references)
  for i, (h, r) in enumerate(zip(hypotheses, references)):
    if len(h) != len(r):
      raise FieldError(
        "hypotheses",
        f"{{field}} must have {len(r)} tokens in sentence {i}, as the "
        f"reference has, got {len(h)}",
      )
