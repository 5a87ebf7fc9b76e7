"""The fields that all configs share, with their defaults."""

import difflib

from ml_collections import config_dict

# A field that may be left out, of a type.
placeholder = config_dict.placeholder

# The identity-initialised rectified network of Le, Jaitly and Hinton 2015.
IRNN = {
  "model.cell": "elman",
  "model.elman.activation": "relu",
  "model.elman.input_init": "normal",
  "model.elman.input_scale": 0.03,
  "model.elman.recurrent_init": "identity",
}

# The cells that sweeps compare, by their names in reports.
CELLS = {
  "tanh RNN": {"model.cell": "elman"},
  "GRU": {"model.cell": "gru"},
  "LSTM": {"model.cell": "lstm"},
}


def parse_argument(argument: str, *known: str) -> str:
  """Checks what stands after the colon in `--config=FILE:argument`.

  Args:
    argument: "" where nothing does.
    *known: what else it may be.

  Raises:
    ValueError: it is neither.
  """
  if argument and argument not in known:
    close = difflib.get_close_matches(argument, known, n=1)
    raise ValueError(
      f"the config's argument must be {' or '.join(known)}, or left out, got "
      f"{argument!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    )
  return argument


def sweep_cells(add) -> None:
  """Adds a trial for each of CELLS."""
  for series, fields in CELLS.items():
    add(fields, series=series)


def differences(
  base: config_dict.ConfigDict, config: config_dict.ConfigDict
) -> dict:
  """Returns the overrides that make another config of a base.

  Args:
    base: of the sweep.
    config: of a trial; its task is taken whole, and of the other sections the
      fields that differ.
  """
  overrides = {"task": config.task.to_dict()}
  for section in ("model", "optimizer", "train", "eval", "run"):
    overrides |= {
      f"{section}.{field}": value
      for field, value in _flat(config[section].to_dict())
      if value != _at(base[section], field)
    }
  return overrides


def _flat(section: dict, prefix: str = "") -> list[tuple]:
  """Returns the dotted names of all fields with their values."""
  fields = []
  for name, value in section.items():
    if isinstance(value, dict):
      fields += _flat(value, f"{prefix}{name}.")
    else:
      fields.append((prefix + name, value))
  return fields


def _at(section: config_dict.ConfigDict, field: str):
  for name in field.split("."):
    section = section[name]
  return section


def count_epochs(config: config_dict.ConfigDict, num_epochs: int) -> None:
  """Trains for epochs of batches in buckets, and evaluates after each."""
  config.train.num_steps = 0
  config.train.num_epochs = num_epochs
  config.eval.every = 0
  config.run.checkpoint_every = 0
  # The bucket changes almost every step, and a call is of one bucket.
  config.run.steps_per_call = 2


def _model() -> config_dict.ConfigDict:
  """Section `model`, with the fields of every cell, of which one is used."""
  kernels = {
    "input_init": "fan_in_normal",
    "input_scale": 1.0,
    "recurrent_init": "orthogonal",
    "recurrent_scale": 1.0,
    "bias_init": "zeros",
    "bias_scale": 0.0,
  }
  return config_dict.ConfigDict(
    {
      "kind": "pattern",
      "cell": "lstm",
      "hidden_size": 64,
      "num_layers": 1,
      "bidirectional": False,
      "dropout": 0.0,
      "final_state": "top",
      "initial_state": "zeros",
      "pooling": "last",
      "readout_dropout": 0.0,
      "readout_init": "fan_in_normal",
      "readout_scale": 1.0,
      "checkpoint_every": 0,
      "elman": {"activation": "tanh"} | kernels,
      "gru": {"update_bias": 0.0} | kernels,
      "lstm": {
        "forget_init": "constant",
        "forget_bias": 1.0,
        "chrono_max": 100,
      }
      | kernels,
    }
  )


def default_config() -> config_dict.ConfigDict:
  """Every section but `task`'s arguments, with values for small runs."""
  return config_dict.ConfigDict(
    {
      "task": {"name": ""},
      "model": _model(),
      "optimizer": {
        "name": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warmup_steps": 0,
        "hold_steps": 0,
        "decay_steps": 0,  # cosine, linear: until the end of training
        "decay_rate": 0.0,
        "plateau_patience": 5,  # evaluations
        "momentum": 0.0,
        "b1": 0.9,
        "b2": 0.999,
        "rms_decay": 0.9,
        "eps": 1e-8,
        "eps_in_root": True,  # of rmsprop; torch and Keras: outside
        "weight_decay": 0.0,
        "decayed": "all",
      },
      "train": {
        "num_steps": 1500,
        "num_epochs": 0,
        "batch_size": 64,
        "batch_shards": 1,
        "clip_norm": 1.0,
        "patience": 0,
        "init_from": "",
        "log_every": 50,
        "gradient_flow_every": 0,
        "gradient_norms": False,
      },
      "eval": {"every": 250, "select": "best", "examples": 0},
      "run": {
        "steps_per_call": 50,
        "checkpoint_every": 250,
        "tensorboard": True,
        "compilation_cache": True,
        "mesh_data": 0,  # as many devices as are free
        "mesh_model": 1,
      },
      "seed": 0,
      "num_seeds": 1,
    }
  )


def pattern_config() -> config_dict.ConfigDict:
  """`default_config` with what embedded inputs and decoders need."""
  config = default_config()
  config.eval.examples = 12
  config.model.inputs = config_dict.ConfigDict(
    {
      "embedding_size": 64,
      "embedding_init": "uniform",
      "embedding_scale": 0.1,
      "dropout": 0.0,
      "symbol_dropout": 0.0,
      "character_size": 16,
      "character_features": 16,
      "image_features": 64,
    }
  )
  config.model.decoder = config_dict.ConfigDict(
    {
      "embedding_size": 64,
      "vector_use": "carry",
      "bridge": "dense",
      "attention": "none",
      "attention_size": 64,
      "input_feeding": False,
      "reverse_source": False,
      "scheduled_sampling": 0.0,
    }
  )
  return config


def writing_config() -> config_dict.ConfigDict:
  """`pattern_config` for models that write, and how they are decoded."""
  config = pattern_config()
  config.eval.sequences = config_dict.ConfigDict(
    {"valid_beam": 1, "test_beam": 1, "length_penalty": 1.0}
  )
  return config


def language_config() -> config_dict.ConfigDict:
  """`default_config` for language models and their evaluator."""
  config = default_config()
  config.task = config_dict.ConfigDict(
    {
      "name": "language",
      "corpus": "grammar",
      "window": 32,
      "reach": 32,
      "unit": "word",
      "min_count": 1,
      "max_vocabulary": 0,
      "size": 1_000_000,
      "seed": 0,
      "fraction": 1.0,
      "data_dir": config_dict.placeholder(str),
      "train_path": config_dict.placeholder(str),
      "valid_path": config_dict.placeholder(str),
      "test_path": config_dict.placeholder(str),
      "valid_fraction": 0.1,
      "test_fraction": 0.1,
      "pretokenized": False,
    }
  )
  for field in (
    "bidirectional",
    "final_state",
    "initial_state",
    "pooling",
    "readout_dropout",
  ):
    del config.model[field]
  config.model.update(
    {
      "kind": "recurrent",
      "hidden_size": 128,
      "embedding_size": 128,
      "embedding_init": "uniform",
      "embedding_scale": 0.1,
      "readout_bias_init": "zeros",
      "readout_bias_scale": 0.0,
      "dropout_kind": "layers",
      "tied": False,
      "loss_chunk": 0,
      "ngram": {
        "order": 5,
        "estimator": "kneser_ney",
        "add_k": 1.0,
        "arpa_file": config_dict.placeholder(str),
      },
      "window": {"order": 5, "direct": False},
    }
  )
  config.eval.every = 500
  config.eval.stream = config_dict.ConfigDict(
    {
      "window": 256,
      "tracks": 1,
      "valid_tracks": 20,
      "warmup": 64,
      "context_targets": 1000,
    }
  )
  config.train.log_every = 100
  config.run.checkpoint_every = 500
  return config


def treebank_config(held_epochs: int) -> config_dict.ConfigDict:
  """Networks on the Penn Treebank: 13 epochs of SGD, its rate then halved.

  Args:
    held_epochs: before the first halving.
  """
  config = language_config()
  config.task.corpus = "ptb"
  config.task.window = 20
  config.task.reach = 20
  # Of batch 20 and window 20: who changes those changes the epochs, too.
  epoch = 929_589 // 20 // 20
  config.optimizer.name = "sgd"
  config.optimizer.schedule = "staircase"
  config.optimizer.hold_steps = held_epochs * epoch
  config.optimizer.decay_steps = epoch
  config.optimizer.decay_rate = 0.5
  config.train.clip_norm = 0.25
  config.train.batch_size = 20
  config.train.num_steps = 13 * epoch
  config.eval.every = epoch
  config.run.checkpoint_every = epoch
  config.run.steps_per_call = 100
  return config


def shrink_treebank(config: config_dict.ConfigDict) -> None:
  """Shrinks a run on the Penn Treebank, with halvings within its steps."""
  shrink_language(config)
  config.optimizer.hold_steps = 5
  config.optimizer.decay_steps = 5


def shrink_language(config: config_dict.ConfigDict) -> None:
  """Shrinks the run of a language model, and its text."""
  shrink(config)
  config.model.embedding_size = 16
  config.task.size = 20_000
  config.task.window = 8
  config.task.reach = 8
  config.eval.stream.context_targets = 50


def shrink(config: config_dict.ConfigDict) -> None:
  """Shrinks a run to seconds: the argument `:smoke` of every config."""
  config.model.hidden_size = 16
  config.train.num_steps = 20
  config.train.num_epochs = 0
  config.train.batch_size = 16
  config.train.log_every = 5
  config.eval.every = 10
  config.eval.examples = 0
  config.run.steps_per_call = 5
  config.run.checkpoint_every = 10
