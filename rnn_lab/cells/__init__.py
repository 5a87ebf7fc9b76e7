"""Cells: one step of a recurrence each. `CELLS` lists them by name."""

from rnn_lab.cells._elman import ElmanCarry, ElmanParams, elman
from rnn_lab.cells._gru import GRU_GATES, GRUCarry, GRUParams, gru
from rnn_lab.cells._lstm import LSTM_GATES, LSTMCarry, LSTMParams, lstm
from rnn_lab.cells.base import Cell, cell_factory, output_size

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
  "cell_factory",
  "elman",
  "gru",
  "lstm",
  "output_size",
]
