"""Images described in words: targets by hand, splits, scores, held-out."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.rundir import TARGET_VOCABULARY
from rnn_lab.tasks import Spec, build, losses
from rnn_lab.tasks.digits import read_digits
from rnn_lab.tasks.number_words import DIGIT_NAMES
from rnn_lab.tasks.scenes import HELD_OUT
from rnn_lab.tasks.scenes import scenes as draw_scenes
from rnn_lab.tasks.written import commonest, until_end, written
from rnn_lab.text.words import WordIds

LETTERS = "efghinorstuvwxz"
SCENES = {"name": "scenes", "train_size": 40, "eval_size": 300}


def names_task():
  return build({"name": "digit_names"}, 600)


def batch_of(task, step):
  batch = jax.jit(task.batch)
  made = batch(task.data[0], jax.random.key(0), jnp.int32(step))
  return jax.tree.map(np.asarray, made)


def true_symbols(task, split):
  """The targets in the order of the batches, as a decoder returns them."""
  return [
    target
    for batch in task.eval_batches(split)
    for target, weight in zip(batch.targets, batch.weights)
    if weight.any()
  ]


def is_held_out(caption):
  return any(f"{colour} {shape}" in caption for colour, shape in HELD_OUT)


def test_targets_end_with_the_end_symbol_and_weights_with_it():
  targets, weights = written([[5, 6, 7], [], [8]], 1)
  assert_array_equal(targets, [[5, 6, 7, 1], [1, 1, 1, 1], [8, 1, 1, 1]])
  assert_array_equal(weights, [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
  assert targets.dtype == np.int32 and weights.dtype == np.float32
  assert until_end(np.array([4, 1, 4, 1]), 1) == [4]
  assert until_end(np.array([4, 3]), 1) == [4, 3]
  assert until_end(np.array([1, 3]), 1) == []


def test_the_commonest_answer_of_training():
  assert commonest(["ab", "c", "c", "ab"], ["ab", "c", "ab", "d"]) == 0.5
  assert commonest([[1], [2, 1], [2, 1]], [[1], [2, 1], [1], [2]]) == 0.25


def test_names_of_digits_letter_by_letter():
  task = names_task()
  assert task.pattern == "vector_to_sequence"
  assert task.input_spec == Spec(1, 1, "images", (8, 8))
  assert task.output_spec == Spec(6, 17)
  assert task.vocabulary.words == ("<bos>", "<eos>", *LETTERS)
  assert (task.start, task.end) == (0, 1)
  assert task.steps_per_epoch == 2
  corpus = read_digits()
  assert task.hashes == corpus.hashes
  letters = {letter: 2 + n for n, letter in enumerate(LETTERS)}
  for split in "valid", "test":
    batches = task.eval_batches(split)
    weights = np.concatenate([batch.weights for batch in batches])
    images = corpus.splits[split]
    size = len(images.labels)
    for name in ("inputs", "targets", "weights"):
      arrays = np.concatenate([getattr(batch, name) for batch in batches])
      assert arrays.dtype == (np.int32 if name == "targets" else np.float32)
    inputs = np.concatenate([batch.inputs for batch in batches])
    assert_array_equal(inputs[:size, ..., 0] * 16, images.pixels)
    assert_array_equal(weights[size:], 0.0)
    targets = np.concatenate([batch.targets for batch in batches])
    for n, label in enumerate(images.labels):
      spelled = [letters[letter] for letter in DIGIT_NAMES[label]]
      length = len(spelled) + 1
      assert_array_equal(targets[n], (spelled + [1] * 6)[:6])
      assert_array_equal(weights[n], [1] * length + [0] * (6 - length))


def test_an_epoch_shows_each_digit_at_most_once_with_its_name():
  task = names_task()
  batches = [batch_of(task, step) for step in (2, 3)]
  assert batches[0].inputs.shape == (600, 8, 8, 1)
  assert batches[0].input_lengths is None
  train = read_digits().splits["train"]
  names = {
    image.tobytes(): DIGIT_NAMES[label]
    for image, label in zip(train.pixels, train.labels)
  }
  shown = [
    np.rint(image * 16).astype(np.uint8).tobytes()
    for batch in batches
    for image in batch.inputs
  ]
  assert len({*names}) == 1257 and len({*shown}) == 1200
  spelled = [task.text_of(target) for b in batches for target in b.targets]
  assert [names[image] for image in shown] == spelled
  lengths = np.concatenate([batch.weights.sum(axis=1) for batch in batches])
  assert_array_equal(lengths, [len(name) + 1 for name in spelled])


def test_scores_of_names():
  task = names_task()
  symbols = true_symbols(task, "test")
  assert task.score("test", symbols) == {"exact_match": 1.0}
  # Only what stands before the end symbol counts.
  longer = [np.append(s, [1, 5]) for s in symbols]
  assert task.score("test", longer) == {"exact_match": 1.0}
  wrong = [symbols[0][::-1], *symbols[1:]]
  assert task.score("test", wrong) == {"exact_match": 359 / 360}
  # A start symbol is no letter.
  wrong = [np.insert(symbols[0], 0, 0), *symbols[1:]]
  assert task.score("test", wrong) == {"exact_match": 359 / 360}
  assert task.score("test", symbols[::-1])["exact_match"] < 0.3
  train, test = (read_digits().splits[s].labels for s in ("train", "test"))
  [(guess, _)] = collections.Counter(train).most_common(1)
  named = [task.vocabulary.encode(DIGIT_NAMES[guess])] * 360
  share = np.mean(test == guess)
  assert task.score("test", named)["exact_match"] == share
  assert task.baselines["exact_match"] == share
  with pytest.raises(FieldError, match="split must be one of test, valid"):
    task.score("train", symbols)
  with pytest.raises(FieldError, match="split must be one of test, valid"):
    task.eval_batches("train")


def test_scenes_are_those_of_the_generator():
  task = build(SCENES, 40)
  assert task.input_spec == Spec(1, 3, "images", (24, 24))
  assert task.output_spec == Spec(13, 24)
  assert task.steps_per_epoch == 1
  images, captions = draw_scenes(40, 0)
  made = batch_of(task, 5)
  shown = np.rint(made.inputs * 255).astype(np.uint8)
  texts = [task.text_of(target) for target in made.targets]
  assert sorted(texts) == sorted(captions)
  pairs = dict(zip((image.tobytes() for image in images), captions))
  assert [pairs[image.tobytes()] for image in shown] == texts
  [data] = build({**SCENES, "seed": 1}, 40).data
  assert_array_equal(data.inputs, draw_scenes(40, 1)[0])


def test_held_out_combinations_are_in_the_test_alone():
  task = build(SCENES, 40)
  other = build({**SCENES, "seed": 3, "train_size": 50}, 40)
  for split, size in ("valid", 300), ("test", 600):
    jax.tree.map(
      assert_array_equal, task.eval_batches(split), other.eval_batches(split)
    )
    captions = [task.text_of(target) for target in true_symbols(task, split)]
    assert len(captions) == size
    assert [is_held_out(c) for c in captions] == [False] * 300 + [True] * (
      size - 300
    )
  assert not any(is_held_out(task.text_of(t)) for t in task.data[0].targets)
  scenes = [task.data[0].inputs / np.float32(255)]
  scenes += [b.inputs for s in ("valid", "test") for b in task.eval_batches(s)]
  distinct = {image.tobytes() for part in scenes for image in part}
  assert len(distinct) == 40 + 300 + 600


def test_scores_of_scenes():
  task = build(SCENES, 40)
  valid, test = (true_symbols(task, split) for split in ("valid", "test"))
  assert task.score("valid", valid) == {"exact_match": 1.0}
  perfect = {"exact_match": 1.0, "exact_match_held_out": 1.0}
  assert task.score("test", test) == perfect
  wrong = [np.roll(test[0], 1), *test[1:-3], *[s[1:] for s in test[-3:]]]
  assert task.score("test", wrong) == {
    "exact_match": 299 / 300,
    "exact_match_held_out": 297 / 300,
  }


def test_metrics_leave_out_scenes_with_held_out_combinations():
  task = build(SCENES, 40)
  rng = np.random.default_rng(0)
  metrics, of_all = jax.jit(task.metrics), jax.jit(losses.class_metrics)
  total = {"loss": np.zeros(2), "accuracy": np.zeros(2)}
  expected = {"loss": np.zeros(2), "accuracy": np.zeros(2)}
  for batch in task.eval_batches("test"):
    outputs = rng.normal(size=(*batch.targets.shape, 24)).astype(np.float32)
    seen = np.array(
      [not is_held_out(task.text_of(target)) for target in batch.targets]
    )
    weights = batch.weights * seen[:, None].astype(np.float32)
    left = of_all(outputs, batch._replace(weights=weights))
    got = metrics(outputs, batch)
    for name in total:
      total[name] += np.array(got[name], np.float64)
      expected[name] += np.array(left[name], np.float64)
  for name in total:
    assert_allclose(total[name], expected[name], rtol=1e-5)
  lengths = [len(s.split()) + 1 for s in draw_scenes(300, 1_797_002)[1]]
  assert total["loss"][1] == sum(lengths)


def test_images_of_a_user():
  task = names_task()
  rng = np.random.default_rng(1)
  images = rng.random((2, 8, 8))
  batch = task.inputs_of([images[0], images[1][..., None].tolist()])
  assert_allclose(batch.inputs[..., 0], images, rtol=1e-6)
  assert batch.inputs.shape == (2, 8, 8, 1) and batch.input_lengths is None
  assert_array_equal(batch.targets, np.zeros((2, 6)))
  assert_array_equal(batch.weights, np.ones((2, 6)))
  assert task.text_of(np.array([*task.vocabulary.encode("six"), 1, 4])) == "six"


def test_images_of_a_split():
  task = names_task()
  splits = read_digits().splits
  batch = task.inputs_of(["valid:0", "test:359", "test:7"])
  expected = [splits["valid"].pixels[0], *splits["test"].pixels[[359, 7]]]
  assert_array_equal(batch.inputs[..., 0] * 16, expected)
  assert task.output_names[2:] == tuple(LETTERS)
  for place in "test:360", "valid:180":
    with pytest.raises(FieldError, match=f"^input .*, got '{place}'$"):
      task.inputs_of([place])


@pytest.mark.parametrize(
  "images, message",
  [
    ([], "must be at least one image, got none"),
    (
      ["train:3"],
      "must be the path of an image file; 'train:3' cannot be read (No such "
      "file or directory)",
    ),
    ([{"seven"}], "must be images, arrays of numbers"),
    ([[[1.0], [1.0, 0.0]]], "must be images, arrays of numbers"),
    ([np.zeros((8, 9))], "must be images of shape (8, 8, 1), got (8, 9)"),
    (
      [np.full((8, 8), 16.0)],
      "must be images of numbers from 0 to 1, got numbers from 16 to 16",
    ),
    (
      [np.full((8, 8), np.nan)],
      "must be images of numbers from 0 to 1, got numbers from nan to nan",
    ),
  ],
)
def test_wrong_images_are_named(images, message):
  with pytest.raises(FieldError) as caught:
    names_task().inputs_of(images)
  assert str(caught.value) == f"input {message}"


@pytest.mark.parametrize(
  "section, message",
  [
    ({"train_size": 0}, "task.train_size must be an integer from 1 to 100000"),
    ({"eval_size": 0}, "task.eval_size must be an integer from 1 to 100000"),
    ({"seed": 1_000_001}, "task.seed must be an integer from 0 to 1000000,"),
    ({"seed": -1}, "task.seed must be an integer from 0 to 1000000,"),
    (
      {"train_size": 3},
      "train.batch_size must be at most 3, the images of the training split, "
      "got 4",
    ),
  ],
)
def test_wrong_arguments_are_named(section, message):
  with pytest.raises(FieldError) as caught:
    build({"name": "scenes", **section}, 4)
  assert str(caught.value).startswith(message)


def test_equal_arguments_give_the_same_task_and_files_are_saved(tmp_path):
  task = names_task()
  assert build({"name": "digit_names"}, 600) is task
  assert build({"name": "digit_names"}, 12) is not task
  assert task.describe() == (
    "handwritten digits: 1,257 images for training, 180 for validation, 360 "
    "for the test; 15 letters"
  )
  task.save_files(tmp_path)
  assert WordIds.load(tmp_path / TARGET_VOCABULARY) == task.vocabulary
  assert "40 for training, 300 for validation" in build(SCENES, 40).describe()
