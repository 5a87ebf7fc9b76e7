"""A tag for each token of a sentence."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import numpy as np

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
  """Predicts a tag for each token; see `rnn_lab.predictors.predict`.

  Returns:
    For each input "prediction", the tags, "words", the tokens, and
    "probabilities", those of the tags.
  """
  del options
  batch = padded_batch(task, inputs)
  p_BTK = np.asarray(_probabilities(model, params, batch))
  rows = []
  for n, tokens in enumerate(task.tokens_of(inputs)):
    p_TK = p_BTK[n, : len(tokens)]
    rows.append(
      {
        "input": inputs[n],
        "words": [*tokens],
        "prediction": [task.output_names[k] for k in p_TK.argmax(-1)],
        "probabilities": p_TK.max(-1).tolist(),
      }
    )
  return rows


PREDICTOR = Predictor(check=check_readable, predict=predict, options={})


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(model: Model, params: Params, batch: Batch) -> Array:
  outputs = model.apply({"params": params}, batch, (), method="outputs")
  return jax.nn.softmax(cast(Array, outputs))
