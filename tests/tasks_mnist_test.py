"""MNIST from files made here: parsing, splits, and every kind of damage."""

import gzip
import hashlib
import importlib
import struct

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.tasks import Spec, build
from rnn_lab.text import files

TRAIN_SIZE, TEST_SIZE, ROWS, COLUMNS = 25, 7, 4, 5
# The attribute `rnn_lab.tasks.mnist` is the factory; this is its module.
module = importlib.import_module("rnn_lab.tasks.mnist")


def idx(array):
  header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
  return header + array.tobytes()


def make_arrays():
  """Small images, all distinct, by file name."""
  rng = np.random.default_rng(5)
  sizes = {"train": TRAIN_SIZE, "t10k": TEST_SIZE}
  arrays = {}
  for part, n in sizes.items():
    pixels = rng.integers(0, 256, (n, ROWS, COLUMNS), np.uint8)
    arrays[f"{part}-images-idx3-ubyte"] = pixels
    labels = (np.arange(n) * 3 % 10).astype(np.uint8)
    arrays[f"{part}-labels-idx1-ubyte"] = labels
  return arrays


ARRAYS = make_arrays()


def write(folder, arrays=ARRAYS, form="raw"):
  folder.mkdir(exist_ok=True)
  for name, array in arrays.items():
    raw = idx(array)
    if "dotted" in form:
      name = name.replace("-idx", ".idx")
    if "gz" in form:
      name, raw = f"{name}.gz", gzip.compress(raw)
    (folder / name).write_bytes(raw)
  return folder


def task_of(folder, batch_size=11, **arguments):
  section = {"name": "mnist", "data_dir": str(folder), **arguments}
  return build(section, batch_size)


def lines(images, labels):
  return sorted((x.tobytes(), int(y)) for x, y in zip(images, labels))


@pytest.mark.parametrize("form", ["raw", "gz", "dotted", "dotted gz"])
def test_reads_the_four_files(tmp_path, form):
  folder = write(tmp_path / "data", form=form)
  task = task_of(folder)
  assert task.name == "mnist"
  assert task.input_spec == Spec(ROWS, COLUMNS)
  assert task.output_spec == Spec(1, 10)
  [data] = task.data
  assert data.pixels.dtype == np.uint8
  # 25 // 12 = 2 images for validation, the last ones.
  images = ARRAYS["train-images-idx3-ubyte"]
  labels = ARRAYS["train-labels-idx1-ubyte"]
  assert_array_equal(data.pixels, images[:23])
  assert_array_equal(data.labels, labels[:23])
  [valid], [test] = (task.eval_batches(split) for split in ("valid", "test"))
  assert_array_equal(np.rint(valid.inputs * 255), images[23:])
  assert_array_equal(valid.targets, labels[23:])
  expected = ARRAYS["t10k-images-idx3-ubyte"]
  assert_array_equal(np.rint(test.inputs * 255), expected)
  assert_array_equal(test.targets, ARRAYS["t10k-labels-idx1-ubyte"])
  assert task.hashes == {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in folder.iterdir()
  }


def test_an_epoch_shows_each_image_once(tmp_path):
  task = task_of(write(tmp_path / "data"), batch_size=23)
  batch = jax.jit(task.batch)(task.data[0], jax.random.key(0), 5)
  pixels = np.rint(np.asarray(batch.inputs) * 255).astype(np.uint8)
  expected = lines(*map(np.asarray, task.data[0]))
  assert lines(pixels, np.asarray(batch.targets)) == expected


def test_tasks_of_one_folder_share_the_data(tmp_path):
  folder = write(tmp_path / "data")
  task = task_of(folder, gap=2)
  assert task is task_of(folder, gap=2)
  assert task is module.mnist(11, "row", 2, data_dir=folder)
  other = task_of(folder, batch_size=3, gap=5)
  assert task.data[0].pixels is other.data[0].pixels


def test_batch_larger_than_the_split(tmp_path):
  folder = write(tmp_path / "data")
  with pytest.raises(
    FieldError, match="^train.batch_size must .*at most 23, .*got 24"
  ):
    task_of(folder, batch_size=24)


def test_missing_file_is_named(tmp_path):
  folder = write(tmp_path / "data")
  (folder / "t10k-labels-idx1-ubyte").unlink()
  with pytest.raises(FieldError) as caught:
    task_of(folder)
  message = str(caught.value)
  assert message.startswith("task.data_dir must be a folder that holds ")
  assert message.endswith(f"; {str(folder)!r} has no t10k-labels-idx1-ubyte")
  assert "\n" not in message
  assert all(name in message for name in module.FILES)
  # Mended, it is read: a failure is not remembered.
  task_of(write(folder))


