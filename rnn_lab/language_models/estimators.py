"""From counts to probabilities: three estimators of an n-gram model."""

import math
from collections.abc import Callable

import numpy as np

from rnn_lab.errors import check_choice, check_float
from rnn_lab.language_models.counts import Counts, adjusted
from rnn_lab.language_models.ngram import NGram

# What a count of 0, 1, 2, 3 or more loses where the text gives no discounts.
FIXED_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])


def estimate(counts: Counts, estimator: str, add_k: float = 1.0) -> NGram:
  """Estimates p(word | the n-1 words before it).

  Args:
    counts: of the training text.
    estimator: a name in `ESTIMATORS`.
    add_k: what "add_k" adds to every count; the others do not use it.

  Raises:
    FieldError: no such estimator, or `add_k` is not a finite number above 0.
  """
  check_choice("estimator", estimator, ESTIMATORS)
  check_float("add_k", add_k, 0.0, above=True)
  return ESTIMATORS[estimator](counts, add_k)


def maximum_likelihood(counts: Counts, _: float) -> NGram:
  """p(w | c) = count(c w) / count(c .), where c is all of the context.

  A word that never followed c has probability 0; after a c that nothing ever
  followed there is no probability at all. Both are kept visible: -inf and nan.
  """
  return _from_counts(counts, "maximum_likelihood", 0.0, math.nan)


def add_k(counts: Counts, k: float) -> NGram:
  """p(w | c) = (count(c w) + k) / (count(c .) + k V)."""
  uniform = -math.log(counts.vocabulary_size)
  return _from_counts(counts, "add_k", float(k), uniform)


def _from_counts(
  counts: Counts, name: str, k: float, unseen_context: float
) -> NGram:
  """Counts of k-grams by those of their contexts, `k` added to each."""
  log_probs, log_backoffs = [], []
  size = counts.vocabulary_size
  with np.errstate(divide="ignore", invalid="ignore"):
    for n in range(1, counts.order + 1):
      contexts = counts.keys[n - 1] // (size + 1)
      number = 1 if n == 1 else len(counts.keys[n - 2])
      own = counts.counts[n - 1]
      total = np.bincount(contexts, own, minlength=number)
      whole = np.log(total + k * size)
      log_probs.append(np.log(own + k) - whole[contexts])
      if n > 1:
        log_backoffs.append(np.log(k) - whole)
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
  """Interpolated modified Kneser-Ney, as kenlm's `lmplz` estimates it.

  With a the adjusted counts (`counts.adjusted`), D the discounts of the order,
  and c' the context c without its first word,

    p(w | c) = (a(c w) - D(a(c w))) / a(c .) + g(c) p(w | c')
    g(c)     = (D_1 N_1(c) + D_2 N_2(c) + D_3 N_3+(c)) / a(c .)

  where N_i(c) words follow c with the adjusted count i. Below the unigrams
  stands the uniform distribution 1 / V over the whole vocabulary, without
  `<s>`. Words of it that the text does not have get g / V each, which is what
  `lmplz` gives `<unk>`: its V is that of the words seen and `<unk>`, so where
  the vocabulary is just these the numbers are the same. Where all V words are
  seen none of them is `<unk>`, and nothing is put aside for one, so that the
  vocabulary's probabilities sum to 1; `lmplz` divides by V + 1 then.

  No n-gram is cut off. Chen and Goodman, An empirical study of smoothing
  techniques for language modeling (1999); Heafield et al., Scalable modified
  Kneser-Ney language model estimation (2013).
  """
  size = counts.vocabulary_size
  lower = np.append(np.full(size, 1 / size), 0.0)
  log_probs, log_backoffs, notes = [], [], []
  for n in range(1, counts.order + 1):
    own = adjusted(counts, n)
    discounts, note = _discounts(counts, own, n)
    notes += [note] if note else []
    contexts = counts.keys[n - 1] // (size + 1)
    number = 1 if n == 1 else len(counts.keys[n - 2])
    total = np.bincount(contexts, own, minlength=number)
    lost = discounts[np.minimum(own, 3)]
    # What no word follows is no context: it hands on all of its mass.
    left = np.bincount(contexts, lost, minlength=number)
    left = np.where(total > 0, left / np.maximum(total, 1), 1.0)
    own_part = (own - lost) / np.maximum(total, 1)[contexts]
    below = lower if n == 1 else lower[counts.suffixes[n - 1]]
    lower = own_part + left[contexts] * below
    with np.errstate(divide="ignore"):
      log_probs.append(np.log(lower))
      if n > 1:
        log_backoffs.append(np.log(left))
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
  counts: Counts, own: np.ndarray, n: int
) -> tuple[np.ndarray, str]:
  """What n-grams with an adjusted count of 0, 1, 2, 3 or more lose.

    D_i = i - (i + 1) Y n_{i+1} / n_i,  with Y = n_1 / (n_1 + 2 n_2)

  and n_i the number of n-grams with the adjusted count i.

  Returns:
    float64 `[4]`, and the line that says why the fixed ones are used, if so.
  """
  number = np.bincount(np.minimum(own, 5), minlength=6)
  if n <= len(counts.last):
    last = counts.last[n - 1]
    number[min(own[last], 5)] -= 1
    number[min(counts.counts[n - 1][last], 5)] += 1
  n_1, n_2, n_3 = number[1:4]
  if min(n_1, n_2, n_3) > 0:
    # In float32, as the tool has it, lest the bounds be crossed by rounding.
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
