"""Opening the run directory of a language model, without its text."""

import pathlib
from typing import Any

from rnn_lab.errors import FieldError
from rnn_lab.language_models import NGramSettings, build, generation, ngram
from rnn_lab.tasks.language import without_text
from rnn_lab.text.vocabulary import Vocabulary
from rnn_lab.training.counting import MODEL
from rnn_lab.rundir import read_json
from rnn_lab.training.run import (
  CONFIG,
  VOCABULARY,
  restore_params,
  with_any_run,
)
from rnn_lab.training.settings import parse


def load_language_model(
  workdir: str | pathlib.Path, seed_index: int = 0
) -> tuple[dict[str, Any], Vocabulary, generation.NextWord]:
  """Opens a language model's run directory.

  Args:
    workdir: where `experiments.train` or a sweep's trial wrote.
    seed_index: which of the run's seeds, 0 for the first.

  Returns:
    The config, the vocabulary, and the model with the parameters that
    `eval.select` wants: of the best evaluation, or the last ones.

  Raises:
    FieldError: there is no such run, no language model in it, or no such
      seed.
  """
  workdir = pathlib.Path(workdir)
  if not (workdir / CONFIG).exists():
    raise FieldError("workdir", str(workdir), "a run directory")
  config = read_json(workdir / CONFIG)
  if not (workdir / VOCABULARY).exists():
    raise FieldError("workdir", str(workdir), "the run of a language model")
  words = Vocabulary.load(workdir / VOCABULARY)
  section = config["task"]
  task = without_text(
    words, config["train"]["batch_size"], section["window"], section["reach"]
  )
  model = build(config["model"], task)
  if isinstance(model, NGramSettings):
    if not (workdir / MODEL).exists():
      raise FieldError("workdir", str(workdir), "a finished run")
    counted = ngram.load(workdir / MODEL)
    return config, words, generation.from_counts(counted)
  settings = parse(with_any_run(config))
  params = restore_params(workdir, settings, model, task, seed_index)
  return config, words, generation.from_network(model, params)
