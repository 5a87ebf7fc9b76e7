"""The run directory: atomic files, rows, and one process at a time."""

import pytest

from rnn_lab import rundir
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
    rundir.append_row(path, {"step": step, "x": step / 3})
  whole = path.read_text()
  with path.open("a") as file:
    file.write('{"step": 20, "x"')
  rundir.cut_rows(path, 100)
  assert path.read_text() == whole
  rundir.cut_rows(path, 10)
  assert path.read_text() == "".join(whole.splitlines(keepends=True)[:3])
  rundir.cut_rows(path, -1)
  assert path.read_text() == ""
  rundir.cut_rows(tmp_path / "none.jsonl", 3)
  assert not (tmp_path / "none.jsonl").exists()


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
