"""Counting against learning as the text grows: Kneser-Ney and an LSTM.

  python -m experiments.sweep --config=configs/learning_curves.py \\
    --workdir=runs/learning_curves

Python's help topics, real English of some 100,000 words, small and repetitive:
a 5-gram with Kneser-Ney smoothing and an LSTM with dropout on the first 25, 50
and 100% of the training split, all with the same vocabulary.

About 4 minutes on two CPU cores. Test perplexity to expect with Python 3.11, 1
seed: Kneser-Ney 125, 113, 76; LSTM 196, 119, 63. `:smoke` takes half a minute.
"""

from configs import common
from configs.claims import at, claim

KNESER_NEY, LSTM = "5-gram, Kneser-Ney", "LSTM"


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.language_config()
  config.task.corpus = "python_docs"
  config.task.min_count = 2
  config.model.hidden_size = 200
  config.model.embedding_size = 200
  config.model.dropout = 0.5
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.train.num_steps = 1500
  config.train.batch_size = 20
  config.eval.every = 125
  if argument == "smoke":
    common.shrink_language(config)
    config.task.size = 1_000_000
    config.train.batch_size = 4
  return config


def sweep(add, argument: str = "") -> None:
  for fraction in (0.5, 1.0) if argument == "smoke" else (0.25, 0.5, 1.0):
    add({"model.kind": "ngram", "task.fraction": fraction}, series=KNESER_NEY)
    add({"model.kind": "recurrent", "task.fraction": fraction}, series=LSTM)


def report() -> dict:
  claims = [
    claim(
      f"With {share}% of the text, counting is better than the LSTM.",
      at(KNESER_NEY, x=share / 100),
      "<",
      at(LSTM, x=share / 100),
    )
    for share in (25, 50, 100)
  ]
  return {
    "title": "Counting against learning, as the text grows",
    "labels": {"task.fraction": "fraction of the text"},
    "text": (
      "Python's own help topics: real English, small and repetitive. A "
      "5-gram with Kneser-Ney smoothing and an LSTM (200 units, dropout 0.5) "
      "read the first 25, 50 and 100% of the training text; both are "
      "tested on the same test text with the same vocabulary.\n\n"
      "The LSTM's parameters are those of its best evaluation on the "
      "validation split; its size, dropout and learning rate were not tuned."
    ),
    "claims": claims
    + [
      claim(
        "More text helps the 5-gram.",
        at(KNESER_NEY, x=1),
        "<",
        at(KNESER_NEY, x=0.25),
      ),
      claim("More text helps the LSTM.", at(LSTM, x=1), "<", at(LSTM, x=0.25)),
    ],
  }
