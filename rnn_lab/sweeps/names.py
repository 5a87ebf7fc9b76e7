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
OWN_FILES = (rundir.FIGURES, rundir.REPORT, rundir.SUMMARY, rundir.SWEEP)


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

  A trial whose overrides `sweep.json` in `workdir` holds keeps the name there,
  so that one more trial, after which more differs, renames none.
  """
  if not (workdir / rundir.SWEEP).exists():
    return [*names]
  rows = rundir.read_json(workdir / rundir.SWEEP).get("trials")
  there = {}
  for row in rows if isinstance(rows, list) else []:
    if isinstance(row, dict) and isinstance(row.get("name"), str):
      there[_hash(row.get("overrides"))] = row["name"]
  kept = [there.get(_hash(fields)) for fields in overrides]
  taken = {*there.values()}
  return [
    old or (f"{new}-{_hash(fields)}" if new in taken else new)
    for old, new, fields in zip(kept, names, overrides)
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


def _hash(overrides: Any) -> str:
  text = json.dumps(overrides, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:6]
