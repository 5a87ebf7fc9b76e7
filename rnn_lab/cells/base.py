"""Cells: one step of a recurrence as a value, and how to write one."""

import collections
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.caching import cached
from rnn_lab.cells.activations import Activated, activated
from rnn_lab.errors import FieldError, check_float, check_size
from rnn_lab.initializers import bias_initializer, kernel_initializer
from rnn_lab.types import Array, Carry, Key, Params, PyTree


class Cell(NamedTuple):
  """One step of a recurrence, made by a factory such as `lstm(128)`.

  The first three fields are required and are pure functions.

  Attributes:
    init: `(key, input_size) -> params`, a pytree of arrays.
    initial_carry: `(batch_shape, dtype) -> carry`, the state before the
      first step, with the leading dimensions `batch_shape`.
    step: `(params, carry, x_BD) -> (carry, y_BH)`. The new carry has the
      structure, shapes and dtypes of the old one. For x_BD a step may
      take a pytree of arrays.
    kind: the name of the factory, the cell's key in `rnn_lab.cells.CELLS`.
    options: a hashable NamedTuple of the factory's arguments.
    inside: `(params, carry, x_BD) -> {name: Activated}`, the gates and other
      activations of this step. None if the cell does not expose its
      activations.
    memory: the names (state, gate) of a state and the gate that multiplies
      its previous value, as in c_t = f_t * c_{t-1} + ... None if there is no
      such gate.
  """

  init: Callable[[Key, int], Params]
  initial_carry: Callable[[tuple[int, ...], Any], Carry]
  step: Callable[[Params, Carry, PyTree], tuple[Carry, Array]]
  kind: str = "custom"
  options: tuple = ()
  inside: Callable[[Params, Carry, Array], Mapping[str, Activated]] | None = (
    None
  )
  memory: tuple[str, str] | None = None


# The initializers of a cell's weights, by the first part of the names of their
# arguments: `input_init` and `input_scale`, and so on.
WEIGHTS = {
  "input": kernel_initializer,
  "recurrent": kernel_initializer,
  "bias": bias_initializer,
}


def cell_factory(
  function: Callable[..., Cell] | None = None,
  *,
  kind: str | None = None,
  init_only: Iterable[str] = (),
) -> Callable[..., Any]:
  """Makes a cached factory of cells from a function that returns a `Cell`.

    @cell_factory(init_only=("forget_bias",))
    def lstm(hidden_size: int, forget_bias: float = 1.0) -> Cell: ...

  The factory has the signature and the docstring of the function. It
  - checks that `hidden_size` is a positive integer;
  - replaces `input_init`, `recurrent_init` and `bias_init` by initializers,
    scaled by `input_scale`, `recurrent_scale` and `bias_scale`;
  - sets the cell's `kind` and `options`;
  - returns the same cell for equal arguments, so that jitted callers do not
    compile again;
  - gives cells that differ only in init-only arguments the same functions
    except for `init`; see `program_cell`.

  Args:
    function: the function; None when used with arguments, as above.
    kind: the `kind` of its cells; None for the function's name.
    init_only: names of the arguments that only `init` reads. The six names
      above always are, where the function has them.

  Raises:
    TypeError: an init-only argument is unknown or has no default, or the
      function has `*args`, `**kwargs` or positional-only arguments.
  """
  if function is None:
    return functools.partial(cell_factory, kind=kind, init_only=init_only)
  kind = kind or function.__name__
  parameters = inspect.signature(function).parameters
  weights = {f"{name}_{end}" for name in WEIGHTS for end in ("init", "scale")}
  init_only = {*init_only} | (weights & {*parameters})
  optional = {
    n: p.default for n, p in parameters.items() if p.default is not p.empty
  }
  if unknown := init_only - {*optional}:
    raise TypeError(
      f"{kind}: init_only must name arguments with defaults, got {unknown}"
    )
  defaults = {name: optional[name] for name in init_only}
  options_class = collections.namedtuple("Options", parameters)

  @functools.wraps(function)
  def make(**arguments: Any) -> Cell:
    cell = function(**_initializers(arguments))
    cell = cell._replace(kind=kind, options=options_class(**arguments))
    if all(arguments[name] is value for name, value in defaults.items()):
      return cell
    program = factory(**arguments | defaults)
    return program._replace(init=cell.init, options=cell.options)

  factory = cached(make)
  factory.init_only = defaults
  # No argument has this name: fields of a namedtuple begin with a letter.
  factory_method = staticmethod(factory)
  options_class._factory = factory_method  # pyright: ignore[reportAttributeAccessIssue] - set on this class
  return factory


