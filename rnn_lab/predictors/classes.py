"""The class of a sequence, and the symbols that speak for it."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
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
  """Predicts a class for each input; see `rnn_lab.predictors.predict`.

  Returns:
    For each input "prediction", the name of the class, its "probability", and
    "words": pairs of each token and its share in the log probability, gradient
    times input (Li et al. 2016); positive speaks for the prediction.
  """
  del options
  batch = padded_batch(task, inputs)
  p_BK, shares_BT = map(np.asarray, _explain(model, params, batch))
  rows = []
  for n, tokens in enumerate(task.tokens_of(inputs)):
    chosen = int(p_BK[n].argmax())
    shares = shares_BT[n, : len(tokens)].tolist()
    rows.append(
      {
        "input": inputs[n],
        "prediction": task.output_names[chosen],
        "probability": float(p_BK[n, chosen]),
        "words": [[*pair] for pair in zip(tokens, shares)],
      }
    )
  return rows


PREDICTOR = Predictor(check=check_readable, predict=predict, options={})


@functools.partial(jax.jit, static_argnums=0)
def _explain(model: Model, params: Params, batch: Batch) -> tuple[Array, Array]:
  """Returns `[B, K]` probabilities, and `[B, T]` shares of the steps."""
  variables = {"params": params}
  x_BTD = cast(Array, model.apply(variables, batch, method="vectors"))

  def chosen(x_BTD: Array) -> tuple[Array, Array]:
    outputs = model.apply(variables, x_BTD, batch, method="outputs_of_vectors")
    log_p_BK = jax.nn.log_softmax(cast(Array, outputs))
    return jnp.sum(jnp.max(log_p_BK, axis=-1)), jnp.exp(log_p_BK)

  gradient_BTD, p_BK = jax.grad(chosen, has_aux=True)(x_BTD)
  return p_BK, jnp.sum(gradient_BTD * x_BTD, axis=-1)
