"""German to English: Multi30k, an encoder-decoder with attention.

  python -m experiments.train --config=configs/translation.py \\
    --workdir=runs/translation [--config.task.data_dir=FOLDER]
  python -m experiments.sweep --config=configs/translation.py --workdir=DIR

Lower-cased words of task 1 (Elliott et al. 2016), a bidirectional GRU of 256
units, additive attention (Bahdanau et al. 2015), 10 epochs; the test split is
translated by beam search. The sweep compares three cells, each with attention
and with the encoder's last states alone. BLEU to expect: not measured yet.
`data_dir` holds the six files; without it they are downloaded and checked.
`:smoke` takes a minute once they are there.
"""

from configs import common


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
      "lowercase": True,
      "min_count": 2,
      "max_vocabulary": 0,
      "max_length": 50,
      "max_padding": 0.3,
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


def sweep(add, argument: str = "") -> None:
  cells = {"elman": "tanh RNN", "gru": "GRU", "lstm": "LSTM"}
  attentions = {"none": "single vector", "additive": "attention"}
  for cell, series in cells.items():
    for attention, words in attentions.items():
      add(
        {"model.cell": cell, "model.decoder.attention": attention},
        series=f"{series}, {words}",
      )
