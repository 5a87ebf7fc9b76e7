"""Cells against their equations in numpy and against flax.linen; factories."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.flatten_util import ravel_pytree
from jax.test_util import check_grads
from oracles import NUMPY_STEPS, elman_step

from rnn_lab.cells import (
  CELLS,
  Cell,
  build_cell,
  cell_factory,
  elman,
  gru,
  lstm,
  output_size,
)
from rnn_lab.cells.base import program_cell
from rnn_lab.errors import FieldError

B, D, H = 3, 4, 5


def random_like(tree, seed):
  """Distinct random numbers in the structure of `tree`, float64."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(lambda a: rng.normal(size=a.shape), tree)


def cell_and_inputs(kind):
  cell = CELLS[kind](H)
  shapes = jax.eval_shape(lambda: cell.init(jax.random.key(0), D))
  params = random_like(shapes, seed=1)
  shapes = jax.eval_shape(lambda: cell.initial_carry((B,), jnp.float32))
  carry = random_like(shapes, seed=2)
  x = np.random.default_rng(3).normal(size=(B, D))
  return cell, params, carry, x


@pytest.mark.parametrize("kind", CELLS)
def test_step_equals_its_equations_in_numpy(kind):
  cell, params, carry, x = cell_and_inputs(kind)
  expected = NUMPY_STEPS[kind](params, carry, x)
  with jax.enable_x64(True):
    actual = jax.jit(cell.step)(params, carry, x)
  for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
    np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "linear"])
def test_elman_activations(activation):
  _, params, carry, x = cell_and_inputs("elman")
  f = {
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "linear": lambda z: z,
  }[activation]
  expected, _ = elman_step(params, carry, x, f)
  with jax.enable_x64(True):
    actual, _ = elman(H, activation).step(
      *jax.tree.map(jnp.asarray, (params, carry, x))
    )
  np.testing.assert_allclose(actual.h, expected[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_equal_finite_differences(kind):
  cell, params, carry, x = cell_and_inputs(kind)
  with jax.enable_x64(True):
    # Of one vector, so that the differences compile once.
    vector, arguments = ravel_pytree((params, carry, x))
    step = jax.jit(lambda v: ravel_pytree(cell.step(*arguments(v)))[0])
    check_grads(step, (vector,), order=2, modes=["fwd", "rev"])


def linen_kernels(params, gates, input_bias, recurrent_bias):
  """The parameters of a linen cell from our concatenated kernels."""
  flat = {}
  for n, gate in enumerate(gates):
    s = slice(n * H, (n + 1) * H)
    flat[f"i{gate}"] = {"kernel": params.input_kernel[:, s]}
    flat[f"h{gate}"] = {"kernel": params.recurrent_kernel[:, s]}
    if input_bias:
      flat[f"i{gate}"]["bias"] = params.bias[s]
    if recurrent_bias:
      flat[f"h{gate}"]["bias"] = params.bias[s]
  return flat


def test_lstm_equals_linen():
  cell, params, carry, x = cell_and_inputs("lstm")
  with jax.enable_x64(True):
    params, carry, x = jax.tree.map(jnp.asarray, (params, carry, x))
    weights = linen_kernels(params, "ifgo", False, True)
    (c, h), _ = nn.LSTMCell(H, param_dtype=jnp.float64).apply(
      {"params": weights}, (carry.c, carry.h), x
    )
    ours, _ = cell.step(params, carry, x)
  np.testing.assert_allclose(ours.h, h, rtol=1e-12)
  np.testing.assert_allclose(ours.c, c, rtol=1e-12)


def test_gru_equals_linen():
  cell, params, carry, x = cell_and_inputs("gru")
  with jax.enable_x64(True):
    params, carry, x = jax.tree.map(jnp.asarray, (params, carry, x))
    weights = linen_kernels(params, "rzn", True, False)
    weights["hn"]["bias"] = params.recurrent_bias_n
    h, _ = nn.GRUCell(H, param_dtype=jnp.float64).apply(
      {"params": weights}, carry.h, x
    )
    ours, _ = cell.step(params, carry, x)
  np.testing.assert_allclose(ours.h, h, rtol=1e-12)


def test_elman_equals_linen():
  cell, params, carry, x = cell_and_inputs("elman")
  with jax.enable_x64(True):
    params, carry, x = jax.tree.map(jnp.asarray, (params, carry, x))
    weights = {
      "i": {"kernel": params.input_kernel, "bias": params.bias},
      "h": {"kernel": params.recurrent_kernel},
    }
    h, _ = nn.SimpleCell(H, param_dtype=jnp.float64).apply(
      {"params": weights}, carry.h, x
    )
    ours, _ = cell.step(params, carry, x)
  np.testing.assert_allclose(ours.h, h, rtol=1e-12)


@pytest.mark.parametrize("kind", CELLS)
def test_equal_arguments_give_the_same_cell(kind):
  factory = CELLS[kind]
  assert factory(7) is factory(hidden_size=7)
  assert factory(7, recurrent_scale=2) is factory(7, recurrent_scale=2.0)
  assert factory(7) is not factory(8)
  assert factory(7).options.hidden_size == 7
  assert factory(7).kind == kind
  hash(factory(7))


@pytest.mark.parametrize("kind", CELLS)
def test_bfloat16_kernels_keep_a_float32_carry(kind):
  cell, params, carry, x = cell_and_inputs(kind)
  narrow = jax.tree.map(lambda a: jnp.asarray(a, jnp.bfloat16), (params, x))
  carry = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), carry)
  after, y = cell.step(narrow[0], carry, narrow[1])
  assert {a.dtype for a in jax.tree.leaves((after, y))} == {jnp.float32.dtype}
  expected, _ = NUMPY_STEPS[kind](
    *jax.tree.map(lambda a: np.asarray(a, np.float64), (narrow[0], carry)),
    np.asarray(narrow[1], np.float64),
  )
  # bfloat16 keeps 8 bits of the carry that enters the product.
  np.testing.assert_allclose(after.h, expected[0], atol=0.05)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("hidden_size", 0),
    ("input_init", "orthodox"),
    ("recurrent_scale", float("nan")),
    ("bias_init", "orthogonal"),
    ("hidden_size", [5]),
    ("input_init", ["zeros"]),
    ("bias_scale", np.ones(())),
  ],
)
def test_wrong_arguments_name_the_field(kind, field, value):
  with pytest.raises(FieldError) as error:
    CELLS[kind](**{"hidden_size": 5, field: value})
  assert error.value.field == field


