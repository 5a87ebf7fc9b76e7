"""Exact, faster programs of whole sequences, looked up by a cell's step."""

import contextlib
import contextvars
import functools
import logging
from collections.abc import Iterator
from typing import Any

import jax

from rnn_lab.cells import elman, gru, lstm
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError
from rnn_lab.fused._elman import rule as elman_rule
from rnn_lab.fused._gru import GRU
from rnn_lab.fused._lstm import LSTM
from rnn_lab.fused.recurrence import Program as Program
from rnn_lab.fused.recurrence import unroll as unroll
from rnn_lab.fused.rules import Rule

# The platforms where "auto" is a fused program, since it was faster than the
# scan in the mean of the rows of docs/benchmarks.md, and the fields `unroll`
# and `hoist` of `Program`.
AUTOMATIC = {"cpu": (1, False), "gpu": (16, True)}


# What a program is traced for, where that is not JAX's default backend.
_PLATFORM: contextvars.ContextVar[str | None] = contextvars.ContextVar(
  "platform", default=None
)


@contextlib.contextmanager
def traced_for(platform: str) -> Iterator[None]:
  """Lets "auto" choose for a platform: "cpu", "gpu" or "tpu"."""
  token = _PLATFORM.set(platform)
  try:
    yield
  finally:
    _PLATFORM.reset(token)


def program(cell: Cell, reverse: bool, implementation: str) -> Program | None:
  """Returns the fused program of a cell, or None for the scan.

  Args:
    cell: the cell.
    reverse: see `rnn_lab.unroll`.
    implementation: "auto", "fused" or "scan".

  Raises:
    FieldError: it is "fused" and the cell has no fused program.
  """
  if implementation == "scan":
    return None
  platform = _PLATFORM.get() or jax.default_backend()
  if implementation == "auto" and platform not in AUTOMATIC:
    _say_once(f"every cell on {platform}")
    return None
  # By identity: a user's step need not be hashable.
  rule = next((rule for step, rule in _rules() if step is cell.step), None)
  if rule is not None:
    return Program(rule, reverse, *AUTOMATIC.get(platform, AUTOMATIC["cpu"]))
  if implementation == "auto":
    _say_once(f"cell {cell.kind!r}, which has no fused program")
    return None
  raise FieldError(
    "implementation",
    "{field} must be auto or scan for a cell whose step is not that of elman, "
    f"gru or lstm, got fused for {cell.kind!r}",
  )


@functools.cache
def _say_once(what: str) -> None:
  # Of level INFO, as it is no fault.
  logging.getLogger(__name__).info(
    'implementation "auto" is the scan for %s', what
  )


@functools.cache
def _rules() -> tuple[tuple[Any, Rule], ...]:
  """Returns the steps that have a rule, which cells of all sizes share."""
  elmans = [(elman(1, name).step, elman_rule(name)) for name in ACTIVATIONS]
  return (lstm(1).step, LSTM), (gru(1).step, GRU), *elmans
