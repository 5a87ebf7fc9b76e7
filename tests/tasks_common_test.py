"""What every task promises: shapes, baselines, determinism, fixed splits."""

import functools
import inspect
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.tasks import (
  SEQUENCE_TO_SEQUENCE,
  SEQUENCE_TO_VECTOR,
  TASKS,
  build,
)
from rnn_lab.tasks.base import VECTORS
from rnn_lab.tasks.losses import LOSSES

DELAY = 6
SECTIONS = {
  "digits": {"name": "digits", "order": "row", "gap": 3},
  "pixels": {"name": "digits", "order": "permuted", "gap_fill": "zeros"},
  "adding": {"name": "adding", "length": 9, "eval_size": 700},
  "copy_memory": {"name": "copy_memory", "delay": DELAY, "eval_size": 701},
  "order_6a": {"name": "temporal_order", "num_relevant": 2, "length": 23},
  "order_6b": {"name": "temporal_order", "num_relevant": 3, "length": 23},
}
BATCH = 5
EVAL_SIZES = {
  "digits": {"valid": 180, "test": 360},
  "pixels": {"valid": 180, "test": 360},
  "adding": {"valid": 700, "test": 700},
  "copy_memory": {"valid": 701 * (DELAY + 20), "test": 701 * (DELAY + 20)},
  "order_6a": {"valid": 1000, "test": 1000},
  "order_6b": {"valid": 1000, "test": 1000},
}
each_task = pytest.mark.parametrize("which", SECTIONS)


@functools.cache
def task_and_batch(which):
  task = build(SECTIONS[which], BATCH)
  compiled = jax.jit(task.batch)

  def batch(key, step):
    # An array, as in training: a Python integer would compile once more.
    return to_numpy(compiled(task.data[0], key, jnp.int32(step)))

  return task, batch


@functools.cache
def eval_batches(which, split):
  return to_numpy(task_and_batch(which)[0].eval_batches(split))


def eval_weights(which, split):
  return np.concatenate([b.weights for b in eval_batches(which, split)])


def to_numpy(batches):
  """So that what a test asks of a batch is not compiled."""
  return jax.tree.map(np.asarray, batches)


def sequences(inputs):
  return {sequence.tobytes() for sequence in inputs}


def uniform_guess(task, lead):
  """Outputs that prefer no class, or say 1."""
  shape = lead + (task.output_spec.size,)
  return jnp.ones(shape) if task.output == "linear" else jnp.zeros(shape)


def blank_then_uniform(task, lead):
  """The memoryless guess of copy memory: blanks, then any of 8 symbols."""
  time_T1 = np.arange(DELAY + 20)[:, None]
  is_blank_1K = (np.arange(9) == 0)[None]
  is_likely_TK = (time_T1 < DELAY + 10) == is_blank_1K
  logits_TK = np.where(is_likely_TK, 0.0, -1e9).astype(np.float32)
  return jnp.asarray(np.broadcast_to(logits_TK, lead + logits_TK.shape))


def measure(which, split):
  """The metrics of the constant guess, summed batch by batch."""
  task, _ = task_and_batch(which)
  batches = eval_batches(which, split)
  lead = batches[0].weights.shape[:1]
  guess = blank_then_uniform if which == "copy_memory" else uniform_guess
  metrics = jax.jit(lambda b: task.metrics(guess(task, lead), b))
  sums = jax.tree.map(
    lambda *x: np.sum(x, dtype=np.float64), *[metrics(b) for b in batches]
  )
  return {name: (s / count, count) for name, (s, count) in sums.items()}


@each_task
def test_shapes_agree_with_the_specs(which):
  task, batch = task_and_batch(which)
  made = batch(jax.random.key(0), 0)
  length, size, form, _ = task.input_spec
  assert form == VECTORS
  assert made.inputs.shape == (BATCH, length, size)
  assert made.inputs.dtype == jnp.float32
  if task.name == "temporal_order":
    assert made.input_lengths.shape == (BATCH,)
    assert (made.input_lengths >= 1).all()
    assert (made.input_lengths <= length).all()
  else:
    assert made.input_lengths is None
  lead = (BATCH, length) if task.pattern == SEQUENCE_TO_SEQUENCE else (BATCH,)
  assert task.pattern == SEQUENCE_TO_SEQUENCE or task.output_spec.length == 1
  assert made.weights.shape == lead
  assert_array_equal(made.weights, np.ones(lead))
  if task.output == "softmax":
    assert made.targets.shape == lead
    assert made.targets.dtype == jnp.int32
    assert (made.targets >= 0).all()
    assert (made.targets < task.output_spec.size).all()
  else:
    assert made.targets.shape == lead + (task.output_spec.size,)
  for split in "valid", "test":
    for held in eval_batches(which, split):
      assert held.inputs.shape[1:] == (length, size)
      assert held.weights.shape[1:] == lead[1:]
      assert jax.tree.structure(made) == jax.tree.structure(held)
      for one, of_split in zip(jax.tree.leaves(made), jax.tree.leaves(held)):
        assert one.dtype == of_split.dtype
        assert of_split.shape[0] == held.weights.shape[0]


