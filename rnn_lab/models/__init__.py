"""Models by kind, and the one function that builds a model from a config."""

import pkgutil
from collections.abc import Mapping
from typing import Any

from rnn_lab._stack import Stack, stack
from rnn_lab.cells import CELLS, build_cell
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_choice,
  check_int,
  check_size,
  in_section,
)
from rnn_lab.tasks.base import PATTERNS, Task

# The kind that is the task's design pattern.
PATTERN = "pattern"
# From `config.model.kind`, or a task's pattern, to the function that builds it,
# imported when used.
MODELS = {
  "sequence_to_vector": "rnn_lab.models.sequence_to_vector:build",
  "vector_to_sequence": "rnn_lab.models.vector_to_sequence:build",
  "sequence_to_sequence": "rnn_lab.models.sequence_to_sequence:build",
  "encoder_decoder": "rnn_lab.models.encoder_decoder:build",
  "recurrent": "rnn_lab.language_models.recurrent:build",
  "window": "rnn_lab.language_models.window_mlp:build",
  "ngram": "rnn_lab.language_models.fields:build_ngram",
}
# Layers are compiled one by one.
MOST_LAYERS = 256
# The fields of `config.model` that `build_stack` reads, beside the cells'.
STACK_FIELDS = (
  "kind",
  "cell",
  "checkpoint_every",
  "dropout",
  "hidden_size",
  "num_layers",
)


def build(section: Mapping[str, Any], task: Task) -> Any:
  """Builds the model that a config's section `model` describes.

  Args:
    section: `kind`, PATTERN or a key of MODELS, and the fields of that kind.
    task: gives the sizes, and for PATTERN the key.

  Returns:
    A `rnn_lab.models.base.Model`, or, of a model that is counted, what its
    way of fitting takes. `fit` names that way, a key of
    `rnn_lab.runs.FITS`.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  with in_section("model"):
    if "kind" not in section:
      raise FieldError("kind", "{field} is required")
    check_choice("kind", section["kind"], (PATTERN, *MODELS))
    kind = task.pattern if section["kind"] == PATTERN else section["kind"]
    if kind in PATTERNS and kind != task.pattern:
      raise FieldError(
        "kind",
        f"{{field}} must be {PATTERN!r} or {task.pattern!r}, the pattern of "
        f"task {task.name!r}, got {kind!r}",
      )
  return pkgutil.resolve_name(MODELS[kind])(section, task)


def build_stack(section: Mapping[str, Any], **options: Any) -> Stack:
  """Builds the layers of cells that a config's section describes.

  Args:
    section: `config.model`, with the fields of `STACK_FIELDS` and a section
      for each cell.
    **options: further arguments of `rnn_lab.stack`.

  Raises:
    FieldError: a field is missing or out of its range.
  """
  check_choice("cell", section["cell"], CELLS)
  check_size("hidden_size", section["hidden_size"])
  check_int("num_layers", section["num_layers"], 1, MOST_LAYERS)
  check_int("checkpoint_every", section["checkpoint_every"], 0, INT32_MAX)
  if section["cell"] not in section:
    raise FieldError(section["cell"], "{field} is required")
  # The cells that are not chosen are made, too: a typo in their sections is
  # an error now, not something that a later run stumbles on.
  cells = {name: build_cell(section, name) for name in CELLS if name in section}
  return stack(
    [cells[section["cell"]]] * section["num_layers"],
    dropout=section["dropout"],
    checkpoint_every=section["checkpoint_every"] or None,
    **options,
  )
