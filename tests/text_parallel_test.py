"""Parallel text: alignment, empty lines, and every kind of bad file."""

import gzip
import hashlib
import pathlib

import pytest

from rnn_lab.downloads import SOURCES
from rnn_lab.errors import FieldError
from rnn_lab.text.parallel import LANGUAGES, Pairs, read, read_files

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = SHARED / "multi30k"
STEMS = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
LINES = {
  split: {
    language: [f"{language.upper()} {split}\u2028{i}." for i in range(n)]
    for language in LANGUAGES
  }
  for split, n in {"train": 4, "valid": 2, "test": 3}.items()
}


def write(folder, compress=True):
  for split, sides in LINES.items():
    for language, lines in sides.items():
      raw = "".join(f"{line}\n" for line in lines).encode()
      name = f"{STEMS[split]}.{language}"
      if compress:
        name, raw = f"{name}.gz", gzip.compress(raw, mtime=0)
      (folder / name).write_bytes(raw)
  return folder


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("source,target", [LANGUAGES, LANGUAGES[::-1]])
def test_reads_both_directions(tmp_path, source, target, compress):
  data = read(source, target, write(tmp_path, compress))
  for split, sides in LINES.items():
    assert getattr(data, split) == Pairs(sides[source], sides[target], 0)
  assert data.hashes == {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in tmp_path.iterdir()
  }


def test_lower_case(tmp_path):
  data = read(data_dir=str(write(tmp_path)), lowercase=True)
  assert data.test.sources == [line.lower() for line in LINES["test"]["de"]]
  assert data.test.targets[2] == "en test\u20282."


def files(folder, source, target):
  paths = {}
  for split, stem in STEMS.items():
    pair = []
    for side, raw in ("s", source), ("t", target):
      path = folder / f"{stem}.{side}"
      path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
      pair.append(path)
    paths[split] = tuple(pair)
  return paths


def test_empty_lines_are_dropped_in_pairs(tmp_path):
  source = "\ufeffa b \n\n c\r\n\u3000\nd\ne"
  target = "A\nB\n\nC\nD  D\nE\n"
  data = read_files(files(tmp_path, source, gzip.compress(target.encode())))
  # The second and fourth source and the third target have no words.
  assert data.train == Pairs(["a b", "d", "e"], ["A", "D  D", "E"], 3)
  assert data.train == data.valid == data.test
  assert data.hashes == {
    str(path): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in tmp_path.iterdir()
  }


@pytest.mark.parametrize(
  "source,target,side,words",
  [
    ("a\nb\n", "A\n", "target", "has 1 lines, not 2"),
    ("a\n", "A\n\n", "target", "has 2 lines, not 1"),
    ("a\n\n", "\nB\n", "target", "has no line with a word that .*"),
    ("", "A\n", "source", "is empty"),
    ("a\n", " \n", "target", "is empty"),
    (b"a\xe9\n", "A\n", "source", r"is not UTF-8 \(at byte 1\)"),
    (
      "a\n",
      gzip.compress(b"A\n", mtime=0)[:-5],
      "target",
      "is a damaged gzip file",
    ),
  ],
)
def test_damaged_files(tmp_path, source, target, side, words):
  good = files(tmp_path, "a\n", "A\n")
  assert read_files(good).test == Pairs(["a"], ["A"], 0)
  (tmp_path / "bad").mkdir()
  bad = files(tmp_path / "bad", source, target)
  for split in STEMS:
    path = bad[split][side == "target"]
    match = f"^{split}_{side}_path must .*'{path}' {words}$"
    with pytest.raises(FieldError, match=match) as caught:
      read_files(good | {split: bad[split]})
    assert "\n" not in str(caught.value)


def test_damaged_files_of_a_folder(tmp_path):
  path = write(tmp_path) / "val.en.gz"
  path.write_bytes(gzip.compress(b"one\n", mtime=0))
  words = f"'{tmp_path}/val.de.gz'; '{path}' has 1 lines, not 2$"
  with pytest.raises(FieldError, match=f"^data_dir must .* of {words}"):
    read("de", "en", tmp_path)
  path.unlink()
  with pytest.raises(FieldError, match="^data_dir must .* has no val.en.gz$"):
    read("de", "en", tmp_path)


@pytest.mark.parametrize(
  "field,value",
  [
    ("source_language", "fr"),
    ("target_language", "fr"),
    ("target_language", "de"),
    ("data_dir", 3),
    ("lowercase", "yes"),
  ],
)
def test_wrong_arguments(field, value):
  with pytest.raises(FieldError, match=f"^{field} must .*got {value!r}"):
    read(**{field: value})


def test_wrong_paths(tmp_path):
  paths = files(tmp_path, "a\n", "A\n")
  for wrong in (3, None, tmp_path):
    with pytest.raises(FieldError, match="^test_target_path must be "):
      read_files(paths | {"test": (paths["test"][0], wrong)})
  del paths["valid"]
  with pytest.raises(FieldError, match="^valid_source_path must be the path"):
    read_files(paths)
  with pytest.raises(FieldError, match="^lowercase must .*got 1$"):
    read_files(paths, 1)


@pytest.mark.skipif(
  not (FOLDER / "train.de.gz").is_file(),
  reason="Multi30k is not beside the checkout",
)
def test_the_published_data():
  data = read("de", "en", FOLDER)
  sizes = [len(getattr(data, split).sources) for split in STEMS]
  assert sizes == [29_000, 1_014, 1_000]
  assert [getattr(data, split).dropped for split in STEMS] == [0, 0, 0]
  assert data.train.targets[0] == (
    "Two young, White males are outside near many bushes."
  )
  published = SOURCES["multi30k"].files.values()
  assert data.hashes == {file.name: file.known_hash for file in published}
