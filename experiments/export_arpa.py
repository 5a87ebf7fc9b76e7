"""Writes the n-gram model of a run as an ARPA file, for other tools.

python -m experiments.export_arpa --workdir=RUN --output=FILE.arpa

The sentence end is written as </s>, and a <unk> that the text itself holds,
an ordinary word, under another name.
"""

import pathlib

from absl import flags
from rnn_lab.training.counting import MODEL
from rnn_lab.training.run import VOCABULARY

from experiments import cli
from rnn_lab.errors import FieldError
from rnn_lab.language_models import arpa, ngram
from rnn_lab.text.vocabulary import Vocabulary

flags.DEFINE_string("output", None, "The file to write.")


def main(workdir: pathlib.Path) -> int:
  """Writes `--output`, whole or not at all."""
  if not (workdir / MODEL).exists():
    raise FieldError("workdir", str(workdir), "the run of an n-gram model")
  if not cli.FLAGS.output:
    raise FieldError("output", None, "given as --output=FILE", "missing")
  output = pathlib.Path(cli.FLAGS.output)
  if output.is_dir() or not output.parent.is_dir():
    raise FieldError("output", str(output), "a file in a folder that is there")
  words = Vocabulary.load(workdir / VOCABULARY).words
  arpa.write_arpa(ngram.load(workdir / MODEL), words, output)
  print(f"written: {output}")
  return 0


if __name__ == "__main__":
  cli.run(main)
