"""Windows of a series: batches to train on, and forecasts to evaluate."""

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.errors import check_choice
from rnn_lab.tasks import losses
from rnn_lab.tasks.batches import EVAL_SEEDS, in_batches
from rnn_lab.tasks.forecast_task import Columns, Cut, Parts
from rnn_lab.types import Array, Batch, Key


def windows_of(series_NK: np.ndarray, size: int, cut: Cut) -> np.ndarray:
  """Returns `[O, warmup + horizon, K]`: windows of the last `size` times.

  The first origin is the time in front of them.
  """
  count = size - cut.horizon + 1
  first = len(series_NK) - size - 1
  origins = np.linspace(
    first, first + count - 1, min(count, cut.eval_size), dtype=np.int64
  )
  steps = np.arange(1 - cut.warmup, cut.horizon + 1)
  return series_NK[origins[:, None] + steps[None]]


def training_batch(
  batch_size: int,
  cut: Cut,
  data: tuple[Array, Array],
  key: Key,
  step: Array,
) -> Batch:
  """Returns random windows of the training part; see `Task.batch`."""
  train_NK, change_scale_K = data
  size, width = train_NK.shape
  start_key, noise_key = jax.random.split(jax.random.fold_in(key, step))
  starts_B = jax.random.randint(start_key, (batch_size,), 0, size - cut.window)
  x_BTK = jax.vmap(
    lambda start: jax.lax.dynamic_slice(
      train_NK, (start, 0), (cut.window + 1, width)
    )
  )(starts_B)
  inputs, targets = x_BTK[:, :-1], x_BTK[:, 1:]
  if cut.noise:
    noise = jax.random.normal(noise_key, inputs.shape)
    inputs = inputs + cut.noise * noise
  if cut.predict == "change":
    targets = (targets - inputs) / change_scale_K[None, None]
  weights_T = jnp.arange(cut.window) >= cut.warmup - 1
  weights = jnp.broadcast_to(weights_T[None], (batch_size, cut.window))
  return Batch(inputs, None, targets, weights.astype(jnp.float32))


def eval_batches(
  cut: Cut, columns: Columns, parts: Parts, split: str
) -> tuple[Batch, ...]:
  """Returns the windows of a split; weights are zero in front of the origin."""
  check_choice("split", split, EVAL_SEEDS)
  x_BTK = parts.windows[split]
  inputs, targets = x_BTK[:, :-1], x_BTK[:, 1:]
  if cut.predict == "change":
    targets = (targets - inputs) / columns.change_scale
  weights = np.zeros(inputs.shape[:2], np.float32)
  weights[:, cut.warmup - 1 :] = 1.0
  return in_batches(
    Batch(inputs.astype(np.float32), None, targets.astype(np.float32), weights)
  )


def metrics(
  cut: Cut,
  change_scale: tuple[float, ...],
  outputs: Array,
  batch: Batch,
) -> dict[str, tuple[Array, Array]]:
  """Returns the loss, and the normalised mean squared error of one step.

  Each prediction of it is made after true values, and the error is averaged
  over the columns.
  """
  scale = jnp.ones(len(change_scale))
  if cut.predict == "change":
    scale = jnp.asarray(change_scale)
  scale = scale[None, None]
  scaled = batch._replace(targets=batch.targets * scale)
  total, count = losses.squared_error(outputs * scale, scaled)
  return {
    "loss": losses.squared_error(outputs, batch),
    "one_step_nmse": (total, count * len(change_scale)),
  }
