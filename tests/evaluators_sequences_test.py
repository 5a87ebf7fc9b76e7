"""Predicted sequences: which the task is given, in which order, how decoded."""

import dataclasses
import functools
import itertools
import types

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_cases import (
  END,
  SOURCE_LENGTHS,
  TARGET_LENGTHS,
  B,
  T,
  V,
  written_batch,
  written_model,
)

from rnn_lab.errors import FieldError
from rnn_lab.evaluators import sequences
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.lengths import (
  MOST_BINS,
  length_bins,
  scores_by_length,
)
from rnn_lab.evaluators.sequences import Sequences
from rnn_lab.models.base import init_params
from rnn_lab.training.population import population
from rnn_lab.types import Batch

SEEDS = 2


def test_the_task_scores_what_is_decoded(monkeypatch):
  model, task = written_model(decoder__attention="additive")
  batch = jax.tree.map(np.asarray, written_batch())
  # The second batch is filled up with an example of weight zero.
  filled = batch._replace(weights=batch.weights * np.array([[1], [0], [1]]))
  calls = []

  def score(split, predicted, places=None):
    calls.append((split, [s.tolist() for s in predicted]))
    return {"exact_match": 0.25 * len(calls)}

  task = dataclasses.replace(
    task, score=score, eval_batches=lambda split: (batch, filled)
  )
  seeds = population(SEEDS)
  init = jax.jit(init_params, static_argnums=(0, 1))
  per_seed = [init(model, task, jax.random.key(s)) for s in range(SEEDS)]
  params = seeds.put(jax.tree.map(lambda *a: np.stack(a), *per_seed))
  section = {"valid_beam": 1, "test_beam": 3, "length_penalty": 0.5}
  evaluate = types.SimpleNamespace(options={"sequences": section})
  evaluator = Sequences(model, task, evaluate, seeds)
  metrics = evaluator.evaluate(params, "valid")
  plain = Batches(model, task, evaluate, seeds).evaluate(params, "valid")
  for name, value in plain.items():
    np.testing.assert_array_equal(metrics[name], value)
  np.testing.assert_array_equal(metrics["exact_match"], [0.25, 0.5])
  assert metrics["exact_match"].dtype == np.float32
  evaluator.evaluate(params, "test")
  decoded = calls[:]

  @functools.partial(jax.jit, static_argnums=1)
  def decode(params, beam_size):
    options = {"beam_size": beam_size, "length_penalty": 0.5}
    return model.apply({"params": params}, batch, method="decode", **options)

  assert len(decoded) == 2 * SEEDS
  for n, (split, predicted) in enumerate(decoded):
    want = np.asarray(decode(per_seed[n % 2], 3 if n > 1 else 1))
    assert split == ("valid", "test")[n // 2]
    assert predicted == [*want.tolist(), want[0].tolist(), want[2].tolist()]
  monkeypatch.setattr(sequences, "_decode_program", None)  # not decoded again
  details = evaluator.details(params)
  assert details["decoding"] == section
  parts = [part for _, part in calls[len(decoded) :]]
  for n in range(SEEDS):
    # The examples of the lengths 2, 3 and 5.
    five, two, three, also_five, also_three = decoded[SEEDS + n][1]
    assert parts[n::SEEDS] == [[two], [three, also_three], [five, also_five]]
  rows = details["scores_by_length"]
  assert [row["scores"]["exact_match"] for row in rows] == [
    [1.25, 1.5],
    [1.75, 2.0],
    [2.25, 2.5],
  ]
  assert TARGET_LENGTHS.max() == T and END in want and len(want) == B


@pytest.mark.parametrize(
  "section,message",
  [
    ({"valid_beam": 0}, "sequences.test_beam is required"),
    (
      {"valid_beam": 0, "test_beam": 5, "length_penalty": 1.0},
      "sequences.valid_beam must be an integer from 1 to 1000, got 0",
    ),
    (
      {"valid_beam": 1, "test_beam": 5, "length_penalty": -1.0},
      "sequences.length_penalty must be a finite number of at least 0",
    ),
    ({"beam": 1}, "sequences.beam is not a known field"),
  ],
)
def test_wrong_fields_are_named(section, message):
  with pytest.raises(FieldError) as error:
    Sequences.check(section)
  assert str(error.value).startswith(message)
  Sequences.check(None)


def test_scores_by_length_are_those_of_a_loop_over_the_lengths():
  _, task = written_model()
  batch = jax.tree.map(np.asarray, written_batch())
  # The example of weight zero has a length that no other one has.
  filled = batch._replace(
    weights=batch.weights * np.array([[1], [0], [1]]),
    input_lengths=np.array([4, 1, 2]),
  )
  lengths = [*SOURCE_LENGTHS, 4, 2]
  targets = [*batch.targets, filled.targets[0], filled.targets[2]]
  rng = np.random.default_rng(1)
  predicted = rng.integers(0, V, (SEEDS, len(targets), T))

  def score(split, sequences, places):
    """Not an average over examples."""
    assert split == "test" and len(places) == len(sequences)
    wrong = [(targets[n] != s).sum() for n, s in zip(places, sequences)]
    return {"log_error": np.log(1 + sum(wrong)), "infinite": np.inf}

  task = dataclasses.replace(task, score=score)
  rows = scores_by_length(task, (batch, filled), predicted)
  assert [row["shortest"] for row in rows] == [2, 3, 4, 5]
  assert [row["examples"] for row in rows] == [2, 1, 1, 1]
  for row in rows:
    assert row["longest"] == row["mean_length"] == row["shortest"]
    want = []
    for of_seed in predicted:
      wrong = 0
      for length, target, symbols in zip(lengths, targets, of_seed):
        if length == row["shortest"]:
          wrong += sum(a != b for a, b in zip(target, symbols, strict=True))
      want.append(float(np.log(1 + wrong)))
    assert row["scores"] == {"log_error": want, "infinite": [None, None]}
  assert len({str(row["scores"]) for row in rows}) > 2


def test_a_bin_has_the_range_and_the_mean_of_its_lengths():
  lengths = np.arange(1, 13) ** 2
  batch = Batch(None, lengths, None, np.ones((12, 1)))
  task = types.SimpleNamespace(score=lambda *args: {})
  rows = scores_by_length(task, (batch,), [[None] * 12])
  squares = lengths.reshape(6, 2)
  assert [row["shortest"] for row in rows] == squares[:, 0].tolist()
  assert [row["longest"] for row in rows] == squares[:, 1].tolist()
  assert [row["mean_length"] for row in rows] == squares.mean(axis=1).tolist()


def test_inputs_of_one_length_or_none_have_no_bins():
  model, task = written_model()
  batch = jax.tree.map(np.asarray, written_batch())
  predicted = [[*batch.targets]] * SEEDS
  for lengths in np.full(B, T), None:
    batches = (batch._replace(input_lengths=lengths),)
    assert scores_by_length(task, batches, predicted) == []
  assert len(scores_by_length(task, (batch,), predicted)) == B


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_bins_of_lengths(lengths):
  bins = length_bins(np.array(lengths))
  if len({*lengths}) == 1:
    assert bins == []
    return
  assert 2 <= len(bins) <= min(MOST_BINS, len({*lengths}))
  assert sorted(np.concatenate(bins)) == [*range(len(lengths))]
  of_bins = [[lengths[n] for n in places] for places in bins]
  for shorter, longer in itertools.pairwise(of_bins):
    assert max(shorter) < min(longer)
  # A border can be off by at most the examples of one length.
  commonest = max(map(lengths.count, lengths))
  for places in bins:
    assert len(places) <= len(lengths) / MOST_BINS + commonest


def test_bins_are_sixths_where_lengths_are_distinct():
  lengths = np.random.default_rng(0).permutation(600)
  bins = length_bins(lengths)
  assert [sorted(lengths[places]) for places in bins] == [
    [*range(100 * b, 100 * (b + 1))] for b in range(6)
  ]
