"""What a task is: data, and the judgement of a model's outputs on it."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

from rnn_lab.text.base import Corpus
from rnn_lab.types import Array, Batch, Key, PyTree

# What one machine can be asked for by mistake without running out of memory.
LONGEST = 100_000
MOST_EXAMPLES = 100_000

VECTOR = "sequence_to_vector"
SEQUENCE = "sequence_to_sequence"
# Batch after batch of one text: the state of a model passes on.
STREAM = "stream"


class Spec(NamedTuple):
  """The sizes that a model must be built for.

  Attributes:
    length: T, the longest sequence.
    size: the features of one step (inputs), or the numbers that a model
      puts out at one place (outputs: classes, or values).
  """

  length: int
  size: int


class Stream(NamedTuple):
  """A text, and how it is cut into what one update sees.

  Attributes:
    corpus: the splits and their vocabulary.
    tracks: B, the parts of the training split that are read side by side.
    window: k1, the tokens of each track that one update is made for.
    reach: k2, the steps that its gradient goes back.
    steps_per_epoch: updates until the training split was read once.
  """

  corpus: Corpus
  tracks: int
  window: int
  reach: int
  steps_per_epoch: int


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
  """A task as a value. Everything that depends on data takes it as argument.

  Tasks are compared and hashed by identity, arrays having no hash; the
  factories are cached, so that equal arguments give the same task.

  Attributes:
    name: its key in `rnn_lab.tasks.TASKS`.
    pattern: VECTOR (one output after the last step), SEQUENCE (one a step),
      or STREAM (the next word of a text, at every step).
    input_spec: length and features of the inputs.
    output_spec: length (1 for VECTOR) and size of the outputs.
    output: the function g of the lecture: "softmax", "sigmoid" or "linear".
    data: the training arrays, a pytree; `None` when batches are generated.
    batch: `(data, key, step) -> Batch`, pure and jittable. `key` belongs to
      the run's seed and is the same at every step.
    eval_batches: `split -> Batch` with a leading dimension over batches;
      split is "valid" or "test". Never depends on the run's seed. None of a
      stream, whose splits are judged as a whole.
    loss: `(outputs, batch) -> (sum, count)`, to be divided once. None of a
      stream: its models compute it without holding all their outputs.
    metrics: `(outputs, batch) -> {name: (sum, count)}`, "loss" among them.
      None of a stream.
    headline: the metric that chooses the best step and leads the report.
    maximize: whether more of the headline metric is better.
    baselines: `{metric: value}` that a constant guess reaches.
    hashes: `{file or data set: sha256}` of the data that was read.
    stream: of a stream, its text and how it is cut; else None.
  """

  name: str
  pattern: str
  input_spec: Spec
  output_spec: Spec
  output: str
  data: PyTree
  batch: Callable[[PyTree, Key, Array], Batch]
  eval_batches: Callable[[str], Batch] | None
  loss: Callable[[Array, Batch], tuple[Array, Array]] | None
  metrics: Callable[[Array, Batch], dict[str, tuple[Array, Array]]] | None
  headline: str
  maximize: bool
  baselines: Mapping[str, float]
  hashes: Mapping[str, str] = dataclasses.field(
    default_factory=lambda: types.MappingProxyType({})
  )
  stream: Stream | None = None
