"""What a command line gives as inputs."""

import io
import os
import sys
from collections.abc import Iterable

from rnn_lab.errors import FieldError
from rnn_lab.tasks.base import Task
from rnn_lab.text.files import read_text

STDIN = "-"


def read_inputs(given: str, task: Task) -> list[str]:
  """Returns the inputs that are given in one argument.

  Args:
    given: an input; or STDIN for the lines of standard input; or, where inputs
      are texts and not files themselves, a text file of lines.
    task: of the run that is to answer.

  Raises:
    FieldError: `input`, if the file cannot be read, or the lines or the
      argument are not UTF-8.
  """
  if given != STDIN and not task.reads_files and os.path.isfile(given):
    return _lines(io.StringIO(read_text("input", given)[0]))
  try:
    inputs = _lines(sys.stdin) if given == STDIN else [given]
    # Bytes of a command line that are no text arrive as lone surrogates.
    "".join(inputs).encode()
  except UnicodeError as error:
    raise FieldError("input", "{field} must be text in UTF-8") from error
  return inputs


def _lines(file: Iterable[str]) -> list[str]:
  lines = [line.rstrip("\r\n") for line in file]
  # The byte order mark that some editors write is not part of the text.
  return [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else []
