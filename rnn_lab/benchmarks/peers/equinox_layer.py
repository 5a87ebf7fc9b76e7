"""Equinox's recurrent cells, scanned; it has no simple recurrent network."""

from typing import Any

import equinox as eqx  # pyright: ignore[reportMissingImports]
import jax
import jax.numpy as jnp

from rnn_lab.benchmarks.peers.base import Missing, Recurrence, Weights


def recurrence(kind: str, weights: Weights) -> Recurrence:
  """Builds the layer."""
  size, hidden = weights.inputs, weights.hidden
  if kind == "elman":
    raise Missing
  make = {"gru": eqx.nn.GRUCell, "lstm": eqx.nn.LSTMCell}[kind]
  cell = make(size, hidden, key=jax.random.key(0))
  w, u, b = map(jnp.asarray, weights)

  def parts(cell: Any) -> list:
    rest = [cell.bias_n] if kind == "gru" else []
    return [cell.weight_ih, cell.weight_hh, cell.bias, *rest]

  rest = [jnp.zeros(hidden)] if kind == "gru" else []
  cell = eqx.tree_at(parts, cell, [w.T, u.T, b, *rest])
  params, static = eqx.partition(cell, eqx.is_array)

  def run(params: Any, x: Any, carry: Any) -> tuple[Any, Any]:
    step = jax.vmap(eqx.combine(params, static))

    def body(state: Any, x: Any) -> Any:
      state = step(x, state)
      return state, state[0] if kind == "lstm" else state

    if carry is None:
      zeros = jnp.zeros((x.shape[1], hidden))
      carry = (zeros, zeros) if kind == "lstm" else zeros
    return jax.lax.scan(body, carry, x)

  return Recurrence(params, run, lambda p: (p.weight_ih.T, p.weight_hh.T))
