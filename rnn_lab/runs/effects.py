"""Settings without effect: which of a config's fields its run does not read.

They are no error, as a sweep varies one field, and what only some of its trials
read is in all of them. But it is said: who sets a field means something by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.models import PATTERN
from rnn_lab.runs import effect_rows
from rnn_lab.runs.effect_rows import (
  EVALUATOR,
  FACTS,
  KIND,
  NO_DECAY,
  NO_IMAGES,
  NO_SPELLINGS,
  NO_SYMBOLS,
  Other,
  Row,
)
from rnn_lab.tasks.base import IMAGES, SPELLINGS, SYMBOLS, Spec, Task
from rnn_lab.training.settings import PLATEAU, Plan, Settings


def without_effect(
  fields: Mapping[str, Any], settings: Settings, task: Task
) -> dict[str, str]:
  """Returns a line for each field that was set and has no effect.

  Args:
    fields: the config, checked.
    settings: its settings, counted in steps.
    task: its task.

  Raises:
    FieldError: a field is set that would be reported as if it had been read.
  """
  view = _view(fields, settings, task)
  for row in effect_rows.REFUSED:
    reason = _reason(row, view)
    if reason:
      raise FieldError(
        row.field,
        f"{{field}} must be {row.default!r}, as {reason}, got "
        f"{view[row.field]!r}",
      )
  lines: dict[str, str] = {}
  for row in (*effect_rows.ROWS, *effect_rows.cell_rows()):
    reason = _reason(row, view)
    if reason and row.field not in lines:
      value = view[row.field]
      lines[row.field] = f"{row.field} {value!r} has no effect, as {reason}"
  return lines


def in_none(plans: Sequence[Plan]) -> list[str]:
  """Returns a line for each field that was set and that no plan reads.

  A field that a sweep varies, or that some of its trials read, has an effect.
  """
  defaults = {
    row.field: row.default
    for row in (*effect_rows.ROWS, *effect_rows.cell_rows())
  }
  flat = [rundir.flatten(plan.config) for plan in plans]
  lines: dict[str, str] = {}
  for plan in plans:
    for field, line in plan.without_effect.items():
      if field not in lines and all(
        field in other.without_effect
        or config.get(field, defaults[field]) == defaults[field]
        for other, config in zip(plans, flat)
      ):
        lines[field] = line
  return [*lines.values()]


def _view(
  fields: Mapping[str, Any], settings: Settings, task: Task
) -> dict[str, Any]:
  """Returns what rows depend on: all fields by dotted names, and facts."""
  kind = fields["model"]["kind"]
  specs = task.input_spec
  specs = [specs] if isinstance(specs, Spec) else [*specs.values()]
  forms = {spec.form for spec in specs}
  optimizer = settings.optimizer
  held = optimizer.warmup_steps + optimizer.hold_steps
  if optimizer.schedule == PLATEAU:
    held = optimizer.plateau_patience * settings.eval.every
  return rundir.flatten(fields) | {
    KIND: task.pattern if kind == PATTERN else kind,
    EVALUATOR: task.evaluator,
    NO_SYMBOLS: SYMBOLS not in forms,
    NO_SPELLINGS: SPELLINGS not in forms,
    NO_IMAGES: IMAGES not in forms,
    NO_DECAY: held >= settings.train.num_steps,
  }


def _reason(row: Row, view: Mapping[str, Any]) -> str:
  """Returns why the field of a row has no effect; "" if it may have one."""
  if row.field not in view or view[row.field] == row.default:
    return ""
  reasons = []
  for name, values in row.without.items():
    if name not in view:
      return ""
    if (view[name] in values) == isinstance(values, Other):
      return ""
    reasons.append(name if name in FACTS else f"{name} is {view[name]!r}")
  return " and ".join(reasons)
