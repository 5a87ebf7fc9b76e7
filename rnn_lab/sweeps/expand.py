"""From a config's `sweep(add, argument)` to the trials that it means."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import config_dict

from rnn_lab.errors import FieldError
from rnn_lab.rundir import flatten

# Of a trial's name: file systems stop at 255 bytes.
MAX_NAME = 240


class Trial(NamedTuple):
  """One run of a sweep.

  Attributes:
    name: of its directory; says its overrides.
    overrides: `{dotted field: value}`, what the sweep sets.
    series: the line it belongs to in figures; None to have one derived.
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
  """Calls `sweep(add, argument)`; a trial for each `add(overrides, series)`.

  Args:
    sweep: the config file's function. A value that is a dict takes the place
      of a whole section: {"task": {"name": "adding", ...}}.
    argument: what stands after the colon in `--config`.
    config: the config, with the command line's values in it.
    command_line: those values, by their dotted names.

  Raises:
    FieldError: a field that the sweep sets is unknown or of another type, or
      the command line sets it too; or two trials are the same.
  """
  added: list[tuple[dict[str, Any], str | None]] = []

  def add(overrides: Mapping[str, Any], series: str | None = None) -> None:
    added.append((dict(overrides), series))

  sweep(add, argument)
  swept = {field for overrides, _ in added for field in flatten(overrides)}
  sections = tuple(
    f"{field}."
    for overrides, _ in added
    for field, value in overrides.items()
    if isinstance(value, Mapping)
  )
  for field, value in command_line.items():
    if field in swept or field.startswith(sections):
      raise FieldError(
        field, value, "left to the sweep, which gives it a value a trial"
      )
  short = _short_names(swept)
  trials = []
  for given, series in added:
    overrides = flatten(given)
    words = [f"{short[f]}={_word(v)}" for f, v in overrides.items()]
    name = ",".join(words) or "base"
    if len(name) > MAX_NAME:
      raise FieldError("sweep", name, f"of at most {MAX_NAME} characters")
    if name in {trial.name for trial in trials}:
      raise FieldError("sweep", name, "added once", "adding a trial twice")
    trials.append(Trial(name, overrides, series, _apply(config, given)))
  if not trials:
    raise FieldError("sweep", 0, "at least one trial")
  return trials


def _short_names(fields: set[str]) -> dict[str, str]:
  """The last part of each dotted name, or more where two share it."""
  short = {}
  for field in fields:
    parts = field.split(".")
    for count in range(1, len(parts) + 1):
      name = ".".join(parts[-count:])
      if sum(f == name or f.endswith("." + name) for f in fields) == 1:
        break
    short[field] = name
  return short


def _word(value: Any) -> str:
  """A value as part of a directory's name."""
  return re.sub(r"[^\w.+-]+", "_", str(value))


def _apply(
  config: config_dict.ConfigDict, overrides: Mapping[str, Any]
) -> config_dict.ConfigDict:
  config = copy.deepcopy(config)
  for field, value in overrides.items():
    *sections, name = field.split(".")
    section = config
    try:
      for part in sections:
        section = section[part]
      section[name]  # noqa: B018
    except (AttributeError, KeyError, TypeError):
      raise FieldError(
        field, value, "a field of the config", "not a field that exists"
      ) from None
    if isinstance(value, Mapping):
      with section.unlocked():
        section[name] = config_dict.ConfigDict(value)
      continue
    try:
      section[name] = value
    except TypeError:
      kind = section.get_type(name).__name__
      raise FieldError(field, value, f"of type {kind}") from None
  return config
