"""From a config's `model` section and a task to a model."""

from collections.abc import Mapping
from typing import Any

from rnn_lab.cells import CELLS
from rnn_lab.cells.build import build_cell
from rnn_lab.errors import (
  FieldError,
  check_choice,
  check_fields,
  check_float,
  check_int,
  in_section,
)
from rnn_lab.initializers import kernel_initializer
from rnn_lab.models.sequence import SequenceModel
from rnn_lab._stack import FINAL_STATES, stack
from rnn_lab.tasks.base import SEQUENCE, Task

# The fields of the section beside one sub-section a cell.
FIELDS = (
  "bidirectional",
  "cell",
  "checkpoint_every",
  "dropout",
  "final_state",
  "hidden_size",
  "num_layers",
  "readout_init",
  "readout_scale",
)


def build(section: Mapping[str, Any], task: Task) -> SequenceModel:
  """The model that `section` describes, in the sizes that `task` needs.

  Args:
    section: `config.model`: the fields of `FIELDS`, and for each cell a
      section with its factory's arguments, of which the chosen one is used.
    task: says the output's size and g, and whether it is asked for at every
      step.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  with in_section("model"):
    check_fields(section, {*FIELDS, *CELLS}, required=FIELDS)
    check_choice("cell", section["cell"], CELLS)
    check_int("hidden_size", section["hidden_size"], 1)
    check_int("num_layers", section["num_layers"], 1)
    check_int("checkpoint_every", section["checkpoint_every"], 0)
    check_choice("final_state", section["final_state"], FINAL_STATES)
    check_float("readout_scale", section["readout_scale"], 0.0)
    if section["cell"] not in section:
      raise FieldError(section["cell"], None, "left out nowhere", "missing")
    # The cells that are not chosen are made, too: a typo in their sections is
    # an error, not something that a later run stumbles on.
    cells = {
      name: build_cell(section, name) for name in CELLS if name in section
    }
    layers = stack(
      [cells[section["cell"]]] * section["num_layers"],
      bidirectional=section["bidirectional"],
      dropout=section["dropout"],
    )
    return SequenceModel(
      stack=layers,
      output_size=task.output_spec.size,
      every_step=task.pattern == SEQUENCE,
      final=section["final_state"],
      output=task.output,
      readout_init=kernel_initializer(
        "readout_init", section["readout_init"], section["readout_scale"]
      ),
      checkpoint_every=section["checkpoint_every"] or None,
    )