def program_cell(cell: Cell) -> Cell:
  """Returns `cell` with every init-only option at its default.

  Cells that differ only in how they are initialised have the same program
  cell, which compiled programs are therefore keyed by. A cell that was not
  made by a `cell_factory`, or was changed since, is returned as it is.
  """
  factory = getattr(cell.options, "_factory", None)
  if factory is None or factory(**options_of(cell)) != cell:
    return cell
  return factory(**options_of(cell) | factory.init_only)


def options_of(cell: Cell) -> dict[str, Any]:
  """Returns the arguments that a factory made `cell` with; {} without one."""
  as_dict = getattr(cell.options, "_asdict", dict)
  return as_dict()


def _initializers(arguments: dict[str, Any]) -> dict[str, Any]:
  """Checks a factory's common arguments and makes its initializers.

  Raises:
    FieldError: hidden_size is not a positive integer, an initializer is
      unknown, or a scale is not a finite number of at least 0.
  """
  arguments = dict(arguments)
  if "hidden_size" in arguments:
    check_size("hidden_size", arguments["hidden_size"])
  for weight, initializer in WEIGHTS.items():
    field, scale = f"{weight}_init", arguments.get(f"{weight}_scale", 1.0)
    check_float(f"{weight}_scale", scale, 0.0)
    if field in arguments:
      arguments[field] = initializer(field, arguments[field], scale)
  return arguments


@functools.cache
def zero_carry(carry_class: Any, hidden_size: int) -> Callable[..., Carry]:
  """Returns an `initial_carry`: zeros `[..., H]` in each field of a class."""

  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> Carry:
    zeros_BH = jnp.zeros((*batch_shape, hidden_size), dtype)
    return carry_class(*[zeros_BH] * len(carry_class._fields))

  return initial_carry


def gates_inside(
  gates: Callable[..., tuple[Array, ...]],
  names: Sequence[str],
  activations: Sequence[str],
) -> Callable[..., dict[str, Activated]]:
  """Returns the `inside` of a gated cell.

  Args:
    gates: `(params, carry, x_BD) ->` the value of each gate, `[B, H]`.
    names: the name of each gate.
    activations: the name of the activation that each gate is the output of.
  """

  def inside(params: Params, carry: Carry, x_BD: Array) -> dict[str, Activated]:
    values = zip(names, activations, gates(params, carry, x_BD))
    return {name: activated(f, value_BH) for name, f, value_BH in values}

  return inside


def output_size(cell: Cell, input_size: int) -> int:
  """Returns the width of the outputs of `cell`, without computing them."""

  def one_step(key: Key, x_BD: Array) -> Array:
    carry = cell.initial_carry((1,), jnp.float32)
    return cell.step(cell.init(key, input_size), carry, x_BD)[1]

  x_BD = jax.ShapeDtypeStruct((1, input_size), jnp.float32)
  return jax.eval_shape(one_step, jax.random.key(0), x_BD).shape[-1]


def check_step(cell: Cell, params: Params, carry: Carry, x: PyTree) -> None:
  """Raises ValueError unless a step preserves the form of the carry.

  `params`, `carry` and `x` hold arrays or `jax.ShapeDtypeStruct`s.
  """
  after, _ = jax.eval_shape(cell.step, params, carry, x)
  check_carry(cell, carry, after)


def check_carry(cell: Cell, expected: Carry, actual: Carry) -> None:
  """Raises ValueError unless both carries have the same form."""

  def describe(a: Any) -> str:
    is_array = hasattr(a, "dtype") and hasattr(a, "shape")
    return f"{a.dtype.name}{a.shape}" if is_array else type(a).__name__

  def form(carry: Carry) -> dict[str, str]:
    return {
      jax.tree_util.keystr(path) or "(itself)": describe(a)
      for path, a in jax.tree_util.tree_leaves_with_path(carry)
    }

  same_tree = jax.tree.structure(expected) == jax.tree.structure(actual)
  if form(expected) != form(actual) or not same_tree:
    raise ValueError(
      f"{cell.kind}: the carry must have the form {form(expected)}"
      f"{'' if same_tree else ' in the same containers'}, got {form(actual)}"
    )


