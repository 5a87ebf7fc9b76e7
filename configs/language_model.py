"""One language model on one text: any model, any corpus.

  python -m experiments.train --config=configs/language_model.py \\
    --workdir=runs/language_model [--config.model.kind=ngram] \\
    [--config.model.cell=gru] [--config.task.corpus=tiny_shakespeare]

`model.kind` is recurrent, window or ngram; `task.corpus` is grammar (embedded,
with a known best perplexity), python_docs (embedded), tiny_shakespeare, ptb or
wikitext2 (downloaded, or read from `task.data_dir`), or text with
`task.train_path`; `task.unit` is word, character or bpe.

As it stands, an LSTM of 128 units on the grammar, 4,000 steps, about a minute
and a half on two CPU cores. Test perplexity to expect: 4.18; the best possible
is 4.08. `:smoke` takes seconds.
"""

from configs import common


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.language_config()
  config.optimizer.learning_rate = 3e-3
  config.optimizer.schedule = "cosine"
  config.train.num_steps = 4000
  if argument == "smoke":
    common.shrink_language(config)
  return config
