"""One update of one seed's parameters, and K of them in one program."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from rnn_lab.gradients.flow import gradient_flow
from rnn_lab._stack import zero_perturbations
from rnn_lab.tasks.base import STREAM, Task
from rnn_lab.training.health import layer_norms
from rnn_lab.training.optimizers import Hyper, Static, optimizer
from rnn_lab.training.state import Keys, Sums, TrainState, seed_keys
from rnn_lab.types import Array, Batch, Params, PyTree


def run_model(
  model: nn.Module, params: Params, batch: Batch, **kwargs: Any
) -> Array:
  """The model's outputs, before g, for a batch."""
  return model.apply(
    {"params": params}, batch.inputs, batch.input_lengths, **kwargs
  )


def mean_loss(
  model: nn.Module,
  task: Task,
  params: Params,
  carry: PyTree,
  batch: Batch,
  **kwargs: Any,
) -> tuple[Array, PyTree]:
  """The weighted mean of the task's loss, and the carry to hand on."""
  if task.pattern == STREAM:
    (total, count), carry = model.apply(
      {"params": params}, batch, carry, method="loss", **kwargs
    )
  else:
    outputs = run_model(model, params, batch, **kwargs)
    total, count = task.loss(outputs, batch)
  return total / count, carry


def train_step(
  model: nn.Module,
  task: Task,
  static: Static,
  hyper: Hyper,
  data: PyTree,
  keys: Keys,
  step: Array,
  state: TrainState,
  is_last: Array,
) -> TrainState:
  """Update number `step`: a batch, its gradient by BPTT, the optimizer.

  The cost is the weighted mean of the task's loss over the batch. Where it,
  its gradient or the new parameters are not finite, the state stays as it
  was, but for `alive`.
  """
  batch = task.batch(data, keys.data, step)
  rngs = {"dropout": jax.random.fold_in(keys.dropout, step)}

  def cost(params: Params) -> tuple[Array, PyTree]:
    return mean_loss(
      model, task, params, state.carry, batch, train=True, rngs=rngs
    )

  value_and_grad = jax.value_and_grad(cost, has_aux=True)
  (loss, carry), grads = value_and_grad(state.params)
  norm = optax.global_norm(grads)
  updates, opt_state = optimizer(static, hyper, step).update(
    grads, state.opt_state, state.params
  )
  params = optax.apply_updates(state.params, updates)
  finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(params)]
  alive = jnp.isfinite(loss) & jnp.isfinite(norm) & jnp.all(jnp.stack(finite))
  sums = Sums(
    steps=state.sums.steps + 1.0,
    loss=state.sums.loss + loss,
    grad_norm=state.sums.grad_norm + norm,
    clipped=state.sums.clipped + (norm > hyper.clip_norm),
  )
  health = state.health
  if health:
    health = jax.lax.cond(
      is_last,
      lambda: layer_norms(state.params, grads, updates),
      lambda: health,
    )
  after = state._replace(
    params=params,
    opt_state=opt_state,
    last_step=step + 1,
    sums=sums,
    carry=carry,
    health=health,
  )
  kept = jax.tree.map(lambda new, old: jnp.where(alive, new, old), after, state)
  return kept._replace(alive=alive)


def train_steps(
  model: nn.Module,
  task: Task,
  static: Static,
  most: int,
  shared: tuple[Hyper, PyTree, Array, Array],
  mine: tuple[Array, TrainState],
) -> TrainState:
  """Steps `first` to `first + count - 1` of one seed, count <= most.

  The length of the scan is fixed and the steps past `count` do nothing, so
  that one program serves any count, and the same numbers come out however
  the steps are cut into calls.

  Args:
    model: the model.
    task: the task.
    static: the shape of the optimizer.
    most: the length of the scan, at least 2: a scan of length 1 would be
      inlined, and a program of another form may round differently.
    shared: (hyper, data, first, count).
    mine: (seed, state).
  """
  hyper, data, first, count = shared
  seed, state = mine
  keys = seed_keys(seed)

  def body(state: TrainState, n: Array) -> tuple[TrainState, None]:
    state = jax.lax.cond(
      (n < count) & state.alive,
      lambda s: train_step(
        model, task, static, hyper, data, keys, first + n, s, n == count - 1
      ),
      lambda s: s,
      state,
    )
    return state, None

  return jax.lax.scan(body, state, jnp.arange(most))[0]


def score(
  model: nn.Module,
  shared: tuple[Array, Array],
  mine: tuple[PyTree, Params],
) -> tuple[PyTree, Array]:
  """A language model's carry after some words, and log p of the next ones.

  Args:
    model: the model.
    shared: (words read `[B, T]`, words that follow `[B, T']`).
    mine: (carry, parameters).
  """
  inputs_BT, targets_BT = shared
  carry, params = mine
  return model.apply(
    {"params": params}, inputs_BT, targets_BT, carry, method="score"
  )


def flow_step(
  model: nn.Module,
  task: Task,
  shared: tuple[PyTree, Array],
  mine: tuple[Array, TrainState],
) -> PyTree:
  """The gradient through time of the batch that step `step` will train on.

  Args:
    model: the model.
    task: the task.
    shared: (data, step).
    mine: (seed, state).

  Returns:
    `[T]` for each layer and direction; see `gradient_flow`.
  """
  data, step = shared
  seed, state = mine
  batch = task.batch(data, seed_keys(seed).data, step)
  zeros = zero_perturbations(
    model.stack, batch.inputs.shape[1], batch.inputs.shape[0]
  )

  def cost(perturbations: PyTree) -> Array:
    outputs = run_model(model, state.params, batch, perturbations=perturbations)
    return task.loss(outputs, batch)[0]

  return gradient_flow(cost, zeros, batch.input_lengths)
