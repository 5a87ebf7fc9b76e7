"""The benchmarks: their arithmetic, and that each runs; no speed is tested."""

import types

import numpy as np
import pytest
from tiny import tiny_config

from configs import ptb_small as recipe
from rnn_lab.benchmarks import (
  gradient_norms,
  layers,
  loss_memory,
  peers,
  ptb_small,
  torch_ptb,
)
from rnn_lab.benchmarks.rounds import run_in_turns, summarize


def test_functions_take_turns_and_the_first_round_does_not_count():
  calls = []

  def function(name, rates):
    rates = iter(rates)

    def one_round():
      calls.append(name)
      return next(rates)

    return one_round

  rates = run_in_turns(
    {"a": function("a", [9, 4, 6]), "b": function("b", [9, 2, 1])}, 2
  )
  assert calls == ["a", "b"] * 3
  assert rates == {"a": [4, 6], "b": [2, 1]}
  found = summarize(rates, "a")
  assert found["a"] == {"median": 5, "least": 4, "most": 6, "rounds": 2}
  assert found["ratios"] == {
    "b": {"median": 4, "least": 2, "most": 6, "rounds": 2}
  }


def tiny_recipe():
  config = recipe.get_config("smoke")
  config.model.hidden_size = config.model.embedding_size = 4
  config.train.batch_size = 2
  config.task.window = config.task.reach = 3
  return config.to_dict()


def test_the_labs_trainer_trains(monkeypatch):
  monkeypatch.setattr(ptb_small, "WORDS", 20)
  monkeypatch.setattr(ptb_small, "STEPS", 2)
  one_round = ptb_small.trainer(tiny_recipe())
  rates = [one_round() for _ in range(5)]  # over the end of an epoch
  assert all(np.isfinite(rate) and rate > 0 for rate in rates)


@pytest.mark.skipif(
  not torch_ptb.is_installed(), reason="PyTorch is not installed"
)
def test_torch_trains(monkeypatch):
  monkeypatch.setattr(ptb_small, "WORDS", 20)
  monkeypatch.setattr(ptb_small, "STEPS", 2)
  found = ptb_small.measure(tiny_recipe(), rounds=1)
  assert found["ratios"]["torch, eager nn.LSTM"]["rounds"] == 1


def test_the_losses_that_are_compared_are_equal():
  random = np.random.default_rng(0)
  h = random.normal(size=(12, 3)).astype(np.float32)
  kernel = random.normal(size=(3, 5)).astype(np.float32)
  bias, targets = np.arange(5, dtype=np.float32), np.arange(12) % 5
  want = loss_memory._plain(h, kernel, bias, targets)
  got = loss_memory._chunked(4)(h, kernel, bias, targets)
  np.testing.assert_allclose(got, want, rtol=1e-5)
  found = loss_memory.measure(12, 3, 5, (12, 4), rounds=1)
  assert list(found["mebibytes"]) == ["plain", "chunks of 12", "chunks of 4"]


def test_a_backend_need_not_say_what_a_program_allocates():
  def program(size):
    analysis = size and types.SimpleNamespace(temp_size_in_bytes=size)
    return types.SimpleNamespace(memory_analysis=lambda: analysis)

  assert loss_memory._mebibytes(program(3 * 2**19)) == 1.5
  assert loss_memory._mebibytes(program(None)) is None


def test_training_is_measured_with_and_without_gradient_norms():
  found = gradient_norms.measure(tiny_config().to_dict(), rounds=1)
  assert set(found) == {"logged", "not logged", "ratios"}
  assert found["ratios"]["not logged"]["median"] > 0.0


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("name", ["torch", "flax linen", "flax nnx"])
def test_a_layer_of_another_library_has_the_same_numbers(name, kind):
  if name not in peers.installed():
    pytest.skip(f"{name} is not installed")
  shape = layers.Shape(kind, batch=2, steps=3, inputs=4, hidden=5)
  weights, x = layers.arrays(shape)
  found = peers.module(name).layer(kind, weights, x).results()
  own = peers.module("rnn_lab").layer(kind, weights, x).results()
  assert set(found) == set(own)
  for key, a in found.items():
    np.testing.assert_allclose(a, own[key], rtol=1e-4, atol=1e-5)


def test_the_means_of_layers_are_geometric_and_over_our_time():
  def row(own, other):
    ms = {"rnn_lab": {"median": own}, "torch": {"median": other}}
    return {"shape": {"cell": "gru"}, "pass": "forward", "ms": ms}

  (mean,) = layers.means([row(2.0, 4.0), row(1.0, 8.0)])
  assert mean == {"cell": "gru", "pass": "forward", "times": {"torch": 4.0}}
