"""Writes the n-gram model of a run as an ARPA file, for other tools.

python -m experiments.export_arpa --workdir=RUN --output=FILE.arpa

The sentence end is written as </s>, and a <unk> that the text itself holds,
an ordinary word, under another name.
"""

from collections.abc import Sequence

from absl import flags

from experiments import cli

FLAGS = {"output": (flags.DEFINE_string, None, "the file to write")}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(export_arpa, argv, __doc__, FLAGS)


def export_arpa(args: cli.Arguments) -> int:
  """Writes `--output`, whole or not at all."""
  from rnn_lab import rundir
  from rnn_lab.errors import FieldError
  from rnn_lab.language_models import arpa, ngram
  from rnn_lab.paths import local_path
  from rnn_lab.text.vocabulary import Vocabulary

  workdir, output = args.workdir, local_path("output", args.output)
  if not (workdir / rundir.NGRAM).exists():
    raise FieldError(
      "workdir", f"workdir must be the run of an n-gram model, got {workdir}"
    )
  if output.is_dir() or not output.parent.is_dir():
    raise FieldError(
      "output", f"output must be a file in an existing folder, got {output}"
    )
  words = Vocabulary.load(workdir / rundir.VOCABULARY).words
  arpa.write_arpa(ngram.load(workdir / rundir.NGRAM), words, output)
  print(f"written: {output}")
  return 0


if __name__ == "__main__":
  cli.run(main)
