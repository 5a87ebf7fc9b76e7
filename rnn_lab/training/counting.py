"""A run that counts: an n-gram model from its text to its result."""

import pathlib
import time
from typing import Any

import numpy as np

from rnn_lab.errors import FieldError, in_section
from rnn_lab.language_models import (
  arpa,
  counts,
  estimators,
  evaluator,
  ngram,
  storage,
)
from rnn_lab.language_models.build import NGramSettings
from rnn_lab.tasks.base import Task
from rnn_lab.text.base import Split
from rnn_lab.training import environment, streams
from rnn_lab.rundir import finite_or_null, lock, write_json
from rnn_lab.training.listener import Listener
from rnn_lab.training.records import Records
from rnn_lab.training.result import make_counted_result
from rnn_lab.training.run import (
  CONFIG,
  ENVIRONMENT,
  RESULT,
  VOCABULARY,
  Plan,
  check_workdir,
)

MODEL = "ngram.npz"


def count(ready: Plan, workdir: pathlib.Path, listener: Listener) -> str:
  """Counts the n-grams of the training split and judges the model.

  There are no steps, no seeds and no checkpoints: counting takes seconds and
  gives the same numbers every time.

  Args:
    ready: a plan whose model is an `NGramSettings`.
    workdir: the run directory.
    listener: is told of progress.

  Returns:
    "finished".

  Raises:
    FieldError: an ARPA file cannot be read, or does not fit the corpus.
  """
  began = time.monotonic()
  # Before the directory is touched: an ARPA file may be damaged.
  model, size = make(ready.model, ready.task)
  counted = time.monotonic() - began
  listener.line(streams.about(ready.task.stream))
  for note in model.notes:
    listener.line(note)
  with lock(workdir):
    check_workdir(ready, workdir)
    records = Records(workdir, last_step=-1, events=False)
    tokens = len(ready.task.stream.corpus.train.tokens)
    records.time("start", 0)
    records.time(
      "counted", 0, seconds=counted, tokens_per_second=tokens / counted
    )
    result = _judge(ready, workdir, model, size, records)
    records.time("finished", 0, seconds=time.monotonic() - began)
    records.close()
    write_json(workdir / RESULT, result)
  return result["status"]


def _judge(
  ready: Plan,
  workdir: pathlib.Path,
  model: ngram.NGram,
  size: dict[str, Any],
  records: Records,
) -> dict[str, Any]:
  """Writes all of a run but its result, and returns that."""
  task, settings = ready.task, ready.settings.eval
  corpus = task.stream.corpus
  write_json(workdir / CONFIG, ready.config)
  corpus.vocabulary.save(workdir / VOCABULARY)
  ngram.save(model, workdir / MODEL)
  environment.record(
    workdir / ENVIRONMENT, environment.describe(task, ready.how), 0
  )
  judge = scorer(model)

  def log_probs(split: Split, tracks: int) -> np.ndarray:
    return streams.log_probs(judge, task.stream, split, settings, tracks)

  log_p = log_probs(corpus.valid, settings.valid_tracks)
  valid = streams.metrics(log_p, corpus.valid)
  row = {f"valid/{name}": value for name, value in valid.items()}
  records.metrics(0, row, np.ones(1, bool))
  log_p = log_probs(corpus.test, settings.tracks)
  details = streams.details(judge, task.stream, log_p, settings, size)
  test = streams.metrics(log_p, corpus.test)
  return make_counted_result(task, valid, test) | {"details": details}


def make(
  settings: NGramSettings, task: Task
) -> tuple[ngram.NGram, dict[str, Any]]:
  """The model that was asked for, and what it is made of."""
  corpus = task.stream.corpus
  words = corpus.vocabulary
  if settings.estimator == "arpa":
    with in_section("model.ngram"):
      read, names = arpa.read_arpa(settings.arpa_file)
      if read.order != settings.order:
        may = f"{read.order}, the order of the model in arpa_file"
        raise FieldError("order", settings.order, may)
      model = arpa.for_vocabulary(read, names, words.words, words.eos)
    return model, {
      "order": model.order,
      "ngrams": sum(len(keys) for keys in model.keys),
      "bytes": storage.stored_bytes(model),
      "notes": list(model.notes),
    }
  counted = counts.count(
    corpus.train.tokens, words.size, settings.order, words.eos
  )
  model = estimators.estimate(counted, settings.estimator, settings.add_k)
  rows = storage.storage_table(counted, corpus.test.tokens)
  return model, {
    "order": model.order,
    "ngrams": sum(row.ngrams for row in rows),
    "bytes": sum(row.bytes for row in rows),
    "storage": [
      row._asdict() | {"unseen": finite_or_null(row.unseen)} for row in rows
    ],
    "notes": list(model.notes),
  }


def scorer(model: ngram.NGram) -> evaluator.Scorer:
  """The model as the judge sees it; one model, so a leading dimension of 1."""

  def initial(tracks: int) -> np.ndarray:
    return ngram.initial_carry(model, tracks)

  def score(carry: Any, inputs_BT: Any, targets_BT: Any) -> tuple[Any, Any]:
    # Only the last inputs stand in front of targets; the others are context.
    first = inputs_BT.shape[1] - targets_BT.shape[1]
    known = np.concatenate([carry, inputs_BT[:, :first]], axis=1)
    carry = known[:, known.shape[1] - carry.shape[1] :]
    carry, log_p = ngram.score(model, carry, inputs_BT[:, first:], targets_BT)
    return carry, log_p[None]

  return evaluator.Scorer(initial, score)
