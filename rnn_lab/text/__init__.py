"""Text as streams of tokens: corpora, their vocabularies, and a grammar.

Importing this package is cheap: the tokenizer library and the grammar are
loaded when a corpus is.
"""

from rnn_lab.text.base import Corpus, Split
from rnn_lab.text.corpora import CORPORA, load
from rnn_lab.text.vocabulary import EOS, UNITS, UNK, Vocabulary

__all__ = [
  "CORPORA",
  "Corpus",
  "EOS",
  "Split",
  "UNITS",
  "UNK",
  "Vocabulary",
  "load",
]
