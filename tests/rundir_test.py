"""Files of a run directory: whole or not at all, and one process at a time."""

import pytest

from rnn_lab.errors import FieldError
from rnn_lab.training import files


def test_json_is_strict_and_whole(tmp_path):
  path = tmp_path / "a.json"
  files.write_json(path, {"b": [1, 2.5, None]})
  assert files.read_json(path) == {"b": [1, 2.5, None]}
  with pytest.raises(ValueError):
    files.write_json(path, {"b": float("nan")})
  assert files.read_json(path) == {"b": [1, 2.5, None]}
  assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_damaged_json_is_named(tmp_path):
  path = tmp_path / "config.json"
  path.write_text('{"a": ')
  with pytest.raises(FieldError, match=r"damaged \(.*config.json\)"):
    files.read_json(path)


def test_rows_are_cut_after_a_step_and_at_a_torn_line(tmp_path):
  path = tmp_path / "rows.jsonl"
  for step in (0, 5, 10, 15):
    files.append_row(path, {"step": step, "x": step / 3})
  whole = path.read_text()
  with path.open("a") as file:
    file.write('{"step": 20, "x"')
  files.cut_rows(path, 100)
  assert path.read_text() == whole
  files.cut_rows(path, 10)
  assert path.read_text() == "".join(whole.splitlines(keepends=True)[:3])
  files.cut_rows(path, -1)
  assert path.read_text() == ""
  files.cut_rows(tmp_path / "none.jsonl", 3)
  assert not (tmp_path / "none.jsonl").exists()


def test_flatten():
  nested = {"a": {"b": 1, "c": {"d": [2]}}, "e": None}
  assert files.flatten(nested) == {"a.b": 1, "a.c.d": [2], "e": None}


def test_the_lock_is_released_at_the_end(tmp_path):
  workdir = tmp_path / "run"
  held = pytest.raises(FieldError, match=r"held by another process \(pid \d+")
  with files.lock(workdir), held, files.lock(workdir):
    pass
  with files.lock(workdir):
    pass


def test_finite_or_null():
  assert files.finite_or_null(1.5) == 1.5
  assert files.finite_or_null(float("nan")) is None
  assert files.finite_or_null(float("-inf")) is None


def test_what_a_kill_leaves_behind_does_not_block_a_directory(tmp_path):
  for name in (".lock", "config.json.tmp"):
    (tmp_path / name).write_text("")
  files.check_can_hold(tmp_path, ("config.json",))
  (tmp_path / "other").write_text("")
  with pytest.raises(FieldError, match="holds other files"):
    files.check_can_hold(tmp_path, ("config.json",))


def test_paths_that_cannot_be(tmp_path):
  link = tmp_path / "link"
  link.symlink_to(tmp_path / "nowhere")
  for path in (link, tmp_path / ("x" * 300)):
    with pytest.raises(FieldError, match="workdir is"):
      files.check_can_hold(path, ("config.json",))
