"""The corpora by name."""

import functools
import pkgutil
from typing import Any

from rnn_lab.errors import check_choice
from rnn_lab.text.base import Corpus
from rnn_lab.text.request import Request, check_request

# Functions from a `Request` to a `Corpus`, imported when used.
CORPORA = {
  "grammar": "rnn_lab.text.readers:read_grammar",
  "python_docs": "rnn_lab.text.readers:read_python_docs",
  "tiny_shakespeare": "rnn_lab.text.readers:read_published",
  "ptb": "rnn_lab.text.readers:read_published",
  "wikitext2": "rnn_lab.text.readers:read_published",
  "text": "rnn_lab.text.readers:read_files",
}


def load(name: str, **arguments: Any) -> Corpus:
  """Loads a corpus by name.

  "grammar": sentences of `grammar.english()`, with a known entropy rate; as
  words, its vocabulary is always that of the whole grammar. "python_docs": the
  help topics of the running Python, which differ by version. From `data_dir`
  or downloaded: "tiny_shakespeare"; "ptb", the Penn Treebank as prepared by
  Mikolov; "wikitext2". "text": files of the user.

  Args:
    name: a key of CORPORA.
    **arguments: the fields of `Request`, where they are documented. One that
      the corpus does not use must be left at its default.

  Returns:
    The corpus; equal arguments return the same object.

  Raises:
    FieldError: an argument is invalid; a file is missing, empty or not UTF-8;
      a download failed.
  """
  check_choice("name", name, CORPORA)
  return _load(check_request(Request(name, **arguments)))


@functools.cache
def _load(request: Request) -> Corpus:
  return pkgutil.resolve_name(CORPORA[request.name])(request)
