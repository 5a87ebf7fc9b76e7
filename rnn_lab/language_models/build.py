"""From a config's `model` section and a stream to a language model."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnn_lab.cells import CELLS
from rnn_lab.cells.build import build_cell
from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
  check_int,
  in_section,
)
from rnn_lab.initializers import bias_initializer, kernel_initializer
from rnn_lab.language_models.counts import MOST_ORDER
from rnn_lab.language_models.estimators import ESTIMATORS
from rnn_lab.language_models.recurrent import RecurrentLM
from rnn_lab.language_models.window_mlp import WindowLM
from rnn_lab._stack import stack, stack_output_size
from rnn_lab.tasks.base import Task

DROPOUT_KINDS = ("layers", "variational")
NGRAM, WINDOW, RECURRENT = "ngram", "window", "recurrent"
KINDS = (NGRAM, WINDOW, RECURRENT)
FIELDS = (
  "kind",
  "cell",
  "checkpoint_every",
  "dropout",
  "dropout_kind",
  "embedding_init",
  "embedding_scale",
  "embedding_size",
  "hidden_size",
  "loss_chunk",
  "num_layers",
  "readout_bias_init",
  "readout_bias_scale",
  "readout_init",
  "readout_scale",
  "tied",
  NGRAM,
  WINDOW,
)
MOST_WINDOW = 1000
# Numbers that the loss of one chunk holds, if `loss_chunk` is left at 0.
CHUNK_SIZE = 2**22


class NGramSettings(NamedTuple):
  """`config.model.ngram`: which n-gram model is counted.

  Attributes:
    order: n, from 1 to 7.
    estimator: a name in `ESTIMATORS`, or "arpa" for one that is read.
    add_k: what "add_k" adds to every count.
    arpa_file: the path that "arpa" reads.
  """

  order: int
  estimator: str
  add_k: float
  arpa_file: str | None


Model = NGramSettings | WindowLM | RecurrentLM


def build(section: Mapping[str, Any], task: Task) -> Model:
  """The language model that `section` describes, for the words of `task`.

  Args:
    section: `config.model`: the fields of `FIELDS`, and for each cell a
      section with its factory's arguments.
    task: a stream.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  with in_section("model"):
    check_fields(section, {*FIELDS, *CELLS}, required=FIELDS)
    check_choice("kind", section["kind"], KINDS)
    # All are checked, whichever is used: a typo is an error now, and not
    # something that a later run stumbles on.
    made = {
      NGRAM: _ngram(section[NGRAM]),
      WINDOW: _window(section, task),
      RECURRENT: _recurrent(section, task),
    }
    return made[section["kind"]]


def _ngram(section: Mapping[str, Any]) -> NGramSettings:
  with in_section(NGRAM):
    fields = NGramSettings._fields
    check_fields(section, fields, required=fields)
    settings = NGramSettings(**section)
    check_int("order", settings.order, 1, MOST_ORDER)
    check_choice("estimator", settings.estimator, (*ESTIMATORS, "arpa"))
    check_float("add_k", settings.add_k, 0.0, above=True)
    needs_file = settings.estimator == "arpa"
    if needs_file and not isinstance(settings.arpa_file, str):
      raise FieldError("arpa_file", settings.arpa_file, "the path of a file")
  return settings


def _window(section: Mapping[str, Any], task: Task) -> WindowLM:
  fields = ("order", "direct")
  with in_section(WINDOW):
    check_fields(section[WINDOW], fields, required=fields)
    check_int("order", section[WINDOW]["order"], 2, MOST_WINDOW)
    check_bool("direct", section[WINDOW]["direct"])
  sizes = _sizes(section, task)
  return WindowLM(
    context=section[WINDOW]["order"] - 1,
    hidden_size=section["hidden_size"],
    direct=section[WINDOW]["direct"],
    hidden_init=sizes["readout_init"],
    start=task.stream.corpus.vocabulary.start,
    window=task.stream.window,
    **sizes,
  )


def _recurrent(section: Mapping[str, Any], task: Task) -> RecurrentLM:
  check_choice("cell", section["cell"], CELLS)
  check_int("num_layers", section["num_layers"], 1)
  check_int("checkpoint_every", section["checkpoint_every"], 0)
  check_choice("dropout_kind", section["dropout_kind"], DROPOUT_KINDS)
  check_bool("tied", section["tied"])
  if section["cell"] not in section:
    raise FieldError(section["cell"], None, "left out nowhere", "missing")
  cells = {name: build_cell(section, name) for name in CELLS if name in section}
  layers = stack(
    [cells[section["cell"]]] * section["num_layers"],
    dropout=section["dropout"],
    variational=section["dropout_kind"] == "variational",
  )
  sizes = _sizes(section, task)
  width = stack_output_size(layers, sizes["embedding_size"])
  if section["tied"] and width != sizes["embedding_size"]:
    raise FieldError(
      "tied", True, f"true where embedding_size is hidden_size ({width})"
    )
  return RecurrentLM(
    stack=layers,
    tied=section["tied"],
    window=task.stream.window,
    reach=task.stream.reach,
    checkpoint_every=section["checkpoint_every"] or None,
    **sizes,
  )


def _sizes(section: Mapping[str, Any], task: Task) -> dict[str, Any]:
  """What both networks take, checked."""
  check_int("hidden_size", section["hidden_size"], 1)
  check_int("embedding_size", section["embedding_size"], 1)
  check_int("loss_chunk", section["loss_chunk"], 0)
  for field in ("embedding_scale", "readout_scale", "readout_bias_scale"):
    check_float(field, section[field], 0.0)
  size = task.input_spec.size
  most = task.stream.tracks * task.stream.window
  chunk = section["loss_chunk"] or max(CHUNK_SIZE // size, 1)

  def initializer(make: Any, name: str) -> Any:
    field = f"{name}_init"
    return make(field, section[field], section[f"{name}_scale"])

  return {
    "vocabulary_size": size,
    "embedding_size": section["embedding_size"],
    "embedding_init": initializer(kernel_initializer, "embedding"),
    "readout_init": initializer(kernel_initializer, "readout"),
    "readout_bias_init": initializer(bias_initializer, "readout_bias"),
    "loss_chunk": min(chunk, most),
  }
