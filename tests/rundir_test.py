"""The run directory: atomic files, rows, and one process at a time."""

import errno
import os
import pathlib

import pytest

from rnn_lab import rows, rundir
from rnn_lab.errors import FieldError


def test_json_is_strict_and_whole(tmp_path):
  path = tmp_path / "a.json"
  rundir.write_json(path, {"b": [1, 2.5, None]})
  assert rundir.read_json(path) == {"b": [1, 2.5, None]}
  with pytest.raises(ValueError):
    rundir.write_json(path, {"b": float("nan")})
  assert rundir.read_json(path) == {"b": [1, 2.5, None]}
  assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_damaged_json_is_named(tmp_path):
  path = tmp_path / "config.json"
  path.write_text('{"a": ')
  with pytest.raises(FieldError, match=r"a damaged file: .*config.json"):
    rundir.read_json(path)
  path.write_text("[1]")
  with pytest.raises(FieldError, match=r"config.json \(not an object\)"):
    rundir.read_json(path)


@pytest.mark.parametrize(
  "old, new",
  [("0.25", "0.26"), ("unit", "unix"), ("sha256", "sha257"), ("é", "è")],
)
def test_a_change_of_a_sealed_object_is_noticed(tmp_path, old, new):
  path = tmp_path / "a.json"
  value = {"unit": "é", "rates": (0.25, 1e-30), "by_id": {7: None}}
  rundir.write_sealed(path, value)
  as_json = {"unit": "é", "rates": [0.25, 1e-30], "by_id": {"7": None}}
  assert rundir.read_json(path) == as_json
  text = path.read_text(encoding="utf-8").replace("\\u00e9", "é")
  assert text.count(old) == 1
  path.write_text(text, encoding="utf-8")  # the same object
  assert rundir.read_json(path) == as_json
  path.write_text(text.replace(old, new), encoding="utf-8")
  with pytest.raises(FieldError, match=r"a.json \(it has changed since it was"):
    rundir.read_json(path)
  # As older versions wrote it.
  rundir.write_json(path, value)
  assert rundir.read_json(path) == as_json


def test_a_file_is_replaced_once_it_is_complete(tmp_path):
  path = tmp_path / "a.bin"
  with rundir.atomic_file(path) as file:
    file.write(b"old")
    assert not path.exists()
  with pytest.raises(RuntimeError), rundir.atomic_file(path) as file:
    file.write(b"new")
    raise RuntimeError
  assert path.read_bytes() == b"old"
  assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
  rundir.write_text(path, "ü")
  assert path.read_bytes() == b"\xc3\xbc"


def test_rows_are_cut_after_a_step_and_at_a_torn_line(tmp_path):
  path = tmp_path / "rows.jsonl"
  for step in (0, 5, 10, 15):
    rows.append_row(path, {"step": step, "x": step / 3})
  whole = path.read_text()
  with path.open("a") as file:
    file.write('{"step": 20, "x"')
  rows.cut_rows(path, 100)
  assert path.read_text() == whole
  rows.cut_rows(path, 10)
  assert path.read_text() == "".join(whole.splitlines(keepends=True)[:3])
  rows.cut_rows(path, -1)
  assert path.read_text() == ""
  rows.cut_rows(tmp_path / "none.jsonl", 3)
  assert not (tmp_path / "none.jsonl").exists()


def test_a_half_written_row_of_clocks_is_dropped(tmp_path):
  path = tmp_path / "timing.jsonl"
  rows.cut_half_row(path)
  assert not path.exists()
  for content, kept in (
    (b'{"a": 1}\n{"b"', b'{"a": 1}\n'),
    (b"\xff\n[]\n", b"\xff\n[]\n"),
    (b"torn", b""),
  ):
    path.write_bytes(content)
    rows.cut_half_row(path)
    assert path.read_bytes() == kept


@pytest.mark.parametrize(
  "content, words",
  [
    (b"garbage\n", "line 1 is no row with a step"),
    (b'{"step": 1}\n\xff\n', "line 2 is no row"),
    (b'{"step": 1}\n{"loss": 2}\n', "line 2 is no row"),
    (b'{"step": 1}\n[1]\n', "line 2 is no row"),
    (b'{"step": true}\n', "line 1 is no row"),
    (b'{"step": 2}\n{"step": 1}\n', "line 2 is of an earlier step"),
  ],
)
def test_damaged_rows_are_named(tmp_path, content, words):
  path = tmp_path / "rows.jsonl"
  path.write_bytes(content)
  for read in (rows.read_rows, rows.cut_rows):
    with pytest.raises(FieldError, match=rf"file: .*rows.jsonl \({words}"):
      read(path, 5)
  assert path.read_bytes() == content


