"""Evaluators against plain loops over the data, in numpy, seed by seed."""

import dataclasses
import functools
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import common
from rnn_lab import models, tasks
from rnn_lab.errors import FieldError
from rnn_lab.evaluators import EVALUATORS
from rnn_lab.evaluators.batches import Batches, divide
from rnn_lab.evaluators.stream import Stream
from rnn_lab.models.base import init_params
from rnn_lab.training.population import population
from rnn_lab.training.settings import EvalSettings
from rnn_lab.types import Batch

SEEDS = 3  # over two devices: one of them has a seed that is padding


def params_of(model, task):
  """Parameters with leading dimension S, and as the population has them."""
  init = jax.jit(functools.partial(init_params, model, task))
  one = [init(jax.random.key(seed)) for seed in range(SEEDS)]
  return one, population(SEEDS).put(
    jax.tree.map(lambda *a: np.stack([np.asarray(x) for x in a]), *one)
  )


def random_batch(size, length, seed):
  rng = np.random.default_rng(seed)
  weights = rng.uniform(0.5, 2.0, size).astype(np.float32)
  weights[-1] = 0.0
  return Batch(
    inputs=rng.normal(size=(size, length, 8)).astype(np.float32),
    input_lengths=rng.integers(1, length + 1, size).astype(np.int32),
    targets=rng.integers(0, 4, size).astype(np.int32),
    weights=weights,
  )


def batches_task():
  """A task whose splits have batches of two shapes and of unequal weight."""
  splits = {
    "valid": (random_batch(3, 11, 0), random_batch(6, 5, 1)),
    "test": (random_batch(2, 7, 2),),
  }
  task = tasks.build({"name": "temporal_order", "length": 10}, 2)
  return dataclasses.replace(task, eval_batches=splits.__getitem__)


def by_hand(model, params, batches):
  """Loss and accuracy, example by example, each read alone to its length."""
  outputs_of = jax.jit(
    lambda params, batch: model.apply(
      {"params": params}, batch, (), method="outputs"
    )
  )
  loss = right = weight = 0.0
  for batch in batches:
    outputs = np.asarray(outputs_of(params, batch), np.float64)
    for y, target, w in zip(outputs, batch.targets, batch.weights):
      loss += float(w) * (math.log(np.exp(y).sum()) - y[target])
      right += float(w) * (np.argmax(y) == target)
      weight += float(w)
  return loss / weight, right / weight


def test_batches_of_two_shapes_equal_a_plain_loop():
  task = batches_task()
  config = common.default_config().model
  config.cell, config.hidden_size = "elman", 3
  model = models.build(config.to_dict(), task)
  one, params = params_of(model, task)
  evaluator = Batches(model, task, None, population(SEEDS))
  for split in ("valid", "test"):
    metrics = evaluator.evaluate(params, split)
    assert set(metrics) == {"loss", "accuracy"}
    want = [by_hand(model, p, task.eval_batches(split)) for p in one]
    for name, values in zip(("loss", "accuracy"), zip(*want)):
      assert metrics[name].shape == (SEEDS,)
      assert metrics[name].dtype == np.float32
      np.testing.assert_allclose(metrics[name], values, rtol=2e-6)
  # A mean of the batches' means would be another number.
  means = [
    np.mean([by_hand(model, p, [b])[0] for b in task.eval_batches("valid")])
    for p in one
  ]
  valid = evaluator.evaluate(params, "valid")["loss"]
  assert (np.abs(valid - means) > 1e-4).all()
  assert evaluator.details(params) == {}


def test_sums_of_batches_are_added_in_float64():
  counts = [np.float32([n]) for n in (1, 0, 1)]
  values = [np.float32([v]) for v in (2**24, 1, 5)]
  found = divide([{"loss": pair} for pair in zip(values, counts)])
  assert found["loss"] == (2**24 + 6) / 2 and found["loss"].dtype == np.float32


