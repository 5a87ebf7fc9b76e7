"""The table of fields that have an effect only with some values of others."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from rnn_lab.cells import CELLS
from rnn_lab.tasks.base import (
  ENCODER_DECODER,
  SEQUENCE_TO_SEQUENCE,
  SEQUENCE_TO_VECTOR,
  VECTOR_TO_SEQUENCE,
)

# What rows depend on beside fields: the model's kind, in which "pattern" is
# resolved, the task's evaluator, and facts that hold or do not.
KIND = "the model's kind"
EVALUATOR = "the task's evaluator"
NO_SYMBOLS = "the task has no symbols"
NO_SPELLINGS = "the task has no spellings"
NO_IMAGES = "the task has no images"
NO_DECAY = "training ends before the decay begins"
FACTS = (NO_SYMBOLS, NO_SPELLINGS, NO_IMAGES, NO_DECAY)

READING = (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE)
PATTERNS = (*READING, VECTOR_TO_SEQUENCE, ENCODER_DECODER)
NOT_RECURRENT = ("window", "ngram")
YES = (True,)


class Other(tuple):
  """All values but these."""

  __slots__ = ()


class Row(NamedTuple):
  """A field that has no effect where all of some conditions hold.

  Attributes:
    field: its dotted name.
    default: the value of which nothing is said.
    without: `{field or fact: values}` with which it has none.
  """

  field: str
  default: Any
  without: Mapping[str, tuple]


def _section(
  section: str, defaults: Mapping[str, Any], without: Mapping[str, tuple]
) -> tuple[Row, ...]:
  """Returns a row for each of the fields of a section."""
  return tuple(
    Row(f"{section}.{field}", default, without)
    for field, default in defaults.items()
  )


# Rows of one field are alternatives.
OPTIMIZER = (
  *_section("optimizer", {"momentum": 0.0}, {"optimizer.name": ("adam",)}),
  *_section(
    "optimizer", {"b1": 0.9, "b2": 0.999}, {"optimizer.name": Other(("adam",))}
  ),
  *_section(
    "optimizer",
    {"rms_decay": 0.9, "eps_in_root": True},
    {"optimizer.name": Other(("rmsprop",))},
  ),
  Row("optimizer.eps", 1e-8, {"optimizer.name": ("sgd",)}),
  Row("optimizer.decayed", "all", {"optimizer.weight_decay": (0.0,)}),
  *_section(
    "optimizer",
    {"hold_steps": 0, "decay_steps": 0},
    {"optimizer.schedule": ("constant", "plateau")},
  ),
  Row("optimizer.decay_rate", 0.0, {"optimizer.schedule": ("constant",)}),
  Row(
    "optimizer.plateau_patience",
    5,
    {"optimizer.schedule": Other(("plateau",))},
  ),
  Row("optimizer.schedule", "constant", {NO_DECAY: YES}),
  Row("optimizer.schedule", "constant", {"optimizer.decay_rate": (1.0,)}),
)
INPUTS = {
  "dropout": 0.0,
  "symbol_dropout": 0.0,
  "embedding_init": "uniform",
  "embedding_scale": 0.1,
}
DECODER = {
  "embedding_size": 64,
  "vector_use": "carry",
  "bridge": "dense",
  "attention": "none",
  "attention_size": 64,
  "input_feeding": False,
  "reverse_source": False,
  "scheduled_sampling": 0.0,
}
PATTERN_MODELS = (
  # Dropout is between layers.
  Row("model.dropout", 0.0, {KIND: PATTERNS, "model.num_layers": (1,)}),
  # Of one layer the top one is all.
  Row("model.final_state", "top", {"model.num_layers": (1,)}),
  Row(
    "model.final_state",
    "top",
    {
      KIND: (ENCODER_DECODER,),
      "model.decoder.bridge": ("copy",),
      "model.decoder.vector_use": ("carry",),
    },
  ),
  # Of a decoder whose carry the vector sets.
  Row(
    "model.initial_state",
    "zeros",
    {
      KIND: (VECTOR_TO_SEQUENCE,),
      "model.decoder.vector_use": ("carry", "carry_and_every_step"),
    },
  ),
  Row("model.inputs.embedding_size", 64, {NO_SYMBOLS: YES}),
  Row("model.inputs.character_size", 16, {NO_SPELLINGS: YES}),
  Row("model.inputs.character_features", 16, {NO_SPELLINGS: YES}),
  Row("model.inputs.image_features", 64, {NO_IMAGES: YES}),
  # Decoders embed symbols, too.
  *_section(
    "model.inputs",
    INPUTS,
    {KIND: READING, NO_SYMBOLS: YES, NO_SPELLINGS: YES},
  ),
  Row(
    "model.inputs.embedding_scale",
    0.1,
    {"model.inputs.embedding_init": ("zeros",)},
  ),
  *_section("model.decoder", DECODER, {KIND: READING}),
  Row(
    "model.decoder.attention_size",
    64,
    {"model.decoder.attention": Other(("additive",))},
  ),
  Row(
    "model.decoder.bridge",
    "dense",
    {"model.decoder.vector_use": ("first_step", "every_step")},
  ),
)
LANGUAGE_MODELS = (
  # Counting gives the same numbers every time.
  Row("num_seeds", 1, {KIND: ("ngram",)}),
  Row("seed", 0, {KIND: ("ngram",)}),
  Row("train.gradient_norms", False, {KIND: ("ngram",)}),
  Row("train.batch_shards", 1, {KIND: ("ngram",)}),
  *_section("run", {"mesh_data": 0, "mesh_model": 1}, {KIND: ("ngram",)}),
  *_section(
    "model",
    {
      "dropout": 0.0,
      "dropout_kind": "layers",
      "num_layers": 1,
      "checkpoint_every": 0,
      "tied": False,
    },
    {KIND: NOT_RECURRENT},
  ),
  Row("model.loss_chunk", 0, {KIND: ("ngram",)}),
  Row("model.dropout_kind", "layers", {"model.dropout": (0.0,)}),
  *_section(
    "model",
    {"readout_init": "fan_in_normal", "readout_scale": 1.0},
    {KIND: ("recurrent",), "model.tied": YES},
  ),
  Row("model.embedding_scale", 0.1, {"model.embedding_init": ("zeros",)}),
  Row("model.readout_bias_scale", 0.0, {"model.readout_bias_init": ("zeros",)}),
  *_section(
    "model.ngram",
    {"order": 5, "estimator": "kneser_ney", "add_k": 1.0, "arpa_file": None},
    {KIND: Other(("ngram",))},
  ),
  Row("model.ngram.add_k", 1.0, {"model.ngram.estimator": Other(("add_k",))}),
  Row(
    "model.ngram.arpa_file", None, {"model.ngram.estimator": Other(("arpa",))}
  ),
  *_section(
    "model.window", {"order": 5, "direct": False}, {KIND: Other(("window",))}
  ),
  # Corpora refuse other arguments that they do not read.
  Row(
    "task.seed",
    0,
    {"task.name": ("language",), "task.corpus": Other(("grammar",))},
  ),
)
# Others are refused by the tasks themselves.
TASK_FIELDS = (
  Row(
    "task.gap_fill",
    "noise",
    {"task.name": ("digits", "mnist"), "task.gap": (0,)},
  ),
)
BEAMS = {"valid_beam": 1, "test_beam": 1}
EVALUATION = (
  *_section(
    "eval.sequences",
    BEAMS | {"length_penalty": 1.0},
    {EVALUATOR: Other(("sequences",))},
  ),
  Row(
    "eval.sequences.length_penalty",
    1.0,
    {"eval.sequences.valid_beam": (1,), "eval.sequences.test_beam": (1,)},
  ),
  *_section(
    "eval.stream",
    {
      "window": 256,
      "tracks": 1,
      "valid_tracks": 20,
      "warmup": 64,
      "context_targets": 1000,
    },
    {EVALUATOR: Other(("stream",))},
  ),
  Row(
    "eval.stream.warmup",
    64,
    {"eval.stream.tracks": (1,), "eval.stream.valid_tracks": (1,)},
  ),
)
ROWS = (
  *OPTIMIZER,
  Row("model.readout_scale", 1.0, {"model.readout_init": ("zeros",)}),
  *PATTERN_MODELS,
  *LANGUAGE_MODELS,
  *TASK_FIELDS,
  *EVALUATION,
)
# Results would say of these that they were read.
REFUSED = _section(
  "eval.sequences", BEAMS, {EVALUATOR: ("sequences",), KIND: READING}
)


def cell_rows() -> list[Row]:
  """Returns rows of the options of all cells, with their own defaults."""
  rows = []
  for name, factory in CELLS.items():
    parameters = inspect.signature(factory).parameters
    options = {n: p.default for n, p in parameters.items()}
    options.pop("hidden_size", None)
    section = f"model.{name}"
    rows += _section(section, options, {KIND: NOT_RECURRENT})
    rows += _section(section, options, {"model.cell": Other((name,))})
    for option, default in options.items():
      init = option.removesuffix("_scale") + "_init"
      if option.endswith("_scale") and init in options:
        zeros = {f"{section}.{init}": ("zeros",)}
        rows.append(Row(f"{section}.{option}", default, zeros))
  init = "model.lstm.forget_init"
  rows.append(Row("model.lstm.forget_bias", 1.0, {init: ("chrono",)}))
  rows.append(Row("model.lstm.chrono_max", 100, {init: ("constant",)}))
  return rows
