"""Goes on with a text: the most probable next words, then samples.

  python -m experiments.generate --workdir=RUN \\
    --prompt="the students opened their" [--top=10] [--samples=3] \\
    [--num_tokens=30] [--temperature=1.0] [--top_k=0] [--top_p=1.0] \\
    [--seed=0] [--seed_index=0] [--warmup=32]

RUN is the directory of a run of any language model. In front of the prompt the
model writes some `--warmup` words for itself, which are not shown: the state of
zeros in front of a text is one that a network has hardly seen.
"""

import pathlib

import numpy as np
from absl import flags
from rnn_lab.training.language_runs import load_language_model

from experiments import cli
from rnn_lab import decoding
from rnn_lab.errors import FieldError, check_int
from rnn_lab.language_models import generation
from rnn_lab.text.truth import true_distribution
from rnn_lab.training.listener import Terminal, next_words_table

flags.DEFINE_string("prompt", None, "The text to go on with.")
flags.DEFINE_integer("top", 10, "Rows of the table of next words.")
flags.DEFINE_integer("samples", 3, "Continuations to sample.")
flags.DEFINE_integer("num_tokens", 30, "Tokens of each.")
flags.DEFINE_float("temperature", 1.0, "0 takes the most probable word.")
flags.DEFINE_integer("top_k", 0, "Keep so many words; 0 keeps all.")
flags.DEFINE_float("top_p", 1.0, "Keep this much probability; 1 keeps all.")
flags.DEFINE_integer("seed", 0, "Of the sampling.")
flags.DEFINE_integer("seed_index", 0, "Which of the run's seeds.")
flags.DEFINE_integer("warmup", 32, "Words of its own in front of the prompt.")


def main(workdir: pathlib.Path) -> int:
  """Prints the table and the samples."""
  given = cli.FLAGS
  narrowing = {k: given[k].value for k in ("temperature", "top_k", "top_p")}
  check_int("top", given.top, 1)
  check_int("samples", given.samples, 0)
  check_int("num_tokens", given.num_tokens, 1)
  decoding.narrowed(np.zeros(1), **narrowing)  # checks them
  check_int("seed", given.seed, 0)
  check_int("warmup", given.warmup, 0)
  if given.prompt is None:
    raise FieldError("prompt", None, 'given as --prompt="WORDS"', "missing")
  config, words, model = load_language_model(workdir, given.seed_index)
  tokens, unknown = words.encode_prompt(given.prompt)
  if unknown and all(token == words.unk for token in tokens):
    may = "a text with at least one known word; case counts"
    raise FieldError("prompt", given.prompt, may)
  # Always the same words, so that the table does not depend on the seed.
  before = generation.settled(
    model, words.start, given.warmup, np.random.default_rng(0)
  )
  carry, log_p = generation.read_all(model, [words.start, *tokens], before)
  read = [words.words[token] for token in tokens]
  truth = true_distribution(config["task"], read)
  with Terminal() as terminal:
    if unknown:
      terminal.line(f"not in the vocabulary: {', '.join(unknown)}")
    if np.isnan(log_p).any():
      terminal.line("the model has never seen this, and says nothing about it")
      return 0
    terminal.table(next_words_table(log_p, words.words, given.top, truth))
    for n in range(given.samples):
      random = np.random.default_rng([given.seed, n])
      more = generation.continue_text(
        model, carry, log_p, given.num_tokens, random, **narrowing
      )
      text = words.decode([*tokens, *more])
      terminal.line(f"{n + 1}: {text}")
  return 0


if __name__ == "__main__":
  cli.run(main)
