"""Tasks whose arrays are not what they say, each named in one line."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab import tasks
from rnn_lab.errors import FieldError
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.sequences import Sequences
from rnn_lab.tasks import SEQUENCE_TO_VECTOR, Spec, Task
from rnn_lab.tasks.base import IMAGES, SYMBOLS
from rnn_lab.tasks.checks import check_form, check_targets
from rnn_lab.tasks.losses import class_metrics, cross_entropy, squared_error
from rnn_lab.types import Batch

INPUTS = np.zeros((2, 4, 3), np.float32)
WEIGHTS = np.ones(2, np.float32)
LINEAR = {
  "output": "linear",
  "metrics": lambda outputs, batch: {"loss": squared_error(outputs, batch)},
}


def task(targets=(0, 1), inputs=INPUTS, weights=WEIGHTS, **fields):
  """A task of one batch, for training and both splits."""
  one = Batch(inputs, None, np.asarray(targets), weights)
  options = {
    "name": "signs",
    "pattern": SEQUENCE_TO_VECTOR,
    "input_spec": Spec(4, 3),
    "output_spec": Spec(1, 2),
    "output": "softmax",
    "data": (one,),
    "batch": lambda data, key, step: jax.tree.map(jnp.asarray, data),
    "eval_batches": lambda split: [one],
    "loss": cross_entropy,
    "metrics": class_metrics,
    "headline": "loss",
    "maximize": False,
    "baselines": {},
  }
  return Task(**options | fields)


def test_tasks_that_hold_what_they_say():
  numbers = np.zeros((2, 5), np.float32)
  symbols = np.zeros((2, 3), np.int32)
  for made in (
    task(),
    task(input_spec=Spec(9, 3)),
    task(inputs=symbols, input_spec=Spec(3, 7, SYMBOLS)),
    task(inputs=INPUTS[..., None], input_spec=Spec(1, 1, IMAGES, (4, 3))),
    task(numbers, **LINEAR, output_spec=Spec(1, 5)),
    task((0, -1), weights=np.float32([1, 0])),
  ):
    check_form(made)
    check_targets(made)


@pytest.mark.parametrize(
  "made, words",
  [
    (task(input_spec=Spec(4, 2)), r"inputs of shape \(2, 4, 3\) and .*size=2"),
    (task(input_spec=Spec(3, 3)), r"inputs of shape \(2, 4, 3\)"),
    (task(input_spec=Spec(4, 3, SYMBOLS)), r"inputs of shape \(2, 4, 3\)"),
    (
      task(inputs=INPUTS[..., 0], input_spec=Spec(4, 3, SYMBOLS)),
      "inputs .* dtype float32",
    ),
    (task(input_spec={"words": Spec(4, 3)}), "no array of inputs for each of"),
    (
      task(
        inputs={"a": INPUTS, "b": INPUTS},
        input_spec={"a": Spec(4, 3), "b": Spec(4, 2)},
      ),
      "inputs 'b' of shape",
    ),
    (task(output="sofmax"), "the output 'sofmax'; it may be linear, sigmoid"),
    (task(output_spec=Spec(1, 1)), "a softmax over 1 class; its output_spec"),
    (task((0.0, 1.0)), "targets of dtype float32, not of integers"),
    (task(((0, 1), (1, 0))), r"targets of shape \(2, 2\)"),
    (task(**LINEAR), r"targets of shape \(2,\); .* \(2, 2\)"),
  ],
)
def test_other_forms_are_named(made, words):
  with pytest.raises(FieldError, match=f"^task 'signs' has {words}"):
    check_form(made)


def test_a_headline_that_no_evaluation_returns_is_named():
  message = (
    "^task 'signs' has the headline 'f1', which is none of its metrics: "
  )
  with pytest.raises(FieldError, match=message):
    Batches.check_model(None, task(headline="f1"))
  Batches.check_model(None, task(headline="accuracy"))
  with pytest.raises(FieldError, match="^task 'signs' has no `score`"):
    Sequences.check_model(None, task(headline="f1"))


def test_a_task_says_that_its_data_fills_no_batch():
  class Short(Task):
    has_training_batch = False

    def held_batches(self):
      return iter(())

  fields = {f.name for f in dataclasses.fields(Task)}
  made = task((0, 9), input_spec=Spec(4, 2))
  short = Short(**{name: getattr(made, name) for name in fields} | {"data": ()})
  check_form(short)
  check_targets(short)
  with pytest.raises(FieldError):
    check_form(made)
  with pytest.raises(FieldError):
    check_targets(made)


@pytest.mark.parametrize("wrong", [-1, 2])
def test_targets_that_are_no_class_are_named(wrong):
  right, other = task(), task((0, wrong))
  message = f"^task 'signs' has the target {wrong} in its"
  for made, place in (
    (
      dataclasses.replace(right, eval_batches=other.eval_batches),
      "valid split",
    ),
    (dataclasses.replace(right, data=other.data), "training data"),
    (
      dataclasses.replace(right, data=({"labels": np.array([1, wrong])},)),
      "training data; a class must be from 0 to 1",
    ),
  ):
    with pytest.raises(FieldError, match=f"{message} {place}"):
      check_targets(made)


def signs(batch_size):
  """A user's factory, whose input_spec is wrong."""
  del batch_size
  return task(input_spec=Spec(4, 2))


def test_a_built_task_is_checked(monkeypatch):
  monkeypatch.setitem(tasks.TASKS, "signs", f"{__name__}:signs")
  with pytest.raises(FieldError, match="do not fit its input_spec"):
    tasks.build({"name": "signs"}, 2)
