"""What every model promises: recurrences, perturbations, stepper, programs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import EMITTERS_OF_RUNS

from configs import common
from rnn_lab import models, tasks
from rnn_lab._stack import zero_perturbations
from rnn_lab._unroll import static_unroll
from rnn_lab.models.base import init_params, program_model, recurrence_shapes
from rnn_lab.types import Batch

B, WINDOW = 3, 4


@functools.cache
def task_of(kind, reach=WINDOW):
  """One answer to equal lengths or others, one at each step, or a text."""
  if kind == "vector":
    return tasks.build({"name": "adding", "length": 5}, B)
  if kind == "lengths":
    return tasks.build({"name": "temporal_order", "length": 10}, B)
  if kind == "sequence":
    return tasks.build({"name": "copy_memory", "delay": 2}, B)
  section = {"name": "language", "corpus": "grammar", "size": 300}
  return tasks.build(section | {"window": WINDOW, "reach": reach}, B)


def model_of(kind, reach=WINDOW, task=None, **fields):
  """A small model for a task of `kind`; `a__b=c` sets model.a.b."""
  is_text = kind in ("recurrent", "window")
  config = common.language_config() if is_text else common.default_config()
  config.model.hidden_size = 3
  if is_text:
    config.model.kind = kind
    config.model.embedding_size = 3
    config.model.window.order = 4
    config.model.embedding_init = config.model.readout_init = "normal"
    config.model.embedding_scale = config.model.readout_scale = 0.5
    config.model.readout_bias_init = "normal"
    config.model.readout_bias_scale = 0.5
  for field, value in fields.items():
    *sections, name = field.split("__")
    section = config.model
    for part in sections:
      section = section[part]
    section[name] = value
  task = task or task_of(kind, reach)
  return models.build(config.model.to_dict(), task), task


@functools.cache
def params_of(model, task):
  return jax.jit(init_params, static_argnums=(0, 1))(
    model, task, jax.random.key(1)
  )


@functools.cache
def batch_of(task, step=2):
  return jax.jit(task.batch)(task.data[0], jax.random.key(0), jnp.int32(step))


@functools.partial(
  jax.jit, static_argnums=0, static_argnames=("method", "train")
)
def apply(model, params, *args, method, **kwargs):
  return model.apply({"params": params}, *args, method=method, **kwargs)


def some_carry(model, dtype=jnp.float32):
  """A carry of distinct numbers; of a window network, of words."""
  leaves, form = jax.tree.flatten(model.initial_carry(B))
  if leaves and jnp.issubdtype(leaves[0].dtype, jnp.integer):
    return model.initial_carry(B) + 1
  return form.unflatten(
    [
      0.1 * n + jnp.linspace(-0.5, 0.5, x.size, dtype=dtype).reshape(x.shape)
      for n, x in enumerate(leaves)
    ]
  )


def loss_of(model, params, batch, carry, perturbations=None):
  (total, _), _ = apply(
    model, params, batch, carry, perturbations=perturbations, method="loss"
  )
  return total


# Models that differ in how they begin, and models that differ in more.
INITIAL = [
  ("vector", {"readout_init": "glorot"}),
  ("vector", {"readout_scale": 0.3}),
  ("vector", {"lstm__forget_bias": 3.0}),
  ("vector", {"lstm__forget_init": "chrono", "lstm__chrono_max": 9}),
  ("vector", {"lstm__input_init": "uniform", "lstm__input_scale": 0.1}),
  ("vector", {"lstm__recurrent_init": "normal", "num_layers": 1}),
  ("vector", {"lstm__bias_init": "uniform", "lstm__bias_scale": 0.1}),
  ("sequence", {"readout_init": "zeros"}),
  ("recurrent", {"embedding_init": "uniform", "embedding_scale": 0.2}),
  ("recurrent", {"readout_init": "uniform", "readout_bias_scale": 0.2}),
  ("recurrent", {"lstm__forget_bias": 0.0, "lstm__recurrent_scale": 0.2}),
  ("window", {"embedding_scale": 0.2, "readout_scale": 0.2}),
  ("window", {"readout_bias_init": "zeros"}),
]
OTHER = [
  ("vector", {"hidden_size": 4}),
  ("vector", {"num_layers": 2}),
  ("vector", {"cell": "gru"}),
  ("vector", {"final_state": "all"}),
  ("vector", {"bidirectional": True}),
  ("vector", {"dropout": 0.5}),
  ("vector", {"checkpoint_every": 2}),
  ("recurrent", {"tied": True}),
  ("recurrent", {"loss_chunk": 2}),
  ("recurrent", {"dropout_kind": "variational"}),
  ("recurrent", {"embedding_size": 4}),
  ("window", {"window__direct": True}),
  ("window", {"window__order": 5}),
]


@pytest.mark.parametrize("kind,fields", INITIAL)
def test_models_that_differ_in_initial_values_share_a_program(kind, fields):
  one, other = model_of(kind)[0], model_of(kind, **fields)[0]
  assert one != other
  assert program_model(one) == program_model(other)
  assert hash(program_model(one)) == hash(program_model(other))
  assert program_model(program_model(one)) == program_model(one)


@pytest.mark.parametrize("bias", [{"update_bias": 2.0}, {"bias_scale": 0.1}])
def test_gated_units_that_differ_in_biases_share_a_program(bias):
  fields = {f"gru__{name}": value for name, value in bias.items()}
  one = model_of("vector", cell="gru", num_layers=2, bidirectional=True)[0]
  other = model_of(
    "vector", cell="gru", num_layers=2, bidirectional=True, **fields
  )[0]
  assert one != other and program_model(one) == program_model(other)


@pytest.mark.parametrize("kind,fields", OTHER)
def test_other_models_have_programs_of_their_own(kind, fields):
  one, other = model_of(kind)[0], model_of(kind, **fields)[0]
  assert program_model(one) != program_model(other)


def test_activation_loss_pattern_and_reach_make_another_program():
  relu, tanh = (
    model_of("vector", cell="elman", elman__activation=activation)[0]
    for activation in ("relu", "tanh")
  )
  assert program_model(relu) != program_model(tanh)
  vector = program_model(model_of("vector")[0])
  for kind in ("lengths", "sequence"):
    assert vector != program_model(model_of(kind)[0])
  programs = {program_model(model_of("recurrent", k2)[0]) for k2 in (2, 4, 8)}
  assert len(programs) == 3


@pytest.mark.parametrize("kind", ["lengths", "recurrent", "window"])
def test_a_program_model_computes_what_the_model_does(kind):
  model, task = model_of(kind)
  params, batch, carry = params_of(model, task), batch_of(task), ()
  if kind != "lengths":
    carry = some_carry(model)
  want = apply(model, params, batch, carry, method="outputs")
  got = apply(program_model(model), params, batch, carry, method="outputs")
  np.testing.assert_array_equal(got, want)


RECURRENCES = {
  "vector": ("vector", {}),
  "vector of all layers": (
    "vector",
    {"cell": "gru", "num_layers": 2, "final_state": "all"},
  ),
  "sequence": ("sequence", {"num_layers": 2}),
  "sequence of one layer": ("sequence", {"cell": "elman"}),
  "language": ("recurrent", {"num_layers": 2}),
  "language, tied": ("recurrent", {"tied": True}),
  "language, short reach": ("recurrent", {"reach": 2}),
  "language, long reach": ("recurrent", {"reach": 7, "num_layers": 2}),
}


@pytest.mark.parametrize("name", RECURRENCES)
def test_the_costs_of_a_recurrence_add_up_to_the_loss(name):
  """By a Python loop over the recurrence's cell."""
  kind, fields = RECURRENCES[name]
  model, task = model_of(kind, **fields)
  params, batch = params_of(model, task), batch_of(task)
  is_text = kind == "recurrent"
  carry = some_carry(model) if is_text else ()
  # The functions in it pass no jit: they are fetched outside of it.
  recurrences = model.apply(
    {"params": params}, batch, carry, method="recurrences"
  )
  [(name, recurrence)] = recurrences.items()
  jax.tree.map(np.testing.assert_array_equal, params[name], recurrence.params)
  assert recurrence.num_layers == fields.get("num_layers", 1)
  assert recurrence.lengths_B is None

  @jax.jit
  def by_hand(params, carry, xs, readout, targets, weights_T):
    _, y_TBH = static_unroll(recurrence.cell, params, xs, carry)
    total = 0.0
    for t in range(len(xs)):
      target = jax.tree.map(lambda a: a[t], targets)  # noqa: B023
      total += weights_T[t] * recurrence.cost(readout, y_TBH[t], target)
    return total

  before = recurrence.carry
  if before is not None and recurrence.num_layers == 1:
    before = before[0].forward
  got = by_hand(
    recurrence.cell_params,
    before,
    recurrence.xs,
    recurrence.readout,
    recurrence.targets,
    recurrence.weights_T,
  )
  want = loss_of(model, params, batch, carry)
  np.testing.assert_allclose(got, want, rtol=2e-6)


