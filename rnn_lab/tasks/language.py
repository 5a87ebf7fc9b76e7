"""Language modelling: the next word of a text, at every place of it."""

import functools
import inspect
import math
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.tasks.base import LONGEST, STREAM, Spec, Stream, Task
from rnn_lab.text import corpora
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.request import Request
from rnn_lab.text.vocabulary import Vocabulary
from rnn_lab.types import Array, Batch, Key, PyTree


def language(
  batch_size: int,
  corpus: str = "grammar",
  window: int = 32,
  reach: int = 32,
  **text: Any,
) -> Task:
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
    FieldError: an argument is not what it may be, the corpus cannot be read,
      or a split of it is shorter than one window. That the training split
      fills a window in all tracks is left to who trains on it: an n-gram
      model does not need that.
  """
  check_int("window", window, 1, LONGEST)
  check_int("reach", reach, 1, LONGEST)
  if reach < window and window % reach:
    raise FieldError("reach", reach, f"{window} or more, or a divisor of it")
  check_choice("corpus", corpus, corpora.CORPORA)
  return _language(corpora.load(corpus, **text), batch_size, window, reach)


def _with_fields_of(request: type[Request]) -> inspect.Signature:
  """The signature of `language` with the names that `**text` may have."""
  *own, _ = inspect.signature(language).parameters.values()
  fields = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
    for name, default in request._field_defaults.items()
  ]
  return inspect.Signature([*own, *fields])


# What `tasks.build` checks a config's section against.
language.__signature__ = _with_fields_of(Request)


def without_text(
  vocabulary: Vocabulary, tracks: int, window: int, reach: int
) -> Task:
  """The form of a `language` task, for a model whose text is not at hand."""
  none = Split(np.zeros(0, np.int32), None, 0)
  return of_corpus(
    Corpus("", vocabulary, none, none, none, None, (), {}, {}),
    tracks,
    window,
    reach,
  )


@functools.cache
def _language(text: Corpus, tracks: int, window: int, reach: int) -> Task:
  for split in ("train", "valid", "test"):
    found = len(getattr(text, split).tokens)
    if found < window:
      may = f"at most {found}, the tokens that the {split} split holds"
      raise FieldError("window", window, may)
  return of_corpus(text, tracks, window, reach)


def of_corpus(text: Corpus, tracks: int, window: int, reach: int) -> Task:
  """The task of a corpus that is at hand; see `language`."""
  windows = len(text.train.tokens) // tracks // window
  size = text.vocabulary.size
  return Task(
    name="language",
    pattern=STREAM,
    input_spec=Spec(max(window, reach), size),
    output_spec=Spec(max(window, reach), size),
    output="softmax",
    data=_tracks(text, tracks, max(reach - window, 0)),
    batch=_window(window, max(window, reach), windows),
    eval_batches=None,
    loss=None,
    metrics=None,
    headline="perplexity",
    maximize=False,
    # Every word as likely as any other.
    baselines=types.MappingProxyType(
      {"loss": math.log(size), "perplexity": float(size)}
    ),
    hashes=text.hashes,
    stream=Stream(text, tracks, window, reach, windows),
  )


def _tracks(text: Corpus, tracks: int, back: int) -> np.ndarray:
  """`[B, back + 1 + L]`: each track, and the tokens in front of it.

  Those are the end of the track before; in front of the first one they are
  the vocabulary's token that stands before a text.
  """
  length = len(text.train.tokens) // tracks
  before = np.full(back + 1, text.vocabulary.start, np.int32)
  tokens = np.concatenate([before, text.train.tokens[: tracks * length]])
  starts = np.arange(tracks)[:, None] * length
  return tokens[starts + np.arange(back + 1 + length)[None]]


def _window(window: int, span: int, windows: int):
  """`Task.batch`: window number `step` of an epoch, and what is before it."""
  weights_T = np.zeros(span, np.float32)
  weights_T[span - window :] = 1.0

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
