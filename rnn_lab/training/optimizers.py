"""From settings to an optax optimizer whose numbers are arguments.

What makes a program is `Static`; the numbers in `Hyper` enter the compiled
step as arrays, so that a sweep over the learning rate compiles once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from rnn_lab.training.settings import OptimizerSettings
from rnn_lab.types import Array, Params, PyTree


class Static(NamedTuple):
  """The part of the settings that decides the program; hashable."""

  name: str
  schedule: str
  warmup_steps: int
  decay_steps: int
  hold_steps: int
  has_momentum: bool
  decayed: str


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
  clip_norm: Array  # infinite where nothing is clipped


def split(
  settings: OptimizerSettings, clip_norm: float
) -> tuple[Static, Hyper]:
  """Splits the settings into the static part and the numbers."""
  numbers = settings._asdict() | {
    "clip_norm": clip_norm or jnp.inf,
    "has_momentum": settings.momentum > 0.0,
  }
  static = Static(*[numbers[field] for field in Static._fields])
  hyper = Hyper(*[jnp.float32(numbers[field]) for field in Hyper._fields])
  return static, hyper


def learning_rate(static: Static, hyper: Hyper, step: Array) -> Array:
  """Computes the learning rate of step n = 0, 1, ...

  It climbs linearly over `warmup_steps` and is held for `hold_steps`, then
  falls from `learning_rate` towards `decay_rate` times that over `decay_steps`
  and stays there: along a cosine, a line, or exponentially ("exponential" goes
  on falling, by `decay_rate` every `decay_steps`; "staircase" does so at once,
  at the end of the holding and every `decay_steps` after it). In a config
  `decay_steps = 0` is, for a cosine or a line, until the end of training.
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


def optimizer(
  static: Static, hyper: Hyper, step: Array
) -> optax.GradientTransformation:
  """Returns the optimizer of step n: clip, precondition, decay weights, scale.

  "sgd" with momentum, "rmsprop" with momentum, or "adam"; a weight decay is
  decoupled from the gradient (Loshchilov and Hutter 2019), of all parameters or
  of kernels alone: biases and embeddings are left as they are.
  """
  core = {
    "adam": lambda: optax.scale_by_adam(hyper.b1, hyper.b2, hyper.eps),
    "rmsprop": lambda: optax.scale_by_rms(hyper.rms_decay, hyper.eps),
    "sgd": optax.identity,
  }[static.name]()
  if static.name != "adam" and static.has_momentum:
    # Not with momentum 0, which would keep and read a copy of the parameters.
    core = optax.chain(core, optax.trace(hyper.momentum))
  return optax.chain(
    optax.clip_by_global_norm(hyper.clip_norm),
    core,
    optax.add_decayed_weights(
      hyper.weight_decay, is_kernel if static.decayed == "kernels" else None
    ),
    optax.scale(-learning_rate(static, hyper, step)),
  )