def test_the_recurrence_of_a_fresh_batch_begins_anew():
  model, task = model_of("recurrent")
  params, batch = params_of(model, task), batch_of(task, step=0)
  assert batch.fresh
  [recurrence] = model.apply(
    {"params": params}, batch, some_carry(model), method="recurrences"
  ).values()
  jax.tree.map(
    np.testing.assert_array_equal, recurrence.carry, model.initial_carry(B)
  )


def test_equal_models_have_one_step_cost():
  """Programs are compiled for functions: another one would compile again."""
  costs = set()
  for kind in ("vector", "vector", "recurrent", "recurrent"):
    model, task = model_of(kind)
    carry = some_carry(model) if kind == "recurrent" else ()
    variables = {"params": params_of(model, task)}
    recurrences = model.apply(
      variables, batch_of(task), carry, method="recurrences"
    )
    costs.add(recurrences["stack"].cost)
  assert len(costs) == 2


@pytest.mark.parametrize("kind", ["lengths", "recurrent", "window"])
def test_the_shapes_of_recurrences_are_known_without_parameters(kind):
  model, task = model_of(kind)
  shapes = recurrence_shapes(model, task)
  if kind == "window":
    assert shapes == {}
    return
  length = task.input_spec.length
  width = 3 if kind == "recurrent" else task.input_spec.size
  assert shapes["stack"].xs.shape == (length, B, width)
  assert (shapes["stack"].lengths_B is not None) == (kind == "lengths")


