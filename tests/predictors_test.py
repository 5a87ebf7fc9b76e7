"""Predictions of classes and tags, and the words that carry a class."""

import functools

import jax
import numpy as np
import pytest

from configs import common
from rnn_lab import models, tasks
from rnn_lab.errors import FieldError
from rnn_lab.models.base import init_params
from rnn_lab.predictors import predict


def model_of(task):
  config = common.pattern_config().model
  config.hidden_size = 4
  config.cell = "gru"
  config.inputs.embedding_size = 3
  config.inputs.embedding_scale = 1.0
  config.inputs.character_size = config.inputs.character_features = 3
  model = models.build(config.to_dict(), task)
  init = jax.jit(functools.partial(init_params, model, task))
  return model, init(jax.random.key(0))


@pytest.fixture(scope="module")
def sentiment(tmp_path_factory):
  folder = tmp_path_factory.mktemp("polarity")
  for name, word in (("neg", "bad"), ("pos", "good")):
    text = f"a {word} film\n" * 20
    (folder / f"rt-polarity.{name}").write_text(text, encoding="utf-8")
  section = {"name": "sentiment", "data_dir": str(folder), "min_count": 1}
  task = tasks.build(section, 4)
  return task, *model_of(task)


@pytest.fixture(scope="module")
def tagging(tmp_path_factory):
  folder = tmp_path_factory.mktemp("tagging")
  text = "The DT B-NP\ncat NN I-NP\n\nRain NN B-NP\n. . O\n\n" * 3
  for split in ("train", "valid", "test"):
    (folder / f"{split}.txt").write_text(text, encoding="utf-8")
  section = {"name": "tagging", "min_count": 1} | {
    f"{split}_path": str(folder / f"{split}.txt")
    for split in ("train", "valid", "test")
  }
  task = tasks.build(section, 2)
  return task, *model_of(task)


def test_a_class_and_its_words(sentiment):
  task, model, params = sentiment
  lines = ["A good film", "film"]
  rows = predict(model, params, task, lines)
  for line, row in zip(lines, rows):
    batch = task.inputs_of([line])
    variables = {"params": params}
    outputs = model.apply(variables, batch, (), method="outputs")
    p = np.asarray(jax.nn.softmax(outputs[0]))
    assert row["input"] == line
    assert row["prediction"] == task.output_names[p.argmax()]
    assert row["probability"] == pytest.approx(p.max(), rel=1e-5)
    assert [word for word, _ in row["words"]] == task.tokens_of([line])[0]
    # The shares of one word are the derivative of log p when its vector grows.
    x = np.asarray(model.apply(variables, batch, method="vectors"))
    for t, (_, share) in enumerate(row["words"]):
      values = []
      for eps in (-1e-2, 1e-2):
        grown = x.copy()
        grown[0, t] *= 1 + eps
        outputs = model.apply(
          variables, grown, batch, method="outputs_of_vectors"
        )
        values.append(float(jax.nn.log_softmax(outputs[0])[p.argmax()]))
      want = (values[1] - values[0]) / 2e-2
      assert share == pytest.approx(want, rel=1e-2, abs=1e-4)


def test_tags_do_not_depend_on_the_other_sentences(tagging):
  task, model, params = tagging
  lines = ["Rain/NN", "The/DT cat/NN ./."]
  rows = predict(model, params, task, lines)
  for line, row in zip(lines, rows):
    [alone] = predict(model, params, task, [line])
    assert row["words"] == alone["words"] == task.tokens_of([line])[0]
    assert row["prediction"] == alone["prediction"]
    np.testing.assert_allclose(
      row["probabilities"], alone["probabilities"], rtol=1e-5
    )
    batch = task.inputs_of([line])
    outputs = model.apply({"params": params}, batch, (), method="outputs")
    chosen = np.asarray(outputs[0].argmax(-1))
    assert row["prediction"] == [task.output_names[k] for k in chosen]


def test_what_cannot_be_predicted_is_named(sentiment):
  task, model, params = sentiment
  with pytest.raises(FieldError, match="^beam_size must be left out"):
    predict(model, params, task, ["film"], beam_size=3)
  with pytest.raises(FieldError, match="^input must have at least one line"):
    predict(model, params, task, [])
  with pytest.raises(FieldError, match="^input must be a list, got 'a film'"):
    predict(model, params, task, "a film")
  other = tasks.build({"name": "adding", "length": 3}, 2)
  with pytest.raises(FieldError, match="'adding' has none$"):
    predict(model, params, other, ["film"])
