"""CoNLL-2000 and files of its format, whole and damaged."""

import gzip
import hashlib
import pathlib
import zipfile

import pytest

from rnn_lab.downloads import SOURCES
from rnn_lab.errors import FieldError
from rnn_lab.text.chunking import (
  Token,
  chunk_tags,
  pos_baseline,
  read,
  read_files,
)
from rnn_lab.text.scores import chunk_f1

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def sentence(i):
  return [
    Token(f"word{i}", "NN", "B-NP"),
    Token("\u00a0wide", "JJ", "I-NP"),
    Token(".", ".", "O"),
  ][: 1 + i % 3]


TRAIN = [sentence(i) for i in range(21)]
TEST = [[Token("Go", "VB", "B-VP")], sentence(22)]


def text_of(sentences, separator=" "):
  lines = [
    "".join(separator.join(token) + "\n" for token in tokens)
    for tokens in sentences
  ]
  return "\n".join(lines)


def archive(folder, **texts):
  texts = {"train": text_of(TRAIN), "test": text_of(TEST)} | texts
  with zipfile.ZipFile(folder / "conll2000.zip", "w") as file:
    for name, text in texts.items():
      if text is not None:
        file.writestr(f"conll2000/{name}.txt", text)
  return folder


def test_reads_the_archive(tmp_path):
  data = read(archive(tmp_path))
  assert data.train == TRAIN[:19] and data.valid == TRAIN[19:]
  assert data.test == TEST
  sha256 = hashlib.sha256((tmp_path / "conll2000.zip").read_bytes())
  assert data.hashes == {"conll2000.zip": sha256.hexdigest()}


def test_white_space_around_columns_and_sentences(tmp_path):
  messy = "\n \n" + text_of(TEST, " \t").replace("\n", " \r\n") + "\n\n"
  data = read(archive(tmp_path, test="\ufeff" + messy))
  assert data.test == TEST
  # The last line can lack its end.
  assert read(archive(tmp_path, test=text_of(TEST)[:-1])).test == TEST


def test_tags_of_both_places():
  tags = ("O", "B-NP", "I-NP", "B-VP", "I-VP")
  assert chunk_tags(TEST) == tags
  assert chunk_tags([[Token("a", "b", "O")]]) == ("O",)
  assert chunk_tags([[Token("a", "b", "I-x-y")]]) == ("O", "B-x-y", "I-x-y")


def test_the_most_frequent_tag_of_a_part_of_speech():
  pairs = ["DB", "DB", "DO", "NI", "NO", "VO", "VB", "VI", "VI"]
  tokens = [Token("a", *pair) for pair in pairs]
  predict = pos_baseline([tokens[:4], tokens[4:]])
  test = [[Token("b", pos, "O") for pos in "DNV"], [Token("a", "X", "B")], []]
  # I comes before O.
  assert predict(test) == [["B", "I", "I"], ["O"], []]


def test_files_by_path(tmp_path):
  (tmp_path / "a").write_text(text_of(TRAIN, "\t"))
  (tmp_path / "b.gz").write_bytes(gzip.compress(text_of(TEST).encode()))
  paths = tmp_path / "a", tmp_path / "b.gz"
  data = read_files(*paths)
  assert (data.train, data.valid, data.test) == (TRAIN[:19], TRAIN[19:], TEST)
  assert data.hashes == {
    str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
  }
  data = read_files(*paths, str(paths[1]))
  assert (data.train, data.valid, data.test) == (TRAIN, TEST, TEST)


LINE = "a NN O\n"


@pytest.mark.parametrize(
  "text,words",
  [
    ("", "is empty"),
    (" \n\n", "is empty"),
    (LINE + "a NN\n", "has 2 columns in line 2, not 3"),
    (LINE + "\na NN O O\n", "has 4 columns in line 3, not 3"),
    ("a NN E-NP\n", "has the chunk tag 'E-NP' in line 1, not O, .*"),
    ("a NN B-\n", "has the chunk tag 'B-' in line 1, not O, .*"),
    (b"a NN O\n\xe9 NN O\n", r"is not UTF-8 \(at byte 7\)"),
    (b"\0\0\0", "has 1 columns in line 1, not 3"),
  ],
)
def test_damaged_texts(tmp_path, text, words):
  with pytest.raises(FieldError) as caught:
    read(archive(tmp_path, test=text))
  error = caught.value
  inner = tmp_path / "conll2000.zip" / "conll2000" / "test.txt"
  assert error.field == "data_dir" and "\n" not in str(error)
  with pytest.raises(FieldError, match=f"'{inner}' {words}$"):
    raise error
  path = tmp_path / "good"
  path.write_text(text_of(TRAIN))
  bad = tmp_path / "bad"
  bad.write_bytes(text if isinstance(text, bytes) else text.encode())
  for field in ("train_path", "valid_path", "test_path"):
    paths = dict.fromkeys(("train_path", "valid_path", "test_path"), path)
    with pytest.raises(FieldError, match=f"^{field} must .*'{bad}' {words}$"):
      read_files(**(paths | {field: bad}))


def test_archives_that_lack_something(tmp_path):
  with pytest.raises(FieldError, match="^data_dir .* has no conll2000.zip$"):
    read(tmp_path)
  with pytest.raises(FieldError, match="zip' has no conll2000/test.txt$"):
    read(archive(tmp_path, test=None))
  path = tmp_path / "conll2000.zip"
  path.write_bytes(path.read_bytes()[:-30])
  with pytest.raises(FieldError, match=r"^data_dir .* is damaged \(BadZipFile"):
    read(tmp_path)
  few = text_of(TRAIN[:9])
  words = "has 9 sentences, fewer than the 10 of which one is for validation$"
  with pytest.raises(FieldError, match=words):
    read(archive(tmp_path, train=few))
  assert len(read(archive(tmp_path, train=text_of(TRAIN[:10]))).valid) == 1


def test_wrong_paths(tmp_path):
  (tmp_path / "a").write_text(text_of(TRAIN))
  for path in (None, 3, tmp_path, tmp_path / "none"):
    with pytest.raises(FieldError, match="^test_path must be (a|the) path"):
      read_files(tmp_path / "a", path)
  with pytest.raises(FieldError, match="^data_dir must be a path .*got 3$"):
    read(3)


@pytest.mark.skipif(
  not (SHARED / "conll2000.zip").is_file(),
  reason="conll2000.zip is not beside the checkout",
)
def test_the_published_data():
  data = read(SHARED)
  splits = data.train + data.valid, data.test
  # Sentences and words of the paper.
  sizes = [(len(split), sum(map(len, split))) for split in splits]
  assert sizes == [(8936, 211_727), (2012, 47_377)]
  assert len(data.valid) == 893
  # Eleven types. I-LST is in the test only.
  tags = chunk_tags(data.train)
  assert len(tags) == 23
  assert {t.chunk for s in data.test for t in s} <= {*tags}
  published = SOURCES["conll2000"].files["all"]
  assert data.hashes == {published.name: published.known_hash}
  # As published: precision 72.58 %, recall 82.14 %, F1 77.07 %.
  hypotheses = pos_baseline(splits[0])(data.test)
  references = [[token.chunk for token in tokens] for tokens in data.test]
  scores = chunk_f1(hypotheses, references)
  percent = {name: round(100 * value, 2) for name, value in scores.items()}
  assert percent == {"precision": 72.58, "recall": 82.14, "f1": 77.07}
