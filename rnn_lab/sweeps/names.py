"""Names of a sweep's trials: short, stable, and of what differs alone."""

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rnn_lab import rundir
from rnn_lab.errors import FieldError

# Of a trial's name: file systems stop at 255 bytes.
MAX_NAME = 240
# What a sweep or its report writes beside its trials.
OWN_FILES = (
  rundir.FIGURES,
  rundir.NUMBERS,
  rundir.REPORT,
  rundir.SUMMARY,
  rundir.SWEEP,
  rundir.TABLES,
)


class Added(NamedTuple):
  """A call of a sweep's `add`.

  Attributes:
    overrides: `{dotted field: value}`, of no section.
    series: see `rnn_lab.sweeps.expand.Trial`.
    name: the name that was given, or None.
    config: all fields, by their dotted names.
  """

  overrides: dict[str, Any]
  series: str | None
  name: str | None
  config: dict[str, Any]


def trial_names(added: Sequence[Added]) -> list[str]:
  """Returns the names of the trials, those given or made.

  A name that is made is the series, if any, and the overrides that differ
  within it. Where two come out equal, the later one ends in a hash of its
  overrides.

  Raises:
    FieldError: a name cannot be that of a directory, or two are the same.
  """
  differing = [_differing(added, trial) for trial in added]
  short = _short_names({field for fields in differing for field in fields})
  names: list[str] = []
  for trial, fields in zip(added, differing):
    words = [f"{short[f]}={_word(trial.overrides[f])}" for f in fields]
    if trial.series:
      words = [_word(trial.series).strip("_.+-"), *words]
    name = trial.name or ",".join(filter(None, words)) or "base"
    if name in names and trial.name is None:
      name += f"-{_hash(trial.overrides)}"
    _check(name)
    if name in names:
      raise FieldError("sweep", f"sweep adds the trial {name!r} twice")
    names.append(name)
  return names


def earlier_names(
  names: Sequence[str],
  overrides: Sequence[Mapping[str, Any]],
  workdir: pathlib.Path,
) -> list[str]:
  """Returns the names with those of trials that are there already.

  A trial whose overrides are those of a trial there keeps the name that it has
  there, so that one more trial, after which more differs, renames none.
  """
  there = {}
  for path in sorted(workdir.glob(f"*/{rundir.TRIAL}")):
    row = rundir.read_json(path)
    there[_text(row.get("overrides"))] = path.parent.name
  taken = {*there.values()}
  return [
    there.get(_text(fields))
    or (f"{name}-{_hash(fields)}" if name in taken else name)
    for name, fields in zip(names, overrides)
  ]


def _differing(added: Sequence[Added], trial: Added) -> list[str]:
  """Returns the fields of a trial that differ from others of its series."""
  others = [other for other in added if other.series == trial.series]
  if len(others) == 1 and trial.series is None:
    return [*trial.overrides]
  return [
    field
    for field in trial.overrides
    if len({json.dumps(other.config.get(field)) for other in others}) > 1
  ]


def _check(name: str) -> None:
  """Raises FieldError for a name that cannot be that of a directory."""
  if len(name.encode()) > MAX_NAME:
    raise FieldError(
      "sweep",
      f"the name of a trial must have at most {MAX_NAME} bytes; sweep adds "
      f"{name}, which has {len(name.encode())}",
    )
  # Not "..", which is another directory, nor a hidden one.
  if not re.fullmatch(r"\w[\w.+=,-]*", name):
    raise FieldError(
      "sweep",
      "the name of a trial must begin with a letter or digit and consist of "
      f"these and any of _.+=,- ; sweep adds {name!r}",
    )
  if name in OWN_FILES:
    raise FieldError(
      "sweep",
      f"the name of a trial must not be that of a file of the sweep; sweep "
      f"adds {name!r}",
    )


def _short_names(fields: set[str]) -> dict[str, str]:
  """Returns the last part of each dotted name, or more where two share it."""
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
  """Formats a value as part of a directory's name."""
  return re.sub(r"[^\w.+-]+", "_", str(value))


def _text(overrides: Any) -> str:
  return json.dumps(overrides, sort_keys=True)


def _hash(overrides: Any) -> str:
  return hashlib.sha256(_text(overrides).encode()).hexdigest()[:6]
