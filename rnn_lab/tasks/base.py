"""What a task is: data, and the judgement of a model's outputs on it."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

from rnn_lab.types import Array, Batch, Key, PyTree

# What one machine can be asked for by mistake without running out of memory.
LONGEST = 100_000
MOST_EXAMPLES = 100_000

VECTOR = "sequence_to_vector"
SEQUENCE = "sequence_to_sequence"


class Spec(NamedTuple):
  """The sizes that a model must be built for.

  Attributes:
    length: T, the longest sequence.
    size: the features of one step (inputs), or the numbers that a model
      puts out at one place (outputs: classes, or values).
  """

  length: int
  size: int


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
  """A task as a value. Everything that depends on data takes it as argument.

  Tasks are compared and hashed by identity, arrays having no hash; the
  factories are cached, so that equal arguments give the same task.

  Attributes:
    name: its key in `rnn_lab.tasks.TASKS`.
    pattern: VECTOR (one output after the last step) or SEQUENCE (one a step).
    input_spec: length and features of the inputs.
    output_spec: length (1 for VECTOR) and size of the outputs.
    output: the function g of the lecture: "softmax", "sigmoid" or "linear".
    data: the training arrays, a pytree; `None` when batches are generated.
    batch: `(data, key, step) -> Batch`, pure and jittable. `key` belongs to
      the run's seed and is the same at every step.
    eval_batches: `split -> Batch` with a leading dimension over batches;
      split is "valid" or "test". Never depends on the run's seed.
    loss: `(outputs, batch) -> (sum, count)`, to be divided once.
    metrics: `(outputs, batch) -> {name: (sum, count)}`, "loss" among them.
    headline: the metric that chooses the best step and leads the report.
    maximize: whether more of the headline metric is better.
    baselines: `{metric: value}` that a constant guess reaches.
    hashes: `{file or data set: sha256}` of the data that was read.
  """

  name: str
  pattern: str
  input_spec: Spec
  output_spec: Spec
  output: str
  data: PyTree
  batch: Callable[[PyTree, Key, Array], Batch]
  eval_batches: Callable[[str], Batch]
  loss: Callable[[Array, Batch], tuple[Array, Array]]
  metrics: Callable[[Array, Batch], dict[str, tuple[Array, Array]]]
  headline: str
  maximize: bool
  baselines: Mapping[str, float]
  hashes: Mapping[str, str] = dataclasses.field(
    default_factory=lambda: types.MappingProxyType({})
  )