def test_a_models_initial_values_compile_no_second_program():
  task = batches_task()
  config = common.default_config().model
  config.cell, config.hidden_size = "elman", 3
  programs = set()
  for scale in (0.5, 2.0):
    config.elman.recurrent_scale = config.readout_scale = scale
    model = models.build(config.to_dict(), task)
    programs.add(Batches(model, task, None, population(SEEDS))._sums)
  assert len(programs) == 1


STREAM = {
  "window": 7,
  "tracks": 1,
  "valid_tracks": 1,
  "warmup": 0,
  "context_targets": 0,
}


def stream_settings(**fields):
  return EvalSettings(
    every=1, select="best", examples=0, options={"stream": STREAM | fields}
  )


@functools.cache
def text_and_model(kind):
  section = {"name": "language", "corpus": "grammar", "size": 900}
  task = tasks.build(section | {"window": 5, "reach": 5}, 4)
  config = common.language_config().model
  config.kind, config.hidden_size, config.embedding_size = kind, 3, 3
  config.window.order = 3
  config.embedding_scale = config.readout_scale = 1.0
  model = models.build(config.to_dict(), task)
  return task, model, *params_of(model, task)


@functools.cache
def unbroken(kind, split):
  """`[S, N]`: log p of each token, read in one go from the very beginning."""
  task, model, one, _ = text_and_model(kind)
  tokens = getattr(task.corpus, split).tokens
  before = np.concatenate([[task.corpus.vocabulary.start], tokens[:-1]])
  batch = Batch(
    jnp.asarray(before[None]),
    None,
    jnp.asarray(tokens[None]),
    jnp.ones((1, len(tokens))),
    jnp.bool_(True),
  )
  outputs_of = jax.jit(
    lambda params: model.apply(
      {"params": params}, batch, model.initial_carry(1), method="outputs"
    )
  )
  rows = []
  for params in one:
    logits = np.asarray(outputs_of(params)[0], np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    rows.append(log_p[np.arange(len(tokens)), tokens])
  return np.stack(rows)


@pytest.mark.parametrize("kind", ["recurrent", "window"])
@pytest.mark.parametrize("split", ["valid", "test"])
def test_an_unbroken_stream_equals_one_pass_over_the_text(kind, split):
  task, model, _, params = text_and_model(kind)
  evaluator = Stream(model, task, stream_settings(), population(SEEDS))
  metrics = evaluator.evaluate(params, split)
  loss = -unbroken(kind, split).mean(axis=1)
  want = {
    "loss": loss,
    "perplexity": np.exp(loss),
    "bits_per_token": loss / math.log(2),
  }
  characters = getattr(task.corpus, split).characters
  if characters:
    bits = -unbroken(kind, split).sum(axis=1) / math.log(2)
    want["bits_per_character"] = bits / characters
  assert set(metrics) == set(want)
  for name, values in want.items():
    assert metrics[name].shape == (SEEDS,)
    assert metrics[name].dtype == np.float32
    np.testing.assert_allclose(metrics[name], values, rtol=5e-6)


def test_tracks_are_those_of_the_split_and_each_has_its_warmup():
  """A window network forgets all before its window, however it is read."""
  task, model, _, params = text_and_model("window")
  losses = {}
  for warmup in (0, 2):
    settings = stream_settings(valid_tracks=6, warmup=warmup)
    evaluator = Stream(model, task, settings, population(SEEDS))
    losses[warmup] = evaluator.evaluate(params, "valid")["loss"]
    test = evaluator.evaluate(params, "test")["loss"]
    np.testing.assert_allclose(
      test, -unbroken("window", "test").mean(axis=1), rtol=5e-6
    )
    details = evaluator.details(params)
    assert details["evaluated_on"] == "one unbroken stream"
    assert details["validated_on"].startswith("6 parts side by side")
  want = -unbroken("window", "valid").mean(axis=1)
  np.testing.assert_allclose(losses[2], want, rtol=5e-6)
  assert (np.abs(losses[0] - want) > 1e-4).all()


def test_details_of_a_stream():
  task, model, one, params = text_and_model("recurrent")
  settings = stream_settings(context_targets=20)
  evaluator = Stream(model, task, settings, population(SEEDS))
  metrics = evaluator.evaluate(params, "test")
  details = evaluator.details(params)
  count = sum(leaf.size for leaf in jax.tree.leaves(one[0]))
  assert details["parameters"] == count and details["bytes"] == 4 * count
  corpus = task.corpus
  assert details["vocabulary"] == corpus.vocabulary.size
  assert details["tokens"]["train"] == len(corpus.train.tokens) == 900
  assert details["probability_zero"] == [0.0] * SEEDS
  assert details["probability_undefined"] == [0.0] * SEEDS
  floor = -float(np.mean(corpus.test.log_probs))
  assert details["floor_perplexity"] == pytest.approx(math.exp(floor))
  np.testing.assert_allclose(
    details["nats_above_floor"], metrics["loss"] - floor, atol=1e-5
  )
  assert list(details["perplexity_by_context"])[:3] == ["1", "2", "4"]
  kinds = details["perplexity_by_kind"].values()
  assert sum(row["tokens"] for row in kinds) == len(corpus.test.tokens)
  log_losses = sum(
    row["tokens"] * np.log(row["perplexity"]) for row in kinds
  ) / len(corpus.test.tokens)
  np.testing.assert_allclose(log_losses, metrics["loss"], rtol=1e-5)


def test_details_of_a_window_network_have_its_size_by_order():
  task, model, one, params = text_and_model("window")
  evaluator = Stream(model, task, stream_settings(), population(SEEDS))
  details = evaluator.details(params)
  rows = details["parameters_by_order"]
  assert rows["model"] == "window network"
  assert rows["counts"][str(model.context + 1)] == details["parameters"]
  assert [*rows["counts"]] == [*"234567"]
  assert f"V = {model.vocabulary_size}, D = " in rows["formula"]
  assert "(n-1)DV" not in rows["formula"]
  assert (
    "V + (n-1)DV parameters"
    in (model.clone(direct=True).details()["parameters_by_order"]["formula"])
  )


def test_details_are_of_the_parameters_given():
  """Also if others, or another split, were evaluated just before."""
  task, model, _, params = text_and_model("window")
  other = jax.tree.map(lambda a: -a, params)
  evaluator = Stream(model, task, stream_settings(), population(SEEDS))
  want = evaluator.details(params)
  assert evaluator.details(other) != want
  assert evaluator.details(params) == want
  evaluator.evaluate(params, "valid")
  assert evaluator.details(params) == want


@pytest.mark.parametrize("name", EVALUATORS)
def test_every_name_is_that_of_an_evaluator(name):
  evaluator = pkgutil.resolve_name(EVALUATORS[name])
  for method in ("evaluate", "details", "check"):
    assert callable(getattr(evaluator, method))


def test_sections_are_checked():
  Stream.check(STREAM)
  Batches.check(None)
  Batches.check({})
  with pytest.raises(FieldError, match="^batches has no fields$"):
    Batches.check({"window": 3})
  for section, message in (
    (None, "stream.window is required"),
    ({}, "stream.window is required"),
    (STREAM | {"windows": 3}, "stream.windows is not a known field; did you "),
    (
      STREAM | {"tracks": 0},
      "stream.tracks must be an integer from 1 to 1",
    ),
    (
      STREAM | {"warmup": -1},
      "stream.warmup must be an integer from 0 to 1",
    ),
    (STREAM | {"context_targets": 1.0}, "stream.context_targets must be an "),
  ):
    with pytest.raises(FieldError) as error:
      Stream.check(section)
    assert str(error.value).startswith(message)
