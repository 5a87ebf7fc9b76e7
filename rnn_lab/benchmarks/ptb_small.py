"""Training tokens per second of the small Penn Treebank LSTM, against PyTorch.

The sizes and the recipe are those of `configs/ptb_small.py`; the words are
random, since the speed does not depend on them. rnn_lab runs the program of
training with all that it does: metrics, checks for finite numbers, the axis of
seeds. PyTorch runs `nn.LSTM` in an eager loop, in a separate process, since the
thread pools of the two would interfere.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnn_lab import models
from rnn_lab.benchmarks import torch_ptb
from rnn_lab.benchmarks.processes import answering
from rnn_lab.benchmarks.rounds import run_in_turns, summarize, timed
from rnn_lab.tasks.language import of_corpus
from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.vocabulary_training import vocabulary_of
from rnn_lab.training import loop
from rnn_lab.training.settings import Plan, parse

WORDS = 10_000
STEPS = 25  # updates per round
ROUNDS = 9


def measure(config: Mapping[str, Any], rounds: int = ROUNDS) -> dict[str, Any]:
  """Measures tokens per second of both; see `rounds.summarize`.

  Without PyTorch only rnn_lab is measured.

  Args:
    config: of `configs/ptb_small.py`, as nested dicts.
    rounds: the number of rounds that count.
  """
  functions = {"rnn_lab": trainer(config)}
  with contextlib.ExitStack() as stack:
    if torch_ptb.is_installed():
      name = "torch, eager nn.LSTM"
      ask = stack.enter_context(
        answering(name, torch_ptb.serve, _sizes(config))
      )
      functions[name] = functools.partial(ask, "go")
    return summarize(run_in_turns(functions, rounds), "rnn_lab")


def trainer(config: Mapping[str, Any]) -> Callable[[], float]:
  """Returns a function that trains for STEPS updates and returns its rate."""
  settings = parse(config)
  section = config["task"]
  batch, window = settings.train.batch_size, section["window"]
  words = ("<unk>", "<eos>", *(f"w{n}" for n in range(WORDS - 2)))
  # So many that a round spans at most two epochs.
  tokens = np.random.default_rng(0).integers(
    0, WORDS, batch * window * STEPS * 4, dtype=np.int32
  )
  split = Split(tokens, None, 0)
  corpus = Corpus("random", vocabulary_of(words), split, split, split)
  task = of_corpus(corpus, batch, window, section["reach"])
  model = models.build(config["model"], task)
  settings = settings._replace(
    run=settings.run._replace(steps_per_call=STEPS), num_seeds=1
  )
  run = loop.Trainer(Plan(dict(config), {}, settings, task, model))
  run.place(run.initial_states(), 0)

  def train() -> Any:
    run.update(0, STEPS)
    return run.state

  return timed(train, STEPS * batch * window)


def _sizes(config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns what PyTorch has to know of the recipe."""
  return {
    "words": WORDS,
    "hidden_size": config["model"]["hidden_size"],
    "num_layers": config["model"]["num_layers"],
    "batch": config["train"]["batch_size"],
    "window": config["task"]["window"],
    "clip_norm": config["train"]["clip_norm"],
    "learning_rate": config["optimizer"]["learning_rate"],
    "steps": STEPS,
  }
