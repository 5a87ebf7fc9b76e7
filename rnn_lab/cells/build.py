"""From a config's `model` section to a cell."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnn_lab.cells import CELLS, Cell
from rnn_lab.errors import check_fields, in_section


def build_cell(section: Mapping[str, Any], name: str) -> Cell:
  """The cell `name` of the sizes and options in `section`.

  Args:
    section: `config.model`: `hidden_size`, and a section `name` with the
      arguments of that cell's factory.
    name: a key of CELLS.

  Raises:
    FieldError: an argument is unknown or out of its range.
  """
  factory = CELLS[name]
  options = dict(section[name])
  with in_section(name):
    check_fields(options, _arguments(factory))
    return _make(factory, section["hidden_size"], tuple(options.items()))


@functools.cache
def _make(
  factory: Callable[..., Cell], hidden_size: int, options: tuple
) -> Cell:
  # Cached here, so that a user's factory need not be: equal sections must
  # give the same cell, or every trial of a sweep compiles again.
  return factory(hidden_size, **dict(options))


def _arguments(factory: Callable[..., Cell]) -> set[str]:
  return {*inspect.signature(factory).parameters} - {"hidden_size"}
