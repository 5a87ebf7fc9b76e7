"""Language models in training: evaluated on a stream, opened, counted."""

import json

import jax
import numpy as np
import pytest
from tiny import everything, result, rows, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.evaluators.log_probs import stream_log_probs
from rnn_lab.language_models.generation import read_all
from rnn_lab.runs import counting, train
from rnn_lab.runs.opening import load_language_model, load_run
from rnn_lab.runs.planning import plan
from rnn_lab.text import corpora
from rnn_lab.text.vocabulary import Vocabulary
from rnn_lab.types import Batch


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """A run from beginning to end, 2 seeds."""
  workdir = tmp_path_factory.mktemp("whole") / "run"
  assert train(tiny_language(), workdir) == "finished"
  return workdir


def log_probs(model, params, start, tokens):
  """Log p of each token, by one pass of a network over all of them."""
  before = np.concatenate([[start], tokens[:-1]])[None].astype(np.int32)
  batch = Batch(before, None, None, None, fresh=True)
  variables = {"params": params}
  carry = model.apply(variables, 1, method="initial_carry")
  logits = jax.jit(
    lambda: model.apply(variables, batch, carry, method="outputs")
  )()
  return jax.nn.log_softmax(logits)[0, np.arange(len(tokens)), tokens]


def perplexity_of(loaded):
  """On the test split."""
  corpus = loaded.task.corpus
  log_p = log_probs(
    loaded.model, loaded.params, corpus.vocabulary.start, corpus.test.tokens
  )
  return float(np.exp(-np.mean(log_p)))


def test_the_test_is_one_unbroken_stream(whole):
  found = result(whole)["metrics"]
  perplexity = perplexity_of(load_run(whole, seed_index=1))
  assert found["test/perplexity"]["values"][1] == pytest.approx(
    perplexity, rel=1e-5
  )
  assert found["test/loss"]["values"][1] == pytest.approx(
    np.log(perplexity), rel=1e-5
  )


@pytest.mark.parametrize("kind", ["recurrent", "ngram"])
def test_a_run_on_a_text_that_has_changed_is_left_as_it_is(tmp_path, kind):
  path = tmp_path / "text.txt"
  path.write_text("a b c d e f g h\n" * 60, encoding="utf-8")
  config = tiny_language(model__kind=kind, train__num_steps=5)
  config.task.corpus = "text"
  config.task.train_path = str(path)
  train(config, tmp_path / "run")
  before = everything(tmp_path / "run")
  path.write_text("h g f e d c b a\n" * 60, encoding="utf-8")
  corpora._load.cache_clear()
  with pytest.raises(FieldError, match="other data: text.txt has changed"):
    train(config, tmp_path / "run")
  config.train.num_steps = 10
  with pytest.raises(FieldError, match="other data: text.txt has changed"):
    train(config, tmp_path / "run")
  if kind == "recurrent":
    with pytest.raises(FieldError, match="other data: text.txt has changed"):
      load_run(tmp_path / "run")
  assert everything(tmp_path / "run") == before


def test_load_run_is_for_networks(tmp_path):
  train(tiny_language(model__kind="ngram"), tmp_path / "run")
  with pytest.raises(FieldError, match="load_language_model opens"):
    load_run(tmp_path / "run")


def test_the_label_says_what_was_done(tmp_path):
  config = tiny_language(model__kind="ngram", eval__stream__tracks=4)
  config.eval.stream.warmup = 100_000
  train(config, tmp_path / "run")
  details = result(tmp_path / "run")["details"]
  assert details["evaluated_on"] == "one unbroken stream"


@pytest.mark.parametrize("window", [7, 1000])
def test_perplexity_does_not_depend_on_the_window(whole, tmp_path, window):
  train(tiny_language(eval__stream__window=window), tmp_path / "run")
  a, b = [
    result(run)["metrics"]["test/perplexity"]["values"]
    for run in (whole, tmp_path / "run")
  ]
  np.testing.assert_allclose(a, b, rtol=1e-5)


