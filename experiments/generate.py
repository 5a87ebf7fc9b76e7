"""Continues a text: the most probable next tokens, then samples.

  python -m experiments.generate --workdir=RUN \\
    --prompt="the students opened their" [--top=10] [--samples=3] \\
    [--num_tokens=30] [--temperature=1.0] [--top_k=0] [--top_p=1.0] \\
    [--seed=0] [--seed_index=0] [--warmup=32]

RUN is the directory of a run of any language model. Tokens are its words,
characters or pieces of words; those with white space are shown in quotes.
Before the prompt the model writes some `--warmup` tokens for itself, which are
not shown: a network has hardly seen the state of zeros that precedes a text.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags

from experiments import cli

FLAGS = {
  "prompt": (flags.DEFINE_string, None, "the text to continue"),
  "top": (flags.DEFINE_integer, 10, "rows of the table of next tokens"),
  "samples": (flags.DEFINE_integer, 3, "continuations to sample"),
  "num_tokens": (flags.DEFINE_integer, 30, "tokens of each continuation"),
  "temperature": (flags.DEFINE_float, 1.0, "0 takes the most probable token"),
  "top_k": (flags.DEFINE_integer, 0, "keep this many tokens; 0 keeps all"),
  "top_p": (flags.DEFINE_float, 1.0, "keep this probability; 1 keeps all"),
  "seed": (flags.DEFINE_integer, 0, "seed of the sampling"),
  "seed_index": (flags.DEFINE_integer, 0, "which of the run's seeds"),
  "warmup": (flags.DEFINE_integer, 32, "the model's tokens before the prompt"),
}

# Of what fits into memory and an afternoon, and into the seed of a key.
MOST = {
  "top": 2**31 - 1,
  "num_tokens": 10**6,
  "samples": 10**5,
  "seed": 2**63 - 1,
  "warmup": 10**6,
}
MOST_SAMPLED = 10**8


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(generate, argv, __doc__, FLAGS)


def generate(args: cli.Arguments) -> int:
  """Prints the table and the samples."""
  import jax

  from experiments.terminal import UNITS, Terminal, next_tokens_table, visible
  from rnn_lab import decoding
  from rnn_lab.errors import FieldError, check_int
  from rnn_lab.language_models import generation
  from rnn_lab.runs.opening import load_language_model
  from rnn_lab.text.truth import true_distribution

  sampling = {k: getattr(args, k) for k in ("temperature", "top_k", "top_p")}
  for name in MOST:
    least = int(name in ("top", "num_tokens"))
    check_int(name, getattr(args, name), least, MOST[name])
  if args.samples * args.num_tokens > MOST_SAMPLED:
    raise FieldError(
      "samples",
      f"samples times num_tokens must be at most {MOST_SAMPLED}, got "
      f"{args.samples} times {args.num_tokens}",
    )
  decoding.check_sampling(**sampling)
  config, words, model = load_language_model(args.workdir, args.seed_index)
  tokens, unknown = words.encode_prompt(args.prompt)
  if unknown and all(token == words.unk for token in tokens):
    unit = UNITS[words.unit]
    message = f"must have at least one known {unit}, got {args.prompt!r}"
    raise FieldError("prompt", f"prompt {message}; case counts")
  # Always the same words, so that the table does not depend on the seed.
  before = generation.warmed_up(
    model, words.start, args.warmup, jax.random.key(0)
  )
  text = [words.start, *tokens]
  if len(tokens):
    before, _ = generation.read_all(model, text[:-1], before)
  _, log_p = generation.read_all(model, text[-1:], before)
  truth = true_distribution(config["task"], [words.words[t] for t in tokens])
  with Terminal() as terminal:
    if unknown:
      terminal.line(
        f"not in the vocabulary: {', '.join(map(visible, unknown))}"
      )
    if np.isnan(log_p).any():
      terminal.line("the model has never seen this, and predicts nothing")
      return 0
    table = next_tokens_table(log_p, words.words, words.unit, args.top, truth)
    terminal.table(table)
    key = jax.random.key(args.seed)
    keys = [jax.random.fold_in(key, n) for n in range(args.samples)]
    samples = generation.continue_text(
      model, before, text[-1], args.num_tokens, keys, **sampling
    )
    for n, more in enumerate(samples):
      terminal.line(f"{n + 1}: {words.decode([*tokens, *more])}")
  return 0


if __name__ == "__main__":
  cli.run(main)