def changed(name, change):
  """All files as bytes, `change` applied to one of them."""
  files = {n: idx(array) for n, array in ARRAYS.items()}
  files[name] = change(files[name])
  return files


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
DAMAGE = {
  "empty": (IMAGES, lambda raw: b"", "ends after 0 bytes"),
  "cut header": (IMAGES, lambda raw: raw[:9], "ends after 9 bytes"),
  "truncated": (IMAGES, lambda raw: raw[:-1], "has 515 bytes, not 516"),
  "too long": (LABELS, lambda raw: raw + b"\0", "has 34 bytes, not 33"),
  "labels as images": (
    IMAGES,
    lambda raw: idx(ARRAYS[LABELS]) + bytes(20),
    "has magic number 2049, not 2051",
  ),
  "images as labels": (
    LABELS,
    lambda raw: idx(ARRAYS[IMAGES]),
    "has magic number 2051, not 2049",
  ),
  "signed bytes": (
    LABELS,
    lambda raw: raw[:2] + b"\x09" + raw[3:],
    "has magic number 2305, not 2049",
  ),
  "fewer labels": (
    LABELS,
    lambda raw: idx(ARRAYS[LABELS][:-1]),
    "has 24 labels for 25 images",
  ),
  "label of ten": (
    LABELS,
    lambda raw: raw[:-1] + b"\x0a",
    "has the label 10, not 0 to 9",
  ),
  "cut gzip": (
    IMAGES,
    lambda raw: gzip.compress(raw)[:-20],
    "is a damaged gzip file",
  ),
  "flipped gzip": (
    IMAGES,
    lambda raw: gzip.compress(raw)[:30] + bytes(400),
    "is a damaged gzip file",
  ),
  "test images of another size": (
    TEST_IMAGES,
    lambda raw: idx(np.zeros((TEST_SIZE, COLUMNS, ROWS), np.uint8)),
    "has images of 5 x 4, not 4 x 5 as in training",
  ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_named(tmp_path, damage):
  name, change, words = DAMAGE[damage]
  for file, raw in changed(name, change).items():
    (tmp_path / file).write_bytes(raw)
  with pytest.raises(FieldError) as caught:
    task_of(tmp_path)
  message = str(caught.value)
  start = "task.data_dir must hold undamaged files; "
  assert message.startswith(f"{start}{str(tmp_path / name)!r} {words}")
  assert "\n" not in message


def test_what_is_decompressed_is_bounded(tmp_path, monkeypatch):
  monkeypatch.setattr(files, "MAX_BYTES", len(idx(ARRAYS[IMAGES])))
  assert task_of(write(tmp_path / "a", form="gz")).hashes
  folder = write(tmp_path / "b", form="gz")
  (folder / f"{LABELS}.gz").write_bytes(gzip.compress(bytes(10**4)))
  with pytest.raises(FieldError, match=f"{LABELS}.gz' has more than .* bytes"):
    task_of(folder)


def test_too_few_images_for_three_splits(tmp_path):
  few = {n: a[:11] for n, a in ARRAYS.items()}
  with pytest.raises(FieldError, match="has 11 images, fewer than 12"):
    task_of(write(tmp_path / "few", few), batch_size=2)
  none = {n: a if n.startswith("train") else a[:0] for n, a in ARRAYS.items()}
  with pytest.raises(FieldError, match="t10k-images-idx3-ubyte' has 0 images,"):
    task_of(write(tmp_path / "none", none), batch_size=2)


def test_no_network_says_what_to_put_where(tmp_path, monkeypatch, capfd):
  # A port of this machine where nothing listens: refused at once.
  monkeypatch.setattr(module, "MIRROR", "http://127.0.0.1:9/mnist/")
  monkeypatch.setenv("NO_PROXY", "*")
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  with pytest.raises(FieldError) as caught:
    build({"name": "mnist"}, 4)
  message = str(caught.value)
  assert message.startswith("task.data_dir must be set to a folder")
  assert all(name in message for name in module.FILES)
  assert "the download of http://127.0.0.1:9/mnist/train-images" in message
  assert message.endswith(" failed (ConnectionError)")
  assert "\n" not in message
  assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
  assert capfd.readouterr().err == ""


def test_a_download_with_another_hash_is_refused(tmp_path, monkeypatch):
  folder = write(tmp_path / "served", form="gz")
  import pooch

  def local(url, output, _):
    # Writes what it finds, as a server that was tampered with would.
    with open(output, "wb") as file:
      file.write((folder / url.rsplit("/", 1)[1]).read_bytes())

  monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: local)
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
  with pytest.raises(FieldError, match="its sha256 is not the published one"):
    build({"name": "mnist"}, 4)
  assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []
