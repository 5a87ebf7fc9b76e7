"""Estimates the probabilities of n-gram models from counts."""

import math
from collections.abc import Callable

import numpy as np

from rnn_lab.errors import check_choice, check_float
from rnn_lab.language_models.counts import Counts, adjusted
from rnn_lab.language_models.ngram import NGram

# Discounts of counts 0, 1, 2, and 3 or more, if the text determines none.
FIXED_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])


def estimate(counts: Counts, estimator: str, add_k: float = 1.0) -> NGram:
  """Estimates p(word | the n-1 words before it).

  Args:
    counts: of the training text.
    estimator: a name in `ESTIMATORS`.
    add_k: the constant that "add_k" adds to every count; unused by the others.

  Raises:
    FieldError: the estimator is unknown, or `add_k` is not finite and above 0.
  """
  check_choice("estimator", estimator, ESTIMATORS)
  check_float("add_k", add_k, 0.0, above=True)
  return ESTIMATORS[estimator](counts, add_k)


def maximum_likelihood(counts: Counts, _: float) -> NGram:
  """Estimates p(w | c) = count(c w) / count(c .), where c is the whole context.

  The log probability of a word that never followed c is -inf, and nan if no
  word ever followed c.
  """
  return _from_counts(counts, "maximum_likelihood", 0.0, math.nan)


def add_k(counts: Counts, k: float) -> NGram:
  """Estimates p(w | c) = (count(c w) + k) / (count(c .) + k V)."""
  uniform = -math.log(counts.vocabulary_size)
  return _from_counts(counts, "add_k", float(k), uniform)


def _from_counts(
  counts: Counts, name: str, k: float, unseen_context: float
) -> NGram:
  """Divides counts of k-grams by those of their contexts, `k` added to each."""
  log_probs, log_backoffs = [], []
  size = counts.vocabulary_size
  with np.errstate(divide="ignore", invalid="ignore"):
    for n in range(1, counts.order + 1):
      contexts = counts.keys[n - 1] // (size + 1)
      number = 1 if n == 1 else len(counts.keys[n - 2])
      occurrences = counts.counts[n - 1]
      total = np.bincount(contexts, occurrences, minlength=number)
      log_total = np.log(total + k * size)
      log_probs.append(np.log(occurrences + k) - log_total[contexts])
      if n > 1:
        log_backoffs.append(np.log(k) - log_total)
  log_probs[0][size] = -np.inf
  return NGram(
    order=counts.order,
    vocabulary_size=size,
    eos=counts.eos,
    estimator=name,
    keys=counts.keys,
    log_probs=tuple(log_probs),
    log_backoffs=tuple(log_backoffs),
    log_unseen_context=unseen_context,
  )


def kneser_ney(counts: Counts, _: float) -> NGram:
  """Estimates interpolated modified Kneser-Ney, as `lmplz` of kenlm does.

  With a the adjusted counts (`counts.adjusted`), D the discounts of the order,
  and c' the context c without its first word,

    p(w | c) = (a(c w) - D(a(c w))) / a(c .) + g(c) p(w | c')
    g(c)     = (D_1 N_1(c) + D_2 N_2(c) + D_3 N_3+(c)) / a(c .)

  where N_i(c) words follow c with the adjusted count i. Unigrams are
  interpolated with the uniform distribution 1 / V over the vocabulary without
  `<s>`. A word that is not in the text has probability g / V. That is the
  probability of `<unk>` in `lmplz`, whose V counts the words seen and `<unk>`:
  for such a vocabulary the numbers are the same. If all V words are seen, none
  of them is `<unk>` and no mass is reserved for it, so that the probabilities
  of the vocabulary sum to 1; `lmplz` divides by V + 1 in that case.

  No n-gram is pruned. Chen and Goodman, An empirical study of smoothing
  techniques for language modeling (1999); Heafield et al., Scalable modified
  Kneser-Ney language model estimation (2013).
  """
  size = counts.vocabulary_size
  lower = np.append(np.full(size, 1 / size), 0.0)
  log_probs, log_backoffs, notes = [], [], []
  for n in range(1, counts.order + 1):
    adjusted_n = adjusted(counts, n)
    discounts, note = _discounts(counts, adjusted_n, n)
    notes += [note] if note else []
    contexts = counts.keys[n - 1] // (size + 1)
    number = 1 if n == 1 else len(counts.keys[n - 2])
    total = np.bincount(contexts, adjusted_n, minlength=number)
    discount = discounts[np.minimum(adjusted_n, 3)]
    # A k-gram that no word follows backs off with weight 1.
    backoff = np.bincount(contexts, discount, minlength=number)
    backoff = np.where(total > 0, backoff / np.maximum(total, 1), 1.0)
    discounted = (adjusted_n - discount) / np.maximum(total, 1)[contexts]
    shorter = lower if n == 1 else lower[counts.suffixes[n - 1]]
    lower = discounted + backoff[contexts] * shorter
    with np.errstate(divide="ignore"):
      log_probs.append(np.log(lower))
      if n > 1:
        log_backoffs.append(np.log(backoff))
  return NGram(
    order=counts.order,
    vocabulary_size=size,
    eos=counts.eos,
    estimator="kneser_ney",
    keys=counts.keys,
    log_probs=tuple(log_probs),
    log_backoffs=tuple(log_backoffs),
    notes=tuple(notes),
  )


def _discounts(
  counts: Counts, adjusted_n: np.ndarray, n: int
) -> tuple[np.ndarray, str]:
  """Computes the discounts of adjusted counts 0, 1, 2, and 3 or more.

    D_i = i - (i + 1) Y n_{i+1} / n_i,  with Y = n_1 / (n_1 + 2 n_2)

  and n_i the number of n-grams with the adjusted count i.

  Returns:
    float64 `[4]`, and a note if the fixed discounts are used, else "".
  """
  number = np.bincount(np.minimum(adjusted_n, 5), minlength=6)
  if n <= len(counts.last):
    last = counts.last[n - 1]
    number[min(adjusted_n[last], 5)] -= 1
    number[min(counts.counts[n - 1][last], 5)] += 1
  n_1, n_2, n_3 = number[1:4]
  if min(n_1, n_2, n_3) > 0:
    # In float32, as in the tool, so that rounding at the bounds is the same.
    ratio = np.float32(n_1) / np.float32(n_1 + 2 * n_2)
    i = np.arange(1, 4, dtype=np.float32)
    n_i = number.astype(np.float32)
    discounts = i - (i + 1) * ratio * n_i[2:5] / n_i[1:4]
    if np.all(discounts >= 0) and np.all(discounts <= i):
      return np.append(0.0, discounts), ""
  words = ", ".join(f"{d:g}" for d in FIXED_DISCOUNTS[1:])
  seen = ", ".join(map(str, number[1:5]))
  return FIXED_DISCOUNTS, (
    f"order {n}: the text is too small for discounts (counts of counts 1 to 4: "
    f"{seen}); fixed ones are used, {words}"
  )


ESTIMATORS: dict[str, Callable[[Counts, float], NGram]] = {
  "add_k": add_k,
  "kneser_ney": kneser_ney,
  "maximum_likelihood": maximum_likelihood,
}
