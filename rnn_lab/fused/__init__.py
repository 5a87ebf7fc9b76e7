"""Exact, faster programs of whole sequences, looked up by a cell's step."""

import functools
from typing import Any

import jax

from rnn_lab.cells import elman, gru, lstm
from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError
from rnn_lab.fused._elman import rule
from rnn_lab.fused._gru import GRU
from rnn_lab.fused._lstm import LSTM
from rnn_lab.fused.recurrence import Program as Program
from rnn_lab.fused.recurrence import unroll as unroll
from rnn_lab.fused.rules import Rule

# Steps that one iteration of a loop takes, by platform, as measured in
# docs/performance.md; on a platform that is not here "auto" is the scan.
_UNROLL = {"cpu": 1, "gpu": 16}


def program(cell: Cell, reverse: bool, implementation: str) -> Program | None:
  """Returns the fused program of a cell, or None for the scan.

  Args:
    cell: the cell.
    reverse: see `rnn_lab.unroll`.
    implementation: "auto", "fused" or "scan".

  Raises:
    FieldError: it is "fused" and the cell has no fused program.
  """
  rule = _rules().get(cell.step)
  platform = jax.default_backend()
  if implementation == "fused" and rule is None:
    raise FieldError(
      "implementation",
      "{field} must be auto or scan for a cell other than elman, gru and "
      f"lstm, got fused for {cell.kind!r}",
    )
  automatic = implementation == "auto" and platform in _UNROLL
  if rule is None or not (automatic or implementation == "fused"):
    return None
  return Program(rule, reverse, _UNROLL.get(platform, 1))


@functools.cache
def _rules() -> dict[Any, Rule]:
  # Cells of all sizes share their step.
  rules = {lstm(1).step: LSTM, gru(1).step: GRU}
  return rules | {elman(1, name).step: rule(name) for name in ACTIVATIONS}
