"""Examples of the test split: which, with which answers, and what is drawn."""

import dataclasses
import functools
import types

import jax
import numpy as np
import pytest
from models_cases import END, START, V, section, written_batch, written_model
from numpy.testing import assert_allclose
from tiny import tiny_language

from rnn_lab import models
from rnn_lab.errors import FieldError
from rnn_lab.evaluators import examples
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.examples import Answer
from rnn_lab.evaluators.sequences import Sequences
from rnn_lab.models.base import init_params
from rnn_lab.runs.planning import plan
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import SYMBOLS, Spec, Task
from rnn_lab.training.population import population
from rnn_lab.types import Batch

SEEDS = 2
N, T, K = 5, 4, 3
LENGTHS = np.array([4, 2, 3, 1, 4])


@dataclasses.dataclass(frozen=True, eq=False)
class Letters(Task):
  @property
  def input_names(self):
    return tuple("abcdefg")

  @property
  def output_names(self):
    return ("low", "middle", "high")


@functools.cache
def classes_task():
  rng = np.random.default_rng(0)
  weights = np.array([1, 1, 1, 1, 0], np.float32)  # the last one fills up
  batch = Batch(rng.integers(0, 7, (N, T)), LENGTHS, np.arange(N) % K, weights)
  return Letters(
    name="toy",
    pattern="sequence_to_vector",
    input_spec=Spec(T, 7, SYMBOLS),
    output_spec=Spec(1, K),
    output="softmax",
    data=(batch,),
    batch=lambda data, key, step: data,
    eval_batches=lambda split: (batch,),
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="accuracy",
    maximize=True,
    baselines={},
  )


def of_seeds(model, task):
  """Parameters of each seed, and all of them as the population has them."""
  init = jax.jit(init_params, static_argnums=(0, 1))
  several = [init(model, task, jax.random.key(s)) for s in range(SEEDS)]
  seeds = population(SEEDS)
  stacked = jax.tree.map(lambda *a: np.stack(a), *several)
  return several, seeds, seeds.put(stacked)


def test_classes_with_their_probability_and_what_was_read():
  task = classes_task()
  model = models.build(section(), task)
  several, seeds, params = of_seeds(model, task)
  kept = Batches(model, task, None, seeds).examples(params, 1, 10)
  [batch] = task.eval_batches("test")
  logits = model.apply({"params": several[1]}, batch, (), method="outputs")
  p_NK = np.asarray(jax.nn.softmax(logits))
  assert len(kept["examples"]) == 4
  for n, row in enumerate(kept["examples"]):
    k = p_NK[n].argmax()
    assert row["output"] == task.output_names[k]
    assert row["target"] == task.output_names[n % K]
    assert row["right"] == (k == n % K)
    assert_allclose(row["probability"], p_NK[n, k], atol=5e-5)
    read = batch.inputs[n, : LENGTHS[n]]
    assert row["reads"] == {
      "form": "symbols",
      "values": ["abcdefg"[v] for v in read],
    }


def test_the_picture_has_the_outputs_of_every_step():
  task = classes_task()
  fields = {"bidirectional": True, "initial_state": "learned"}
  model = models.build(section(**fields), task)
  several, seeds, _ = of_seeds(model, task)
  rng = np.random.default_rng(3)
  several = [
    jax.tree.map(lambda a: a + rng.normal(size=a.shape).astype(a.dtype), p)
    for p in several
  ]
  params = seeds.put(jax.tree.map(lambda *a: np.stack(a), *several))
  [batch] = task.eval_batches("test")
  logits = model.apply({"params": several[0]}, batch, (), method="outputs")
  # All are right, so that the longest is drawn.
  batch = batch._replace(targets=np.asarray(logits).argmax(-1))
  task = dataclasses.replace(task, eval_batches=lambda split: (batch,))
  shown = Batches(model, task, None, seeds).examples(params, 0, 4)["picture"]
  n = LENGTHS.argmax()
  want = ["abcdefg"[v] for v in batch.inputs[n]]
  assert shown["reads"]["values"] == want and LENGTHS[n] == T
  [part] = shown["recurrences"]
  assert (part["name"], part["reads"], part["writes"]) == (
    "stack",
    "inputs",
    "last",
  )
  # An oracle that does not unroll: the states, which the model gives.
  states = model.apply({"params": several[0]}, batch, method="states")
  for direction, kept in zip(states["stack"][0], part["outputs"]):
    h_TH = np.asarray(direction.h)[: LENGTHS[n], n]
    assert_allclose(kept, h_TH, atol=5.1e-5)
  assert shown["reversed"] is False and "attention" not in shown