def test_what_follows_the_rows_is_not_read(tmp_path):
  path = tmp_path / "rows.jsonl"
  path.write_bytes(b'{"step": 1}\n{"step": 6}\n\xff\n')
  assert rows.read_rows(path, 5) == [{"step": 1}]
  assert rows.read_rows(path, -1) == []


def test_files_and_folders_are_what_their_names_say(tmp_path):
  (tmp_path / "metrics.jsonl").write_text("")
  (tmp_path / "checkpoints").mkdir()
  (tmp_path / "anything").mkdir()
  rundir.check_kinds(tmp_path)
  for name, make, words in (
    ("result.json", lambda p: p.mkdir(), "must be a file and is a folder"),
    ("timing.jsonl", lambda p: p.symlink_to("x"), "and is a dangling link"),
    ("tensorboard", lambda p: p.touch(), "must be a folder and is a file"),
  ):
    folder = tmp_path / f"with_{name}"
    folder.mkdir()
    make(folder / name)
    with pytest.raises(FieldError, match=words):
      rundir.check_kinds(folder)


def test_a_result_without_its_fields_is_damaged(tmp_path):
  path = tmp_path / "result.json"
  content = {
    "status": "finished",
    "headline": "accuracy",
    "maximize": True,
    "baselines": {},
    "metrics": {"test/accuracy": {"mean": 0.5, "std": None, "values": [0.5]}},
    "seeds": [{"seed": 0, "status": "finished"}],
  }
  rundir.write_sealed(path, content)
  assert rundir.read_result(path) == content
  text = path.read_text()
  assert text.count("0.5") == 2
  path.write_text(text.replace("0.5", "0.6"))
  with pytest.raises(FieldError, match=r"result.json \(it has changed since"):
    rundir.read_result(path)
  for changes, words in (
    ({"metrics": []}, "no metrics"),
    ({"metrics": {"test/loss": [1.0]}}, "no values of test/loss"),
    ({"metrics": {"test/loss": {"values": "12"}}}, "no values of test/loss"),
    ({"seeds": [[]]}, "a seed without status"),
    ({"status": "fine"}, "status 'fine'"),
    ({"details": []}, "no details"),
  ):
    rundir.write_sealed(path, content | changes)
    with pytest.raises(FieldError, match=rf"\({words}\); without"):
      rundir.read_result(path)


def test_flatten():
  nested = {"a": {"b": 1, "c": {"d": [2]}}, "e": None}
  assert rundir.flatten(nested) == {"a.b": 1, "a.c.d": [2], "e": None}


def test_the_lock_is_released_at_the_end(tmp_path):
  workdir = tmp_path / "run"
  held = pytest.raises(FieldError, match=r"use by another process \(pid \d+\)")
  with rundir.lock(workdir), held, rundir.lock(workdir):
    pass
  with rundir.lock(workdir):
    pass


def test_a_directory_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
  def read_only(*args, **kwargs):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))

  monkeypatch.setattr(pathlib.Path, "open", read_only)
  with (
    pytest.raises(FieldError, match="cannot be written to: Read-only file sys"),
    rundir.lock(tmp_path),
  ):
    pass
  path = tmp_path / "a.json"
  with pytest.raises(OSError, match="Read-only") as raised:
    rundir.write_json(path, {})
  assert raised.value.filename == str(path)


def test_finite_or_null():
  assert rundir.finite_or_null(1.5) == 1.5
  assert rundir.finite_or_null(float("nan")) is None
  assert rundir.finite_or_null(float("-inf")) is None


def test_what_a_kill_leaves_behind_does_not_block_a_directory(tmp_path):
  for name in (".lock", "config.json.tmp"):
    (tmp_path / name).write_text("")
  rundir.check_can_hold(tmp_path, ("config.json",))
  (tmp_path / "other").write_text("")
  with pytest.raises(FieldError, match="holds other files"):
    rundir.check_can_hold(tmp_path, ("config.json",))


def test_paths_that_cannot_be(tmp_path):
  link = tmp_path / "link"
  link.symlink_to(tmp_path / "nowhere")
  for path in (link, tmp_path / ("x" * 300)):
    with pytest.raises(FieldError, match="^workdir "):
      rundir.check_can_hold(path, ("config.json",))


@pytest.mark.parametrize("below", [(), ("run",), ("a", "run")])
def test_a_file_is_no_directory(tmp_path, below):
  path = tmp_path / "file"
  path.write_text("")
  with pytest.raises(FieldError, match=f"must be a directory; .*{path}"):
    rundir.check_can_hold(path.joinpath(*below), ("config.json",))
  with pytest.raises(FieldError), rundir.lock(path.joinpath(*below)):
    pass


def test_a_directory_of_the_right_kind_may_hold_other_files(tmp_path):
  (tmp_path / "other").write_text("")
  (tmp_path / "config.json").write_text("{}")
  rundir.check_can_hold(tmp_path, ("config.json", "trial.json"))
