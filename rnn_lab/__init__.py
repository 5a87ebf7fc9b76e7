"""rnn_lab: recurrent sequence models as pure functions, in JAX.

The public names are here and in the subpackages; modules whose name begins
with an underscore are private. The functions that load are imported
on first use, so that cells and `unroll` come without Flax or Orbax.
"""

from typing import Any

from rnn_lab._stack import (
  Directions,
  Stack,
  final_state,
  init_stack,
  stack,
  unroll_stack,
  with_states,
  zero_perturbations,
)
from rnn_lab._stack_cell import as_cell
from rnn_lab._unroll import static_unroll, unroll
from rnn_lab.cells import CELLS, Cell, cell_factory, elman, gru, lstm

__all__ = [
  "CELLS",
  "Cell",
  "Directions",
  "Stack",
  "as_cell",
  "cell_factory",
  "elman",
  "final_state",
  "gru",
  "init_stack",
  "load_language_model",
  "load_results",
  "load_run",
  "lstm",
  "stack",
  "static_unroll",
  "unroll",
  "unroll_stack",
  "with_states",
  "zero_perturbations",
]


def __getattr__(name: str) -> Any:
  if name in ("load_language_model", "load_run"):
    from rnn_lab.runs import opening

    return getattr(opening, name)
  if name == "load_results":
    from rnn_lab.reports import load_results

    return load_results
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
