"""The copying memory problem: remember ten symbols over a long delay."""

import functools
import math
import types

import jax
import jax.numpy as jnp

from rnn_lab.caching import cached
from rnn_lab.errors import check_int
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import (
  LONGEST,
  MOST_EXAMPLES,
  SEQUENCE_TO_SEQUENCE,
  Spec,
  Task,
)
from rnn_lab.tasks.batches import generated
from rnn_lab.types import Array, Batch, Key

NUM_COPIED = 10
NUM_SYMBOLS = 8
BLANK = 0  # the symbols are 1 to 8
DELIMITER = NUM_SYMBOLS + 1


@cached
def copy_memory(batch_size: int, delay: int, eval_size: int = 1000) -> Task:
  """Makes the task of repeating ten symbols after a delay and a delimiter.

  With delay T, a sequence of T + 20 steps holds 10 symbols, each uniform
  among 8; T - 1 blanks; a delimiter; 10 blanks. The targets are T + 10 blanks
  and then the 10 symbols. The loss is the mean over all T + 20 steps; the
  accuracy is that of the last ten steps alone.

  The best guess without memory is "blank" with certainty, then each symbol
  with 1/8: a loss of 10 ln 8 / (T + 20) and an accuracy of 1/8.

  Arjovsky, Shah & Bengio, "Unitary Evolution Recurrent Neural Networks",
  2016, after Hochreiter & Schmidhuber, 1997.

  Args:
    batch_size: B, new sequences at every step.
    delay: T of the paper, at least 1: steps from the last symbol to the
      delimiter.
    eval_size: number of sequences of the validation and of the test split.

  Returns:
    The task: inputs `[B, T + 20, 10]` one-hot (blank, 8 symbols, delimiter),
    targets `[B, T + 20]`, 9 classes (blank, 8 symbols).

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("delay", delay, 1, LONGEST)
  check_int("eval_size", eval_size, 1, MOST_EXAMPLES)
  generate = functools.partial(_generate, delay=delay)
  batch, eval_batches = generated(generate, batch_size, eval_size)
  length = delay + 2 * NUM_COPIED
  guess = {
    "loss": NUM_COPIED * math.log(NUM_SYMBOLS) / length,
    "accuracy": 1 / NUM_SYMBOLS,
  }
  return Task(
    name="copy_memory",
    pattern=SEQUENCE_TO_SEQUENCE,
    input_spec=Spec(length, NUM_SYMBOLS + 2),
    output_spec=Spec(length, NUM_SYMBOLS + 1),
    output="softmax",
    data=((),),
    batch=batch,
    eval_batches=eval_batches,
    loss=losses.cross_entropy,
    metrics=_metrics,
    headline="loss",
    maximize=False,
    baselines=types.MappingProxyType(guess),
  )


def _generate(key: Key, n: int, delay: int) -> Batch:
  shape = (n, NUM_COPIED)
  symbols = jax.random.randint(key, shape, 1, NUM_SYMBOLS + 1, jnp.int32)

  def constant(symbol, steps):
    return jnp.full((n, steps), symbol, jnp.int32)

  inputs_BT = jnp.concatenate(
    [
      symbols,
      constant(BLANK, delay - 1),
      constant(DELIMITER, 1),
      constant(BLANK, NUM_COPIED),
    ],
    axis=1,
  )
  targets_BT = jnp.concatenate(
    [constant(BLANK, delay + NUM_COPIED), symbols], axis=1
  )
  return Batch(
    inputs=jax.nn.one_hot(inputs_BT, NUM_SYMBOLS + 2),
    input_lengths=None,
    targets=targets_BT,
    weights=jnp.ones(targets_BT.shape),
  )


def _metrics(outputs: Array, batch: Batch) -> dict[str, tuple[Array, Array]]:
  recalled = batch._replace(
    targets=batch.targets[:, -NUM_COPIED:],
    weights=batch.weights[:, -NUM_COPIED:],
  )
  return {
    "loss": losses.cross_entropy(outputs, batch),
    "accuracy": losses.accuracy(outputs[:, -NUM_COPIED:], recalled),
  }
