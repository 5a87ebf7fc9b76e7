"""The ladder of language models: from counting words to an LSTM.

  python -m experiments.sweep --config=configs/language_ladder.py \\
    --workdir=runs/language_ladder

Uni- to 5-grams by maximum likelihood and by Kneser-Ney, a network that sees a
window of four words, a tanh RNN, a GRU and an LSTM on the same text: one
million words of a grammar whose best possible perplexity is known.
"""

from configs import common

ORDERS = (1, 2, 3, 4, 5)
ESTIMATORS = {
  "maximum likelihood": "maximum_likelihood",
  "Kneser-Ney": "kneser_ney",
}
NETWORKS = {
  "window network": {"model.kind": "window"},
  "tanh RNN": {"model.kind": "recurrent", "model.cell": "elman"},
  "GRU": {"model.kind": "recurrent", "model.cell": "gru"},
  "LSTM": {"model.kind": "recurrent", "model.cell": "lstm"},
}


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.language_config()
  config.model.embedding_size = 64
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.optimizer.decay_steps = 5000
  config.train.num_steps = 5000
  config.train.batch_size = 32
  if argument == "smoke":
    common.shrink_language(config)
  return config


def sweep(add, argument: str = "") -> None:
  orders = (2, 3) if argument == "smoke" else ORDERS
  for series, estimator in ESTIMATORS.items():
    for order in orders:
      ngram = {"model.ngram.estimator": estimator, "model.ngram.order": order}
      add({"model.kind": "ngram", **ngram}, series=f"{order}-gram, {series}")
  for series, overrides in NETWORKS.items():
    add(overrides, series=series)


def report() -> dict:
  return {
    "title": "From counting words to an LSTM: one question, five answers",
    "text": "",
    "claims": [],
  }