@pytest.mark.parametrize(
  ("factory", "field", "value"),
  [
    (elman, "activation", "step"),
    (lstm, "forget_init", "random"),
    (lstm, "forget_bias", float("inf")),
    (lstm, "chrono_max", 2),
    (gru, "update_bias", float("nan")),
  ],
)
def test_wrong_arguments_of_one_cell(factory, field, value):
  with pytest.raises(FieldError) as error:
    factory(5, **{field: value})
  assert error.value.field == field


@pytest.mark.parametrize("kind", CELLS)
def test_wrong_widths_say_which(kind):
  cell, params, carry, x = cell_and_inputs(kind)
  with pytest.raises(ValueError, match=f"{kind}: .* the input must be 4, got"):
    cell.step(params, carry, x[:, 1:])
  for field in carry._fields:
    narrow = carry._replace(**{field: getattr(carry, field)[:, 1:]})
    with pytest.raises(ValueError, match=f"the carry's {field} must be 5, got"):
      cell.step(params, narrow, x)


@pytest.mark.parametrize("kind", CELLS)
def test_output_size(kind):
  assert output_size(CELLS[kind](H), D) == H


@pytest.mark.parametrize("kind", CELLS)
def test_factories_keep_the_signature_and_docstring_of_the_function(kind):
  factory = CELLS[kind]
  parameters = inspect.signature(factory).parameters
  assert factory(5).options._fields == tuple(parameters)
  assert factory(5).options[1:] == tuple(
    parameter.default for parameter in [*parameters.values()][1:]
  )
  assert factory.__name__ == kind
  assert "FieldError: an argument is out of its range." in factory.__doc__


@pytest.mark.parametrize(
  ("field", "equal", "wrong"),
  [
    ("forget_bias", 1.0, True),
    ("hidden_size", 1, True),
    ("hidden_size", 8, 8.0),
  ],
)
def test_a_cached_equal_argument_of_a_wrong_type_is_refused(
  field, equal, wrong
):
  for _ in range(2):
    lstm(**{"hidden_size": 8, field: equal})
    with pytest.raises(FieldError, match=f"{field} must be .*, got {wrong}"):
      lstm(**{"hidden_size": 8, field: wrong})


