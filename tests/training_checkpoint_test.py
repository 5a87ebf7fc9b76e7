"""Checkpoints: what was written comes back, or it is said that it did not."""

import shutil
from typing import NamedTuple

import jax
import ml_dtypes
import numpy as np
import pytest

from rnn_lab.errors import StorageError
from rnn_lab.training.checkpoint import Checkpoints


class Moments(NamedTuple):
  mean: np.ndarray
  steps: np.ndarray


def state(step):
  """Arrays of all kinds, by names, attributes and places; all distinct."""
  rng = np.random.default_rng(step)
  moments = Moments(rng.normal(size=300), np.array(step, np.int32))
  return {
    "params": {"kernel": rng.normal(size=(7, 300)).astype(np.float32)},
    "opt_state": (moments, [np.arange(step, dtype=ml_dtypes.bfloat16)]),
    "alive": np.array([True, False]),
  }


ROWS = {"metrics.jsonl": "12ab"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
  """Checkpoints of steps 15 and 20, after one of step 10."""
  folder = tmp_path_factory.mktemp("run") / "checkpoints"
  with Checkpoints(folder) as checkpoints:
    for step in (10, 15, 20):
      checkpoints.save(step, state(step), ROWS)
  assert sorted(p.name for p in folder.iterdir()) == ["15", "20"]
  return folder


@pytest.fixture
def folder(written, tmp_path):
  return shutil.copytree(written, tmp_path / "checkpoints")


def newest(folder, step=20, read_only=True):
  with Checkpoints(folder, read_only) as checkpoints:
    saved, problems = checkpoints.newest(state(step))
    if saved and not read_only:
      checkpoints.go_on_from(saved)
  return saved, [str(problem) for problem in problems]


def assert_is(saved, step):
  assert (saved.step, saved.rows) == (step, ROWS)
  leaves = zip(
    jax.tree.leaves_with_path(saved.state),
    jax.tree.leaves_with_path(state(step)),
    strict=True,
  )
  for (path, ours), (expected_path, theirs) in leaves:
    assert path == expected_path
    assert np.asarray(ours).dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_what_was_written_comes_back(folder):
  saved, problems = newest(folder)
  assert problems == []
  assert_is(saved, 20)
  with Checkpoints(folder, read_only=True) as checkpoints:
    assert_is(checkpoints.restore(15, state(15)), 15)
    as_dicts = checkpoints.newest(None)[0].state
    # Its names do not depend on whether the structure is known.
    np.testing.assert_array_equal(
      as_dicts["opt_state"][0]["mean"], state(20)["opt_state"][0].mean
    )


@pytest.mark.parametrize("part", ["state", "seal"])
def test_no_flipped_byte_is_taken_for_what_was_written(folder, part):
  files = [p for p in (folder / "20" / part).rglob("*") if p.is_file()]
  assert files
  refused = 0
  for path in files:
    content = path.read_bytes()
    for place in (len(content) // 3, len(content) * 2 // 3):
      flipped = bytearray(content)
      flipped[place] ^= 1
      path.write_bytes(flipped)
      saved, problems = newest(folder, 15)
      if problems:
        refused += 1
        assert_is(saved, 15)
        [problem] = problems
        assert f"that cannot be used: {folder}/20 (" in problem
        assert "\n" not in problem
      else:  # a byte that nobody reads
        assert_is(saved, 20)
    path.write_bytes(content)
  assert refused >= len(files) / 2


def test_an_array_of_another_checkpoint_is_named(folder):
  shutil.rmtree(folder / "20" / "state")
  shutil.copytree(folder / "15" / "state", folder / "20" / "state")
  saved, [problem] = newest(folder, 15)
  assert_is(saved, 15)
  assert problem.endswith("/20 (opt_state/0/mean has changed since)")


@pytest.mark.parametrize("others", [["15"], []])
@pytest.mark.parametrize("name", ["30", "3"])
def test_a_checkpoint_that_was_renamed_keeps_its_step(folder, name, others):
  (folder / "20").rename(folder / name)
  if not others:
    shutil.rmtree(folder / "15")
  saved, problems = newest(folder, read_only=False)
  assert problems == []
  assert_is(saved, 20)
  assert sorted(p.name for p in folder.iterdir()) == sorted([*others, "20"])


def test_a_copy_stands_in_the_way_of_no_later_step(folder):
  for name in ("25", "60"):
    shutil.copytree(folder / "15", folder / name)
  saved, problems = newest(folder, read_only=False)
  assert problems == []
  assert (saved.folder, saved.step) == (20, 20)
  with Checkpoints(folder) as checkpoints:
    checkpoints.save(25, state(25), ROWS)
  assert_is(newest(folder, 25)[0], 25)


def test_a_checkpoint_of_older_versions_is_refused(tmp_path):
  import orbax.checkpoint as ocp

  folder = tmp_path / "checkpoints"
  with ocp.CheckpointManager(folder) as manager:
    manager.save(20, args=ocp.args.StandardSave(state(20)))
  saved, [problem] = newest(folder)
  assert saved is None and problem.startswith("workdir holds a checkpoint that")


def test_a_checkpoint_that_cannot_be_written_is_one_line(folder, monkeypatch):
  with Checkpoints(folder) as checkpoints:

    def full(*args, **kwargs):
      raise ValueError("RESOURCE_EXHAUSTED:\n [OS error 28: No space left]")

    monkeypatch.setattr(checkpoints._manager, "save", full)
    with pytest.raises(
      StorageError, match=r"/25 cannot be written: RES.* left"
    ):
      checkpoints.save(25, state(25), ROWS)