def test_tracks_are_labelled_and_nearly_the_same(whole, tmp_path):
  train(
    tiny_language(eval__stream__tracks=5, eval__stream__warmup=40),
    tmp_path / "run",
  )
  one, five = result(whole), result(tmp_path / "run")
  assert one["details"]["evaluated_on"] == "one unbroken stream"
  assert five["details"]["evaluated_on"] == (
    "5 parts side by side, 40 tokens of context in front of each"
  )
  a, b = [r["metrics"]["test/perplexity"]["values"] for r in (one, five)]
  np.testing.assert_allclose(a, b, rtol=1e-3)


def test_the_result_says_what_was_evaluated(whole):
  details = result(whole)["details"]
  assert details["tokens"] == {"train": 600, "valid": 1000, "test": 1000}
  assert details["unknown"] == {"train": 0, "valid": 0, "test": 0}
  kinds = details["perplexity_by_kind"]
  assert sum(row["tokens"] for row in kinds.values()) == 1000
  logs = [row["tokens"] * np.log(row["perplexity"]) for row in kinds.values()]
  loss = result(whole)["metrics"]["test/loss"]["values"]
  np.testing.assert_allclose(np.sum(logs, axis=0) / 1000, loss, rtol=1e-5)
  floor = np.log(details["floor_perplexity"])
  np.testing.assert_allclose(
    details["nats_above_floor"], np.array(loss) - floor, rtol=1e-5
  )


def test_the_last_parameters_are_taken_when_asked_for(whole, tmp_path):
  # A rate at which the last evaluation is not the best one.
  config = tiny_language(optimizer__learning_rate=0.5, eval__every=5)
  train(config, tmp_path / "best")
  config.eval.select = "last"
  train(config, tmp_path / "last")
  best, last = result(tmp_path / "best"), result(tmp_path / "last")
  curve = [
    row["valid/perplexity"]
    for row in rows(tmp_path / "last")
    if "valid/perplexity" in row
  ]
  assert best["metrics"]["valid/perplexity"]["values"] == [*np.min(curve, 0)]
  assert last["metrics"]["valid/perplexity"]["values"] == curve[-1]
  assert [*np.min(curve, 0)] != curve[-1]
  assert [seed["best_step"] for seed in last["seeds"]] == [20, 20]
  # What is opened again is what was tested.
  for name, ended in (("best", best), ("last", last)):
    loaded = load_run(tmp_path / name, seed_index=1)
    tested = ended["metrics"]["test/perplexity"]["values"][1]
    assert perplexity_of(loaded) == pytest.approx(tested, rel=1e-5)


@pytest.mark.parametrize("estimator", ["maximum_likelihood", "kneser_ney"])
def test_an_n_gram_model_is_counted_and_evaluated_alike(tmp_path, estimator):
  config = tiny_language(model__kind="ngram", model__ngram__order=2)
  config.model.ngram.estimator = estimator
  workdir = tmp_path / "run"
  assert train(config, workdir) == "finished"
  assert train(config, workdir) == "already finished"
  found = result(workdir)
  planned = plan(config)
  model, _ = counting.count(planned.model, planned.task.corpus)
  corpus = planned.task.corpus
  log_p = stream_log_probs(
    counting.scorer(model), corpus.test.tokens, corpus.vocabulary.start
  )
  loss = -np.mean(log_p)
  if estimator == "maximum_likelihood":
    assert not np.isfinite(loss)
    assert found["metrics"]["test/perplexity"]["values"] == [None]
    assert found["details"]["probability_zero"] == [np.isneginf(log_p).mean()]
    assert found["details"]["probability_undefined"] == [np.isnan(log_p).mean()]
    assert found["details"]["probability_zero"][0] > 0.1
  else:
    assert found["metrics"]["test/loss"]["values"] == pytest.approx([loss])
    assert found["details"]["probability_zero"] == [0.0]
  text = (workdir / "result.json").read_text(encoding="utf-8")
  json.loads(text, parse_constant=pytest.fail)  # neither nan nor infinity


