"""German to English: Multi30k, an encoder-decoder with attention.

  python -m experiments.train --config=configs/translation.py \\
    --workdir=runs/translation [--config.task.data_dir=FOLDER]
  python -m experiments.sweep --config=configs/translation.py --workdir=DIR

Lower-cased words of task 1 (Elliott et al. 2016), a bidirectional GRU of 256
units, additive attention (Bahdanau et al. 2015), 10 epochs; the test split is
translated by beam search. Test BLEU to expect, one seed: 37.0 (35.2 by greedy
decoding, --config.eval.sequences.test_beam=1; 33.8 so on the validation split),
in 50 minutes on two CPU cores with some other work running. Published: 28.3,
for an earlier model of this kind.

With the encoder's last states alone (--config.model.decoder.attention=none
--config.model.decoder.vector_use=carry_and_every_step): 26.8 (24.5; 23.8), in
42 minutes; published: 20.6 for a GRU of this kind, 13.8 for an LSTM that reads
the vector once. From English to German (--config.task.source_language=en
--config.task.target_language=de): 33.2 (30.8; 31.2), in 56 minutes.

The sweep compares three cells, each with attention and with the encoder's last
states alone (not measured). `data_dir` holds the six files; without it they are
downloaded and checked. `:smoke` takes a minute once they are there.

Any two files of which line n of one translates line n of the other:

  --config.task.train_source_path=FILE --config.task.train_target_path=FILE

A tenth of their pairs is for validation and a tenth for the test, drawn at
random (task.valid_fraction, task.test_fraction, task.split_seed); copies of a
pair are in one split. Files for validation and test may be named, too.
"""

from configs import common
from configs.claims import at, claim


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.writing_config()
  config.task.update(
    {
      "name": "translation",
      "source_language": "de",
      "target_language": "en",
      "data_dir": common.placeholder(str),
      "train_source_path": common.placeholder(str),
      "train_target_path": common.placeholder(str),
      "valid_source_path": common.placeholder(str),
      "valid_target_path": common.placeholder(str),
      "test_source_path": common.placeholder(str),
      "test_target_path": common.placeholder(str),
      "valid_fraction": 0.1,
      "test_fraction": 0.1,
      "split_seed": 0,
      "lowercase": True,
      "min_count": 2,
      "max_vocabulary": 0,
      "max_length": 50,
      "max_padding": 0.25,
    }
  )
  model = config.model
  model.cell = "gru"
  model.hidden_size = 256
  model.bidirectional = True
  model.readout_dropout = 0.4
  model.inputs.embedding_size = 256
  model.inputs.dropout = 0.4
  model.decoder.embedding_size = 256
  model.decoder.attention = "additive"
  model.decoder.attention_size = 256
  config.optimizer.schedule = "cosine"
  common.count_epochs(config, 10)
  config.eval.sequences.test_beam = 5
  if argument == "smoke":
    common.shrink(config)
    config.task.max_padding = 0.5
    config.task.max_length = 10
    config.eval.sequences.test_beam = 2
  return config


# What the decoder reads of the source, by the words of reports.
READINGS = {
  "single vector": {
    "model.decoder.attention": "none",
    "model.decoder.vector_use": "carry_and_every_step",
  },
  "attention": {"model.decoder.attention": "additive"},
}


def sweep(add, argument: str = "") -> None:
  for series, cell in common.CELLS.items():
    for words, reading in READINGS.items():
      add(cell | reading, series=f"{series}, {words}")


def report() -> dict:
  return {
    "title": "Translation: a single vector against attention",
    "text": (
      "Multi30k: descriptions of photographs, in lower case, 29,000 pairs for "
      "training. A bidirectional encoder reads a sentence; the decoder gets "
      "its last states as one vector, at every step, or also attends to all "
      "of its outputs. The 1,000 sentences of 2016 are translated by beam "
      "search and scored by BLEU, against the one reference that each has.\n\n"
      "Published for German to English: 13.8 for a single-vector LSTM, 20.6 "
      "for a GRU that is given the vector at each step, 28.3 with additive "
      "attention."
    ),
    "claims": [
      claim(
        "The GRU with attention reaches 28.", at("GRU, attention"), ">=", 28
      ),
      claim(
        "The GRU reaches 16 from a vector.", at("GRU, single vector"), ">=", 16
      ),
      *[
        claim(
          f"Textbook: attention is better than a single vector ({cell}).",
          at(f"{cell}, attention"),
          ">",
          at(f"{cell}, single vector"),
        )
        for cell in common.CELLS
      ],
    ],
  }