def test_what_is_written_and_its_attention():
  model, task = written_model(
    decoder__attention="additive", decoder__reverse_source=True
  )
  batch = jax.tree.map(np.asarray, written_batch())
  task = dataclasses.replace(task, eval_batches=lambda split: (batch,))
  several, seeds, params = of_seeds(model, task)
  evaluate = types.SimpleNamespace(options={})
  kept = Sequences(model, task, evaluate, seeds).examples(params, 1, 3)
  variables = {"params": several[1]}
  decoded = np.asarray(model.apply(variables, batch, method="decode"))
  for symbols, target, row in zip(decoded, batch.targets, kept["examples"]):
    ends = [*symbols, END].index(END), [*target, END].index(END)
    want = [[str(k) for k in s[:e]] for s, e in zip((symbols, target), ends)]
    assert [row["output"], row["target"]] == want
    assert row["right"] == (want[0] == want[1])
  shown = kept["picture"]
  encoder, decoder = shown["recurrences"]
  assert (encoder["reads"], encoder["writes"]) == ("inputs", "none")
  assert (decoder["reads"], decoder["writes"]) == ("targets", "every_step")
  steps = len(shown["reads"]["values"])
  weights_TS = np.array(shown["attention"])
  assert weights_TS.shape == (len(decoder["outputs"][0]), steps)
  assert_allclose(weights_TS.sum(axis=1), 1.0, atol=5e-4)
  assert len(encoder["outputs"][0]) == steps and shown["reversed"]
  # The decoder has read its own symbols: those of the batch give others.
  n = [row["output"] for row in kept["examples"]].index(shown["output"])
  written = decoded[n][: weights_TS.shape[0]]
  own = batch._replace(
    inputs=batch.inputs[n : n + 1, :steps],
    input_lengths=None,
    targets=written[None],
    weights=np.ones((1, len(written)), np.float32),
  )
  want = model.apply(variables, own, method="attention")[0]
  assert_allclose(weights_TS, want, atol=5.1e-5)
  assert START != END and V > 2


@pytest.mark.parametrize(
  "right,count,chosen",
  [
    # Half of them are wrong if there are as many, and all in their order.
    ([True, False, True, False, True, False], 4, [0, 1, 2, 3]),
    ([True, True, True, False], 3, [0, 1, 3]),
    ([False, False, False, True], 4, [0, 1, 2, 3]),
    ([True, True], 1, [0]),
    ([None, None, None], 2, [0, 1]),
  ],
)
def test_which_examples_are_kept(right, count, chosen, monkeypatch):
  task = classes_task()
  monkeypatch.setattr(examples, "picture", lambda *args: args[-1])
  rng = np.random.default_rng(1)
  size = len(right)
  lengths = np.arange(size) % T + 1
  inputs = rng.integers(0, 7, (size, T))
  batch = Batch(inputs, lengths, np.arange(size), np.ones(size))
  answers = [Answer(f"answer {n}", "", r) for n, r in enumerate(right)]
  kept = examples.collect(None, None, task, batch, answers, count)
  assert [row["output"] for row in kept["examples"]] == [
    f"answer {n}" for n in chosen
  ]
  # The one that is drawn is right, if one is, and the longest of those.
  candidates = [n for n in chosen if right[n] is not False] or chosen
  best = max(candidates, key=lambda n: lengths[n])
  assert kept["picture"] == f"answer {best}"


def test_numbers_are_neither_right_nor_wrong():
  task = dataclasses.replace(classes_task(), output="linear")
  outputs = np.arange(12.0).reshape(2, 3, 2) / 7
  targets = outputs + 1.0
  weights = np.array([[1, 0, 1], [0, 0, 0]])
  batch = Batch(None, None, targets, weights)
  [answer] = examples.classified(task, outputs, batch)
  assert answer.output == [[0.0, 0.1429], [0.5714, 0.7143]]
  assert answer.target == [[1.0, 1.1429], [1.5714, 1.7143]]
  assert answer.is_right is None


def test_a_language_model_keeps_none():
  config = tiny_language(eval__examples=3)
  with pytest.raises(FieldError) as error:
    plan(config)
  assert str(error.value) == (
    "eval.examples must be 0, as none are kept of task 'language', got 3"
  )
