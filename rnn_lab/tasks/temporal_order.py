"""The temporal order problem: in which order did X and Y occur?"""

import functools
import math
import types

import jax
import jax.numpy as jnp
import numpy as np

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
from rnn_lab.types import Batch, Key

ALPHABET = "EBabcdXY"
START, TRIGGER, DISTRACTORS, RELEVANT = 0, 1, 2, 6

# The steps of the relevant symbols in sequences of 100 steps, ends included.
WINDOWS = {
  2: ((10, 20), (50, 60)),
  3: ((10, 20), (33, 43), (66, 76)),
}
# From this length on the windows are disjoint and between the first and the
# last step.
SHORTEST = 10


@cached
def temporal_order(
  batch_size: int,
  num_relevant: int = 2,
  length: int = 100,
  eval_size: int = 1000,
) -> Task:
  """Makes the task of telling the order of symbols X and Y among distractors.

  A sequence starts with E, ends with the trigger B, and in between holds
  random a, b, c or d, except at two steps (task 6a) or three (6b) that hold X
  or Y. Its class is their order, read as a binary number with X = 0, Y = 1 and
  the earliest as the most significant bit: XX, XY, YX, YY. Its length is
  uniform in [length, length + length // 10]. With length 100 the relevant
  steps are uniform, counted from 0 and ends included, in [10, 20] and [50, 60]
  (6a), or [10, 20], [33, 43] and [66, 76] (6b); for other lengths these are
  scaled and rounded down. A uniform guess has an accuracy of 1/4 (or 1/8) and
  a loss of ln 4 (or ln 8).

  Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997 (tasks 6a and 6b).

  Args:
    batch_size: B, new sequences at every step.
    num_relevant: 2 (task 6a, 4 classes) or 3 (task 6b, 8 classes).
    length: the length of the shortest sequence, at least 10; 100 in the paper.
    eval_size: number of sequences of the validation and of the test split.

  Returns:
    The task: inputs `[B, T, 8]` one-hot (E, B, a, b, c, d, X, Y) with
    T = length + length // 10, zeros past each sequence's length; targets
    `[B]`.

  Raises:
    FieldError: an argument is out of range.
  """
  check_int("num_relevant", num_relevant, 2, 3)
  check_int("length", length, SHORTEST, LONGEST)
  check_int("eval_size", eval_size, 1, MOST_EXAMPLES)
  generate = functools.partial(
    _generate, num_relevant=num_relevant, length=length
  )
  batch, eval_batches = generated(generate, batch_size, eval_size)
  classes = 2**num_relevant
  guess = {"accuracy": 1 / classes, "loss": math.log(classes)}
  return Task(
    name="temporal_order",
    pattern=SEQUENCE_TO_VECTOR,
    input_spec=Spec(length + length // 10, len(ALPHABET)),
    output_spec=Spec(1, classes),
    output="softmax",
    data=((),),
    batch=batch,
    eval_batches=eval_batches,
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="accuracy",
    maximize=True,
    baselines=types.MappingProxyType(guess),
  )


def windows(num_relevant: int, length: int) -> tuple[tuple[int, int], ...]:
  """Returns the first and last possible step of each relevant symbol."""
  return tuple(
    (low * length // 100, high * length // 100)
    for low, high in WINDOWS[num_relevant]
  )


def _generate(key: Key, n: int, num_relevant: int, length: int) -> Batch:
  longest = length + length // 10
  range_key, noise_key = jax.random.split(key)
  # The length, the positions and the bits in one draw, each from its own range.
  ranges = [(length, longest), *windows(num_relevant, length)]
  low, high = np.array(ranges + num_relevant * [(0, 1)]).T
  shape = (n, 1 + 2 * num_relevant)
  drawn = jax.random.randint(range_key, shape, low[None], high[None] + 1)
  lengths_B = drawn[:, 0]
  places_BR, bits_BR = jnp.split(drawn[:, 1:], 2, axis=1)
  symbols_BT = jax.random.randint(
    noise_key, (n, longest), DISTRACTORS, RELEVANT
  )
  rows_B1 = jnp.arange(n)[:, None]
  symbols_BT = symbols_BT.at[:, 0].set(START)
  symbols_BT = symbols_BT.at[rows_B1, places_BR].set(RELEVANT + bits_BR)
  symbols_BT = symbols_BT.at[rows_B1, lengths_B[:, None] - 1].set(TRIGGER)
  is_data_BT = jnp.arange(longest)[None] < lengths_B[:, None]
  # A symbol of -1 is a row of zeros.
  symbols_BT = jnp.where(is_data_BT, symbols_BT, -1)
  powers_R = 2 ** jnp.arange(num_relevant)[::-1]
  return Batch(
    inputs=jax.nn.one_hot(symbols_BT, len(ALPHABET)),
    input_lengths=lengths_B,
    targets=bits_BR @ powers_R,
    weights=jnp.ones((n,)),
  )
