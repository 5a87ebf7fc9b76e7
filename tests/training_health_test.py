"""The health of the gradient, against a plain loop, and what it costs off."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import numbers, rows, tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.training.loop import train
from rnn_lab.training.run import plan
from rnn_lab.training.state import form_of, init_params, seed_keys
from rnn_lab.training.step import mean_loss


def healthy(make=tiny_config, **fields):
  config = make(**fields)
  config.train.gradient_health = True
  return config


def test_norms_and_saturation_equal_a_plain_loop(tmp_path):
  config = healthy(num_seeds=1, train__clip_norm=0.3, model__num_layers=2)
  config.train.gradient_flow_every = 0
  config.optimizer.name = "sgd"
  train(config, tmp_path)
  ready = plan(config)
  keys = seed_keys(jnp.int32(0))
  params = init_params(ready.model, form_of(ready.task), keys.params)
  clip = optax.clip_by_global_norm(0.3)

  @jax.jit
  def update(params, step):
    batch = ready.task.batch(ready.task.data, keys.data, step)
    grads = jax.grad(
      lambda p: mean_loss(ready.model, ready.task, p, (), batch)[0]
    )(params)
    clipped, _ = clip.update(grads, clip.init(params))
    steps = jax.tree.map(lambda g: -0.01 * g, clipped)
    return grads, steps, optax.apply_updates(params, steps)

  seen = {"grad_norm": [], "param_norm": [], "update_norm": []}
  for step in range(5):
    grads, steps, after = update(params, step)
    for name, tree in zip(seen, (grads, params, steps)):
      layer = tree["stack"][1].forward
      seen[name].append(np.sqrt(sum(np.sum(np.square(a)) for a in layer)))
    params = after
  row = rows(tmp_path)[0]
  for name, values in seen.items():
    logged = row[f"health/layer_1/{name}"]
    np.testing.assert_allclose(logged, [values[-1]], rtol=1e-5)
  readout = [key for key in row if key.startswith("health/readout/")]
  assert len(readout) == 3

  batch = ready.task.batch(ready.task.data, keys.data, 5)
  h = np.zeros((16, 8))
  p = jax.tree.map(np.asarray, params["stack"][0].forward)
  shares = []
  for x in np.asarray(batch.inputs).swapaxes(0, 1):
    h = np.tanh(x @ p.input_kernel + h @ p.recurrent_kernel + p.bias)
    shares.append(np.mean(1 - h**2 < 0.1))
  assert np.mean(shares) > 0.0
  logged = row["health/layer_0/saturated/h"]
  np.testing.assert_allclose(logged, [np.mean(shares)], atol=0.002)


def test_it_changes_no_other_number_and_survives_an_end(tmp_path):
  fields = {"train__gradient_flow_every": 0, "num_seeds": 1}
  plain = tiny_config(**fields)
  train(plain, tmp_path / "plain")
  whole = healthy(**fields)
  train(whole, tmp_path / "whole")
  part = healthy(train__num_steps=10, **fields)
  train(part, tmp_path / "parts")
  train(whole, tmp_path / "parts")
  assert numbers(tmp_path / "parts") == numbers(tmp_path / "whole")
  for without, row in zip(rows(tmp_path / "plain"), rows(tmp_path / "whole")):
    other = {k: v for k, v in row.items() if not k.startswith("health/")}
    assert len(other) < len(row) or "train/loss" not in row
    assert other == without
  with pytest.raises(FieldError, match="train.gradient_health"):
    train(plain, tmp_path / "whole")


def test_of_a_language_model(tmp_path):
  config = healthy(tiny_language, num_seeds=1, train__num_steps=10)
  config.model.cell = "lstm"
  train(config, tmp_path)
  row = rows(tmp_path)[0]
  gates = {k.rsplit("/")[-1] for k in row if "/saturated/" in k}
  assert gates == {"i", "f", "g", "o"}
  assert row["health/embedding/grad_norm"][0] > 0.0


def test_runs_of_before_the_switch_go_on(tmp_path):
  config = tiny_config(num_seeds=1)
  with config.unlocked():
    del config.train.gradient_health
  train(config, tmp_path)
  assert train(tiny_config(num_seeds=1), tmp_path) == "already finished"
