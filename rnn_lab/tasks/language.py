"""Language modelling: the next word of a text, at every place of it."""

import dataclasses
import functools
import inspect
import math
import pathlib
import types
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.rundir import VOCABULARY
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import (
  LONGEST,
  SEQUENCE_TO_SEQUENCE,
  SYMBOLS,
  Spec,
  Task,
)
from rnn_lab.tasks.batches import EVAL_SEEDS, in_batches
from rnn_lab.text import corpora
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.request import Request
from rnn_lab.text.vocabulary import Vocabulary
from rnn_lab.types import Array, Batch, Key, PyTree

SPLITS = ("train", "valid", "test")


def language(
  batch_size: int,
  corpus: str = "grammar",
  window: int = 32,
  reach: int = 32,
  **text: Any,
) -> "LanguageTask":
  """The next word, given all before it: one stream of tokens.

  The training split is cut into B tracks of equal length, read side by side,
  `window` tokens an update; what does not fill a window in all tracks is left
  out of an epoch. The state of a model passes from each batch to the next and
  begins anew with each epoch.

  Args:
    batch_size: B, the tracks.
    corpus: a key of `rnn_lab.text.corpora.CORPORA`.
    window: k1, tokens of each track that one update is made for.
    reach: k2, steps that gradients go back: a divisor of `window`, or not
      smaller than it. Williams and Peng 1990.
    **text: how the corpus is read: the fields of `rnn_lab.text.request`'s
      `Request`.

  Returns:
    The task: inputs and targets `[B, max(window, reach)]` word ids, of which
    the last `window` have weight one.

  Raises:
    FieldError: an argument is out of range, the corpus cannot be read,
      or a split of it is shorter than one window. Whether the training split
      fills a window in all tracks is checked by models that need it
      (`check_window`): an n-gram model does not.
  """
  check_int("window", window, 1, LONGEST)
  check_int("reach", reach, 1, LONGEST)
  if reach < window and window % reach:
    raise FieldError(
      "reach",
      f"{{field}} must be at least {window}, the window, or divide it, "
      f"got {reach}",
    )
  check_choice("corpus", corpus, corpora.CORPORA)
  return _language(corpora.load(corpus, **text), batch_size, window, reach)


def _with_fields_of(request: type[Request]) -> inspect.Signature:
  """The signature of `language` with the names that `**text` may have."""
  *parameters, _ = inspect.signature(language).parameters.values()
  fields = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
    for name, default in request._field_defaults.items()
  ]
  return inspect.Signature([*parameters, *fields])


