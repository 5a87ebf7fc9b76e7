"""The fields of `config.model` for language models, checked."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnn_lab._stack import Stack, stack_output_size
from rnn_lab.cells import CELLS
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
  check_int,
  check_size,
  in_section,
)
from rnn_lab.initializers import bias_initializer, kernel_initializer
from rnn_lab.language_models.counts import MAX_ORDER
from rnn_lab.language_models.estimators import ESTIMATORS
from rnn_lab.models import STACK_FIELDS, build_stack
from rnn_lab.tasks.base import Spec, Task
from rnn_lab.tasks.language import LanguageTask

DROPOUT_KINDS = ("layers", "variational")
FIELDS = (
  *STACK_FIELDS,
  "dropout_kind",
  "embedding_init",
  "embedding_scale",
  "embedding_size",
  "loss_chunk",
  "ngram",
  "readout_bias_init",
  "readout_bias_scale",
  "readout_init",
  "readout_scale",
  "tied",
  "window",
)
WINDOW_FIELDS = ("order", "direct")
MAX_WINDOW = 1000
# Numbers that the loss of one chunk holds, if `loss_chunk` is left at 0.
CHUNK_SIZE = 2**22


class NGramSettings(NamedTuple):
  """`config.model.ngram`: the n-gram model to be counted.

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

  fit = "counts"


def check_sections(
  section: Mapping[str, Any], task: Task
) -> tuple[NGramSettings, Stack, dict[str, Any]]:
  """Checks the fields of all kinds, whichever is used.

  A typo is an error now, not something that a later run stumbles on.

  Returns:
    The n-gram model's settings, the stack of the recurrent one, and the
    attributes that `RecurrentLM` and `WindowLM` share.

  Raises:
    FieldError: a field is unknown, missing or out of its range, or `task` is
      not a language task.
  """
  if not isinstance(task, LanguageTask):
    raise FieldError(
      "kind",
      f"{{field}} {section['kind']!r} needs a language task, not {task.name!r}",
    )
  check_fields(section, {*FIELDS, *CELLS}, required=FIELDS)
  with in_section("window"):
    window = section["window"]
    check_fields(window, WINDOW_FIELDS, required=WINDOW_FIELDS)
    check_int("order", window["order"], 2, MAX_WINDOW)
    check_bool("direct", window["direct"])
  check_choice("dropout_kind", section["dropout_kind"], DROPOUT_KINDS)
  check_bool("tied", section["tied"])
  layers = build_stack(
    section, variational=section["dropout_kind"] == "variational"
  )
  arguments = _network_arguments(section, task)
  size = arguments["embedding_size"]
  width = stack_output_size(layers, size)
  if section["tied"] and width != size:
    raise FieldError(
      "tied",
      f"{{field}} needs embedding_size ({size}) equal to hidden_size ({width})",
    )
  return _ngram(section["ngram"]), layers, arguments


def _ngram(section: Mapping[str, Any]) -> NGramSettings:
  with in_section("ngram"):
    fields = NGramSettings._fields
    check_fields(section, fields, required=fields)
    settings = NGramSettings(**section)
    check_int("order", settings.order, 1, MAX_ORDER)
    check_choice("estimator", settings.estimator, (*ESTIMATORS, "arpa"))
    check_float("add_k", settings.add_k, 0.0, above=True)
    if settings.estimator == "arpa" and not isinstance(settings.arpa_file, str):
      raise FieldError(
        "arpa_file",
        f"{{field}} must be the path of a file, got {settings.arpa_file!r}",
      )
  return settings


def _network_arguments(
  section: Mapping[str, Any], task: LanguageTask
) -> dict[str, Any]:
  check_size("hidden_size", section["hidden_size"])
  check_size("embedding_size", section["embedding_size"])
  check_int("loss_chunk", section["loss_chunk"], 0, INT32_MAX)
  for field in ("embedding_scale", "readout_scale", "readout_bias_scale"):
    check_float(field, section[field], 0.0)
  assert isinstance(task.input_spec, Spec)
  size = task.input_spec.size
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
    "window": task.window,
    "loss_chunk": min(chunk, task.tracks * task.window),
  }


def build_ngram(section: Mapping[str, Any], task: Task) -> NGramSettings:
  """Returns the settings of the n-gram model, which `counting` fits."""
  with in_section("model"):
    return check_sections(section, task)[0]