@each_task
def test_all_steps_are_of_one_bucket(which):
  task, _ = task_and_batch(which)
  assert len(task.data) == 1
  assert task.bucket(0) == task.bucket(7) == (0, 2**31 - 1)


@each_task
def test_names_and_metrics_agree(which):
  task, batch = task_and_batch(which)
  assert task.name == SECTIONS[which]["name"]
  assert task.pattern in (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE)
  assert task.evaluator == "batches"
  assert task.describe() == ""
  assert task.loss is LOSSES[task.output]
  made = batch(jax.random.key(0), 0)
  metrics = task.metrics(uniform_guess(task, made.weights.shape), made)
  assert {"loss", task.headline} <= set(metrics)
  assert set(task.baselines) <= set(metrics)
  assert task.headline in task.baselines
  assert task.maximize == (task.headline == "accuracy")


@each_task
@pytest.mark.parametrize("split", ["valid", "test"])
def test_eval_weights_count_each_example_once(which, split):
  weights = eval_weights(which, split)
  assert set(np.unique(weights)) <= {0.0, 1.0}
  assert weights.sum() == EVAL_SIZES[which][split]


@each_task
def test_eval_batches_are_fixed_and_splits_differ(which):
  first = eval_batches(which, "valid")
  second = task_and_batch(which)[0].eval_batches("valid")
  jax.tree.map(assert_array_equal, first, second)
  test = eval_batches(which, "test")
  assert sequences(first[0].inputs) != sequences(test[0].inputs)


def test_eval_batches_ignore_the_default_random_generator():
  with jax.default_prng_impl("rbg"):
    other = task_and_batch("digits")[0].eval_batches("test")
  jax.tree.map(assert_array_equal, eval_batches("digits", "test"), other)


@each_task
def test_batch_is_a_function_of_key_and_step(which):
  _, batch = task_and_batch(which)
  key = jax.random.key(11)
  made = batch(key, 4)
  jax.tree.map(assert_array_equal, made, batch(key, 4))
  for other in batch(key, 5), batch(jax.random.key(12), 4):
    assert not np.array_equal(made.inputs, other.inputs)
    # Nor the same sequences in another order.
    assert sequences(made.inputs) != sequences(other.inputs)


BASELINES = {
  "digits": {"accuracy": 0.1, "loss": math.log(10)},
  "pixels": {"accuracy": 0.1, "loss": math.log(10)},
  "adding": {"mse": 1 / 6, "loss": 1 / 6},
  "copy_memory": {
    "accuracy": 0.125,
    "loss": 10 * math.log(8) / (DELAY + 20),
  },
  "order_6a": {"accuracy": 0.25, "loss": math.log(4)},
  "order_6b": {"accuracy": 0.125, "loss": math.log(8)},
}


@each_task
def test_baselines_in_closed_form(which):
  task, _ = task_and_batch(which)
  assert set(task.baselines) == set(BASELINES[which])
  for metric, value in BASELINES[which].items():
    assert_allclose(task.baselines[metric], value, rtol=1e-12)


@each_task
@pytest.mark.parametrize("split", ["valid", "test"])
def test_baselines_as_measured(which, split):
  task, _ = task_and_batch(which)
  measured = measure(which, split)
  for metric, expected in task.baselines.items():
    value, count = measured[metric]
    if which == "adding":
      # The variance of (x + y - 1)^2 is E (x + y - 1)^4 - 1/36, which is
      # 1/15 - 1/36 = 7/180; four standard errors.
      tolerance = 4 * math.sqrt(7 / 180 / count)
    elif metric == "accuracy":
      # All-equal outputs answer the first class, right with chance p.
      tolerance = 4 * math.sqrt(expected * (1 - expected) / count)
    else:
      tolerance = 5e-6 * expected  # float32 sums; no chance is involved
    assert abs(value - expected) < tolerance, (metric, value, expected)


@pytest.mark.parametrize(
  "section, others",
  [
    ({"name": "digits"}, [{"gap": 0}, {"gap_fill": "noise", "order": "row"}]),
    ({"name": "adding", "length": 8}, [{"eval_size": 1000}]),
    ({"name": "copy_memory", "delay": 8}, [{"eval_size": 1000}]),
    ({"name": "temporal_order"}, [{"length": 100}, {"num_relevant": 2}]),
  ],
)
def test_equal_arguments_give_the_same_task(section, others):
  task = build(section, 7)
  for other in others:
    assert build({**section, **other}, 7) is task
  assert build(section, 8) is not task
  factory = pkgutil.resolve_name(TASKS[section["name"]])
  arguments = {k: v for k, v in section.items() if k != "name"}
  assert factory(7, *arguments.values()) is task
  assert factory(batch_size=7, **arguments) is task


@each_task
def test_no_array_is_closed_over(which):
  task, _ = task_and_batch(which)
  for function in task.batch, task.loss, task.metrics, task.eval_batches:
    held = inspect.getclosurevars(function).nonlocals.values()
    for value in jax.tree.leaves(list(held)):
      assert not isinstance(value, np.ndarray | jax.Array)
