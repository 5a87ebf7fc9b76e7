"""Expands a config's `sweep(add, argument)` to a list of trials."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ml_collections import config_dict

from rnn_lab.errors import FieldError, suggestion
from rnn_lab.rundir import flatten
from rnn_lab.sweeps.names import Added, trial_names
from rnn_lab.training.values import plain


class Trial(NamedTuple):
  """One run of a sweep.

  Attributes:
    name: the name of its directory; see `rnn_lab.sweeps.names`.
    overrides: `{dotted field: value}`, what the sweep sets.
    series: the line it belongs to in figures; None to derive one.
    config: the whole config.
  """

  name: str
  overrides: dict[str, Any]
  series: str | None
  config: config_dict.ConfigDict


def expand(
  sweep: Callable[..., None],
  argument: str,
  config: config_dict.ConfigDict,
  command_line: Mapping[str, Any],
) -> list[Trial]:
  """Calls `sweep(add, argument)`; returns one trial for each call of `add`.

  Args:
    sweep: the config file's function, which calls `add(overrides, series,
      name)`. Scalars may be numpy's, as of `np.logspace`. A value that is a
      dict replaces a whole section: {"task": {"name": ...}}. The name is
      needed only where that made of series and overrides is too long.
    argument: what follows the colon in `--config`.
    config: the config, with the values of the command line.
    command_line: those values, by their dotted names.

  Raises:
    FieldError: an argument of `add` is wrong, a field that the sweep sets is
      unknown or of another type, or the command line sets it too; or two
      trials have the same config or name.
  """
  added: list[tuple[dict[str, Any], str | None, str | None]] = []

  def add(
    overrides: Mapping[str, Any],
    series: str | None = None,
    name: str | None = None,
  ) -> None:
    added.append(_checked(overrides, series, name))

  sweep(add, argument)
  swept = {field for overrides, *_ in added for field in flatten(overrides)}
  sections = tuple(
    f"{field}."
    for overrides, *_ in added
    for field, value in overrides.items()
    if isinstance(value, Mapping)
  )
  for field in command_line:
    if field in swept or field.startswith(sections):
      raise FieldError(
        field,
        "{field} is swept by the config and cannot be set on the command line",
      )
  # First: a name made of fields that do not exist says nothing.
  configs = [_apply(config, overrides) for overrides, *_ in added]
  if not configs:
    raise FieldError("sweep", "sweep must add at least one trial")
  flat = [flatten(overrides) for overrides, *_ in added]
  wholes = [flatten(config.to_dict()) for config in configs]
  names = trial_names(
    [
      Added(fields, series, name, whole)
      for fields, (_, series, name), whole in zip(flat, added, wholes)
    ]
  )
  _check_distinct(names, wholes)
  return [
    Trial(name, fields, series, config)
    for name, fields, (_, series, _), config in zip(names, flat, added, configs)
  ]


def _check_distinct(
  names: Sequence[str], configs: Sequence[Mapping[str, Any]]
) -> None:
  """Raises FieldError if two trials have the same config."""
  found: dict[str, str] = {}
  for number, (name, config) in enumerate(zip(names, configs), start=1):
    text = json.dumps(config, sort_keys=True, default=repr)
    if text in found:
      raise FieldError(
        "sweep",
        f"sweep adds two trials with the same config: {found[text]} and number "
        f"{number} ({name!r})",
      )
    found[text] = f"number {number} ({name!r})"


def _checked(
  overrides: Any, series: Any, name: Any
) -> tuple[dict[str, Any], str | None, str | None]:
  """Returns the arguments of `add`.

  Raises:
    FieldError: they have another type, or a value that no config holds.
  """
  if not isinstance(overrides, Mapping) or not all(
    isinstance(field, str) for field in overrides
  ):
    raise FieldError(
      "add", f"add must be given {{dotted field: value}}, got {overrides!r}"
    )
  for what, value in (("series", series), ("name", name)):
    if not isinstance(value, str | None):
      raise FieldError(
        "add", f"add: {what} must be a string or None, got {value!r}"
      )
  overrides = plain(overrides)
  for field, value in overrides.items():
    try:
      json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
      raise FieldError(
        field,
        "{field} must be finite numbers, strings, booleans, lists or dicts of "
        f"these, got {value!r}",
      ) from error
  return overrides, series, name


def _locate(
  config: config_dict.ConfigDict, field: str
) -> tuple[config_dict.ConfigDict, str]:
  """Returns the section that holds a dotted field, and its name there.

  Raises:
    FieldError: the config has no such field.
  """
  parent, name, value = config, field, config
  for name in field.split("."):
    known = value.keys() if isinstance(value, config_dict.ConfigDict) else ()
    if not isinstance(value, config_dict.ConfigDict) or name not in known:
      raise FieldError(field, "unknown field {field}" + suggestion(name, known))
    parent, value = value, value[name]
  return parent, name


def _apply(
  config: config_dict.ConfigDict, overrides: Mapping[str, Any]
) -> config_dict.ConfigDict:
  """Returns a copy of the config with the fields that a trial sets."""
  config = copy.deepcopy(config)
  for field, value in overrides.items():
    parent, name = _locate(config, field)
    if isinstance(value, Mapping):
      with parent.unlocked():
        parent[name] = config_dict.ConfigDict(value)
      continue
    kind = parent.get_type(name)
    try:
      # A ConfigDict would take True as 1.
      if isinstance(value, bool) and kind in (int, float):
        raise TypeError
      parent[name] = value
    except TypeError:
      raise FieldError(
        field, f"{{field}} must be of type {kind.__name__}, got {value!r}"
      ) from None
  return config
