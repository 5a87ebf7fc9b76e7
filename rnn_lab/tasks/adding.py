"""The adding problem: remember two of many numbers."""

import functools
import types

import jax
import jax.numpy as jnp

from rnn_lab.caching import cached
from rnn_lab.errors import check_int
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import (
  LONGEST,
  MOST_EXAMPLES,
  SEQUENCE_TO_VECTOR,
  Spec,
  Task,
)
from rnn_lab.tasks.batches import generated
from rnn_lab.types import Array, Batch, Key


@cached
def adding(batch_size: int, length: int, eval_size: int = 1000) -> Task:
  """Makes the task of adding the two marked numbers of a sequence.

  Each step holds a number, uniform in [0, 1), and a mark, 0 or 1. One step of
  the first half, [0, T // 2), is marked and one of the second, [T // 2, T).
  The constant answer 1 has a mean squared error of 2 Var U[0, 1] = 1/6.

  Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997 (task 4), in the
  version of Arjovsky, Shah & Bengio, "Unitary Evolution Recurrent Neural
  Networks", 2016.

  Args:
    batch_size: B, new sequences at every step.
    length: T, at least 2.
    eval_size: number of sequences of the validation and of the test split.

  Returns:
    The task: inputs `[B, T, 2]`, targets `[B, 1]`.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("length", length, 2, LONGEST)
  check_int("eval_size", eval_size, 1, MOST_EXAMPLES)
  generate = functools.partial(_generate, length=length)
  batch, eval_batches = generated(generate, batch_size, eval_size)
  return Task(
    name="adding",
    pattern=SEQUENCE_TO_VECTOR,
    input_spec=Spec(length, 2),
    output_spec=Spec(1, 1),
    output="linear",
    data=((),),
    batch=batch,
    eval_batches=eval_batches,
    loss=losses.squared_error,
    metrics=_metrics,
    headline="mse",
    maximize=False,
    baselines=types.MappingProxyType({"mse": 1 / 6, "loss": 1 / 6}),
  )


def _generate(key: Key, n: int, length: int) -> Batch:
  value_key, place_key = jax.random.split(key)
  values_BT = jax.random.uniform(value_key, (n, length))
  half = length // 2
  # One place in [0, half) and one in [half, length).
  first, behind = jnp.array([[0, half]]), jnp.array([[half, length]])
  places_B2 = jax.random.randint(place_key, (n, 2), first, behind)
  # The two places differ, so the sum of two one-hot rows is of 0 and 1.
  marks_BT = jnp.sum(jax.nn.one_hot(places_B2, length), axis=1)
  return Batch(
    inputs=jnp.stack([values_BT, marks_BT], axis=-1),
    input_lengths=None,
    targets=jnp.sum(values_BT * marks_BT, axis=1, keepdims=True),
    weights=jnp.ones((n,)),
  )


def _metrics(outputs: Array, batch: Batch) -> dict[str, tuple[Array, Array]]:
  error = losses.squared_error(outputs, batch)
  return {"loss": error, "mse": error}
