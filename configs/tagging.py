"""Chunking and part-of-speech tagging (sequence to sequence): CoNLL-2000.

  python -m experiments.train --config=configs/tagging.py \\
    --workdir=runs/tagging [--config.task.data_dir=FOLDER]
  python -m experiments.sweep --config=configs/tagging.py \\
    --workdir=runs/tagging_cells

A bidirectional LSTM over words, their spellings (read by another one) and the
file's parts of speech, without pre-trained vectors; F1 of chunks. The sweep
compares three cells. `:parts_of_speech` predicts those instead, from words and
spellings: they are a tagger's output, so that the accuracy is our own baseline.
Published: 93.6 with hand-made features (CRFsuite), 93.8 to 94.5 for
bidirectional LSTMs with pre-trained vectors. To expect: F1 on the test 0.927,
of 0.933 on the validation split, in 30 minutes on two CPU cores with other work
running beside it, one seed. Accuracy of parts of speech: 0.976 (0.981), in 8
minutes; the commonest tag for all words has 0.142. `:smoke` takes half a
minute.

Any files of lines with a word, its part of speech and its chunk tag, an empty
line between sentences, instead of CoNLL-2000:

  --config.task.train_path=FILE --config.task.test_path=FILE

and --config.task.valid_path=FILE, which is else the last tenth of the training
sentences. Words that are rarer in training than task.min_count are one.
"""

from configs import common
from configs.claims import at, claim


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke", "parts_of_speech")
  config = common.pattern_config()
  config.task.name = "tagging"
  config.task.target = (
    "parts_of_speech" if argument == "parts_of_speech" else "chunks"
  )
  config.task.min_count = 2
  for field in ("data_dir", "train_path", "valid_path", "test_path"):
    config.task[field] = common.placeholder(str)
  config.model.cell = "lstm"
  config.model.hidden_size = 128
  config.model.bidirectional = True
  config.model.readout_dropout = 0.5
  config.model.inputs.embedding_size = 100
  config.model.inputs.character_size = 25
  config.model.inputs.character_features = 25
  config.model.inputs.dropout = 0.5
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.train.batch_size = 32
  common.count_epochs(config, 10)
  if argument == "smoke":
    common.shrink(config)
    config.model.inputs.embedding_size = 16
    config.model.inputs.character_features = 4
  return config


def sweep(add, argument: str = "") -> None:
  common.sweep_cells(add)


def report() -> dict:
  return {
    "title": "A tag for each word",
    "text": (
      "CoNLL-2000: a bidirectional network reads the words of a sentence, "
      "their spellings and, where chunks are the question, the parts of "
      "speech that the file gives, and tags every word. Of chunks the "
      "harmonic mean of precision and recall is given (F1): a chunk counts if "
      "its kind and both of its ends are right. No vectors are pre-trained.\n\n"
      "Published F1 of chunks: 0.936 with hand-made features (CRFsuite), 0.938 "
      "to 0.945 for bidirectional LSTMs with pre-trained vectors."
    ),
    "claims": [
      claim("The LSTM reaches an F1 of 0.92.", at("LSTM"), ">=", 0.92),
      claim(
        "Without pre-trained vectors the LSTM reaches hand-made features, "
        "0.936.",
        at("LSTM"),
        ">=",
        0.936,
      ),
      claim(
        "Textbook: the LSTM is better than the tanh RNN.",
        at("LSTM"),
        ">",
        at("tanh RNN"),
      ),
    ],
  }