PERTURBED = [
  ("lengths", {"bidirectional": True, "num_layers": 2, "final_state": "all"}),
  ("sequence", {"cell": "gru"}),
  ("recurrent", {"num_layers": 2}),
  ("recurrent", {"reach": 2}),
  ("recurrent", {"reach": 7}),
]


@pytest.mark.parametrize("kind,fields", PERTURBED)
def test_perturbations_of_zero_change_no_bit_of_the_loss(kind, fields):
  model, task = model_of(kind, **fields)
  # Perturbed cells have no fused program, which rounds differently.
  model = model.clone(stack=model.stack._replace(implementation="scan"))
  params, batch = params_of(model, task), batch_of(task)
  carry = some_carry(model) if kind == "recurrent" else ()
  zeros = zero_perturbations(model.stack, task.input_spec.length, B)

  # With the emitters that runs have; those of other tests round differently.
  loss = jax.jit(
    lambda e: loss_of(model, params, batch, carry, e),
    compiler_options=EMITTERS_OF_RUNS,
  )
  want = loss(None)
  assert loss({"stack": zeros}) == want
  assert loss({"stack": jax.tree.map(jnp.ones_like, zeros)}) != want


# (reach, layer, state, step): before the window and in it; in the first of
# several parts and in the last.
ENTRIES = [
  (4, 0, "h", 0),
  (4, 1, "c", 2),
  (2, 0, "c", 0),
  (2, 1, "h", 1),
  (2, 0, "h", 2),
  (1, 0, "h", 1),
  (1, 1, "h", 3),
  (7, 0, "h", 0),
  (7, 1, "c", 2),
  (7, 0, "c", 3),
  (7, 1, "h", 6),
]