# What `tasks.build` checks a config's section against.
language.__signature__ = _with_fields_of(Request)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LanguageTask(Task):
  """A task whose training split is a text, read side by side in tracks.

  Attributes:
    corpus: the splits and their vocabulary.
    tracks: B, the parts of the training split that are read side by side.
    window: k1, the tokens of each track that one update is made for.
    reach: k2, the steps that its gradient goes back.
  """

  corpus: Corpus
  tracks: int
  window: int
  reach: int

  def check_window(self) -> None:
    """Raises FieldError unless the text fills a window in all tracks."""
    tokens = len(self.corpus.train.tokens)
    if tokens < self.tracks:
      raise FieldError(
        "train.batch_size",
        f"{{field}} must be at most {tokens}, the tokens of the train split, "
        f"got {self.tracks}",
      )
    if tokens // self.tracks < self.window:
      raise FieldError(
        "task.window",
        f"{{field}} must be at most {tokens // self.tracks}, as the train "
        f"split has {tokens} tokens for {self.tracks} tracks "
        f"(train.batch_size), got {self.window}",
      )

  def describe(self) -> str:
    """Returns a line with the text, its size and its vocabulary."""
    corpus = self.corpus
    splits = [(name, getattr(corpus, name)) for name in SPLITS]
    tokens = ", ".join(f"{len(s.tokens):,} {name}" for name, s in splits)
    unknown = ", ".join(f"{s.unknown:,} {name}" for name, s in splits)
    return (
      f"{corpus.name}: {tokens} tokens; a vocabulary of "
      f"{corpus.vocabulary.size:,}; unknown: {unknown}"
    )

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes the vocabulary."""
    self.corpus.vocabulary.save(workdir / VOCABULARY)


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> LanguageTask:
  """Returns the task of a run that saved its vocabulary.

  See `tasks.without_data`.
  """
  window, reach = section["window"], section["reach"]
  vocabulary = Vocabulary.load(workdir / VOCABULARY)
  tokens = np.zeros(batch_size * window, np.int32)
  split = Split(tokens, None, 0)
  corpus = Corpus("", vocabulary, split, split, split, None, (), {}, {})
  return of_corpus(corpus, batch_size, window, reach)


@functools.cache
def _language(
  corpus: Corpus, tracks: int, window: int, reach: int
) -> LanguageTask:
  for split in SPLITS:
    tokens = len(getattr(corpus, split).tokens)
    if tokens < window:
      raise FieldError(
        "window",
        f"{{field}} must be at most {tokens}, the tokens of the {split} split, "
        f"got {window}",
      )
  return of_corpus(corpus, tracks, window, reach)


def of_corpus(
  corpus: Corpus, tracks: int, window: int, reach: int
) -> LanguageTask:
  """Returns the task of a corpus in memory; see `language`."""
  size = corpus.vocabulary.size
  span = max(window, reach)
  return LanguageTask(
    name="language",
    pattern=SEQUENCE_TO_SEQUENCE,
    input_spec=Spec(span, size, form=SYMBOLS),
    output_spec=Spec(span, size),
    output="softmax",
    data=(_tracks(corpus, tracks, span - window),),
    batch=_windows(window, span, len(corpus.train.tokens) // tracks // window),
    eval_batches=functools.partial(_eval_batches, corpus, window, span),
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="perplexity",
    maximize=False,
    # Every word as likely as any other.
    baselines=types.MappingProxyType(
      {"loss": math.log(size), "perplexity": float(size)}
    ),
    hashes=corpus.hashes,
    evaluator="stream",
    steps_per_epoch=len(corpus.train.tokens) // tracks // window,
    corpus=corpus,
    tracks=tracks,
    window=window,
    reach=reach,
  )


def _tracks(corpus: Corpus, tracks: int, back: int) -> np.ndarray:
  """Returns `[B, back + 1 + L]`: each track, and the tokens in front of it.

  Those are the end of the track before; in front of the first one they are
  the vocabulary's token that stands before a text.
  """
  length = len(corpus.train.tokens) // tracks
  before = np.full(back + 1, corpus.vocabulary.start, np.int32)
  tokens = np.concatenate([before, corpus.train.tokens[: tracks * length]])
  starts = np.arange(tracks)[:, None] * length
  return tokens[starts + np.arange(back + 1 + length)[None]]


def _weights(window: int, span: int) -> np.ndarray:
  """Returns `[span]`: ones for the last `window` tokens."""
  weights_T = np.zeros(span, np.float32)
  weights_T[span - window :] = 1.0
  return weights_T


def _windows(
  window: int, span: int, windows: int
) -> Callable[[PyTree, Key, Array], Batch]:
  """Returns `Task.batch`: window number `step` of an epoch of so many."""
  weights_T = _weights(window, span)

  def batch(data: PyTree, key: Key, step: Array) -> Batch:
    del key  # a text is read in its order
    tracks = data.shape[0]
    number = step % windows
    tokens_BT = jax.lax.dynamic_slice(
      data, (0, number * window), (tracks, span + 1)
    )
    return Batch(
      inputs=tokens_BT[:, :-1],
      input_lengths=None,
      targets=tokens_BT[:, 1:],
      weights=jnp.broadcast_to(weights_T[None], (tracks, span)),
      fresh=number == 0,
    )

  return batch


def _eval_batches(
  corpus: Corpus, window: int, span: int, split: str
) -> tuple[Batch, ...]:
  """Returns the windows of a split, each read from the initial state."""
  check_choice("split", split, EVAL_SEEDS)
  tokens = getattr(corpus, split).tokens
  count = len(tokens) // window
  before = np.full(span - window + 1, corpus.vocabulary.start, np.int32)
  tokens = np.concatenate([before, tokens])
  starts = np.arange(count)[:, None] * window
  tokens_BT = tokens[starts + np.arange(span + 1)[None]].astype(np.int32)
  weights_BT = np.tile(_weights(window, span), (count, 1))
  batches = in_batches(
    Batch(tokens_BT[:, :-1], None, tokens_BT[:, 1:], weights_BT)
  )
  return tuple(batch._replace(fresh=np.True_) for batch in batches)
