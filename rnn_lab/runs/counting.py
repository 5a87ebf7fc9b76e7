"""Fitting an n-gram model: it is counted, in one pass over the text."""

import pathlib
import time
from typing import Any

import numpy as np

from rnn_lab import rundir
from rnn_lab.errors import FieldError, in_section
from rnn_lab.evaluators.log_probs import Scorer
from rnn_lab.evaluators.stream import StreamEvaluation
from rnn_lab.language_models import arpa, counts, estimators, ngram, storage
from rnn_lab.language_models.fields import NGramSettings
from rnn_lab.tasks.language import LanguageTask
from rnn_lab.text.base import Corpus
from rnn_lab.training import environment
from rnn_lab.training.records import Listener, Records, Stop, make_result
from rnn_lab.training.settings import Plan


class Counter:
  """A way of fitting (see `rnn_lab.runs`): counts n-grams.

  There are no steps, no seeds and no checkpoints: counting takes seconds and
  gives the same numbers every time.
  """

  def __init__(self, plan: Plan):
    """Counts; an ARPA file is read before a directory is touched.

    Raises:
      FieldError: an ARPA file cannot be read, or does not fit the corpus.
    """
    assert isinstance(plan.task, LanguageTask)  # see `check_sections`
    self.plan = plan
    self.task = plan.task
    began = time.monotonic()
    self.model, self.size = count(plan.model, self.task.corpus)
    self.seconds = time.monotonic() - began

  def run(
    self,
    workdir: pathlib.Path,
    listener: Listener,
    stop: Stop,
    until: int | None = None,
  ) -> str:
    """Writes the model, evaluates it and returns "finished"."""
    del stop, until  # it takes seconds, and has no steps
    task = self.task
    listener.line(task.describe())
    for note in self.model.notes:
      listener.line(note)
    tokens = len(task.corpus.train.tokens)
    rundir.write_sealed(workdir / rundir.CONFIG, self.plan.config)
    with Records(workdir, last_step=-1, events=False) as records:
      records.time("start", 0)
      records.time(
        "counted",
        0,
        seconds=self.seconds,
        tokens_per_second=tokens / self.seconds,
      )
      began = time.monotonic()
      task.save_files(workdir)
      ngram.save(self.model, workdir / rundir.NGRAM)
      environment.record(workdir, task, self.plan.run, 0)
      result = self.evaluate(records)
      seconds = self.seconds + time.monotonic() - began
      records.time("finished", 0, seconds=seconds)
    result["rows"] = records.sha256()
    rundir.write_sealed(workdir / rundir.RESULT, result)
    return result["status"]

  def evaluate(self, records: Records) -> dict[str, Any]:
    """Evaluates on both splits; returns the result."""
    task = self.task
    evaluation = StreamEvaluation(task, self.plan.settings.eval)
    model = scorer(self.model)
    log_p = evaluation.log_probs(model, "valid")
    valid = evaluation.metrics(log_p, "valid")
    row = {f"valid/{name}": value for name, value in valid.items()}
    records.metrics(0, row, np.ones(1, bool))
    log_p = evaluation.log_probs(model, "test")
    test = evaluation.metrics(log_p, "test")
    details = evaluation.details(model, log_p, self.size)
    seed = {"seed": None, "status": "finished", "best_step": 0, "last_step": 0}
    result = make_result(task, [seed], valid[task.headline], test)
    return result | {"details": details}


def count(
  settings: NGramSettings, corpus: Corpus
) -> tuple[ngram.NGram, dict[str, Any]]:
  """Counts and estimates an n-gram model, or reads one; and its size."""
  vocabulary = corpus.vocabulary
  if settings.estimator == "arpa":
    assert settings.arpa_file is not None  # see `check_sections`
    with in_section("model.ngram"):
      read, names = arpa.read_arpa(settings.arpa_file)
      if read.order != settings.order:
        raise FieldError(
          "order",
          f"{{field}} must be {read.order}, the order of the model in "
          f"arpa_file, got {settings.order}",
        )
      model = arpa.for_vocabulary(read, names, vocabulary.words, vocabulary.eos)
    return model, {
      "order": model.order,
      "ngrams": sum(len(keys) for keys in model.keys),
      "bytes": storage.stored_bytes(model),
      "notes": list(model.notes),
    }
  counted = counts.count(
    corpus.train.tokens, vocabulary.size, settings.order, vocabulary.eos
  )
  model = estimators.estimate(counted, settings.estimator, settings.add_k)
  rows = storage.storage_table(counted, corpus.test.tokens)
  return model, {
    "order": model.order,
    "ngrams": sum(row.ngrams for row in rows),
    "bytes": sum(row.bytes for row in rows),
    "storage": [
      row._asdict() | {"unseen": rundir.finite_or_null(row.unseen)}
      for row in rows
    ],
    "notes": list(model.notes),
  }


def scorer(model: ngram.NGram) -> Scorer:
  """Returns the model as a scorer; one model, so a leading dimension of 1."""

  def initial(tracks: int) -> np.ndarray:
    return ngram.initial_carry(model, tracks)

  def score(carry: Any, inputs_BT: Any, targets_BT: Any) -> tuple[Any, Any]:
    # Only the last inputs stand in front of targets; the others are context.
    first = inputs_BT.shape[1] - targets_BT.shape[1]
    known = np.concatenate([carry, inputs_BT[:, :first]], axis=1)
    carry = known[:, known.shape[1] - carry.shape[1] :]
    carry, log_p = ngram.score(model, carry, inputs_BT[:, first:], targets_BT)
    return carry, log_p[None]

  return Scorer(initial, score)