def test_wrong_calls_name_the_factory():
  with pytest.raises(TypeError, match="lstm: .* argument 'forget'"):
    lstm(8, forget=1.0)
  with pytest.raises(TypeError, match="lstm: missing .* 'hidden_size'"):
    lstm()


def test_an_unhashable_initializer_is_refused():
  class Unhashable:
    __hash__ = None

    def __call__(self, key, shape, dtype):
      return jnp.zeros(shape, dtype)

  with pytest.raises(FieldError, match="input_init must be hashable"):
    elman(5, input_init=Unhashable())


INIT_ONLY = {
  "elman": {"bias_init": "normal", "bias_scale": 2.0},
  "gru": {"update_bias": 1.0, "input_init": "zeros"},
  "lstm": {"forget_init": "chrono", "chrono_max": 9, "forget_bias": 0.0},
}


@pytest.mark.parametrize("kind", CELLS)
def test_program_cells_are_equal_iff_only_initial_values_differ(kind):
  factory = CELLS[kind]
  plain, other = factory(5), factory(5, **INIT_ONLY[kind], recurrent_scale=0.5)
  assert other != plain and other.init is not plain.init
  assert program_cell(other) is program_cell(plain) is plain
  for function in ("step", "initial_carry", "inside", "memory"):
    assert getattr(other, function) is getattr(plain, function)
  assert program_cell(factory(6)) is not plain
  assert program_cell(elman(5, "relu")) is not program_cell(elman(5))


def test_program_cell_returns_cells_of_no_factory_as_they_are():
  changed = lstm(5)._replace(step=gru(5).step)
  custom = Cell(None, None, None)
  assert program_cell(changed) is changed
  assert program_cell(custom) is custom


def leaky(hidden_size, rate=0.1, start=0.0):
  """A leaky integrator."""

  def init(key, input_size):
    return jnp.full((input_size, hidden_size), start)

  def step(params, carry, x):
    h = (1 - rate) * carry + rate * (x @ params)
    return h, h

  return Cell(init, lambda shape, dtype: jnp.zeros((*shape, hidden_size)), step)


def test_a_users_factory():
  factory = cell_factory(init_only=("start",))(leaky)
  assert factory.__doc__ == leaky.__doc__
  assert inspect.signature(factory) == inspect.signature(leaky)
  cell = factory(3, start=1.0)
  assert cell.kind == "leaky"
  assert cell.options._asdict() == {"hidden_size": 3, "rate": 0.1, "start": 1.0}
  assert cell is factory(3, 0.1, 1) and cell is not factory(3)
  assert cell.step is factory(3).step
  assert cell.initial_carry is factory(3).initial_carry
  assert program_cell(cell) is factory(3)
  assert (cell.init(None, 2) == 1.0).all()
  with pytest.raises(FieldError, match="hidden_size must be"):
    factory(0)
  plain = cell_factory(leaky, kind="integrator")
  assert plain(3).kind == "integrator"
  assert program_cell(plain(3, start=1.0)) is plain(3, start=1.0)


def test_wrong_factories():
  with pytest.raises(TypeError, match="leaky: init_only must .* got {'stop'}"):
    cell_factory(leaky, init_only=("stop",))
  with pytest.raises(TypeError, match="with defaults, got {'hidden_size'}"):
    cell_factory(leaky, init_only=("hidden_size",))
  with pytest.raises(TypeError, match="every argument must have a name"):
    cell_factory(lambda hidden_size, *sizes: leaky(hidden_size))


def test_equal_sections_give_the_same_cell(monkeypatch):
  monkeypatch.setitem(CELLS, "leaky", leaky)
  section = {"hidden_size": 3, "leaky": {"rate": 0.2}, "lstm": {}}
  cell = build_cell(section, "leaky")
  assert cell.kind == "leaky" and cell.options == ()
  assert build_cell(section, "leaky") is cell
  assert build_cell({"hidden_size": 3, "leaky": {"rate": 0.3}}, "leaky") != cell
  assert build_cell(section, "lstm") is lstm(3)
  with pytest.raises(FieldError, match="leaky.rat is .* did you mean 'rate'"):
    build_cell(section | {"leaky": {"rat": 0.2}}, "leaky")
  with pytest.raises(FieldError, match="leaky.rate must be hashable"):
    build_cell(section | {"leaky": {"rate": [0.2]}}, "leaky")
  with pytest.raises(FieldError, match="lstm.forget_bias must be .* got True"):
    build_cell(section | {"lstm": {"forget_bias": True}}, "lstm")
