"""Networks that the tests of rnn_lab.gradients take apart: distinct inputs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._stack import stack
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells import CELLS, Cell, elman, gru

T, B, D, H, K = 6, 3, 2, 4, 2


def cost(readout, y, target):
  y = jnp.tanh(y @ readout["v"] + readout["b"][None])
  return jnp.sum(jnp.square(y - target))


def _foreign_init(key, input_size):
  keys = jax.random.split(key, 3)
  shapes = ((H, H), (input_size, H), (H,))
  return [jax.random.normal(k, s) for k, s in zip(keys, shapes)]


def _foreign_step(params, carry, x):
  w, u, decay = params
  carry = jnp.sin(carry @ w + x @ u) + jax.nn.sigmoid(decay)[None] * carry
  # What is put out is not the state, and depends on the weights, too.
  return carry, carry * jnp.cos(x @ u)


# Parameters in a list, a bare array as carry, nothing called h.
FOREIGN = Cell(
  _foreign_init,
  lambda shape, dtype: jnp.zeros((*shape, H), dtype),
  _foreign_step,
)


def _counting_step(params, carry, x):
  h, y = _foreign_step(params, carry["h"], x)
  h = jnp.where(carry["n"] % 2 == 0, h, carry["h"])
  return {"h": h, "n": carry["n"] + 1}, y


# As a clockwork RNN: the carry counts steps, which has no gradient.
COUNTING = Cell(
  _foreign_init,
  lambda shape, dtype: {
    "h": jnp.zeros((*shape, H), dtype),
    "n": jnp.zeros((), jnp.int32),
  },
  _counting_step,
)


@functools.cache
def _cells():
  return {kind: make(H) for kind, make in CELLS.items()} | {
    "foreign": FOREIGN,
    "counting": COUNTING,
    "stack": as_cell(stack([elman(H + 1), gru(H)])),
  }


def random_like(tree, seed, dtype):
  rng = np.random.default_rng(seed)

  def draw(a):
    if not jnp.issubdtype(a.dtype, jnp.floating):
      return a
    return jnp.asarray(rng.normal(size=a.shape).astype(dtype))

  return jax.tree.map(draw, tree)


def case(name, dtype=np.float64):
  """(cell, params, readout, xs, targets), and the options of entry points."""
  cell = _cells()[name]
  shape = functools.partial(jax.ShapeDtypeStruct, dtype=dtype)
  # Shapes are enough: the initializers would have to be compiled.
  params = jax.eval_shape(lambda: cell.init(jax.random.key(0), D))
  params = random_like(params, 1, dtype)
  readout = random_like({"v": shape((H, K)), "b": shape((K,))}, 2, dtype)
  xs = random_like(shape((T, B, D)), 3, dtype)
  targets = random_like(shape((T, B, K)), 4, dtype)
  carry = random_like(cell.initial_carry((B,), jnp.float32), 5, dtype)
  weights = jnp.array([1.0, 0.5, 0.0, 2.0, -1.0, 1.5], dtype)
  options = {"carry": carry, "weights_T": weights}
  return (cell, cost, params, readout, xs, targets), options
