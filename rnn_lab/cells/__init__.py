"""Cells: one step of a recurrence each, by name, and how a config makes one."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnn_lab.caching import cached
from rnn_lab.cells._elman import ElmanCarry, ElmanParams, elman
from rnn_lab.cells._gru import GRU_GATES, GRUCarry, GRUParams, gru
from rnn_lab.cells._lstm import LSTM_GATES, LSTMCarry, LSTMParams, lstm
from rnn_lab.cells.base import Cell, cell_factory, output_size
from rnn_lab.errors import check_fields, in_section

CELLS = {"elman": elman, "gru": gru, "lstm": lstm}

__all__ = [
  "CELLS",
  "GRU_GATES",
  "LSTM_GATES",
  "Cell",
  "ElmanCarry",
  "ElmanParams",
  "GRUCarry",
  "GRUParams",
  "LSTMCarry",
  "LSTMParams",
  "build_cell",
  "cell_factory",
  "elman",
  "gru",
  "lstm",
  "output_size",
]


@functools.cache
def _named(factory: Callable[..., Cell], name: str) -> Callable[..., Cell]:
  """Makes a factory whose cells have a kind, and are equal if arguments are.

  A plain function does neither: its cells would be of kind "custom", and every
  trial of a sweep would compile again.
  """

  @functools.wraps(factory)
  def make(*arguments: Any, **options: Any) -> Cell:
    cell = factory(*arguments, **options)
    is_named = cell.kind != Cell._field_defaults["kind"]
    return cell if is_named else cell._replace(kind=name)

  return cached(make)


def build_cell(section: Mapping[str, Any], name: str) -> Cell:
  """Builds the cell `name` with the size and options in `section`.

  Args:
    section: `config.model`: `hidden_size`, and a section `name` with the
      arguments of that cell's factory.
    name: a key of CELLS.

  Raises:
    FieldError: an argument is unknown or out of its range.
  """
  factory = CELLS[name]
  options = dict(section[name])
  known = {*inspect.signature(factory).parameters} - {"hidden_size"}
  with in_section(name):
    check_fields(options, known)
    return _named(factory, name)(section["hidden_size"], **options)