@functools.cache
def perturbed_loss(reach):
  """A text's batch, `(perturbations, batch) -> loss`, zeros, the gradient."""
  model, task = model_of("recurrent", reach, num_layers=2)
  params, batch = params_of(model, task), batch_of(task)
  with jax.enable_x64(True):
    params = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), params)
    carry = some_carry(model, jnp.float64)
    span = max(reach, WINDOW)
    zeros = zero_perturbations(model.stack, span, B, jnp.float64)

    @jax.jit
    def loss(layers, batch):
      return loss_of(model, params, batch, carry, {"stack": layers})

    return batch, loss, zeros, jax.jit(jax.grad(loss))(zeros, batch)


@pytest.mark.parametrize("reach,layer,state,step", ENTRIES)
def test_gradients_of_perturbations_equal_finite_differences(
  reach, layer, state, step
):
  """A reach below the window hides the costs of later parts."""
  batch, loss, zeros, gradient = perturbed_loss(reach)
  entry = (step, 1, 2)
  got = getattr(gradient[layer].forward, state)[entry]
  assert got.dtype == jnp.float64
  if reach < WINDOW:
    seen = np.arange(WINDOW) < (step // reach + 1) * reach
    batch = batch._replace(weights=batch.weights * seen[None])

  def loss_at(amount):
    layers = jax.tree.map(np.array, zeros)
    getattr(layers[layer].forward, state)[entry] = amount
    return float(loss(layers, batch))

  eps = 1e-5
  with jax.enable_x64(True):
    want = (loss_at(eps) - loss_at(-eps)) / (2 * eps)
  assert abs(want) > 1e-4
  np.testing.assert_allclose(got, want, rtol=1e-6)


STEPPERS = [
  ("sequence", {"num_layers": 2, "cell": "gru"}),
  ("sequence", {}),
  ("recurrent", {"num_layers": 2}),
  ("recurrent", {"tied": True}),
  ("window", {}),
  ("window", {"window__direct": True, "window__order": 2}),
]


def sequences(count):
  """All that a stepper of these models reads of a batch: its size."""
  return Batch(None, None, None, np.ones(count))


@functools.partial(jax.jit, static_argnums=0)
def step_by_step(model, params, inputs):
  """The stepper's outputs after each step: `[T, B, K]`."""
  stepper = model.apply({"params": params}, sequences(B), method="stepper")
  _, outputs = jax.lax.scan(
    stepper.step, stepper.initial, inputs.swapaxes(0, 1)
  )
  return outputs


@pytest.mark.parametrize("kind,fields", STEPPERS)
def test_a_stepper_returns_the_outputs_one_by_one(kind, fields):
  model, task = model_of(kind, **fields)
  params, batch = params_of(model, task), batch_of(task)
  carry = () if kind == "sequence" else model.initial_carry(B)
  want = apply(model, params, batch, carry, method="outputs")
  got = step_by_step(model, params, batch.inputs)
  np.testing.assert_allclose(got.swapaxes(0, 1), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("final", ["top", "all"])
def test_the_stepper_of_a_vector_answers_after_each_step(final):
  """As the model does of sequences that end there."""
  model, task = model_of("lengths", num_layers=2, final_state=final)
  params, batch = params_of(model, task), batch_of(task)
  got = step_by_step(model, params, batch.inputs)
  for length in (1, 5, batch.inputs.shape[1]):
    cut = batch._replace(input_lengths=jnp.full(B, length))
    want = apply(model, params, cut, (), method="outputs")
    np.testing.assert_allclose(got[length - 1], want, rtol=1e-5, atol=1e-6)


def test_a_stepper_works_outside_of_jit():
  model, task = model_of("recurrent")
  params = params_of(model, task)
  stepper = model.apply({"params": params}, sequences(1), method="stepper")
  word = jnp.array([2])
  carry, first = stepper.step(stepper.initial, word)
  _, second = stepper.step(carry, word)
  weights = jnp.ones((1, 2))
  words = jnp.array([[2, 2]])
  batch = Batch(words, None, words, weights, jnp.bool_(True))
  want = apply(model, params, batch, model.initial_carry(1), method="outputs")
  np.testing.assert_allclose(first, want[:, 0], rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(second, want[:, 1], rtol=1e-5, atol=1e-6)
