"""Translation: words, vocabularies, buckets, BLEU and bad arguments."""

import gzip
import hashlib
import math
import pathlib
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.rundir import TARGET_VOCABULARY
from rnn_lab.tasks import Spec, build, without_data
from rnn_lab.tasks.translation import translation
from rnn_lab.text.parallel_words import Shares, read_words
from rnn_lab.text.scores import bleu

# The first words of training come twice, "Vogel" and "bird" once.
TRAIN = [
  ("Ein Hund bellt.", "A dog barks."),
  ("Ein Hund, ein Vogel!", "A dog, a bird!"),
  ("Der Mann und der Hund bellt.", "The man and the dog barks today."),
  ("Der Mann, und der Hund!", "The man, and the dog, and the man!"),
]
VALID = [("Der Hund bellt und bellt.", "The dog barks and barks.")] * 2
# Enough for batches of unequal lengths, whose order is not that of the file.
TEST = 256 * [
  ("Der Mann und der Hund und der Mann bellt.", "The man barks!"),
  ("Ein Vogel!", "A dog, the man and the dog."),
  ("Ein Hund.", "The dog barks."),
]
SPLITS = {"train": TRAIN, "valid": VALID, "test": TEST}
SIDES = {"source": 0, "target": 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  """The arguments that name the six files."""
  folder = tmp_path_factory.mktemp("files")
  paths = {}
  for split, pairs in SPLITS.items():
    for side, n in SIDES.items():
      path = folder / f"{split}.{side}"
      text = "".join(f"{pair[n]}\n" for pair in pairs)
      path.write_text(text, encoding="utf-8")
      paths[f"{split}_{side}_path"] = str(path)
  return paths


def task_of(paths, batch_size=2, **arguments):
  return build({"name": "translation", **paths, **arguments}, batch_size)


def read_back(task, batch):
  """The words of the pairs of a batch, those that fill it up left out."""
  source, target = task.texts.source.words, task.texts.target.words
  pairs = []
  for x, length, y, weights in zip(
    batch.inputs, batch.input_lengths, batch.targets, batch.weights
  ):
    count = int(weights.sum())
    if count:
      assert_array_equal(weights, np.arange(len(weights)) < count)
      assert y[count - 1] == task.end
      pairs.append(
        (
          " ".join(source[i] for i in x[:length]),
          " ".join(target[i] for i in y[: count - 1]),
        )
      )
  return pairs


def symbols_of(task, split):
  return [
    target
    for batch in task.eval_batches(split)
    for target, weights in zip(batch.targets, batch.weights)
    if weights.any()
  ]


def test_words_are_numbered_by_count_on_each_side(files):
  task = task_of(files)
  assert task.pattern == "encoder_decoder"
  # hund 4; der 4; ein 3; !, ",", ., bellt, mann, und 2: equal ones by code.
  assert task.texts.source.words == (
    *("<unk>", "der", "hund", "ein"),
    *("!", ",", ".", "bellt", "mann", "und"),
  )
  # the 5, dog 4; ",", a, and, man 3; !, ., barks 2.
  assert task.texts.target.words == (
    *("<unk>", "<bos>", "<eos>", "the", "dog"),
    *(",", "a", "and", "man", "!", ".", "barks"),
  )
  assert (task.start, task.end) == (1, 2)
  assert task.output_spec == Spec(51, 12)
  assert task.input_spec == Spec(10, 10, "symbols")
  assert task.baselines == {"loss": math.log(12)}
  small = task_of(files, max_vocabulary=5, lowercase=False).texts
  assert small.source.words == ("<unk>", "Hund", "!", ",", ".")
  assert small.target.words == ("<unk>", "<bos>", "<eos>", "dog", ",")
  every = task_of(files, min_count=1).texts
  assert {"vogel"} == {*every.source.words} - {*task.texts.source.words}


def test_batches_hold_the_pairs_of_the_files(files):
  task = task_of(files, max_padding=0.1)
  train = [pair for data, _ in task.data for pair in read_back(task, data)]
  assert sorted(train) == [
    ("der mann , und der hund !", "the man , and the dog , and the man !"),
    ("der mann und der hund bellt .", "the man and the dog barks <unk> ."),
    ("ein hund , ein <unk> !", "a dog , a <unk> !"),
    ("ein hund bellt .", "a dog barks ."),
  ]
  # Together 9, 13, 16 and 19 steps, end symbols included.
  assert [(d.inputs.shape, d.targets.shape) for d, _ in task.data] == [
    ((2, 6), (2, 7)),
    ((2, 7), (2, 12)),
  ]
  assert task.steps_per_epoch == 2
  test = [p for b in task.eval_batches("test") for p in read_back(task, b)]
  assert len(test) == 768 and sorted({*test}) == [
    ("der mann und der hund und der mann bellt .", "the man barks !"),
    ("ein <unk> !", "a dog , the man and the dog ."),
    ("ein hund .", "the dog barks ."),
  ]
  assert task.hashes == {
    path: hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    for path in files.values()
  }


def test_long_training_pairs_are_left_out(files):
  # 4, 6, 8 and 11 tokens on the longer side.
  for max_length, count in ((11, 4), (10, 3), (8, 3), (7, 2), (6, 2)):
    task = task_of(files, max_length=max_length)
    assert sum(len(data.weights) for data, _ in task.data) == count
    assert f"({4 - count} longer than {max_length} tokens" in task.describe()
    assert task.output_spec.length == max_length + 1
    assert len(symbols_of(task, "test")) == 768
  with pytest.raises(FieldError) as caught:
    task_of(files, max_length=3)
  assert str(caught.value) == (
    "task.max_length must be at least 4, the tokens of the shortest training "
    "pair, got 3"
  )


def test_scores_know_which_prediction_belongs_to_which_reference(files):
  task = task_of(files)
  symbols = symbols_of(task, "test")
  texts = [task.text_of(s) for s in symbols]
  # Two buckets, of the second and third sentences and of the first ones.
  assert texts[:2] == ["a dog, the man and the dog.", "the dog barks."]
  assert texts[512:] == ["the man barks!"] * 256
  assert task.headline == "bleu" and task.maximize
  assert task.score("test", symbols)["bleu"] == pytest.approx(100.0)
  longer = [np.append(s, [3, 4]) for s in symbols]
  assert task.score("test", longer)["bleu"] == pytest.approx(100.0)
  wrong = [np.array([3, 4, 2]), *symbols[1:]]
  assert 99.0 < task.score("test", wrong)["bleu"] < 99.99
  some = np.array([600, 1])
  alone = [texts[0], texts[1]], [texts[n] for n in some]
  score = task.score("test", symbols[:2], some)
  assert score["bleu"] == pytest.approx(bleu(*alone).score)
  assert task.score("test", [symbols[1]], some[1:])["bleu"] > 99.9
  assert task.score("test", symbols[::-1])["bleu"] < 50.0
  assert task.score("test", [s[:0] for s in symbols])["bleu"] == 0.0
  valid = task.score("valid", symbols_of(task, "valid"))
  assert valid["bleu"] == pytest.approx(100.0)
  with pytest.raises(FieldError, match="split must be one of test, valid"):
    task.score("train", symbols)


def test_references_have_their_case(files):
  task = task_of(files, lowercase=False, min_count=1)
  symbols = symbols_of(task, "test")
  assert task.text_of(symbols[1]) == "The dog barks."
  assert task.score("test", symbols)["bleu"] == pytest.approx(100.0)
  assert "case:mixed" in task.score_details["bleu_signature"]
  signature = task_of(files).score_details["bleu_signature"]
  assert signature.startswith("nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|")


def test_describes_its_corpus(files):
  assert task_of(files).describe() == (
    "4 pairs for training (0 longer than 50 tokens and 0 without words left "
    "out), 2 for validation, 768 for the test; vocabularies of 10 and 12; "
    "unknown in the test: 6.2% and 0.0%; buckets: 1; padding: 25%"
  )


def test_sentences_of_a_user(files):
  task = task_of(files)
  batch = task.inputs_of(["Ein HUND.", "Der Mann, ein Bus!"])
  assert_array_equal(batch.input_lengths, [3, 6])
  assert_array_equal(batch.inputs[0, :3], [3, 2, 6])
  assert_array_equal(batch.inputs[1], [1, 8, 5, 3, 0, 4])
  assert batch.targets.shape == batch.weights.shape == (2, 51)
  symbols = [3, 8, 5, 0, 10, 2, 4]
  assert task.text_of(np.array(symbols)) == "the man, <unk>."
  with pytest.raises(FieldError, match="^input must not be empty, got ' '$"):
    task.inputs_of(["Ein Hund.", " "])
  with pytest.raises(FieldError, match="^input .* one known word, got 'a b'$"):
    task.inputs_of(["Ein Hund.", "a b"])


def test_a_run_opened_without_its_data_reads_and_writes_the_same(
  files, tmp_path
):
  task = task_of(files, lowercase=False, max_length=20)
  task.save_files(tmp_path)
  section = {"name": "translation", "lowercase": False, "max_length": 20}
  other = without_data(section, 2, tmp_path)
  assert other.texts == task.texts and other.output_spec == task.output_spec
  assert (other.start, other.end) == (task.start, task.end)
  assert other.input_spec.size == task.input_spec.size
  line = "Der Hund."
  assert_array_equal(
    other.inputs_of([line]).inputs, task.inputs_of([line]).inputs
  )
  # The file of the other side: its words are known, but cannot be written.
  task.texts.source.save(tmp_path / TARGET_VOCABULARY)
  with pytest.raises(FieldError, match="^workdir must hold <bos> .*, got <u"):
    without_data(section, 2, tmp_path)


def write_two(folder, pairs):
  """Two line-aligned files, and the arguments that name them."""
  paths = {}
  for side, n in SIDES.items():
    path = folder / f"text.{side}"
    path.write_text("".join(f"{p[n]}\n" for p in pairs), encoding="utf-8")
    paths[f"train_{side}_path"] = str(path)
  return paths


@pytest.mark.parametrize("seed", [0, 1])
def test_two_files_alone_are_divided_at_random(tmp_path, seed):
  pairs = [(f"s{n} .", f"t{n} .") for n in range(20)]
  # The same tokens, at other places of the file: one pair of the 20.
  copies = [("S19.", "T19.")] * 4
  paths = write_two(tmp_path, [*copies, *pairs, *copies])
  shares = {"valid_fraction": 0.2, "test_fraction": 0.3, "split_seed": seed}
  corpus = read_words(
    "", "", None, (*paths.values(),), True, Shares(*shares.values())
  )
  splits = [[" ".join(s) for s in corpus.splits[n].sources] for n in SPLITS]
  names = ["s19 .", *(f"s{n} ." for n in range(19))]  # as they first occur
  order = np.random.RandomState(seed).permutation(20)
  drawn = [{names[n] for n in o} for o in (order[10:], order[:4], order[4:10])]
  assert [{*split} for split in splits] == drawn
  assert [split.count("s19 .") for split in splits] == [
    9 * ("s19 ." in names) for names in drawn
  ]
  task = task_of(paths, **shares, min_count=1)
  sizes = [len(split) for split in splits]
  assert re.match("{} pairs.*, {} for .*, {} f".format(*sizes), task.describe())
  assert {*task.hashes} == {*paths.values()}


def test_two_files_that_cannot_be_divided_are_one_line(tmp_path):
  paths = write_two(tmp_path, [("a", "A"), ("b", "B"), *[("b", "B")] * 9])
  words = "task.valid_fraction 0.1 .* leave none of the files' 2 different pair"
  with pytest.raises(FieldError, match=f"^{words}"):
    task_of(paths)
  target = pathlib.Path(paths["train_target_path"])
  target.write_text("A\nB\n", encoding="utf-8")
  with pytest.raises(FieldError, match="' has 2 lines, not 11$") as caught:
    task_of(paths)
  assert "\n" not in str(caught.value)


def write_multi30k(folder):
  stems = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
  for split, pairs in SPLITS.items():
    for language, n in (("de", 0), ("en", 1)):
      raw = "".join(f"{pair[n]}\n" for pair in pairs).encode()
      path = folder / f"{stems[split]}.{language}.gz"
      path.write_bytes(gzip.compress(raw, mtime=0))
  return folder


def test_both_directions_of_multi30k(tmp_path, files):
  folder = write_multi30k(tmp_path)
  task = task_of({}, data_dir=str(folder))
  assert task.texts == task_of(files).texts
  assert translation(2, data_dir=folder) is task
  assert task_of({}, 3, data_dir=str(folder)) is not task
  back = task_of(
    {}, data_dir=str(folder), source_language="en", target_language="de"
  )
  [*source] = back.texts.source.words[1:]
  assert source == [*task.texts.target.words[3:]]
  symbols = symbols_of(back, "valid")
  assert back.text_of(symbols[0]) == "der hund bellt und bellt."


@pytest.mark.parametrize(
  "arguments, message",
  [
    ({"min_count": 0}, "task.min_count must be an integer of at least 1,"),
    (
      {"min_count": 9},
      "task.min_count must be at most 4, the count of the most frequent ",
    ),
    (
      {"max_vocabulary": 3},
      "task.max_vocabulary must be at least 4 (or 0 for no bound), got 3",
    ),
    ({"max_vocabulary": 2**63}, "task.max_vocabulary must be an integer "),
    ({"max_length": 0}, "task.max_length must be an integer from 1 to "),
    ({"max_padding": 1.5}, "task.max_padding must be a finite number of at "),
    ({"lowercase": 1}, "task.lowercase must be true or false, got 1"),
    (
      {"data_dir": "folder"},
      "task.data_dir must be left at None, got 'folder': the files are given "
      "by their paths",
    ),
    (
      {"source_language": "fr"},
      "task.source_language must be left at 'de', got 'fr': the files are ",
    ),
    (
      {"test_target_path": None},
      "task.test_target_path must be the path of a text file",
    ),
    (
      {"valid_fraction": 0.2},
      "task.valid_fraction must be left at 0.1, got 0.2: only two files ",
    ),
    ({"split_seed": -1}, "task.split_seed must be an integer from 0 to "),
    (
      {"valid_fraction": 0.5, "test_fraction": 0.5},
      "task.test_fraction must be below 1 - valid_fraction = 0.5, got 0.5",
    ),
    (
      dict.fromkeys(("valid_source_path", "valid_target_path")),
      "task.valid_source_path must be the path of a text file",
    ),
    ({"test_target_path": 7}, "task.test_target_path must be a path or None"),
    (
      {"valid_source_path": "no/such/file"},
      "task.valid_source_path must be the path of a text file in UTF-8; "
      "'no/such/file' cannot be read (No such file or directory)",
    ),
  ],
)
def test_wrong_arguments_are_named(files, arguments, message):
  with pytest.raises(FieldError) as caught:
    task_of({**files, **arguments})
  assert str(caught.value).startswith(message)
  assert "\n" not in str(caught.value)


def test_a_batch_has_at_most_the_training_pairs(files, tmp_path):
  with pytest.raises(FieldError) as caught:
    task_of(files, 3, max_length=6)
  assert str(caught.value) == (
    "train.batch_size must be at most 2, the pairs of the training split, got 3"
  )
  with pytest.raises(FieldError, match="^task.data_dir must be a folder that "):
    task_of({}, data_dir=str(tmp_path))
  with pytest.raises(FieldError, match="^task.source_language must be one of "):
    task_of({}, source_language=["de"])
