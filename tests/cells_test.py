"""Each cell against its equations in numpy, flax.linen, and its own options."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.test_util import check_grads
from oracles import NUMPY_STEPS, elman_step

from rnn_lab.cells import CELLS, elman, gru, lstm, output_size
from rnn_lab.errors import FieldError

B, D, H = 3, 4, 5


def random_like(tree, seed):
  """Distinct random numbers in the structure of `tree`, float64."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(lambda a: rng.normal(size=a.shape), tree)


def cell_and_inputs(kind):
  cell = CELLS[kind](H)
  params = random_like(cell.init(jax.random.key(0), D), seed=1)
  carry = random_like(cell.initial_carry((B,), jnp.float32), seed=2)
  x = np.random.default_rng(3).normal(size=(B, D))
  return cell, params, carry, x


@pytest.mark.parametrize("kind", CELLS)
def test_step_equals_its_equations_in_numpy(kind):
  cell, params, carry, x = cell_and_inputs(kind)
  expected = NUMPY_STEPS[kind](params, carry, x)
  with jax.enable_x64(True):
    actual = cell.step(*jax.tree.map(jnp.asarray, (params, carry, x)))
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
    arguments = jax.tree.map(jnp.asarray, (params, carry, x))
    check_grads(cell.step, arguments, order=2, modes=["fwd", "rev"])


def linen_kernels(params, gates, input_bias, recurrent_bias):
  """The parameters of a linen cell from our kernels side by side."""
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
  with pytest.raises(ValueError, match="the input has shape"):
    cell.step(params, carry, x[:, 1:])
  with pytest.raises(ValueError, match="the carry's h has shape"):
    cell.step(params, carry._replace(h=carry.h[:, 1:]), x)


@pytest.mark.parametrize("kind", CELLS)
def test_output_size(kind):
  assert output_size(CELLS[kind](H), D) == H


@pytest.mark.parametrize("kind", CELLS)
def test_factories_take_the_options_that_cells_keep(kind):
  names = tuple(inspect.signature(CELLS[kind]).parameters)
  assert CELLS[kind](5).options._fields == names
