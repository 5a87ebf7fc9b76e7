"""Small networks around a recurrent layer, to be trained in every library.

The same numbers everywhere: random batches and weights, Adam after clipping by
the global norm.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnn_lab.benchmarks.peers.base import Recurrence, Weights

LEARNING_RATE = 1e-3
CLIP_NORM = 1.0
# Updates of a round, each on a batch of its own.
UPDATES = 10


class Problem(NamedTuple):
  """A network and its batches.

  Attributes:
    batch: B.
    steps: T.
    inputs: D, or the number of symbols where there is an embedding.
    hidden: H.
    outputs: classes, or 1 for a number.
    embedding: E, the size of a symbol's vector; 0 where inputs are vectors.
    source: steps of the sequence that an encoder reads, of the same symbols; 0
      for no encoder. Its last carry is the first one of the layer.
    every: whether there is a cost after each step, or after the last.
  """

  batch: int
  steps: int
  inputs: int
  hidden: int
  outputs: int
  embedding: int = 0
  source: int = 0
  every: bool = False


PROBLEMS = {
  "adding": Problem(128, 100, 2, 128, 1),
  "digits": Problem(64, 8, 8, 64, 10),
  "language": Problem(
    20, 20, 10_000, 200, outputs=10_000, embedding=200, every=True
  ),
  "encoder_decoder": Problem(
    64, 11, 40, 64, outputs=40, embedding=32, source=24, every=True
  ),
}


class Network(NamedTuple):
  """Initial values; `encoder` and the embeddings are None where absent.

  Attributes:
    layer: of the recurrent layer.
    kernel: of the readout, `[H, outputs]`.
    bias: of the readout.
    embedding: `[symbols, E]`.
    encoder: of the layer that reads the source.
    source_embedding: `[symbols, E]`.
  """

  layer: Weights
  kernel: np.ndarray
  bias: np.ndarray
  embedding: np.ndarray | None
  encoder: Weights | None
  source_embedding: np.ndarray | None


class Batches(NamedTuple):
  """UPDATES batches, in a leading dimension.

  Attributes:
    inputs: `[T, B, D]` floats or `[T, B]` symbols.
    targets: classes `[T, B]` or `[B]`, or numbers `[B, 1]`.
    source: `[S, B]` symbols, or None.
  """

  inputs: np.ndarray
  targets: np.ndarray
  source: np.ndarray | None


def network(problem: Problem, gates: int) -> Network:
  """Returns random initial values for a cell with so many gates."""
  random = np.random.default_rng(0)

  def normal(*size: int) -> np.ndarray:
    return (random.normal(size=size) * size[0] ** -0.5).astype(np.float32)

  def layer() -> Weights:
    width = gates * problem.hidden
    inputs = problem.embedding or problem.inputs
    zeros = np.zeros(width, np.float32)
    return Weights(normal(inputs, width), normal(problem.hidden, width), zeros)

  def embedding(wanted: int) -> np.ndarray | None:
    return normal(problem.inputs, problem.embedding) if wanted else None

  return Network(
    layer(),
    normal(problem.hidden, problem.outputs),
    np.zeros(problem.outputs, np.float32),
    embedding(problem.embedding),
    layer() if problem.source else None,
    embedding(problem.source),
  )


def batches(problem: Problem) -> Batches:
  """Returns random batches."""
  random = np.random.default_rng(1)

  def symbols(most: int, *size: int) -> np.ndarray:
    return random.integers(0, most, (UPDATES, *size), np.int32)

  steps = (problem.steps, problem.batch)
  inputs = symbols(problem.inputs, *steps)
  if not problem.embedding:
    size = (UPDATES, *steps, problem.inputs)
    inputs = random.normal(size=size).astype(np.float32)
  targets = symbols(problem.outputs, *steps[not problem.every :])
  if problem.outputs == 1:
    size = (UPDATES, problem.batch, 1)
    targets = random.normal(size=size).astype(np.float32)
  source = None
  if problem.source:
    source = symbols(problem.inputs, problem.source, problem.batch)
  return Batches(inputs, targets, source)


def trainer(
  problem: Problem,
  recurrence: Callable[[Weights], Recurrence],
  gates: int,
  one_call: bool,
) -> Callable[[], np.ndarray]:
  """Returns a function that makes UPDATES updates and returns their losses.

  Each call goes on from the parameters of the last.

  Args:
    problem: of PROBLEMS.
    recurrence: builds the layer of a library on JAX.
    gates: of the cell.
    one_call: whether the updates are one program, or one is called for each.
  """
  values = network(problem, gates)
  layers = {"layer": recurrence(values.layer)}
  if values.encoder is not None:
    layers["encoder"] = recurrence(values.encoder)
  params = values._asdict() | {k: layer.params for k, layer in layers.items()}
  data = _laid_out(batches(problem), problem, layers["layer"])
  params, data = jax.device_put((params, data))
  optimizer = optax.chain(
    optax.clip_by_global_norm(CLIP_NORM), optax.adam(LEARNING_RATE)
  )
  state = (params, optimizer.init(params))

  def update(state: Any, batch: Any) -> tuple[Any, Any]:
    params, moments = state

    def cost(params: Any) -> Any:
      return _loss(problem, layers, params, batch)

    loss, gradient = jax.value_and_grad(cost)(params)
    steps, moments = optimizer.update(gradient, moments, params)
    return (optax.apply_updates(params, steps), moments), loss

  def updates(state: Any, data: Any) -> tuple[Any, Any]:
    return jax.lax.scan(update, state, data)

  program = jax.jit(updates if one_call else update, donate_argnums=0)
  each = [jax.tree.map(lambda a, n=n: a[n], data) for n in range(UPDATES)]

  def train() -> np.ndarray:
    nonlocal state
    if one_call:
      state, losses = program(state, data)
      return np.asarray(losses)
    losses = []
    for batch in each:
      state, loss = program(state, batch)
      losses.append(loss)
    return np.asarray(losses)

  return train


def _laid_out(
  data: Batches, problem: Problem, recurrence: Recurrence
) -> Batches:
  """Returns the batches as a library reads them."""

  def swapped(array: np.ndarray) -> np.ndarray:
    return np.stack([recurrence.laid_out(batch) for batch in array])

  return Batches(
    swapped(data.inputs),
    swapped(data.targets) if problem.every else data.targets,
    None if data.source is None else swapped(data.source),
  )


def _loss(
  problem: Problem,
  layers: Mapping[str, Recurrence],
  params: Any,
  batch: Batches,
) -> jax.Array:
  """Returns the mean cost of a batch."""
  carry, x = None, batch.inputs
  if problem.source:
    source = params["source_embedding"][batch.source]
    carry, _ = layers["encoder"].run(params["encoder"], source, None)
  if problem.embedding:
    x = params["embedding"][x]
  _, y = layers["layer"].run(params["layer"], x, carry)
  if not problem.every:
    y = y[:, -1] if layers["layer"].batch_first else y[-1]
  z = jnp.matmul(y, params["kernel"])
  z += params["bias"].reshape((1,) * (z.ndim - 1) + (-1,))
  if problem.outputs == 1:
    return jnp.mean(jnp.square(z - batch.targets))
  losses = optax.softmax_cross_entropy_with_integer_labels(z, batch.targets)
  return jnp.mean(losses)
