"""From settings to an optax optimizer whose numbers are arguments.

What makes a program is `Static`; the numbers in `Hyper` enter the compiled
step as arrays, so that a sweep over the learning rate compiles once.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from rnn_lab.gradients.norms import global_norm, rescale
from rnn_lab.training.settings import (
  FLOAT32_TINY,
  PLATEAU,
  OptimizerSettings,
)
from rnn_lab.types import Array, Params, PyTree

# Adam and RMSprop square the gradient, which must stay finite in float32.
LARGEST_SQUARED = 1e19


class Static(NamedTuple):
  """The part of the settings that decides the program; hashable.

  `plateau` holds the factor and the patience of that schedule, which optax
  takes as numbers alone; None of the others.
  """

  name: str
  schedule: str
  warmup_steps: int
  decay_steps: int
  hold_steps: int
  plateau: tuple[float, int] | None
  has_momentum: bool
  decayed: str
  eps_in_root: bool


class Hyper(NamedTuple):
  """The numbers of the settings, as float32 scalars."""

  learning_rate: Array
  decay_rate: Array
  momentum: Array
  b1: Array
  b2: Array
  rms_decay: Array
  eps: Array
  weight_decay: Array
  clip_norm: Array  # infinite or LARGEST_SQUARED where nothing is clipped


def split(
  settings: OptimizerSettings, clip_norm: float
) -> tuple[Static, Hyper]:
  """Splits the settings into the static part and the numbers.

  Args:
    settings: of the optimizer.
    clip_norm: the largest global norm of a gradient; 0 clips nothing but what
      an optimizer cannot square.
  """
  largest = jnp.inf if settings.name == "sgd" else LARGEST_SQUARED
  numbers = settings._asdict() | {
    "clip_norm": min(clip_norm or jnp.inf, largest),
    "has_momentum": settings.momentum > 0.0,
    "plateau": None,
  }
  if settings.schedule == PLATEAU:
    numbers["plateau"] = (settings.decay_rate, settings.plateau_patience)
  static = Static(*[numbers[field] for field in Static._fields])
  hyper = Hyper(*[jnp.float32(numbers[field]) for field in Hyper._fields])
  return static, hyper


def init_plateau(static: Static) -> PyTree:
  """Returns the state of the schedule "plateau"; () of the others."""
  if static.plateau is None:
    return ()
  return _reduce_on_plateau(static).init(jnp.float32(0.0))


def update_plateau(static: Static, state: PyTree, value: Array) -> PyTree:
  """Returns the state of the schedule "plateau" after an evaluation.

  Args:
    static: of a run with this schedule.
    state: of `init_plateau`, or after the last evaluation.
    value: the metric, of which less is better; nan and infinity are no better.
  """
  _, state = _reduce_on_plateau(static).update((), state, value=value)
  return state


def _reduce_on_plateau(static: Static) -> optax.GradientTransformationExtraArgs:
  assert static.plateau is not None  # as it has a state
  factor, patience = static.plateau
  # Any lower value is better, as it is where the best parameters are chosen.
  # The tolerance, of which optax wants one, changes no value but zero. A
  # relative one would be of the wrong sign for negated metrics.
  return optax.contrib.reduce_on_plateau(
    factor, patience, rtol=0.0, atol=FLOAT32_TINY
  )


def learning_rate(
  static: Static, hyper: Hyper, step: Array, plateau: PyTree = ()
) -> Array:
  """Computes the learning rate of step n = 0, 1, ...

  It climbs linearly over `warmup_steps` and is held for `hold_steps`, then
  falls from `learning_rate` towards `decay_rate` times that over `decay_steps`
  and stays there: along a cosine, a line, or exponentially ("exponential" goes
  on falling, by `decay_rate` every `decay_steps`; "staircase" does so at once,
  at the end of the holding and every `decay_steps` after it). In a config
  `decay_steps = 0` is, for a cosine or a line, until the end of training.
  "plateau" is multiplied by `decay_rate` whenever `plateau_patience`
  evaluations in a row have brought no better headline metric.

  Args:
    static: the schedule.
    hyper: its numbers.
    step: n.
    plateau: the state of the schedule "plateau".
  """
  held = static.warmup_steps + static.hold_steps
  after = jnp.maximum(step - held, 0).astype(jnp.float32)
  done = after / max(static.decay_steps, 1)
  left = 1.0 - jnp.minimum(done, 1.0)
  low = hyper.decay_rate
  factor = {
    "constant": lambda: jnp.float32(1.0),
    "cosine": lambda: low + (1.0 - low) * (1.0 - jnp.cos(jnp.pi * left)) / 2.0,
    "linear": lambda: low + (1.0 - low) * left,
    "exponential": lambda: low**done,
    "plateau": lambda: plateau.scale,
    "staircase": lambda: jnp.where(step < held, 1.0, low ** (1.0 + done // 1)),
  }[static.schedule]()
  warm = jnp.minimum((step + 1.0) / max(static.warmup_steps, 1), 1.0)
  return hyper.learning_rate * factor * warm


def is_kernel(params: Params) -> PyTree:
  """Returns for each array whether it is a kernel.

  All are but vectors and embeddings.
  """

  def check(path: tuple, leaf: Array) -> bool:
    name = jax.tree_util.keystr(path)
    return leaf.ndim > 1 and "embedding" not in name

  return jax.tree_util.tree_map_with_path(check, params)


def clip(max_norm: Array) -> optax.GradientTransformationExtraArgs:
  """Scales gradients whose global norm exceeds `max_norm` down to it.

  As `optax.clip_by_global_norm`, and with its bits, but for norms whose squares
  over- or underflow. `update` takes `norm`, the gradient's global norm, where
  the caller has computed it. Pascanu, Mikolov & Bengio, "On the difficulty of
  training recurrent neural networks", 2013.
  """

  def update(
    updates: Params,
    state: PyTree,
    params: Params | None = None,
    *,
    norm: Array | None = None,
    **extra: Any,
  ) -> tuple[Params, PyTree]:
    del params, extra
    size = global_norm(updates) if norm is None else norm
    is_small = size < max_norm
    clipped = jax.tree.map(
      lambda small, large: jax.lax.select(is_small, small, large),
      updates,
      rescale(updates, size, max_norm),
    )
    return clipped, state

  return optax.GradientTransformationExtraArgs(
    lambda params: optax.EmptyState(), update
  )


def optimizer(
  static: Static, hyper: Hyper, step: Array, plateau: PyTree = ()
) -> optax.GradientTransformationExtraArgs:
  """Returns the optimizer of step n: clip, precondition, decay weights, scale.

  "sgd" with momentum, "rmsprop" with momentum, or "adam". RMSprop divides by
  sqrt(v + eps), as optax does by default, or, where `eps_in_root` is False, by
  sqrt(v) + eps, as torch and Keras do: they differ once gradients are as small
  as sqrt(eps). Adam divides by sqrt(v) + eps, as everywhere. A weight decay is
  decoupled from the gradient (Loshchilov and Hutter 2019), of all parameters or
  of kernels alone: biases and embeddings are left as they are.
  """
  core = {
    "adam": lambda: optax.scale_by_adam(hyper.b1, hyper.b2, hyper.eps),
    "rmsprop": lambda: optax.scale_by_rms(
      hyper.rms_decay, hyper.eps, eps_in_sqrt=static.eps_in_root
    ),
    "sgd": optax.identity,
  }[static.name]()
  if static.name != "adam" and static.has_momentum:
    # Not with momentum 0, which would keep and read a copy of the parameters.
    core = optax.chain(core, optax.trace(hyper.momentum))
  return optax.chain(
    clip(hyper.clip_norm),
    core,
    optax.add_decayed_weights(
      hyper.weight_decay, is_kernel if static.decayed == "kernels" else None
    ),
    optax.scale(-learning_rate(static, hyper, step, plateau)),
  )
