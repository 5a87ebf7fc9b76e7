"""What a model is: the methods that training, evaluators and studies call."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab import initializers
from rnn_lab._stack import Directions, Stack, program_stack
from rnn_lab._stack_cell import as_cell
from rnn_lab.cells.base import Cell
from rnn_lab.tasks.base import Task
from rnn_lab.types import Array, Batch, Carry, Key, Params, PyTree

LossFunction = Callable[[Array, Batch], tuple[Array, Array]]
StepCost = Callable[[PyTree, Array, PyTree], Array]

# The lecture's g in y = g(v h). Models return the numbers before g, from which
# losses are stable.
OUTPUTS = {
  "linear": lambda outputs: outputs,
  "sigmoid": jax.nn.sigmoid,
  "softmax": jax.nn.softmax,
}


class Recurrence(NamedTuple):
  """A recurrence within a model, for one batch: what gradient tools look at.

  Attributes:
    stack: the layers of cells.
    params: their parameters.
    xs: `[T, B, D]`, what the first layer reads; a pytree of arrays for a
      cell whose step takes one.
    carry: the states before the first step; None for the cells' initial ones.
    lengths_B: the sequences' lengths; None where all are T.
    final: the layers that the readout sees, "top" or "all".
    readout: the parameters of the readout.
    cost: `(readout, y_BH, target_t) -> J_t`, the cost of one step, summed
      over the batch. The same function for equal models. None if the loss is
      not a sum of costs of steps.
    targets: what `cost` compares with, leading dimension T.
    weights_T: the weight of each J_t in the loss.
    resets_TB: where a sequence begins anew; None for nowhere.
    mask_TB: which steps are valid (see `rnn_lab.unroll`); None for all.
    reads: what its steps are: those of the batch's inputs ("inputs"), or the
      symbols in front of its targets ("targets").
    writes: where the model answers: at "every_step", after the "last" one, or
      at "none".
  """

  stack: Stack
  params: tuple[Directions, ...]
  xs: PyTree
  carry: tuple[Directions, ...] | None
  lengths_B: Array | np.ndarray | None
  final: str
  readout: PyTree
  cost: StepCost | None
  targets: PyTree
  weights_T: Array
  resets_TB: Array | None = None
  mask_TB: Array | None = None
  reads: str = "inputs"
  writes: str = "every_step"

  @property
  def shape(self) -> tuple[int, int]:
    """T and B."""
    return jax.tree.leaves(self.xs)[0].shape[:2]

  @property
  def num_layers(self) -> int:
    """The number of layers."""
    return len(self.stack.forward)

  @property
  def cell(self) -> Cell:
    """All layers as one cell; a single layer's cell itself."""
    if self.num_layers == 1:
      return self.stack.forward[0]
    return as_cell(self.stack, self.final)

  @property
  def cell_params(self) -> Params:
    """The parameters of `cell`."""
    return self.params[0].forward if self.num_layers == 1 else self.params


class Stepper(NamedTuple):
  """A model as a function of one symbol or vector at a time.

  Attributes:
    initial: the carry before the first one.
    step: `(carry, x) -> (carry, outputs)` for `x` of `[B]` symbols or
      `[B, D]` vectors; the outputs, before g, are `[B, K]`.
  """

  initial: Carry
  step: Callable[[Carry, Array], tuple[Carry, Array]]


