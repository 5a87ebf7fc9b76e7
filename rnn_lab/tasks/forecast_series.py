"""The series that `forecasting` computes or reads, by name."""

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rnn_lab.caching import cached
from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.tasks import chaos
from rnn_lab.tasks.csv_series import read_csv
from rnn_lab.tasks.draws import LARGEST_SEED

LEAST_VALUES = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
  """A series; compared by identity, as arrays have no hash.

  Attributes:
    title: what it is, for a person.
    names: of the K columns.
    values: float64 `[N, K]`.
    hashes: `{title: sha256 of the values}`.
    chosen: the columns of a file that were read; () for all.
  """

  title: str
  names: tuple[str, ...]
  values: np.ndarray
  hashes: Mapping[str, str]
  chosen: tuple[str | int, ...] = ()


class Source(NamedTuple):
  """Where a series comes from.

  Attributes:
    series: a key of SERIES.
    tau: the delay of the Mackey-Glass equation.
    size: N, of a series that is computed.
    seed: decides where a series that is computed begins.
    path: the CSV file.
    columns: the columns of the file; see `csv_series.read_csv`.
  """

  series: str = "mackey_glass"
  tau: int = 17
  size: int = 10_000
  seed: int = 0
  path: str | os.PathLike | None = None
  columns: Sequence[str | int] = ()


def load_series(source: Source) -> Series:
  """Computes or reads a series; equal sources give the same object.

  Raises:
    FieldError: a field is out of range, or has another value than its default
      though this series does not depend on it; the file cannot be read.
  """
  check_choice("series", source.series, SERIES)
  load, fields = SERIES[source.series]
  # JSON has lists alone.
  if isinstance(source.columns, list):
    source = source._replace(columns=tuple(source.columns))
  for field, default in Source._field_defaults.items():
    value = getattr(source, field)
    if field not in ("series", *fields) and value != default:
      raise FieldError(
        field,
        f"{{field}} must be left at {default!r}, as series {source.series!r} "
        f"does not depend on it, got {value!r}",
      )
  return load(**{field: getattr(source, field) for field in fields})


@cached
def _mackey_glass(size: int, tau: int, seed: int) -> Series:
  _check_computed(size, seed)
  values_N = chaos.mackey_glass(size, tau=tau, seed=seed)
  return _series(f"Mackey-Glass, tau {tau}", ("x",), values_N[:, None])


@cached
def _lorenz(size: int, seed: int) -> Series:
  _check_computed(size, seed)
  return _series("Lorenz", ("x", "y", "z"), chaos.lorenz(size, seed=seed))


@cached
def _csv(
  path: str | os.PathLike | None, columns: Sequence[str | int]
) -> Series:
  if path is None:
    raise FieldError("path", "{field} is required, as the series is 'csv'")
  names, values_NK = read_csv(path, columns)
  series = _series(os.fspath(path), names, values_NK)
  return dataclasses.replace(series, chosen=tuple(columns))


# From `task.series` to its function, and the fields of Source that it takes.
SERIES = {
  "mackey_glass": (_mackey_glass, ("size", "tau", "seed")),
  "lorenz": (_lorenz, ("size", "seed")),
  "csv": (_csv, ("path", "columns")),
}


def _check_computed(size: int, seed: int) -> None:
  check_int("size", size, LEAST_VALUES, chaos.MOST_VALUES)
  check_int("seed", seed, 0, LARGEST_SEED)


def _series(
  title: str, names: tuple[str, ...], values_NK: np.ndarray
) -> Series:
  digest = hashlib.sha256(values_NK.tobytes()).hexdigest()
  return Series(title, names, values_NK, {title: digest})
