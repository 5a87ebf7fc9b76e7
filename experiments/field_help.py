"""What `--help` says: the flags of a main, and the fields of its config."""

import pkgutil
import re
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

# By the dotted name, or by the name alone for a field of several sections. The
# task's own fields are described where its factory is.
MEANING = {
  "task.name": "the task, a name in rnn_lab.tasks.TASKS",
  "model.kind": "the model, a name in rnn_lab.models.MODELS",
  "model.cell": "the recurrent cell, a name in rnn_lab.cells.CELLS",
  "model.hidden_size": "units of each layer and direction",
  "model.num_layers": "recurrent layers, one on top of the other",
  "model.bidirectional": "read in both directions",
  "model.dropout": "share of values dropped, between layers",
  "model.dropout_kind": "where a language model drops values",
  "model.final_state": "the layers whose last state is read: top or all",
  "model.initial_state": "the state before the first step: zeros or learned",
  "model.pooling": "of the steps' outputs: last, mean, max or mean_max",
  "model.readout_dropout": "share of values dropped before the readout",
  "model.checkpoint_every": "backward passes recompute stretches of so many "
  "steps, which saves memory; 0 recomputes none",
  "model.tied": "the readout's kernel is the embedding",
  "model.loss_chunk": "words of a chunk of the loss, which saves memory; 0 is "
  "the whole",
  "activation": "of an elman cell: tanh, relu and others",
  "input_init": "initial kernel of the inputs, of rnn_lab.initializers",
  "input_scale": "what it is multiplied by",
  "recurrent_init": "initial kernel of the recurrence",
  "recurrent_scale": "what it is multiplied by",
  "bias_init": "initial biases",
  "bias_scale": "what they are multiplied by",
  "readout_init": "initial kernel of the readout",
  "readout_scale": "what it is multiplied by",
  "readout_bias_init": "initial biases of the readout",
  "readout_bias_scale": "what they are multiplied by",
  "update_bias": "initial bias of the update gate",
  "forget_init": "initial biases of the forget gate: constant or chrono",
  "forget_bias": "the constant",
  "chrono_max": "the longest memory that chrono expects, in steps",
  "embedding_size": "width of the vectors of words or symbols",
  "embedding_init": "initial embedding",
  "embedding_scale": "what it is multiplied by",
  "model.inputs.dropout": "share of the values of embedded inputs dropped",
  "model.inputs.symbol_dropout": "share of input symbols dropped as a whole",
  "model.inputs.character_size": "width of the vectors of characters",
  "model.inputs.character_features": "features of a word's spelling",
  "model.inputs.image_features": "features of an image",
  "model.decoder.vector_use": "how a decoder reads the vector: carry, ...",
  "model.decoder.bridge": "from the encoder's state to the decoder's",
  "model.decoder.attention": "none, or a kind of attention",
  "model.decoder.attention_size": "its width",
  "model.decoder.input_feeding": "a decoder's step reads the last context",
  "model.decoder.reverse_source": "the encoder reads backwards",
  "model.decoder.scheduled_sampling": "share of symbols that a decoder reads "
  "from itself in training",
  "model.ngram.order": "words of an n-gram",
  "model.ngram.estimator": "how counts become probabilities",
  "model.ngram.add_k": "what add_k adds to each count",
  "model.ngram.arpa_file": "of estimator arpa: the file with the model",
  "model.window.order": "words of the window, with the one predicted",
  "model.window.direct": "connect the inputs with the outputs directly",
  "optimizer.name": "adam, rmsprop or sgd",
  "optimizer.learning_rate": "its largest rate",
  "optimizer.schedule": "of the rate: constant, cosine, exponential, linear, "
  "plateau or staircase",
  "optimizer.warmup_steps": "steps of linear warm-up",
  "optimizer.hold_steps": "steps at the largest rate after it",
  "optimizer.decay_steps": "steps of the decay; 0 of cosine and linear decays "
  "until the end",
  "optimizer.decay_rate": "of exponential and staircase, each decay_steps; of "
  "plateau, each time",
  "optimizer.plateau_patience": "evaluations without a better one after which "
  "a plateau's rate is multiplied by decay_rate",
  "optimizer.momentum": "of sgd",
  "optimizer.b1": "of adam: decay of the mean gradient",
  "optimizer.b2": "of adam: decay of the mean square",
  "optimizer.rms_decay": "of rmsprop: decay of the mean square",
  "optimizer.eps": "of adam and rmsprop: keeps divisors from zero",
  "optimizer.eps_in_root": "whether RMSprop adds eps inside the root",
  "optimizer.weight_decay": "share of the weights taken off at rate 1",
  "optimizer.decayed": "what weight_decay applies to: all or kernels",
  "train.num_steps": "updates of the parameters; 0 where epochs are given",
  "train.num_epochs": "passes over the data; 0 where steps are given",
  "train.batch_size": "sequences of an update",
  "train.batch_shards": "equal parts of a batch, whose gradients are added up",
  "train.clip_norm": "largest global norm of a gradient; 0 clips nothing",
  "train.patience": "evaluations without a better one after which a seed ends; "
  "0: none does",
  "train.init_from": "run directory whose weights training begins with",
  "train.log_every": "steps between rows of training metrics",
  "train.gradient_flow_every": "steps between rows of the gradient through "
  "time; 0 writes none",
  "train.gradient_norms": "log the norms of each layer",
  "eval.every": "steps between evaluations; 0 is each epoch",
  "eval.select": "the parameters that are tested: best or last",
  "eval.examples": "examples of the test split kept for the report",
  "eval.sequences.valid_beam": "width of the beam on the validation split",
  "eval.sequences.test_beam": "width of the beam on the test split",
  "eval.sequences.length_penalty": "exponent of the length in a beam's scores",
  "eval.stream.window": "tokens of a part that are read in one call",
  "eval.stream.tracks": "parts that the test text is read in at once",
  "eval.stream.valid_tracks": "the same of the validation text",
  "eval.stream.warmup": "tokens read before each part but the first",
  "eval.stream.context_targets": "tokens scored with less and less context",
  "run.steps_per_call": "most steps in one call of the compiled program",
  "run.checkpoint_every": "steps between checkpoints; 0 is each epoch",
  "run.tensorboard": "write TensorBoard events, too",
  "run.compilation_cache": "keep compiled programs for later processes",
  "run.mesh_data": "devices that the parts of a batch are laid over; 0: those "
  "that are free",
  "run.mesh_model": "devices that hidden units are laid over",
  "seed": "the first seed",
  "num_seeds": "how many seeds are trained at once",
}

