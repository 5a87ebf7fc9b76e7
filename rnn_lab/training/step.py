"""One update of one seed's parameters, and K of them in one program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from rnn_lab.gradients.norms import global_norm
from rnn_lab.models.base import Model
from rnn_lab.tasks.base import Task
from rnn_lab.training.optimizers import (
  Hyper,
  Static,
  optimizer,
  update_plateau,
)
from rnn_lab.training.patience import Patience
from rnn_lab.training.shards import Shards, in_order, map_shards
from rnn_lab.training.state import Keys, Sums, TrainState, seed_keys
from rnn_lab.types import Array, Batch, Carry, Key, Params, PyTree

Norms = Callable[[Params, Params, Params], dict[str, Array]]


def train_step(
  model: Model,
  task: Task,
  static: Static,
  norms: Norms | None,
  shards: Shards,
  hyper: Hyper,
  data: PyTree,
  keys: Keys,
  step: Array,
  state: TrainState,
  is_last: Array,
) -> TrainState:
  """Makes update number `step`: a batch, its gradient by BPTT, the optimizer.

  The cost is the weighted mean of the model's loss over the batch. Of several
  shards the gradients are added up, and each has a dropout key of its own.
  Where the cost, its gradient or the new parameters are not finite, the state
  stays as it was, but for `alive`. A batch whose weights are all zero has no
  mean: there is no update, and only `last_step` and the carry go on.
  """
  batch = task.batch(data, keys.data, step)
  dropout_key = jax.random.fold_in(keys.dropout, step)
  loss, carry, grads = _value_and_grad(
    model, shards, dropout_key, batch, state.carry, state.params
  )
  norm = global_norm(grads)
  updates, opt_state = optimizer(static, hyper, step, state.plateau).update(
    grads, state.opt_state, state.params, norm=norm
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
  layer_norms = state.layer_norms
  if norms is not None:
    layer_norms = jax.lax.cond(
      is_last,
      lambda: norms(state.params, grads, updates),
      lambda: layer_norms,
    )
  after = state._replace(
    params=params,
    opt_state=opt_state,
    last_step=step + 1,
    sums=sums,
    carry=carry,
    layer_norms=layer_norms,
  )
  kept = _where(alive, after, state)
  # Without weights the loss is 0 / 0. In a branch, as what is computed beside
  # the update would change how XLA fuses and so rounds it.
  is_empty = jax.lax.cond(
    alive, lambda: jnp.bool_(False), lambda: ~jnp.any(batch.weights != 0)
  )
  return kept._replace(
    alive=alive | is_empty,
    last_step=jnp.where(is_empty, step + 1, kept.last_step),
    carry=_where(is_empty, carry, kept.carry),
  )


def training_loss(
  model: Model, params: Params, batch: Batch, carry: Carry, dropout_key: Key
) -> tuple[Array, tuple[Array, Carry]]:
  """Returns the loss summed over a batch, (the weights' sum, the carry)."""
  (total, count), after = model.apply(
    {"params": params},
    batch,
    carry,
    method="loss",
    train=True,
    rngs={"dropout": dropout_key},
  )
  return total, (count, after)


def _value_and_grad(
  model: Model,
  shards: Shards,
  dropout_key: Key,
  batch: Batch,
  carry: Carry,
  params: Params,
) -> tuple[Array, Carry, Params]:
  """Returns the cost of a batch, the carry after it, and the gradient."""

  def mean(params: Params) -> tuple[Array, Carry]:
    total, (count, after) = training_loss(
      model, params, batch, carry, dropout_key
    )
    return total / count, after

  if shards.number == 1:
    (loss, after), grads = jax.value_and_grad(mean, has_aux=True)(params)
    return loss, after, grads

  def of_shard(n: Array, rows: tuple[Batch, Carry]) -> Any:
    part, carry = rows
    part = part._replace(fresh=batch.fresh)
    key = jax.random.fold_in(dropout_key, n)

    def total(params: Params) -> tuple[Array, tuple[Array, Carry]]:
      return training_loss(model, params, part, carry, key)

    return jax.value_and_grad(total, has_aux=True)(params)

  # The one field of a batch that is not of its rows.
  rows = (batch._replace(fresh=None), carry)
  (totals, (counts, carries)), grads = map_shards(of_shard, shards, rows)
  count = in_order(counts)
  after = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), carries)
  grads = jax.tree.map(lambda a: a / count, in_order(grads))
  return in_order(totals) / count, after, grads


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
  return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def train_steps(
  model: Model,
  task: Task,
  static: Static,
  norms: Norms | None,
  shards: Shards,
  max_steps: int,
  patience: Patience | None,
  shared: tuple[PyTree, Array, Array],
  per_seed: tuple[Hyper, Array, TrainState],
) -> TrainState:
  """Makes updates `first` to `first + count - 1`, count <= max_steps.

  The length of the scan is fixed and the steps past `count` do nothing, so
  that one program serves any count, and the same numbers come out however
  the steps are cut into calls.

  Args:
    model: the model.
    task: the task.
    static: the static part of the optimizer.
    norms: `(params, grads, updates) -> {metric: value}`, computed at the last
      update; None for nothing.
    shards: how a batch is cut.
    max_steps: the length of the scan, at least 2: a scan of length 1 would be
      inlined, and a program of another form may round differently.
    patience: when a seed is left as it is; None for never.
    shared: (data of the steps' bucket, first, count).
    per_seed: (hyper, seed, state).
  """
  data, first, count = shared
  hyper, seed, state = per_seed
  keys = seed_keys(seed)

  def body(state: TrainState, n: Array) -> tuple[TrainState, None]:
    goes_on = state.alive
    if patience is not None:
      goes_on &= ~patience.is_over(first, state.best_step)
    state = jax.lax.cond(
      (n < count) & goes_on,
      lambda s: train_step(
        model,
        task,
        static,
        norms,
        shards,
        hyper,
        data,
        keys,
        first + n,
        s,
        n == count - 1,
      ),
      lambda s: s,
      state,
    )
    return state, None

  return jax.lax.scan(body, state, jnp.arange(max_steps))[0]


def keep_best(
  maximize: bool,
  static: Static,
  step: Array,
  per_seed: tuple[Array, TrainState],
) -> TrainState:
  """Keeps a seed's parameters if they are the best so far.

  A learning rate that is reduced on a plateau is told the metric.

  Args:
    maximize: whether more of the headline metric is better.
    static: the static part of the optimizer.
    step: updates made so far.
    per_seed: (the headline metric now, the seed's state).
  """
  metric, state = per_seed
  better = metric > state.best_metric
  if not maximize:
    better = metric < state.best_metric
  kept = state._replace(
    best_params=state.params, best_metric=metric, best_step=step
  )
  if static.plateau is None:
    return _where(better & state.alive, kept, state)
  value = -metric if maximize else metric
  plateau = update_plateau(static, state.plateau, value)
  after = _where(better, kept, state)._replace(plateau=plateau)
  return _where(state.alive, after, state)
