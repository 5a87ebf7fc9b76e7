"""Compiled programs on disk: what is kept, read, refused and removed."""

import os
import types

import jax
import jax.numpy as jnp
import pytest
from commands import start
from tiny import numbers, tiny_config

from experiments import cli
from rnn_lab import program_cache
from rnn_lab.program_cache import kept_programs, prune
from rnn_lab.runs import train
from rnn_lab.training import population


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """The folder of all programs, with the cache that the suite has off on."""
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  jax.config.update("jax_enable_compilation_cache", True)
  yield tmp_path / "rnn_lab" / "programs"
  jax.config.update("jax_enable_compilation_cache", False)


# What JAX tells of its cache, as the last words of its events; never
# unregistered, as the oldest JAX cannot.
EVENTS = []
jax.monitoring.register_event_listener(
  lambda event, **values: EVENTS.append(event.rpartition("/")[2])
)


@pytest.fixture
def events():
  EVENTS.clear()
  return EVENTS


def compiled():
  """Compiles anew what is one program for JAX; returns its value."""
  jax.clear_caches()
  return float(jax.jit(lambda x: jnp.sin(x) * 3.0)(jnp.float32(0.5)))


def files(folder):
  return sorted(folder.glob("*/*"))


def test_a_program_is_compiled_once(folder, events):
  expected = compiled()
  assert not files(folder) and "cache_misses" not in events
  with kept_programs():
    assert compiled() == expected
  assert "cache_misses" in events and "cache_hits" not in events
  kept = files(folder)
  assert kept
  [own] = folder.iterdir()
  assert own.stat().st_mode & 0o077 == 0  # nobody else's
  events.clear()
  with kept_programs():
    assert compiled() == expected
  assert "cache_hits" in events and "cache_misses" not in events
  events.clear()
  assert compiled() == expected
  assert not {*events} & {"cache_hits", "cache_misses"}
  assert files(folder) == kept


def test_another_number_of_cores_has_another_folder(folder, monkeypatch):
  for count in (1, 2, 2):
    monkeypatch.setattr(program_cache, "cores", lambda count=count: count)
    with kept_programs():
      compiled()
  assert len([*folder.iterdir()]) == 2


@pytest.mark.parametrize("reason", ["not wanted", "off", "the user's", "file"])
def test_where_nothing_is_kept(folder, tmp_path, reason):
  own = tmp_path / "own"
  if reason == "off":
    jax.config.update("jax_enable_compilation_cache", False)
  if reason == "the user's":
    jax.config.update("jax_compilation_cache_dir", str(own))
  if reason == "file":
    (tmp_path / "rnn_lab").touch()
  before = jax.config.jax_compilation_cache_dir
  try:
    with kept_programs(reason != "not wanted"):
      assert jax.config.jax_compilation_cache_dir == before
      assert compiled() == pytest.approx(3.0 * 0.479425538604203)
  finally:
    jax.config.update("jax_compilation_cache_dir", None)
  assert not files(folder)


def test_half_a_program_is_compiled_again(folder, events):
  """Without a warning, which pytest would raise."""
  with kept_programs():
    expected = compiled()
  for path in files(folder):
    path.write_bytes(path.read_bytes()[:-40])
  with kept_programs():
    assert compiled() == expected
  assert "cache_hits" not in events


def test_the_oldest_and_what_is_empty_is_removed(tmp_path):
  (tmp_path / "a").mkdir()
  (tmp_path / "b").mkdir()
  (tmp_path / "a" / "of XLA").mkdir()
  ages = {
    "a/new": (1, 10),
    "b/empty": (2, 0),
    "b/old": (3, 10),
    "a/big": (4, 9),
  }
  for name, (age, size) in ages.items():
    path = tmp_path / name
    path.write_bytes(b"x" * size)
    os.utime(path, (1e9 - age, 1e9 - age))
  prune(tmp_path, 20)
  names = [str(p.relative_to(tmp_path)) for p in files(tmp_path)]
  assert names == ["a/new", "a/of XLA", "b/old"]


def test_within_another_context_it_can_be_off(folder):
  with kept_programs(), kept_programs(False):
    compiled()
  assert not files(folder)


def test_without_a_home_programs_are_compiled(monkeypatch, folder):
  def no_home(name):
    raise RuntimeError("no home")

  monkeypatch.setattr(program_cache.pooch, "os_cache", no_home)
  with kept_programs():
    assert compiled() == pytest.approx(3.0 * 0.479425538604203)
  assert not folder.exists()


@pytest.mark.parametrize(
  ("fields", "keeps"),
  [
    ({}, True),
    ({"run": {"compilation_cache": True}}, True),
    ({"run": {"compilation_cache": False}}, False),
    ({"run": {"compilation_cache": "false"}}, False),
    ({"run": "abc"}, False),
    ({"run": None}, False),
  ],
)
def test_a_command_keeps_programs_as_its_config_says(fields, keeps):
  config = types.SimpleNamespace(fields=fields)
  assert cli._keeps_programs(types.SimpleNamespace(config=config)) == keeps
  assert cli._keeps_programs(types.SimpleNamespace())


def test_a_run_has_the_same_bits_with_programs_from_the_cache(
  folder, events, tmp_path
):
  found = []
  for name, wanted in (("off", False), ("cold", True), ("warm", True)):
    # As a new process has none.
    jax.clear_caches()
    population._programs.cache_clear()
    events.clear()
    config = tiny_config(
      num_seeds=1,
      train__num_steps=5,
      train__gradient_flow_every=0,
      run__compilation_cache=wanted,
    )
    assert train(config, tmp_path / name) == "finished"
    found.append(numbers(tmp_path / name))
    assert ("cache_misses" in events) == (name == "cold")
    assert bool(files(folder)) == wanted
  assert found[0] == found[1] == found[2]
  assert "cache_hits" in events


@pytest.mark.slow
def test_a_command_reads_the_programs_of_the_one_before(
  folder, tmp_path, monkeypatch
):
  monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
  kept = []
  for name in ("first", "second"):
    workdir = tmp_path / name
    process = start(
      "train", "--config=configs/digits.py:smoke", f"--workdir={workdir}"
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), out
    kept.append({path.name for path in folder.glob("*/*-cache")})
  assert kept[0] and kept[0] == kept[1]
  assert numbers(tmp_path / "first") == numbers(tmp_path / "second")
