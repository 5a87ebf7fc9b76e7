"""A learning rate that falls where the validation metric gets no better."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import StopAt, numbers, rows, tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.planning import plan
from rnn_lab.training import optimizers
from rnn_lab.training.records import Silent

# So large that the metric gets worse again and again.
RATES = {"digits": 2.0, "language": 10.0}
FIELDS = {
  "optimizer__name": "sgd",
  "optimizer__schedule": "plateau",
  "optimizer__decay_rate": 0.5,
  "optimizer__plateau_patience": 2,
  "train__num_steps": 40,
  "train__log_every": 1,
  "train__clip_norm": 0.0,
  "train__gradient_flow_every": 0,
  "train__gradient_norms": True,
  "eval__every": 2,
}
CONFIGS = {
  name: functools.partial(make, **FIELDS, optimizer__learning_rate=RATES[name])
  for name, make in (("digits", tiny_config), ("language", tiny_language))
}
# Of the second less is better.
HEADLINES = {"digits": "valid/accuracy", "language": "valid/perplexity"}


@pytest.fixture(scope="module", params=CONFIGS)
def whole(request, tmp_path_factory):
  """The name of a config, and its run."""
  workdir = tmp_path_factory.mktemp("plateau") / request.param
  assert train(CONFIGS[request.param](), workdir, Silent()) == "finished"
  return request.param, workdir


def rates_by_rule(name, all_rows, seed):
  """The rate of each step: halved once two evaluations are no better."""
  sign = -1.0 if name == "digits" else 1.0
  rate, best, worse, rates = RATES[name], np.inf, 0, {}
  for row in all_rows:
    rates[row["step"]] = rate
    if HEADLINES[name] not in row:
      continue
    value = sign * (row[HEADLINES[name]][seed] or np.inf)
    if value < best:
      best, worse = value, 0
    else:
      worse += 1
    if worse == 2:
      rate, worse = rate * 0.5, 0
  return rates


def test_the_rate_of_each_step_is_that_of_the_rule(whole):
  """The rate of SGD is the norm of an update over that of its gradient."""
  name, workdir = whole
  all_rows = rows(workdir)
  last = []
  for seed in (0, 1):
    expected = rates_by_rule(name, all_rows, seed)
    for row in all_rows:
      update = row["layers/stack.0.forward/update_norm"][seed]
      gradient = row["layers/stack.0.forward/grad_norm"][seed]
      np.testing.assert_allclose(
        update / gradient, expected[row["step"]], rtol=1e-5
      )
    last.append(expected[40])
  # Several times, and not at the same evaluations.
  assert max(last) <= RATES[name] / 4 and last[0] != last[1]


def test_seeds_are_those_of_seeds_alone(whole, tmp_path):
  name, workdir = whole
  train(CONFIGS[name](seed=1, num_seeds=1), tmp_path / "alone", Silent())
  for row, of_two in zip(rows(tmp_path / "alone"), rows(workdir), strict=True):
    of_one = {k: v[1:] for k, v in of_two.items() if k != "step"}
    assert row == of_one | {"step": of_two["step"]}


def test_an_interrupted_run_ends_with_the_same_bits(whole, tmp_path):
  name, workdir = whole
  # After an evaluation that was no better than the best, and one too few.
  every = {"run__checkpoint_every": 7, "run__steps_per_call": 3}
  made = plan(CONFIGS[name](**every))
  for step in (7, 21):
    assert train(made, tmp_path / "run", StopAt(step)) == "stopped"
  assert train(made, tmp_path / "run", Silent()) == "finished"
  assert numbers(tmp_path / "run") == numbers(workdir)


@pytest.mark.parametrize(
  "values, reductions",
  [
    ([1.0, 1.0, 1.0, 1.0, 1.0], [0, 0, 1, 1, 2]),  # as good is no better
    ([-1.0, -0.99999, -1.00001, -1.0, -1.0], [0, 0, 0, 0, 1]),
    ([np.nan, np.inf, 3.0, np.nan, np.nan, 2.0], [0, 1, 1, 1, 2, 2]),
  ],
)
def test_any_better_value_is_an_improvement(values, reductions):
  settings = plan(CONFIGS["digits"]()).settings
  static, hyper = optimizers.split(settings.optimizer, 0.0)
  state, found = optimizers.init_plateau(static), []
  for value in values:
    state = optimizers.update_plateau(static, state, jnp.float32(value))
    rate = optimizers.learning_rate(static, hyper, jnp.int32(0), state)
    found.append(int(np.log2(RATES["digits"] / rate)))
  assert found == reductions


def test_warm_up_comes_before_it():
  fields = {"optimizer__warmup_steps": 4}
  settings = plan(CONFIGS["digits"](**fields)).settings
  static, hyper = optimizers.split(settings.optimizer, 0.0)
  state = optimizers.init_plateau(static)._replace(scale=jnp.float32(0.25))
  rates = [
    float(optimizers.learning_rate(static, hyper, jnp.int32(n), state))
    for n in range(5)
  ]
  np.testing.assert_allclose(rates, [0.125, 0.25, 0.375, 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
  "fields, words",
  [
    (
      {"optimizer__decay_rate": 0.0},
      "optimizer.decay_rate must be above 0 and below 1 where",
    ),
    (
      {"optimizer__decay_rate": 1.0},
      "optimizer.decay_rate must be above 0 and below 1 where",
    ),
    (
      {"optimizer__plateau_patience": 0},
      "optimizer.plateau_patience must be an integer from 1 to",
    ),
  ],
)
def test_wrong_values_are_refused(fields, words):
  with pytest.raises(FieldError) as error:
    plan(CONFIGS["digits"](**fields))
  assert str(error.value).startswith(words)
