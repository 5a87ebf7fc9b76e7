"""Reference implementations in float64 numpy, slow and simple."""

import numpy as np


def sigmoid(x):
  return 1.0 / (1.0 + np.exp(-x))


def elman_step(p, carry, x, f=np.tanh):
  h = f(x @ p.input_kernel + carry.h @ p.recurrent_kernel + p.bias)
  return type(carry)(h), h


def lstm_step(p, carry, x):
  size = carry.h.shape[-1]
  gates = []
  for n in range(4):
    gate = slice(n * size, (n + 1) * size)
    gates.append(
      x @ p.input_kernel[:, gate]
      + carry.h @ p.recurrent_kernel[:, gate]
      + p.bias[gate]
    )
  i, f, g, o = gates
  c = sigmoid(f) * carry.c + sigmoid(i) * np.tanh(g)
  h = sigmoid(o) * np.tanh(c)
  return type(carry)(h, c), h


def gru_step(p, carry, x):
  size = carry.h.shape[-1]

  def gate(n):
    s = slice(n * size, (n + 1) * size)
    return (
      x @ p.input_kernel[:, s] + p.bias[s],
      carry.h @ p.recurrent_kernel[:, s],
    )

  (xr, hr), (xz, hz), (xn, hn) = gate(0), gate(1), gate(2)
  r, z = sigmoid(xr + hr), sigmoid(xz + hz)
  n = np.tanh(xn + r * (hn + p.recurrent_bias_n))
  h = (1 - z) * n + z * carry.h
  return type(carry)(h), h


NUMPY_STEPS = {"elman": elman_step, "gru": gru_step, "lstm": lstm_step}


def unroll_in_pieces(step, params, xs, carry, fresh, lengths, resets, reverse):
  """Computes `unroll` with lengths, resets and direction, without masks.

  Each sequence is cut to its length and at its resets; the pieces are unrolled
  by a loop and concatenated.

  Args:
    step: one of NUMPY_STEPS.
    params: a NamedTuple of numpy arrays.
    xs: `[T, B, D]`.
    carry: the carries before the first step, `[B, H]`.
    fresh: the carry after a reset, of one sequence.
    lengths: B integers.
    resets: `[T, B]` booleans.
    reverse: read backwards.
  """
  ys = np.zeros((*xs.shape[:2], carry.h.shape[-1]))
  carries = []
  for b, length in enumerate(lengths):
    state = type(carry)(*[a[b] for a in carry])
    borders = [t for t in range(length) if resets[t, b]]
    starts = sorted({0, *borders})
    pieces = list(zip(starts, [*starts[1:], length]))
    for start, stop in reversed(pieces) if reverse else pieces:
      if (stop if reverse else start) in borders:
        state = fresh
      for t in range(start, stop)[:: -1 if reverse else 1]:
        state, ys[t, b] = step(params, state, xs[t, b])
    carries.append(state)
  return type(carry)(*[np.stack(a) for a in zip(*carries)]), ys


def unroll_masked(step, params, xs, carry, fresh, mask, resets, reverse):
  """Computes `unroll` with any mask: a loop over the valid steps alone.

  Args:
    mask: `[T, B]` booleans.
    step, params, xs, carry, fresh, resets, reverse: see `unroll_in_pieces`.
  """
  ys = np.zeros((*xs.shape[:2], carry.h.shape[-1]))
  carries = []
  for b in range(xs.shape[1]):
    state = type(carry)(*[a[b] for a in carry])
    valid = [t for t in range(len(xs)) if mask[t, b]]
    last = None if reverse else -1
    for t in reversed(valid) if reverse else valid:
      if last is not None:
        between = range(t + 1, last + 1) if reverse else range(last + 1, t + 1)
        if any(resets[n, b] for n in between):
          state = fresh
      state, ys[t, b] = step(params, state, xs[t, b])
      last = t
    carries.append(state)
  return type(carry)(*[np.stack(a) for a in zip(*carries)]), ys