def test_the_vocabulary_is_saved(whole):
  words = Vocabulary.load(whole / "vocabulary.json")
  assert words.words == plan(tiny_language()).task.corpus.vocabulary.words


@pytest.mark.parametrize("kind", ["recurrent", "window", "ngram"])
def test_a_model_read_token_by_token_equals_the_evaluator(
  tmp_path, whole, kind
):
  """The path of `generate`: opened without its text, one token at a time."""
  workdir = whole
  if kind != "recurrent":
    workdir = tmp_path / "run"
    train(tiny_language(model__kind=kind, train__num_steps=5), workdir)
  _, words, model = load_language_model(workdir)
  tokens = words.encode("the students opened their books\n\nthe dog")
  carry, log_p = read_all(model, [words.start])
  total = 0.0
  for token in tokens:
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)
    total += log_p[token]
    carry, log_p = read_all(model, [token], carry)
  if kind == "ngram":
    planned = plan(tiny_language(model__kind="ngram"))
    scorer = counting.scorer(
      counting.count(planned.model, planned.task.corpus)[0]
    )
    expected = stream_log_probs(scorer, tokens, words.start)
  else:
    _, _, network, params = load_run(workdir)
    expected = log_probs(network, params, words.start, tokens)
  assert total == pytest.approx(float(np.sum(expected)), rel=1e-5)


@pytest.mark.parametrize(
  "fields,field",
  [
    ({"model__kind": "transformer"}, "model.kind"),
    ({"model__cell": "lstn"}, "model.cell"),
    ({"model__ngram__order": 8}, "model.ngram.order"),
    ({"model__ngram__estimator": "good_turing"}, "model.ngram.estimator"),
    ({"model__window__order": 1}, "model.window.order"),
    ({"model__dropout_kind": "zoneout"}, "model.dropout_kind"),
    ({"model__tied": True, "model__embedding_size": 4}, "model.tied"),
    ({"model__loss_chunk": -1}, "model.loss_chunk"),
    ({"eval__stream__tracks": 0}, "eval.stream.tracks"),
    ({"eval__select": "first"}, "eval.select"),
    ({"eval__stream__valid_tracks": 0}, "eval.stream.valid_tracks"),
    ({"eval__stream__warmup": -1}, "eval.stream.warmup"),
    ({"eval__stream__trakcs": 5}, "eval.stream.trakcs"),
    ({"eval__stream": {"window": 50}}, "eval.stream.tracks"),
    ({"model__layers": 2}, "model.layers"),
    ({"train__batch_size": 100}, "task.window"),
  ],
)
def test_wrong_fields_are_named(fields, field):
  with pytest.raises(FieldError) as error:
    plan(tiny_language(**fields))
  assert error.value.field == field
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["window", "ngram"])
def test_gradient_flow_needs_a_recurrence(kind):
  config = tiny_language(model__kind=kind, train__gradient_flow_every=5)
  with pytest.raises(FieldError) as error:
    plan(config)
  assert str(error.value) == (
    "train.gradient_flow_every must be 0, as the model has no recurrence, got 5"
  )


def test_opening_something_else_says_so(tmp_path, whole):
  other = tmp_path / "digits"
  other.mkdir()
  config = {name: {} for name in ("model", "optimizer", "eval")}
  config["task"] = {"name": "digits"}
  config["train"] = {"num_steps": 1, "num_epochs": 0}
  (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
  with pytest.raises(FieldError, match="is one of task 'digits'$"):
    load_language_model(other)
  with pytest.raises(FieldError, match="workdir must be a run directory"):
    load_language_model(tmp_path)
  with pytest.raises(
    FieldError, match="seed_index must be .* from 0 to 1, got 2"
  ):
    load_language_model(whole, 2)
