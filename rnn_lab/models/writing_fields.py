"""The fields of `config.model` for models that write, checked."""

from collections.abc import Mapping
from typing import Any

from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_fields,
  check_float,
  check_size,
  in_section,
)
from rnn_lab.models import build_stack
from rnn_lab.models.attention import (
  ATTENTIONS,
  VECTOR_USES,
  AttentionSettings,
)
from rnn_lab.models.reading import check_without_effect, reading_arguments
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.written import WrittenTask

FIELDS = (
  "attention",
  "attention_size",
  "bridge",
  "embedding_size",
  "input_feeding",
  "reverse_source",
  "scheduled_sampling",
  "vector_use",
)
BRIDGES = ("copy", "dense")


def writing_arguments(
  section: Mapping[str, Any], task: Task, sizes: Mapping[str, int]
) -> dict[str, Any]:
  """Checks `config.model`; returns the attributes of `WritingModel`.

  Args:
    section: `config.model`.
    task: the task.
    sizes: `memory_size` and `vector_size` of `AttentionSettings`.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  if not isinstance(task, WrittenTask):
    raise FieldError(
      "kind",
      f"{{field}} {section['kind']!r} needs a task of written sequences, not "
      f"{task.name!r}",
    )
  reading = reading_arguments(section, task)
  check_without_effect(
    section, "pooling", "last", "as a decoder starts from final states"
  )
  fields = decoder_fields(section)
  settings = AttentionSettings(
    attention=fields["attention"],
    size=fields["attention_size"],
    input_feeding=fields["input_feeding"],
    vector_use=fields["vector_use"],
    input_size=fields["embedding_size"],
    **sizes,
  )
  if settings.input_feeding and settings.attention == "none":
    raise FieldError(
      "decoder.input_feeding", "{field} must be false without attention"
    )
  shared = ("input_settings", "readout_dropout", "loss_function")
  shared += ("embedding_init", "readout_init")
  return {name: reading[name] for name in shared} | {
    "stack": build_stack(section),
    "attention_settings": settings,
    "num_symbols": task.output_spec.size,
    "start": task.start,
    "end": task.end,
    "longest": task.output_spec.length,
    "scheduled_sampling": fields["scheduled_sampling"],
  }


def decoder_fields(section: Mapping[str, Any]) -> Mapping[str, Any]:
  """Returns the checked section `decoder` of `config.model`.

  Raises:
    FieldError: it is missing, or a field of it is unknown, missing or out of
      its range.
  """
  if "decoder" not in section:
    raise FieldError("decoder", "{field} is required")
  with in_section("decoder"):
    fields = section["decoder"]
    check_fields(fields, FIELDS, required=FIELDS)
    check_choice("attention", fields["attention"], ATTENTIONS)
    check_choice("bridge", fields["bridge"], BRIDGES)
    check_choice("vector_use", fields["vector_use"], VECTOR_USES)
    check_size("attention_size", fields["attention_size"])
    check_size("embedding_size", fields["embedding_size"])
    check_bool("input_feeding", fields["input_feeding"])
    check_bool("reverse_source", fields["reverse_source"])
    rate = fields["scheduled_sampling"]
    check_float("scheduled_sampling", rate, 0.0, 1.0)
  return fields
