"""The log probability of every token of a stream, for any language model.

A model takes part by being a `Scorer`. Each token is predicted exactly once,
from all that came before it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

CONTEXT_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PIECE = 16


class Scorer(NamedTuple):
  """A language model with its parameters.

  Attributes:
    initial: `tracks -> carry`, the state before the first token of each of so
      many streams.
    score: `(carry, inputs_BT, targets_BT) -> (carry, log_p)`: the state after
      the inputs, and `[..., B, T']` natural logarithms of the probabilities
      of the T' <= T targets that follow the last T' inputs. Leading
      dimensions are the model's own, such as seeds.
  """

  initial: Callable[[int], Any]
  score: Callable[[Any, np.ndarray, np.ndarray], tuple[Any, Any]]


def stream_log_probs(
  scorer: Scorer,
  tokens: np.ndarray,
  start: int,
  window: int = 256,
  tracks: int = 1,
  warmup: int = 0,
) -> np.ndarray:
  """Computes log p of each token of a stream, given those before it.

  With one track the stream is unbroken: the state passes from the first token
  to the last, and the result does not depend on the window. More tracks read
  parts of the stream side by side, each from `warmup` tokens before its part:
  faster, and not quite the same, as the state in front of those is lost.

  Args:
    scorer: the model.
    tokens: `[N]` word ids.
    start: the token that stands before the first one.
    window: tokens of a track in one call of the scorer.
    tracks: parts read side by side.
    warmup: tokens of context in front of each part.

  Returns:
    `[..., N]` float64, in nats; the leading dimensions are the scorer's.
  """
  count = len(tokens)
  tracks, warmup = parts(count, tracks, warmup)
  # The first part has the first warm-up to itself: there is no text before it.
  length = -(-(count - warmup) // tracks)
  window = min(window, length + warmup)
  steps = -(-(length + warmup) // window) * window
  place_BT = np.arange(tracks)[:, None] * length + np.arange(steps)[None]
  # What lies behind the end is any word; nothing of it is used.
  place_BT = place_BT.clip(max=count - 1)
  before = np.concatenate([[start], tokens[:-1]])
  inputs_BT = before[place_BT].astype(np.int32)
  targets_BT = tokens[place_BT].astype(np.int32)
  carry = scorer.initial(tracks)
  pieces = []
  for t in range(0, steps, window):
    carry, log_p = scorer.score(
      carry, inputs_BT[:, t : t + window], targets_BT[:, t : t + window]
    )
    pieces.append(np.asarray(log_p, np.float64))
  log_p = np.concatenate(pieces, axis=-1)
  rest = log_p[..., warmup : warmup + length]
  rest = rest.reshape(*rest.shape[:-2], -1)
  return np.concatenate([log_p[..., 0, :warmup], rest], axis=-1)[..., :count]


def parts(count: int, tracks: int, warmup: int) -> tuple[int, int]:
  """Returns the parts that N tokens are read in, and the warm-up of each.

  A warm-up that is longer than the text leaves one part, and one part needs
  none; there are no more parts than tokens to predict.
  """
  if tracks == 1 or warmup >= count:
    return 1, 0
  return min(tracks, count - warmup), warmup


def loss_by_context(
  scorer: Scorer, tokens: np.ndarray, num_targets: int
) -> dict[int, np.ndarray]:
  """Computes the mean -log p after only so many tokens since a reset.

  The tokens predicted are the same ones at every length, evenly spread over
  the stream, so that the lengths differ in nothing else.

  Args:
    scorer: the model.
    tokens: `[N]` word ids.
    num_targets: tokens predicted, at the most.

  Returns:
    `{length: mean}` in nats, with the scorer's leading dimensions; for the
    lengths of CONTEXT_LENGTHS that the text is long enough for.
  """
  places = context_places(len(tokens), num_targets)
  if not len(places):
    return {}
  targets_B1 = tokens[places][:, None].astype(np.int32)
  losses = {}
  for length in CONTEXT_LENGTHS:
    if length > places[0]:
      break
    inputs_BT = tokens[places[:, None] - np.arange(length, 0, -1)[None]]
    log_p = _last_log_probs(scorer, inputs_BT.astype(np.int32), targets_B1)
    losses[length] = -np.mean(np.asarray(log_p, np.float64), axis=(-2, -1))
  return losses


def context_places(count: int, num_targets: int) -> np.ndarray:
  """Returns the places of the tokens that `loss_by_context` predicts, of N."""
  first = max((n for n in CONTEXT_LENGTHS if n < count), default=count)
  num_places = min(num_targets, count - first)
  return np.linspace(first, count - 1, num_places, dtype=np.int64)


def _last_log_probs(
  scorer: Scorer, inputs_BT: np.ndarray, targets_B1: np.ndarray
) -> Any:
  """Computes log p of what follows the inputs, read in pieces of two sizes.

  A scorer that is compiled for each size would be compiled for every length
  otherwise.
  """
  steps = inputs_BT.shape[1]
  short = steps % PIECE
  cuts = [*range(short), *range(short, steps, PIECE), steps]
  carry = scorer.initial(len(inputs_BT))
  for a, b in zip(cuts, cuts[1:]):
    carry, log_p = scorer.score(carry, inputs_BT[:, a:b], targets_B1)
  return log_p


def metrics(log_p: np.ndarray, split: Any) -> dict[str, np.ndarray]:
  """Computes the metrics of a split from its log probabilities `[..., N]`.

  Args:
    log_p: natural logarithms.
    split: the split, a `rnn_lab.text.Split`.

  Returns:
    "loss" in nats per token, "perplexity" = exp(loss), "bits_per_token", and,
    where the characters of the text are known, "bits_per_character". A token
    of probability zero, or of none, makes them infinite or nan.
  """
  loss = -np.mean(log_p, axis=-1)
  with np.errstate(over="ignore"):
    values = {
      "loss": loss,
      "perplexity": np.exp(loss),
      "bits_per_token": loss / math.log(2),
    }
  if split.characters:
    bits = -np.sum(log_p, axis=-1) / math.log(2)
    values["bits_per_character"] = bits / split.characters
  return values


def by_kind(
  log_p: np.ndarray, split: Any, corpus: Any
) -> dict[str, Mapping[str, Any]]:
  """Computes the perplexity on each kind of word that a corpus distinguishes.

  Returns:
    `{kind: {"tokens", "perplexity", "floor"}}`: how many there are, the
    model's perplexity on them with its leading dimensions, and the true
    distribution's. {} where the corpus has no kinds.
  """
  rows = {}
  for number, kind in enumerate(corpus.kinds):
    here = split.kinds == number
    if not here.any():
      continue
    rows[kind] = {
      "tokens": int(here.sum()),
      "perplexity": np.exp(-np.mean(log_p[..., here], axis=-1)),
      "floor": float(np.exp(-np.mean(split.log_probs[here]))),
    }
  return rows
