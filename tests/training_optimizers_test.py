"""Optimizers and schedules against optax's own and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import tiny_config

from rnn_lab.runs.planning import plan
from rnn_lab.training import optimizers
from rnn_lab.training.settings import OptimizerSettings

DEFAULTS = OptimizerSettings(
  name="adam",
  learning_rate=0.1,
  schedule="constant",
  warmup_steps=0,
  hold_steps=0,
  decay_steps=0,
  decay_rate=0.0,
  plateau_patience=5,
  momentum=0.0,
  b1=0.8,
  b2=0.95,
  rms_decay=0.7,
  eps=1e-6,
  weight_decay=0.0,
  decayed="all",
  eps_in_root=True,
)

EXPECTED = {
  "adam": (DEFAULTS, optax.adam(0.1, b1=0.8, b2=0.95, eps=1e-6)),
  "adam with decay": (
    DEFAULTS._replace(weight_decay=0.3),
    optax.adamw(0.1, b1=0.8, b2=0.95, eps=1e-6, weight_decay=0.3),
  ),
  "rmsprop": (
    DEFAULTS._replace(name="rmsprop"),
    optax.rmsprop(0.1, decay=0.7, eps=1e-6),
  ),
  "rmsprop with eps outside of the root": (
    DEFAULTS._replace(name="rmsprop", eps_in_root=False),
    optax.rmsprop(0.1, decay=0.7, eps=1e-6, eps_in_sqrt=False),
  ),
  "sgd": (DEFAULTS._replace(name="sgd"), optax.sgd(0.1)),
  "sgd with a schedule": (
    DEFAULTS._replace(
      name="sgd", schedule="linear", decay_steps=3, decay_rate=0.5
    ),
    optax.sgd(optax.linear_schedule(0.1, 0.05, 3)),
  ),
  "sgd with momentum": (
    DEFAULTS._replace(name="sgd", momentum=0.9),
    optax.sgd(0.1, momentum=0.9),
  ),
}


def test_a_decay_of_kernels_leaves_biases_and_embeddings_alone():
  settings = DEFAULTS._replace(
    name="sgd", learning_rate=1.0, weight_decay=0.25, decayed="kernels"
  )
  static, hyper = optimizers.split(settings, 0.0)
  params = {
    "inputs": {"embedding": jnp.ones((2, 2))},
    "stack": [jnp.full((2, 3), 2.0), jnp.full(3, 4.0)],
  }
  made = optimizers.optimizer(static, hyper, 0)
  zeros = jax.tree.map(jnp.zeros_like, params)
  updates, _ = made.update(zeros, made.init(params), params)
  assert (updates["stack"][0] == -0.5).all()
  assert (updates["stack"][1] == 0).all()
  assert (updates["inputs"]["embedding"] == 0).all()


def trajectory(make_optimizer, steps=5):
  params = {"a": jnp.array([1.0, -2.0, 3.0]), "b": jnp.array([[0.5]])}
  state = make_optimizer(0).init(params)
  path = []
  for n in range(steps):
    grads = jax.tree.map(lambda p: jnp.sin(3.0 * p) * (n + 1), params)  # noqa: B023
    updates, state = make_optimizer(n).update(grads, state, params)
    params = optax.apply_updates(params, updates)
    path.append(np.concatenate([params["a"], params["b"][0]]))
  return np.array(path)


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
@pytest.mark.parametrize("name", EXPECTED)
def test_optimizers_equal_optax(name, clip_norm):
  settings, theirs = EXPECTED[name]
  static, hyper = optimizers.split(settings, clip_norm)
  if clip_norm:
    theirs = optax.chain(optax.clip_by_global_norm(clip_norm), theirs)
  ours = trajectory(lambda n: optimizers.optimizer(static, hyper, jnp.int32(n)))
  np.testing.assert_allclose(
    ours, trajectory(lambda n: theirs), rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize(
  "eps_in_root, moved", [(True, -0.001), (False, -0.170)]
)
def test_where_eps_stands_decides_how_far_small_gradients_go(
  eps_in_root, moved
):
  """Ten steps at gradient 1e-6; -0.170 is what torch's RMSprop does."""
  settings = DEFAULTS._replace(
    name="rmsprop",
    learning_rate=0.01,
    rms_decay=0.9,
    eps=1e-8,
    eps_in_root=eps_in_root,
  )
  made = optimizers.optimizer(*optimizers.split(settings, 0.0), 0)
  param, gradient = jnp.zeros(()), jnp.float32(1e-6)
  state = made.init(param)
  for _ in range(10):
    update, state = made.update(gradient, state, param)
    param = param + update
  # v is the mean of g^2 with weights that sum to 1 - 0.9^n after n steps.
  v = 1e-12 * (1 - 0.9 ** np.arange(1, 11))
  roots = np.sqrt(v + 1e-8) if eps_in_root else np.sqrt(v) + 1e-8
  np.testing.assert_allclose(param, np.sum(-0.01e-6 / roots), rtol=1e-5)
  np.testing.assert_allclose(param, moved, rtol=1e-3)


def rates(steps, **changes):
  static, hyper = optimizers.split(DEFAULTS._replace(**changes), 0.0)
  return [
    float(optimizers.learning_rate(static, hyper, jnp.int32(n))) for n in steps
  ]


def test_schedules():
  steps = [0, 5, 10, 20]
  decays = {"decay_steps": 10, "decay_rate": 0.2}
  np.testing.assert_allclose(rates(steps), [0.1] * 4, rtol=1e-6)
  np.testing.assert_allclose(
    rates(steps, schedule="linear", **decays),
    [0.1, 0.06, 0.02, 0.02],
    rtol=1e-5,
  )
  np.testing.assert_allclose(
    rates(steps, schedule="cosine", **decays),
    [0.1, 0.06, 0.02, 0.02],
    rtol=1e-5,
  )
  np.testing.assert_allclose(
    rates([0, 10, 20], schedule="exponential", **decays),
    [0.1, 0.02, 0.004],
    rtol=1e-5,
  )
  np.testing.assert_allclose(
    rates([0, 1, 3, 4, 9, 14], warmup_steps=4, schedule="linear", **decays),
    [0.025, 0.05, 0.1, 0.1, 0.06, 0.02],
    rtol=1e-5,
  )


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_decay_until_the_end_ends_at_the_step_after_the_last(schedule):
  config = tiny_config(
    train__num_steps=30,
    optimizer__schedule=schedule,
    optimizer__warmup_steps=6,
    optimizer__hold_steps=4,
    optimizer__decay_rate=0.5,
    optimizer__learning_rate=0.2,
  )
  static, hyper = optimizers.split(plan(config).settings.optimizer, 0.0)
  steps = jnp.array([6, 10, 20, 30])
  rates = [optimizers.learning_rate(static, hyper, n) for n in steps]
  np.testing.assert_allclose(rates, [0.2, 0.2, 0.15, 0.1], rtol=1e-5)


def test_cosine_is_not_a_line():
  at_quarter = rates([25], schedule="cosine", decay_steps=100)
  np.testing.assert_allclose(
    at_quarter, [0.1 * (1 + np.cos(np.pi / 4)) / 2], rtol=1e-5
  )


def test_a_sweep_over_numbers_keeps_the_static_part():
  one, _ = optimizers.split(DEFAULTS, 1.0)
  other, _ = optimizers.split(DEFAULTS._replace(learning_rate=9.0, b1=0.1), 0.0)
  assert one == other and hash(one) == hash(other)
