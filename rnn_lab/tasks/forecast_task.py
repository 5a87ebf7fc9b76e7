"""What the task of forecasting a series is made of."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import FLOAT32_MAX, FieldError
from rnn_lab.rundir import SERIES, read_json, write_sealed
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.series import Scaling
from rnn_lab.types import Array, Batch

PREDICT = ("value", "change")
# Of the file of a run, beside its title and names.
_ARRAYS = ("mean", "std", "change_scale")


class Cut(NamedTuple):
  """How a series is cut into windows and predicted.

  The fields are arguments of `rnn_lab.tasks.forecasting.forecasting`.
  """

  window: int
  horizon: int
  warmup: int
  predict: str
  noise: float
  eval_size: int


class Columns(NamedTuple):
  """What must be known of a series to forecast it.

  Attributes:
    names: of the K columns.
    scaling: of the training part.
    change_scale: of the scaled training part the root mean square of the
      changes from one time to the next, float64 `[K]`.
    chosen: which columns of a CSV file they are, by name or number; () for
      all of its columns.
  """

  names: tuple[str, ...]
  scaling: Scaling
  change_scale: np.ndarray
  chosen: tuple[str | int, ...] = ()


class Parts(NamedTuple):
  """The scaled parts of a series.

  Attributes:
    train: float64 `[N, K]`.
    windows: of "valid" and "test", float64 `[O, warmup + horizon, K]`: the
      last values up to each origin, and those that follow.
  """

  train: np.ndarray
  windows: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ForecastTask(Task):
  """A task whose model forecasts a series.

  Attributes:
    title: what the series is.
    columns: its columns and their scaling.
    cut: how it is cut.
    parts: its parts.
  """

  title: str
  columns: Columns
  cut: Cut
  parts: Parts

  @property
  def horizons(self) -> tuple[int, ...]:
    """1, 2, 4, ... and the last one: those whose error is a metric."""
    last = self.cut.horizon
    powers = [2**n for n in range(last.bit_length())]
    return (*(h for h in powers if h < last), last)

  def next_values(self, x: Array, outputs: Array) -> Array:
    """Returns the scaled values that a model's outputs predict.

    Args:
      x: `[B, K]`, the values read last, scaled.
      outputs: `[B, K]`, of the model.
    """
    if self.cut.predict == "value":
      return outputs
    return x + outputs * jnp.asarray(self.columns.change_scale, x.dtype)[None]

  def inputs_of(self, values: Any) -> Batch:
    """Returns a batch of one series, scaled; its targets are zeros.

    Args:
      values: `[N, K]` numbers in the units of the series, N at least 1; or
        `[N]` where K is 1.

    Raises:
      FieldError: `input`, if they are no such numbers.
    """
    names = self.columns.names
    try:
      if np.iscomplexobj(values):
        raise TypeError("they are complex")
      values_NK = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
      message = f"{{field}} must be rows of numbers ({error})"
      raise FieldError("input", message) from error
    if values_NK.ndim == 1 and len(names) == 1:
      values_NK = values_NK[:, None]
    if values_NK.shape[1:] != (len(names),) or not len(values_NK):
      raise FieldError(
        "input",
        f"{{field}} must have one row or more of {len(names)} numbers "
        f"({', '.join(names)}), got the shape {values_NK.shape}",
      )
    # Also as the model reads them: scaled, and in float32.
    with np.errstate(over="ignore", invalid="ignore"):
      scaled_NK = self.columns.scaling.apply(values_NK).astype(np.float32)
    is_finite_N = (np.abs(values_NK) <= FLOAT32_MAX).all(axis=1)
    is_finite_N &= np.isfinite(scaled_NK).all(axis=1)
    if not is_finite_N.all():
      row = int(np.argmin(is_finite_N)) + 1
      raise FieldError(
        "input", f"{{field}} must be finite numbers; row {row} is not"
      )
    inputs = scaled_NK[None]
    weights = np.ones(inputs.shape[:2], np.float32)
    return Batch(inputs, None, np.zeros_like(inputs), weights)

  def describe(self) -> str:
    """Returns a line with the series, its columns and its parts."""
    parts = [f"{len(self.parts.train):,} times to train on"]
    parts += [
      f"{len(w):,} origins of {s}" for s, w in self.parts.windows.items()
    ]
    return f"{self.title} ({', '.join(self.columns.names)}): {', '.join(parts)}"

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes what `read_columns` reads."""
    scaling = self.columns.scaling
    arrays = scaling.mean, scaling.std, self.columns.change_scale
    content = {name: array.tolist() for name, array in zip(_ARRAYS, arrays)}
    content["title"] = self.title
    for name in ("names", "chosen"):
      content[name] = list(getattr(self.columns, name))
    write_sealed(workdir / SERIES, content)


def read_columns(workdir: pathlib.Path) -> tuple[str, Columns]:
  """Reads what a task saved: the title of its series, and its columns.

  Raises:
    FieldError: `workdir`, if it has no such file, or a damaged one.
  """
  path = workdir / SERIES
  if not path.exists():
    raise FieldError(
      "workdir",
      f"{{field}} must be the run of a forecast; {workdir} has no {SERIES}",
    )
  content = read_json(path)
  try:
    arrays = [np.array(content[name], np.float64) for name in _ARRAYS]
    names, chosen = tuple(content["names"]), tuple(content["chosen"])
    if any(array.shape != (len(names),) for array in arrays):
      raise ValueError("numbers and names do not fit")
    title = content["title"]
  except (KeyError, TypeError, ValueError) as error:
    raise FieldError(
      "workdir", f"{{field}} holds a damaged file: {path} ({error!r})"
    ) from error
  mean, std, change_scale = arrays
  return title, Columns(names, Scaling(mean, std), change_scale, chosen)
