"""What a task is: data, a loss, and metrics of a model's outputs."""

import dataclasses
import pathlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rnn_lab.types import Array, Batch, Key, PyTree

# What one machine can be asked for by mistake without running out of memory.
LONGEST = 100_000
MOST_EXAMPLES = 100_000
# Steps are int32 on the devices.
LAST_STEP = 2**31 - 1

# The design patterns, each also a kind of model.
SEQUENCE_TO_VECTOR = "sequence_to_vector"
VECTOR_TO_SEQUENCE = "vector_to_sequence"
SEQUENCE_TO_SEQUENCE = "sequence_to_sequence"
ENCODER_DECODER = "encoder_decoder"
PATTERNS = (
  SEQUENCE_TO_VECTOR,
  VECTOR_TO_SEQUENCE,
  SEQUENCE_TO_SEQUENCE,
  ENCODER_DECODER,
)
# What an array of inputs holds.
VECTORS = "vectors"  # [B, T, D] floats
SYMBOLS = "symbols"  # [B, T] integers in [0, size)
SPELLINGS = "spellings"  # [B, T, C] integers: the characters of each word, or 0
IMAGES = "images"  # [B, rows, columns, channels] floats


class Spec(NamedTuple):
  """The sizes that a model must be built for.

  Attributes:
    length: T, the longest sequence; 1 where there is no time.
    size: the features of one step (inputs), or the numbers that a model
      returns at one place (outputs: classes, or values); of symbols how many
      there are, of images the channels.
    form: VECTORS, SYMBOLS, SPELLINGS or IMAGES.
    shape: of images (rows, columns), of spellings (C,).
  """

  length: int
  size: int
  form: str = VECTORS
  shape: tuple[int, ...] = ()


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
    pattern: one of PATTERNS.
    input_spec: of the inputs; `{name: Spec}` where each step has several
      inputs, `Batch.inputs` then being a dict of arrays.
    output_spec: length (1 for one vector) and size of the outputs.
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
    baselines: `{metric: value}` that a simple guess reaches: a constant one,
      or of a series the last value that was read.
    hashes: `{file or data set: sha256}` of the data that was read.
    evaluator: how parameters are evaluated on a split: a key of
      `rnn_lab.evaluators.EVALUATORS`.
    bucket: `step -> (bucket, until)`: the bucket of a training step, the same
      for all seeds, and the first step at which it may be another one.
    steps_per_epoch: updates until every example was read once; 0 where
      examples are generated and there are no epochs.
    references: returns `{method: {metric: value}}`, what methods without a
      network, fitted to the training split, reach on the test split.
    predictor: how new inputs are answered: a key of
      `rnn_lab.predictors.PREDICTORS`, or "" where they cannot be given.
    reads_files: whether a new input may be the path of a file; else it is a
      line of text.
  """

  name: str
  pattern: str
  input_spec: Spec | Mapping[str, Spec]
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
  steps_per_epoch: int = 0
  references: Callable[[], Mapping[str, Mapping[str, float]]] = dict
  predictor: str = ""
  reads_files: bool = False

  @property
  def length(self) -> int:
    """The longest input sequence."""
    specs = self.input_spec
    specs = [specs] if isinstance(specs, Spec) else [*specs.values()]
    return max(spec.length for spec in specs)

  @property
  def has_training_batch(self) -> bool:
    """Whether the training data fills a batch, which only networks need."""
    return True

  @property
  def input_names(self) -> tuple[str, ...]:
    """A name for each input symbol, of the first input if there are several.

    () where they have none.
    """
    return ()

  @property
  def output_names(self) -> tuple[str, ...]:
    """A name for each class or symbol that is predicted."""
    return tuple(str(k) for k in range(self.output_spec.size))

  def describe(self) -> str:
    """Returns a line on the data for a person, or "" if there is no need."""
    return ""

  def held_batches(self) -> Iterator[tuple[str, Batch]]:
    """Yields all batches of both splits, each with its split's name.

    Their targets are checked before training. A task whose targets need no
    check yields none.
    """
    for split in ("valid", "test"):
      for batch in self.eval_batches(split):
        yield split, batch

  def save_files(self, workdir: pathlib.Path) -> None:
    """Writes what is needed to open a run without its data: here nothing."""
