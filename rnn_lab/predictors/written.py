"""A sequence written from an input, symbol by symbol."""

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.decoding import WIDEST_BEAM
from rnn_lab.errors import check_float, check_int
from rnn_lab.models.base import Model
from rnn_lab.predictors.base import Predictor, check_readable, padded_batch
from rnn_lab.types import Array, Batch, Params


def predict(
  model: Model,
  params: Params,
  task: Any,
  inputs: Sequence[Any],
  options: Mapping[str, Any],
) -> list[dict[str, Any]]:
  """Writes an answer to each input; see `rnn_lab.predictors.predict`.

  Args:
    model, params, task, inputs: see there.
    options: "beam_size" (1 for greedy decoding, the default) and
      "length_penalty".

  Returns:
    For each input "prediction", the text, its "probability", that of all its
    symbols and of its end, and "symbols"; with attention also "attention",
    `[symbols][places]`, the weights of the "places" of the input.
  """
  check_int("beam_size", options.get("beam_size", 1), 1, WIDEST_BEAM)
  check_float("length_penalty", options.get("length_penalty", 1.0), 0.0)
  batch = padded_batch(task, inputs)
  arrays = _write(model, tuple(sorted(options.items())), params, batch)
  symbols_BT, log_p_BT, weights_BTS = arrays
  symbols_BT, log_p_BT = np.asarray(symbols_BT), np.asarray(log_p_BT)
  rows = []
  for n, symbols in enumerate(symbols_BT[: len(inputs)]):
    ends = np.flatnonzero(symbols == task.end)
    length = int(ends[0]) if len(ends) else len(symbols)
    is_path = isinstance(inputs[n], os.PathLike)
    row = {
      "input": os.fspath(inputs[n]) if is_path else inputs[n],
      "prediction": task.text_of(symbols[:length]),
      "probability": float(np.exp(log_p_BT[n, : length + 1].sum())),
      "symbols": [task.output_names[s] for s in symbols[:length]],
    }
    if weights_BTS is not None:
      places = [*task.tokens_of([inputs[n]])[0]]
      places = places[::-1] if model.reverse_source else places
      weights = np.asarray(weights_BTS[n, : length + 1, : len(places)])
      row |= {"places": places, "attention": weights.tolist()}
    rows.append(row)
  return rows


PREDICTOR = Predictor(
  check=check_readable,
  predict=predict,
  options={
    "beam_size": "sequences.test_beam",
    "length_penalty": "sequences.length_penalty",
  },
)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _write(
  model: Model, options: tuple, params: Params, batch: Batch
) -> tuple[Array, Array, Array | None]:
  """Returns symbols and their log p, `[B, T]`, and attention if any."""
  variables = {"params": params}
  decoded = model.apply(variables, batch, method="decode", **dict(options))
  symbols_BT = cast(Array, decoded)
  read = batch._replace(
    targets=symbols_BT, weights=jnp.ones(symbols_BT.shape, jnp.float32)
  )
  outputs = model.apply(variables, read, (), method="outputs")
  log_p_BTV = jax.nn.log_softmax(cast(Array, outputs))
  log_p_BT = jnp.take_along_axis(log_p_BTV, symbols_BT[..., None], -1)[..., 0]
  weights_BTS = None
  if model.attends:
    attention = model.apply(variables, read, method="attention")
    weights_BTS = cast(Array, attention)
  return symbols_BT, log_p_BT, weights_BTS