class Model(nn.Module):
  """Base of all models that are trained by gradient.

  Everything outside of the model's own file goes through these methods, called
  by `model.apply({"params": params}, ..., method="loss")`. Attributes whose
  name ends in `_init` are initializers, which only `init` may read: compiled
  programs do not depend on them (see `program_model`).
  """

  fit: ClassVar[str] = "gradient"

  def __call__(self, batch: Batch) -> PyTree:
    """Returns the outputs from the initial carry; this is what `init` runs."""
    return self.outputs(batch, self.initial_carry(batch.weights.shape[0]))

  def initial_carry(self, batch_size: int) -> Carry:
    """Returns what passes from batch to batch; () where nothing does."""
    del batch_size
    return ()

  def carry_before(self, batch: Batch, carry: Carry) -> Carry:
    """Returns the carry to begin a batch with: the initial one if `fresh`."""
    size = jax.tree.leaves(batch.inputs)[0].shape[0]
    initial = self.initial_carry(size)

    def choose(new: Array, old: Array) -> Array:
      assert batch.fresh is not None  # a carry passes along a stream only
      return jnp.where(batch.fresh, new, old)

    return jax.tree.map(choose, initial, carry)

  def loss(
    self,
    batch: Batch,
    carry: Carry,
    *,
    train: bool = False,
    perturbations: PyTree = None,
  ) -> tuple[tuple[Array, Array], Carry]:
    """Returns ((sum of losses, sum of weights), carry for the next batch).

    Args:
      batch: the sequences.
      carry: as the batch before returned it, or `initial_carry`.
      train: apply dropout; needs the rng "dropout".
      perturbations: for each name of `recurrences` what is added to its
        carries, as `zero_perturbations` of its stack; None adds nothing.
    """
    raise NotImplementedError

  def outputs(self, batch: Batch, carry: Carry) -> PyTree:
    """Returns the outputs before g, as the task's metrics take them."""
    raise NotImplementedError

  def details(self) -> dict[str, Any]:
    """Returns what `result.json` says about the model itself; {} at first."""
    return {}

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """Returns the recurrences within the model by name; {} without one.

    A name is also that of the stack's parameters.
    """
    del batch, carry
    return {}

  def stepper(self, batch: Batch) -> Stepper:
    """Returns the model as a function of one step, for decoding.

    Args:
      batch: as many sequences as are to be decoded, and what they depend on.
    """
    raise NotImplementedError

  def decode(self, batch: Batch, **options: Any) -> Array:
    """Returns the symbols that the model predicts: `[B]` or `[B, T]`.

    Here the most probable one of each output.

    Args:
      batch: what they are predicted from; its targets are not read.
      **options: none.
    """
    del options
    size = batch.weights.shape[0]
    return jnp.argmax(self.outputs(batch, self.initial_carry(size)), axis=-1)


class StatelessModel(Model):
  """Base of models that pass nothing from batch to batch.

  Their loss is the task's `loss_function`, an attribute, of their outputs.
  """

  def loss(
    self,
    batch: Batch,
    carry: Carry,
    *,
    train: bool = False,
    perturbations: PyTree = None,
  ) -> tuple[tuple[Array, Array], Carry]:
    """See `Model.loss`; the carry is handed on as it is."""
    outputs = self._outputs(batch, train, perturbations)
    return self.loss_function(outputs, batch), carry

  def outputs(self, batch: Batch, carry: Carry) -> Array:
    """See `Model.outputs`; the carry is not read."""
    del carry
    return self._outputs(batch)

  def _outputs(
    self, batch: Batch, train: bool = False, perturbations: PyTree = None
  ) -> Array:
    """Returns the outputs before g; see `Model.loss` for the arguments."""
    raise NotImplementedError


def read_out(readout: PyTree, y: Array) -> Array:
  """Computes y v + b, of a readout `{"kernel", "bias"}` and `[B, H]`."""
  return y @ readout["kernel"] + readout["bias"][None]


def program_model(model: Model) -> Model:
  """Returns `model` with all that only `init` reads replaced by constants.

  Models that differ in nothing but how they are initialised become equal, and
  share the compiled programs that are keyed by the returned model.
  """
  constants = {}
  for field in dataclasses.fields(model):
    value = getattr(model, field.name)
    if isinstance(value, Stack):
      constants[field.name] = program_stack(value)
    elif field.name.endswith("_init"):
      constants[field.name] = initializers.zeros(0.0)
  return model.clone(**constants)


def init_params(model: Model, task: Task, key: Key) -> Params:
  """Initialises the parameters for batches of `task`; jittable."""
  return model.init({"params": key}, _zero_batch(task))["params"]


def recurrence_shapes(model: Model, task: Task) -> dict[str, Recurrence]:
  """Returns `recurrences` for a training batch, with shapes for arrays."""
  recurrences = {}

  def probe(key: Key) -> None:
    batch = _zero_batch(task)
    variables = {"params": init_params(model, task, key)}
    size = batch.weights.shape[0]
    carry = model.apply(variables, size, method="initial_carry")
    found = model.apply(variables, batch, carry, method="recurrences")
    recurrences.update(cast(dict[str, Recurrence], found))

  jax.eval_shape(probe, jax.random.key(0))
  return recurrences


def _zero_batch(task: Task) -> Batch:
  key = jax.random.key(0)
  shapes = jax.eval_shape(task.batch, task.data[0], key, jnp.int32(0))
  return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)


@functools.lru_cache(maxsize=16)
def step_cost(loss: LossFunction) -> StepCost:
  """Returns a task's loss as the cost of one step, summed over the batch.

  The readout is `{"kernel", "bias"}` and the target a pair of targets and
  weights. Cached, as functions are what programs are compiled for.
  """

  def cost(readout: PyTree, y_BH: Array, target: PyTree) -> Array:
    targets, weights = target
    outputs = read_out(readout, y_BH)
    return loss(outputs, Batch(None, None, targets, weights))[0]

  return cost


def time_major(tree: Any) -> Any:
  """Swaps the first two dimensions of every array."""
  return jax.tree.map(lambda a: a.swapaxes(0, 1), tree)
