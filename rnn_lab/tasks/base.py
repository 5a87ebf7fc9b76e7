"""What a task is: data, a loss, and metrics of a model's outputs."""

import dataclasses
import pathlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rnn_lab.types import Array, Batch, Key, PyTree

# What one machine can be asked for by mistake without running out of memory.
LONGEST = 100_000
MOST_EXAMPLES = 100_000
# Steps are int32 on the devices.
LAST_STEP = 2**31 - 1

VECTOR = "sequence_to_vector"
SEQUENCE = "sequence_to_sequence"


class Spec(NamedTuple):
  """The sizes that a model must be built for.

  Attributes:
    length: T, the longest sequence.
    size: the features of one step (inputs), or the numbers that a model
      returns at one place (outputs: classes, or values).
    symbols: whether the inputs are integers in [0, size), not vectors.
  """

  length: int
  size: int
  symbols: bool = False


def one_bucket(step: int) -> tuple[int, int]:
  """`Task.bucket` where all batches have one shape."""
  del step
  return 0, LAST_STEP


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
    data: the training arrays, one pytree for each bucket of lengths; `()` is
      the pytree of a task whose batches are generated.
    batch: `(data[bucket], key, step) -> Batch`, pure and jittable. `key`
      belongs to the run's seed and is the same at every step.
    eval_batches: `split -> batches`, whose shapes may differ; split is
      "valid" or "test". Never depends on the run's seed.
    loss: `(outputs, batch) -> (sum, count)`, to be divided once.
    metrics: `(outputs, batch) -> {name: (sum, count)}`, "loss" among them.
    headline: the metric that chooses the best step and leads the report.
    maximize: whether more of the headline metric is better.
    baselines: `{metric: value}` that a constant guess reaches.
    hashes: `{file or data set: sha256}` of the data that was read.
    evaluator: how parameters are evaluated on a split: a key of
      `rnn_lab.evaluators.EVALUATORS`.
    bucket: `step -> (bucket, until)`: the bucket of a training step, the same
      for all seeds, and the first step at which it may be another one.
  """

  name: str
  pattern: str
  input_spec: Spec
  output_spec: Spec
  output: str
  data: tuple[PyTree, ...]
  batch: Callable[[PyTree, Key, Array], Batch]
  eval_batches: Callable[[str], Sequence[Batch]]
  loss: Callable[[Array, Batch], tuple[Array, Array]]
  metrics: Callable[[Array, Batch], dict[str, tuple[Array, Array]]]
  headline: str
  maximize: bool
  baselines: Mapping[str, float]
  hashes: Mapping[str, str] = dataclasses.field(
    default_factory=lambda: types.MappingProxyType({})
  )
  evaluator: str = "batches"
  bucket: Callable[[int], tuple[int, int]] = one_bucket

  def describe(self) -> str:
    """Returns a line on the data for a person, or "" if there is no need."""
    return ""

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes what is needed to open a run without its data: here nothing."""
