"""rnn_lab: recurrent sequence models as plain functions, in JAX.

The public names are here; those that open runs are imported on first use, so
that the cells and `unroll` come without Flax or the checkpoints.
"""

from typing import Any

from rnn_lab.cells import CELLS, Cell, elman, gru, lstm
from rnn_lab.stack import stack
from rnn_lab.unroll import static_unroll, unroll

__all__ = [
  "CELLS",
  "Cell",
  "elman",
  "gru",
  "load_language_model",
  "load_run",
  "lstm",
  "stack",
  "static_unroll",
  "unroll",
]


def __getattr__(name: str) -> Any:
  if name == "load_run":
    from rnn_lab.training.run import load_run

    return load_run
  if name == "load_language_model":
    from rnn_lab.training.language_runs import load_language_model

    return load_language_model
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