def is_float(array: Array) -> bool:
  """Returns whether an array has a floating dtype, and so derivatives.

  Of what is no array it is False.
  """
  dtype = getattr(array, "dtype", None)
  return dtype is not None and jnp.issubdtype(dtype, jnp.floating)


def affine(kernel: Array, x: Array, dtype: Any) -> Array:
  """Computes `x @ kernel` in the kernel's dtype, accumulated in `dtype`.

  With bfloat16 kernels and a float32 carry the products are cheap and their
  sums are still float32.
  """
  return jnp.matmul(
    x.astype(kernel.dtype), kernel, preferred_element_type=dtype
  )


def check_real(field: str, tree: PyTree, kind: str = "") -> None:
  """Raises FieldError for complex arrays, whose imaginary part would be lost.

  Args:
    field: the name of the argument.
    tree: arrays.
    kind: of the cell, for the message; "" for none.
  """
  for leaf in jax.tree.leaves(tree):
    dtype = getattr(leaf, "dtype", type(leaf))
    if jnp.issubdtype(dtype, jnp.complexfloating):
      name = jnp.dtype(dtype).name
      start = f"{kind}: " if kind else ""
      raise FieldError(
        field, f"{start}{{field}} must hold real numbers, got {name}"
      )


def check_arrays(field: str, tree: PyTree, kind: str = "") -> None:
  """Raises FieldError unless all leaves of a tree are arrays.

  Args:
    field: the name of the argument.
    tree: parameters, in which lists of numbers would be trees of their own.
    kind: of the cell, for the message; "" for none.
  """
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    if not hasattr(leaf, "dtype") or not hasattr(leaf, "shape"):
      start = f"{kind}: " if kind else ""
      raise FieldError(
        field,
        f"{start}{{field}} must hold arrays, got a {type(leaf).__name__} at "
        f"{jax.tree_util.keystr(path) or 'its root'}",
      )


def check_widths(kind: str, params: Params, carry: Carry, x_BD: Array) -> None:
  """Checks the widths of an input and of a carry, and that all are real.

  Args:
    kind: the cell's, for the message.
    params: have an `input_kernel` `[D, ...]`, a `recurrent_kernel` `[H, ...]`.
    carry: a NamedTuple of `[B, H]` arrays.
    x_BD: the input.

  Raises:
    FieldError: `params` are not those of the cell's `init`, or an array is
      complex.
    ValueError: an array has another width.
  """
  check_arrays("params", params, kind)
  for name in ("input_kernel", "recurrent_kernel"):
    kernel = getattr(params, name, None)
    if kernel is None or kernel.ndim != 2:
      got = f"a {type(params).__name__} without it"
      raise FieldError(
        "params",
        f"{kind}: {{field}} must be those of the cell's init, with a matrix "
        f"{name}, got {got if kernel is None else f'shape {kernel.shape}'}",
      )
  for field, tree in (("x", x_BD), ("carry", carry), ("params", params)):
    check_real(field, tree, kind)
  hidden_size = params.recurrent_kernel.shape[0]
  arrays = [("the input", x_BD, params.input_kernel.shape[0])]
  for field, array in carry._asdict().items():
    arrays.append((f"the carry's {field}", array, hidden_size))
  for name, array, width in arrays:
    if array.ndim == 0 or array.shape[-1] != width:
      raise ValueError(
        f"{kind}: the last dimension of {name} must be {width}, got shape "
        f"{array.shape}"
      )


def bias_row(bias: Array, like: Array) -> Array:
  """Reshapes and casts `bias` to the rank and dtype of `like`.

  The explicit form of a broadcast, which `jax_numpy_rank_promotion` demands.
  """
  shape = (1,) * (like.ndim - bias.ndim) + bias.shape
  return bias.reshape(shape).astype(like.dtype)
