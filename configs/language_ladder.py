"""The ladder of language models: from counting words to an LSTM.

  python -m experiments.sweep --config=configs/language_ladder.py \\
    --workdir=runs/language_ladder

Uni- to 5-grams by maximum likelihood and by Kneser-Ney, a network that sees a
window of four words, a tanh RNN, a GRU and an LSTM on the same text: one
million words of a grammar whose best possible perplexity is known.

About 3 minutes on two CPU cores. Test perplexity to expect, 1 seed: Kneser-Ney
48.9, 7.62, 5.67, 5.52, 5.51 (orders 1 to 5), window network 4.93, tanh RNN
4.21, GRU 4.12, LSTM 4.12; best possible 4.08. `:smoke` takes a minute.
"""

from configs import common
from configs.claims import at, best_possible, claim

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
  fivegram = "5-gram, Kneser-Ney"
  rungs = [f"{order}-gram, Kneser-Ney" for order in ORDERS]
  rungs += ["tanh RNN", "LSTM"]
  return {
    "title": "From counting words to an LSTM",
    "text": (
      "Every model answers the same question, what is the next word given "
      "what came before, on the same words, and is evaluated by the "
      "same function. The text comes from a grammar of English-like "
      "sentences, so that the true probabilities are known, and with them "
      "the perplexity that no model can beat.\n\n"
      "Built into it is what an n-gram cannot see: a verb that agrees with a "
      "noun on the other side of a relative clause, a closing mark that must "
      "match the one that opened, and the lecture's own case: after \"as the "
      'proctor started the clock the students opened their" comes '
      '"exams", and after another opening clause "books". The one word '
      "that decides stands eight words back.\n\n"
      "All networks have 128 hidden units and embeddings of 64, and 5,000 "
      "steps of Adam on 32 tracks of 32 words, about five times through the "
      "text, with one learning rate for all, not tuned for each."
    ),
    "claims": [
      *[
        claim(f"{better} is better than {worse}.", at(better), "<", at(worse))
        for worse, better in zip(rungs, rungs[1:])
      ],
      claim(
        "With the same four words to look at, the window network is better "
        "than the 5-gram.",
        at("window network"),
        "<",
        at(fivegram),
      ),
      claim(
        "The LSTM comes within 5% of the best.",
        at("LSTM"),
        "<=",
        best_possible(times=1.05),
      ),
      claim(
        "The 5-gram does not come within 10%.",
        at(fivegram),
        ">",
        best_possible(times=1.1),
      ),
      claim(
        "The LSTM knows what the students opened.",
        at("LSTM", number="perplexity_by_kind", where="topic"),
        "<=",
        1.2,
      ),
      *[
        claim(
          f"For the {order}-gram it is a guess, 1 of 4.",
          at(
            f"{order}-gram, Kneser-Ney",
            number="perplexity_by_kind",
            where="topic",
          ),
          ">=",
          3.8,
        )
        for order in ORDERS[1:]
      ],
      claim(
        "Across a clause the LSTM agrees better than the 5-gram.",
        at(
          "LSTM", number="perplexity_by_kind", where="agreement across a clause"
        ),
        "<",
        at(
          fivegram,
          number="perplexity_by_kind",
          where="agreement across a clause",
        ),
      ),
      claim(
        "The LSTM closes what was opened better than the 5-gram.",
        at("LSTM", number="perplexity_by_kind", where="closing mark"),
        "<",
        at(fivegram, number="perplexity_by_kind", where="closing mark"),
      ),
      claim(
        "The LSTM takes less memory than the 5-gram.",
        at("LSTM", number="bytes"),
        "<",
        at(fivegram, number="bytes"),
      ),
    ],
  }
