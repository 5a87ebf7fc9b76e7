"""Predicted sequences: which the task is given, in which order, how decoded."""

import dataclasses
import functools
import types

import jax
import numpy as np
import pytest
from models_cases import END, TARGET_LENGTHS, B, T, written_batch, written_model

from rnn_lab.errors import FieldError
from rnn_lab.evaluators.batches import Batches
from rnn_lab.evaluators.sequences import Sequences
from rnn_lab.models.base import init_params
from rnn_lab.training.population import population

SEEDS = 2


def test_the_task_scores_what_is_decoded():
  model, task = written_model(decoder__attention="additive")
  batch = jax.tree.map(np.asarray, written_batch())
  # The second batch is filled up with an example of weight zero.
  filled = batch._replace(weights=batch.weights * np.array([[1], [0], [1]]))
  given = []

  def score(split, sequences):
    given.append((split, [s.tolist() for s in sequences]))
    return {"exact_match": 0.25 * len(given)}

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

  @functools.partial(jax.jit, static_argnums=1)
  def decode(params, beam_size):
    options = {"beam_size": beam_size, "length_penalty": 0.5}
    return model.apply({"params": params}, batch, method="decode", **options)

  for n, (split, sequences) in enumerate(given):
    want = np.asarray(decode(per_seed[n % 2], 3 if n > 1 else 1))
    assert split == ("valid", "test")[n // 2]
    assert sequences == [*want.tolist(), want[0].tolist(), want[2].tolist()]
  assert evaluator.details(params)["decoding"] == section
  assert TARGET_LENGTHS.max() == T and END in want and len(want) == B


@pytest.mark.parametrize(
  "section,message",
  [
    ({"valid_beam": 0}, "sequences.test_beam is required"),
    (
      {"valid_beam": 0, "test_beam": 5, "length_penalty": 1.0},
      "sequences.valid_beam must be an integer of at least 1, got 0",
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
