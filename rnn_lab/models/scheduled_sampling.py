"""A decoder that, in training, sometimes reads its own symbols."""

import functools
from typing import Any

import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.models.base import read_out
from rnn_lab.types import Carry


@functools.cache
def self_reading(cell: Cell, num_symbols: int) -> Cell:
  """Returns a decoder's cell that can read its own most probable symbol.

  Bengio et al. 2015; no gradient flows through the choice.

  Its parameters are (the cell's, embedding, readout), its carry (the cell's,
  logits before), its inputs (the cell's with the symbol's embedding before
  dropout, `[B, 1]` whether it reads its own, `[B, D]` what dropout multiplies
  the embedding by, whichever symbol it is of).
  """

  def step(params: Any, carry: Any, x: Any) -> tuple:
    of_cell, embedding, readout = params
    inner, logits_BV = carry
    (x_BD, masks), own_B1, kept_BD = x
    chosen_B = jnp.argmax(logits_BV, axis=-1)
    x_BD = jnp.where(own_B1, jnp.take(embedding, chosen_B, axis=0), x_BD)
    inner, output_BO = cell.step(of_cell, inner, (x_BD * kept_BD, masks))
    logits_BV = read_out(readout, output_BO)
    return (inner, logits_BV), output_BO

  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> Carry:
    logits = jnp.zeros((*batch_shape, num_symbols), dtype)
    return cell.initial_carry(batch_shape, dtype), logits

  return cell._replace(initial_carry=initial_carry, step=step)
