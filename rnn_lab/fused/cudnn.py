"""An LSTM unrolled by cuDNN, through `jax.experimental.rnn`.

NVIDIA's library runs a whole layer in one call (Appleyard et al. 2016). JAX's
binding of it has neither a batching rule nor a second derivative. Both are
added here: seeds, or whatever else has parameters of its own, are taken one
after the other, and the backward pass is differentiated as that of the scan.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jax.experimental import rnn

from rnn_lab.cells._lstm import LSTMCarry, LSTMParams
from rnn_lab.fused import recurrence
from rnn_lab.fused._lstm import LSTM
from rnn_lab.types import Array


class _Inputs(NamedTuple):
  params: LSTMParams
  x_TBD: Array
  start: LSTMCarry
  lengths_B: Array


def unroll(
  params: LSTMParams, x_TBD: Array, start: LSTMCarry, lengths_B: Array | None,
  reverse: bool,
) -> tuple[LSTMCarry, Array]:  # fmt: skip
  """Computes what `rnn_lab.unroll` does for an LSTM in float32.

  Args:
    params: the cell's.
    x_TBD: `[T, B, D]` inputs.
    start: the carry before the first step.
    lengths_B: of the sequences; None if all are as long as the batch.
    reverse: see `rnn_lab.unroll`.
  """
  T, B, _ = x_TBD.shape
  exact = jax.config.jax_default_matmul_precision in ("highest", "float32")
  full = jnp.full((B,), T, jnp.int32)
  if lengths_B is None:
    last, y_TBH = _lstm(exact, reverse, _Inputs(params, x_TBD, start, full))
    return last, y_TBH
  valid_TB = jnp.arange(T)[:, None] < lengths_B[None]
  x_TBD = jnp.where(valid_TB[..., None], x_TBD, jnp.zeros_like(x_TBD))
  # cuDNN knows no empty sequence.
  inputs = _Inputs(params, x_TBD, start, jnp.maximum(lengths_B, 1))
  last, y_TBH = _lstm(exact, reverse, inputs)
  empty_B1 = (lengths_B == 0)[:, None]
  last = LSTMCarry(*(jnp.where(empty_B1, a, b) for a, b in zip(start, last)))
  return last, jnp.where(valid_TB[..., None], y_TBH, jnp.zeros_like(y_TBH))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _lstm(
  exact: bool, reverse: bool, inputs: _Inputs
) -> tuple[LSTMCarry, Array]:
  return _forward(exact, reverse)(inputs)[0]


def _lstm_fwd(exact: bool, reverse: bool, inputs: _Inputs) -> tuple[Any, Any]:
  outputs, kept = _forward(exact, reverse)(inputs)
  return outputs, (inputs, outputs[1], kept)


def _lstm_bwd(
  exact: bool, reverse: bool, residuals: Any, cotangents: Any
) -> tuple[_Inputs]:
  inputs, y_TBH, kept = residuals
  params, x_TBD, start = _backward(exact, reverse)(
    inputs[:3], cotangents, inputs.lengths_B, y_TBH, kept
  )
  return (_Inputs(params, x_TBD, start, None),)


_lstm.defvjp(_lstm_fwd, _lstm_bwd)


def _call(exact: bool, inputs: _Inputs) -> tuple[Any, ...]:
  """Returns the arguments of JAX's binding."""
  params, x_TBD, start, lengths_B = inputs
  size, width = x_TBD.shape[-1], start.h.shape[-1]
  weights = jnp.concatenate(
    [
      params.input_kernel.T.ravel(),
      params.recurrent_kernel.T.ravel(),
      params.bias,
      jnp.zeros_like(params.bias),
    ]
  )
  precision = jax.lax.Precision.HIGHEST if exact else None
  return (
    (jnp.swapaxes(x_TBD, 0, 1), start.h[None], start.c[None], weights,
     lengths_B),
    (size, width, 1, 0.0, False, precision),
  )  # fmt: skip


@functools.cache
def _forward(exact: bool, reverse: bool) -> Any:
  @sequential_vmap
  def forward(inputs: _Inputs) -> tuple[Any, Any]:
    if reverse:
      inputs = inputs._replace(x_TBD=_flip(inputs.x_TBD, inputs.lengths_B))
    arrays, statics = _call(exact, inputs)
    (y_BTH, h, c), residuals = rnn.lstm_fwd(*arrays, *statics)
    y_TBH = jnp.swapaxes(y_BTH, 0, 1)
    if reverse:
      y_TBH = _flip(y_TBH, inputs.lengths_B)
    return (LSTMCarry(h[0], c[0]), y_TBH), residuals[-1]

  return forward


@functools.cache
def _backward(exact: bool, reverse: bool) -> Any:
  @sequential_vmap
  def through_cudnn(
    inputs: Any, cotangents: Any, lengths_B: Array, y_TBH: Array, kept: Array
  ) -> tuple[LSTMParams, Array, LSTMCarry]:
    params, x_TBD, start = inputs
    d_last, d_y_TBH = cotangents
    if reverse:
      x_TBD, y_TBH, d_y_TBH = (
        _flip(a, lengths_B) for a in (x_TBD, y_TBH, d_y_TBH)
      )
    arrays, statics = _call(exact, _Inputs(params, x_TBD, start, lengths_B))
    d_x, d_h, d_c, d_weights, _ = rnn.lstm_bwd(
      *statics,
      (*arrays, jnp.swapaxes(y_TBH, 0, 1), kept),
      (jnp.swapaxes(d_y_TBH, 0, 1), d_last.h[None], d_last.c[None]),
    )
    d_x = jnp.swapaxes(d_x, 0, 1)
    if reverse:
      d_x = _flip(d_x, lengths_B)
    D, GH = params.input_kernel.shape
    H = params.recurrent_kernel.shape[0]
    d_input, d_recurrent, d_bias, _ = jnp.split(
      d_weights, [GH * D, GH * (D + H), GH * (D + H + 1)]
    )
    d_params = LSTMParams(
      d_input.reshape(GH, D).T, d_recurrent.reshape(GH, H).T, d_bias
    )
    return d_params, d_x, LSTMCarry(d_h[0], d_c[0])

  @jax.custom_jvp
  def backward(
    inputs: Any, cotangents: Any, lengths_B: Array, y_TBH: Array, kept: Array
  ) -> Any:
    return through_cudnn(inputs, cotangents, lengths_B, y_TBH, kept)

  @backward.defjvp
  def _(primals: Any, tangents: Any) -> tuple[Any, Any]:
    lengths_B = primals[2]

    def by_scan(inputs: Any, cotangents: Any) -> Any:
      params, x_TBD, start = inputs
      valid_TB = jnp.arange(x_TBD.shape[0])[:, None] < lengths_B[None]
      how = recurrence.How(LSTM, reverse, "fused")
      _, vjp = jax.vjp(
        lambda p, x, s: recurrence.unroll(how, p, x, s, s, valid_TB, None),
        params, x_TBD, start,
      )  # fmt: skip
      return vjp(cotangents)

    # The gradient as cuDNN's; of what is differentiated once more, its own.
    _, tangent = jax.jvp(by_scan, primals[:2], tangents[:2])
    return backward(*primals), tangent

  return backward


def _flip(a_TBD: Array, lengths_B: Array) -> Array:
  """Reverses each sequence up to its length."""
  t_T1 = jnp.arange(a_TBD.shape[0])[:, None]
  from_TB = jnp.where(t_T1 < lengths_B[None], lengths_B[None] - 1 - t_T1, t_T1)
  return jnp.take_along_axis(a_TBD, from_TB[..., None], axis=0)