# Where arguments are described that a task's factory passes on.
FURTHER_ARGUMENTS = {"language": ("rnn_lab.text.request:Request",)}


def flag_lines(table: Mapping[str, tuple[Any, Any, str]]) -> list[str]:
  """Returns a line for each flag of a main's table."""
  lines = []
  for name, (_, default, words) in table.items():
    shown = "required" if default is None else f"default {default!r}"
    lines.append(f"  --{name}: {words} ({shown})")
  return ["flags:", *lines, "  --flagfile: a file with a flag on each line"]


def field_lines(fields: config_dict.ConfigDict) -> list[str]:
  """Returns a line for each field of a config, with default and meaning."""
  task = _arguments(fields)
  lines = []
  for field, value in _flat(fields.to_dict()):
    name = field.rpartition(".")[2]
    meaning = MEANING.get(field) or MEANING.get(name, "")
    if field.startswith("task."):
      meaning = MEANING.get(field) or task.get(name, "")
    lines.append(f"  --config.{field}={value}" + (meaning and f": {meaning}"))
  return lines


def _flat(section: Mapping[str, Any], prefix: str = "") -> list[tuple]:
  fields = []
  for name, value in section.items():
    if isinstance(value, Mapping):
      fields += _flat(value, f"{prefix}{name}.")
    else:
      fields.append((prefix + name, value))
  return fields


def _arguments(fields: config_dict.ConfigDict) -> dict[str, str]:
  """Returns what the docstring of the task's factory says of its arguments."""
  name = fields.get("task", {}).get("name")
  if not name:
    return {}
  from rnn_lab.tasks import TASKS  # imports JAX

  if name not in TASKS:
    return {}
  described = {}
  for place in (TASKS[name], *FURTHER_ARGUMENTS.get(name, ())):
    described |= _described(pkgutil.resolve_name(place).__doc__ or "")
  return described


def _described(doc: str) -> dict[str, str]:
  """Returns what a docstring says of each argument or attribute."""
  _, *listed = re.split("(?:Args|Attributes):\n", doc, maxsplit=1)
  listed = re.split(r"\n\s*\n", "".join(listed))[0]
  entries = re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {6}.*)*)", listed, re.M)
  return {
    argument: " ".join(text.split())
    for names, text in entries
    for argument in names.split(", ")
  }
