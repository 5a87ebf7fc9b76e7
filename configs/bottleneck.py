"""What fits into the single vector between encoder and decoder?

  python -m experiments.sweep --config=configs/bottleneck.py \\
    --workdir=runs/bottleneck
  python -m experiments.sweep --config=configs/bottleneck.py:translation \\
    --workdir=runs/bottleneck_translation [--config.task.data_dir=FOLDER]

Numbers in words, of 3 to 107 letters, are read by an encoder of 64 units,
left to right, and written in digits by a decoder of as many: from the encoder's
last state alone, from that with the source reversed, or with attention; tanh
RNNs and LSTMs, 4,000 steps, one seed. The report shows exact match against the
length of the source. Exact match to expect on all test sources, on the shortest
sixth and on the longest, in 12 minutes on two CPU cores:

  tanh RNN, single vector             0.015   0.085   0.000
  tanh RNN, single vector, reversed   0.182   0.624   0.000
  tanh RNN, attention                 0.906   0.958   0.887
  LSTM, single vector                 0.408   0.945   0.018
  LSTM, single vector, reversed       0.702   0.988   0.196
  LSTM, attention                     0.999   0.994   1.000

`:translation` asks the same of sentences, German to English, with BLEU: the
task, the sizes and the epochs of configs/translation.py, encoders in one
direction. BLEU to expect: not measured yet. `:smoke` takes two minutes.
"""

from configs import common, transduction, translation
from configs.claims import at, claim

CELLS = {
  "tanh RNN": {"model.cell": "elman", "optimizer.learning_rate": 1e-3},
  "LSTM": {"model.cell": "lstm"},
}
READINGS = {
  "single vector": {"model.decoder.attention": "none"},
  "single vector, reversed": {
    "model.decoder.attention": "none",
    "model.decoder.reverse_source": True,
  },
  "attention": {"model.decoder.attention": "additive"},
}


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "translation", "smoke")
  if argument == "translation":
    config = translation.get_config()
  else:
    config = transduction.get_config(argument)
    config.task.kind = "numbers"
  # Reversed or not is a question for one direction only.
  config.model.bidirectional = False
  config.model.cell = "lstm"
  config.model.decoder.vector_use = "carry"
  if not argument:
    config.train.num_steps = 4000
  return config


def sweep(add, argument: str = "") -> None:
  for cell, of_cell in CELLS.items():
    for reading, of_reading in READINGS.items():
      add(of_cell | of_reading, series=f"{cell}, {reading}")


def report() -> dict:
  return {
    "title": "What fits into a single vector?",
    "text": (
      "An encoder reads a sequence, and a decoder writes another one from the "
      "encoder's last hidden state: a vector of one size, however long the "
      "source is. With attention the decoder also looks back at every step of "
      "the encoder. Which of them holds long sources, and which cells? The "
      "sources are numbers in words, read letter by letter and written in "
      "digits, or sentences to be translated; the test examples are divided by "
      "the length of the source.\n\n"
      "All encoders read in one direction. A reversed source has its beginning "
      "next to the beginning of what is written (Sutskever et al. 2014); "
      "attention is additive (Bahdanau et al. 2015). The vector sets the "
      "decoder's initial carry through a dense layer; of an LSTM it is h "
      "alone. The tanh RNNs have a learning rate of 0.001, not tuned."
    ),
    "claims": [
      *_claims(
        "Textbook: a single vector fails on long sources (under half of the "
        "score on short ones; {cell}).",
        ("single vector", "longest"),
        "<",
        ("single vector", "shortest", 0.5),
      ),
      claim(
        "Textbook: the LSTM holds more than the tanh RNN in a single vector.",
        at("LSTM, single vector"),
        ">",
        at("tanh RNN, single vector"),
      ),
      claim(
        "It does so on the longest sources, too.",
        _scores("LSTM, single vector", "longest"),
        ">",
        _scores("tanh RNN, single vector", "longest"),
      ),
      *_claims(
        "Textbook: reversing the source helps a single vector ({cell}).",
        ("single vector, reversed",),
        ">",
        ("single vector",),
      ),
      *_claims(
        "Reversing the source helps on the longest sources ({cell}).",
        ("single vector, reversed", "longest"),
        ">",
        ("single vector", "longest"),
      ),
      *_claims(
        "Textbook: with attention the score does not depend on the length "
        "(at least 0.95 of the score on short sources; {cell}).",
        ("attention", "longest"),
        ">=",
        ("attention", "shortest", 0.95),
      ),
      claim(
        "On the longest sources a tanh RNN with attention is better than an "
        "LSTM with a single vector.",
        _scores("tanh RNN, attention", "longest"),
        ">",
        _scores("LSTM, single vector", "longest"),
      ),
    ],
  }


def _claims(sentence: str, left: tuple, op: str, right: tuple) -> list[dict]:
  """Returns a claim for each cell; each side is a reading and its scores."""

  def side(cell: str, reading: str, *scores) -> dict:
    return _scores(f"{cell}, {reading}", *scores)

  return [
    claim(sentence.format(cell=cell), side(cell, *left), op, side(cell, *right))
    for cell in CELLS
  ]


def _scores(series: str, where: str = "", times: float = 1.0) -> dict:
  """Returns a series' score on all, the longest or the shortest sources."""
  number = "scores_by_length" if where else ""
  return at(series, number=number, where=where, times=times)
