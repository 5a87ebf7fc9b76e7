"""Counting against learning as the text grows: Kneser-Ney and an LSTM.

  python -m experiments.sweep --config=configs/learning_curves.py \\
    --workdir=runs/learning_curves

Python's help topics, real English of some 100,000 words, small and repetitive:
a 5-gram with Kneser-Ney smoothing and an LSTM with dropout on the first 25, 50
and 100% of the training split. The vocabulary is that of the share that is
trained on, so that perplexities compare at one size, not between sizes.
"""

from configs import common

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
  config.train.num_steps = 3000
  config.train.batch_size = 20
  config.eval.every = 250
  if argument == "smoke":
    common.shrink_language(config)
    config.task.size = 1_000_000
    config.train.batch_size = 4
  return config


def sweep(add, argument: str = "") -> None:
  for fraction in (0.5, 1.0) if argument == "smoke" else (0.25, 0.5, 1.0):
    add({"model.kind": "ngram", "task.fraction": fraction}, series=KNESER_NEY)
    add({"model.kind": "recurrent", "task.fraction": fraction}, series=LSTM)
