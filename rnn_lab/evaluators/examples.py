"""Examples of the test split with what a model makes of them, for a person.

They go into examples.json, from which reports draw: what is read, what the
model answers, what would be right, and of one example what is inside.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._stack import unroll_stack
from rnn_lab.models.base import Model, Recurrence
from rnn_lab.tasks.base import IMAGES, SYMBOLS, VECTORS, Spec, Task
from rnn_lab.types import Array, Batch, Params

# Units of each direction whose outputs are kept, and the longest sequence of
# which all is kept.
UNITS = 16
LONGEST_PICTURE = 16
DIGITS = 4


class Answer(NamedTuple):
  """A model's answer to one example, and the target.

  Attributes:
    output: a class or a sequence of symbols, by their names, or numbers.
    target: likewise.
    is_right: whether they are equal; None for numbers.
    symbols: what a model wrote, `[T]` with its end; None where a model does
      not write.
    probability: of a class; None elsewhere.
  """

  output: Any
  target: Any
  is_right: bool | None
  symbols: np.ndarray | None = None
  probability: float | None = None


def collect(
  model: Model,
  params: Params,
  task: Task,
  batch: Batch,
  answers: Sequence[Answer],
  count: int,
) -> dict[str, Any]:
  """Returns examples as JSON has them, at most half of them wrong ones.

  Args:
    model: the model.
    params: its parameters, of one seed.
    task: its task.
    batch: examples of the test split, numpy arrays.
    answers: to the first examples of the batch.
    count: how many are returned, if there are as many.

  Returns:
    "examples", in the order of the batch, each with "reads" ("form" and
    "values"; None where a form is not shown), "output", "target", "right", and
    of a class its "probability"; and "picture", of the one of them that is
    easiest to draw: see `picture`.
  """
  wrong = [n for n, a in enumerate(answers) if a.is_right is False]
  others = [n for n, a in enumerate(answers) if a.is_right is not False]
  few = wrong[: max(count // 2, count - len(others))]
  chosen = sorted(few + others[: count - len(few)])
  rows = []
  for n in chosen:
    answer = answers[n]
    row = {
      "reads": _reads(task, batch, n),
      "output": answer.output,
      "target": answer.target,
      "right": answer.is_right,
    }
    if answer.probability is not None:
      row["probability"] = answer.probability
    rows.append(row)
  best = min(range(len(rows)), key=lambda i: _fitness(rows[i]))
  n, row = chosen[best], rows[best]
  one = _one(batch, n, answers[n].symbols)
  shown = picture(model, params, one, row["reads"], row["output"])
  return {"examples": rows, "picture": shown}


def _fitness(row: dict[str, Any]) -> tuple:
  """The smallest is the best to draw: right, not too long, then long."""
  sequences = [row["reads"]["values"]] if row["reads"] else []
  if isinstance(row["output"], list):
    sequences.append(row["output"])
  length = max(map(len, sequences), default=0)
  return row["right"] is False, length > LONGEST_PICTURE, -length


def _one(batch: Batch, n: int, symbols: np.ndarray | None) -> Batch:
  """Returns example n as a batch, cut to its length, with what was written."""
  one = jax.tree.map(lambda a: np.asarray(a)[n : n + 1], batch)
  if symbols is not None:
    weights = np.ones((1, len(symbols)), np.float32)
    one = one._replace(targets=np.asarray(symbols)[None], weights=weights)
  if one.input_lengths is None:
    return one
  length = int(one.input_lengths[0])
  cut = jax.tree.map(lambda a: a[:, :length], one.inputs)
  one = one._replace(inputs=cut, input_lengths=None)
  if symbols is None and one.weights.ndim == 2:
    one = one._replace(
      targets=one.targets[:, :length], weights=one.weights[:, :length]
    )
  return one


def picture(
  model: Model,
  params: Params,
  batch: Batch,
  reads: dict[str, Any] | None,
  output: Any,
) -> dict[str, Any]:
  """Returns what is drawn of a model that reads one example.

  Args:
    model: the model.
    params: its parameters.
    batch: the example; of a model that writes, its targets are what was
      written.
    reads: what is read, as `collect` has it.
    output: the answer.

  Returns:
    "reads" and "output"; "recurrences", for each its "name", what its steps are
    ("reads") and where it answers ("writes", see `Recurrence`), and "outputs",
    those of the first 16 units of the top layer, `[direction][T][units]`;
    "reversed", whether the inputs are read from their end; and of a model with
    attention its weights, "attention", `[symbols][steps of the encoder]`.
  """
  variables = {"params": params}
  carry = model.apply(variables, 1, method="initial_carry")
  recurrences = cast(
    dict[str, Recurrence],
    model.apply(variables, batch, carry, method="recurrences"),
  )
  shown = {
    "reads": reads,
    "output": output,
    "recurrences": [
      {
        "name": name,
        "reads": recurrence.reads,
        "writes": recurrence.writes,
        "outputs": _outputs(recurrence),
      }
      for name, recurrence in recurrences.items()
    ],
    "reversed": getattr(model, "reverse_source", False),
  }
  if getattr(model, "attends", False):
    weights_BTS = model.apply(variables, batch, method="attention")
    shown["attention"] = rounded(weights_BTS[0])
  return shown


def _outputs(recurrence: Recurrence) -> list:
  stack = recurrence.stack
  _, y_TBH = unroll_stack(
    stack,
    recurrence.params,
    recurrence.xs,
    recurrence.carry,
    lengths_B=recurrence.lengths_B,
    mask_TB=recurrence.mask_TB,
    resets_TB=recurrence.resets_TB,
  )
  directions = 2 if stack.backward else 1
  halves = jnp.split(y_TBH[:, 0], directions, axis=-1)
  return [rounded(half[:, :UNITS]) for half in halves]


def _reads(task: Task, batch: Batch, n: int) -> dict[str, Any] | None:
  spec, values = task.input_spec, batch.inputs
  if not isinstance(spec, Spec):
    first = next(iter(spec))
    spec, values = spec[first], values[first]
  length = None
  if batch.input_lengths is not None:
    length = int(batch.input_lengths[n])
  values = np.asarray(values[n])[:length]
  if spec.form == SYMBOLS:
    names = task.input_names
    shown = [names[v] if names else str(v) for v in values.tolist()]
    return {"form": SYMBOLS, "values": shown}
  if spec.form in (VECTORS, IMAGES):
    return {"form": spec.form, "values": rounded(values)}
  return None


def classified(task: Task, outputs: np.ndarray, batch: Batch) -> list[Answer]:
  """Returns the answers of a model whose outputs are numbers before g.

  Args:
    task: the task; of output "softmax" the most probable class is the answer,
      else the numbers are.
    outputs: `[B, K]` or `[B, T, K]`.
    batch: examples, of which those of weight zero are left out.
  """
  answers = []
  for output, target, weight in zip(outputs, batch.targets, batch.weights):
    valid = np.asarray(weight) > 0
    if not valid.any():
      continue
    if task.output != "softmax":
      several = valid.ndim > 0
      output, target = np.asarray(output), np.asarray(target)
      answers.append(
        Answer(
          rounded(output[valid] if several else output),
          rounded(target[valid] if several else target),
          None,
        )
      )
    elif valid.ndim:
      chosen = output.argmax(-1)[valid]
      answers.append(named(task, chosen, np.asarray(target)[valid]))
    else:
      p_K = np.asarray(jax.nn.softmax(output))
      names, k = task.output_names, int(output.argmax())
      is_right = k == int(target)
      p = round(float(p_K[k]), DIGITS)
      answers.append(Answer(names[k], names[int(target)], is_right, None, p))
  return answers


def named(
  task: Task,
  output: Sequence[int] | np.ndarray,
  target: Sequence[int] | np.ndarray,
  symbols: np.ndarray | None = None,
) -> Answer:
  """Returns the answer of a sequence of symbols."""
  names = task.output_names
  written = [names[k] for k in output]
  true = [names[k] for k in target]
  return Answer(written, true, written == true, symbols)


def rounded(values: Array | np.ndarray) -> list:
  """Returns nested lists of numbers with four digits after the point."""
  return np.round(np.asarray(values, np.float64), DIGITS).tolist()
