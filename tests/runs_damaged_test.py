"""Damaged run directories: the right numbers or one line, and nothing lost."""

import collections
import random
import shutil
import traceback

import jax
import numpy as np
import pytest
from tiny import StopAt, everything, tiny_config, tiny_language

from rnn_lab import load_run
from rnn_lab.errors import FieldError
from rnn_lab.language_models.generation import read_all
from rnn_lab.reports import load_trials
from rnn_lab.runs import STOPPED, train
from rnn_lab.runs.opening import load_language_model
from rnn_lab.training.checkpoint import Checkpoints

MAKE = {
  "digits": tiny_config,
  "language": tiny_language,
  "ngram": lambda **fields: tiny_language(model__kind="ngram", **fields),
}
# A run is damaged as it ended, or where it was stopped.
KINDS = ("digits", "language", "ngram", "digits stopped")
# Of each kind; 50 of each were also tried.
CASES = 12


def flip(path, rng):
  content = bytearray(path.read_bytes())
  if content:
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path, rng):
  content = path.read_bytes()
  path.write_bytes(content[: rng.randrange(len(content) + 1)])


def empty(path, rng):
  path.write_bytes(b"")


def a_list(path, rng):
  path.write_text("[1, [2]]\n")


def a_folder(path, rng):
  path.unlink()
  path.mkdir()


def a_dangling_link(path, rng):
  path.unlink()
  path.symlink_to(path.with_name("nowhere"))


def missing(path, rng):
  path.unlink()


def another_digit(path, rng):
  """Changes a number, as a person would; the file stays well formed."""
  content = path.read_bytes()
  places = [n for n, c in enumerate(content) if c in b"0123456789"]
  if places:
    place = rng.choice(places)
    digit = rng.choice([d for d in b"123456789" if d != content[place]])
    path.write_bytes(content[:place] + bytes([digit]) + content[place + 1 :])


def another_line(path, rng):
  """Doubles or removes a line."""
  lines = path.read_bytes().splitlines(keepends=True)
  if lines:
    place = rng.randrange(len(lines))
    lines[place : place + 1] = rng.choice([[lines[place]] * 2, []])
    path.write_bytes(b"".join(lines))


DAMAGES = (
  flip,
  cut,
  empty,
  a_list,
  a_folder,
  a_dangling_link,
  missing,
  another_digit,
  another_line,
)


def removed(folder, rng):
  shutil.rmtree(folder)


def renamed(folder, rng):
  folder.rename(folder.with_name(rng.choice(["7", "25", "60", "x"])))


def copied(folder, rng):
  shutil.copytree(folder, folder.with_name(rng.choice(["17", "25", "60"])))


def a_file(folder, rng):
  shutil.rmtree(folder)
  folder.write_text("x\n")


FOLDER_DAMAGES = (removed, renamed, copied, a_file)


def opened(kind, workdir):
  """The numbers of a run that is opened."""
  if kind == "ngram":
    config, vocabulary, model = load_language_model(workdir)
    _, log_p = read_all(model, [vocabulary.start, 3, 5])
    return config, (vocabulary.words, log_p)
  config, _, _, params = load_run(workdir)
  words = ()
  if kind == "language":
    words = load_language_model(workdir)[1].words
  return config, (words, params)


def final_state(workdir):
  if not (workdir / "checkpoints").exists():
    return ()
  with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
    return checkpoints.newest(None)[0].state


def read(workdir):
  """What a report reads of a run, but for its clock."""
  [trial] = load_trials(workdir)
  fields = ("status", "config", "result", "metrics", "flow", "gradients")
  return {name: getattr(trial, name) for name in fields}, trial.damaged


class Whole:
  """A run that nobody damaged, and what the acts of `check` give on it."""

  def __init__(self, kind, folder):
    self.kind, _, stopped = kind.partition(" ")
    self.workdir = folder / "run"
    make = MAKE[self.kind]
    self.config = make()
    self.longer = None if kind == "ngram" else make(train__num_steps=30)
    if stopped:
      assert train(self.config, self.workdir, StopAt(10)) == STOPPED
    else:
      train(self.config, self.workdir)
    self.ends = []
    for config in filter(None, (self.config, self.longer)):
      end = folder / f"end{len(self.ends)}"
      shutil.copytree(self.workdir, end)
      train(config, end)
      self.ends.append((config, read(end)[0], final_state(end)))
    self.read = read(self.workdir)[0]
    self.opened = opened(self.kind, self.workdir)

  def check(self, harm, folder):
    """Damages copies of the run and acts on each.

    Args:
      harm: damages a run directory.
      folder: an empty one.

    Returns:
      For each act "the right numbers" or the one line.
    """
    harmed = folder / "harmed"
    shutil.copytree(self.workdir, harmed)
    harm(harmed)
    outcomes = [self.report(harmed, self.read), self.open(harmed)]
    for number, (config, expected, state) in enumerate(self.ends):
      copy = folder / str(number)
      shutil.copytree(harmed, copy, symlinks=True)
      outcomes.append(self.go_on(copy, config, expected, state))
    return outcomes

  def report(self, workdir, expected):
    try:
      content, damaged = read(workdir)
    except FieldError as error:
      return one_line(error)
    for name, value in content.items():
      if name in ("metrics", "flow") and expected["result"] is None:
        continue  # What such a run rests on is known to its checkpoints.
      if value != expected[name]:
        # A field without its file is missing, and a line says so.
        assert not value or value in ("damaged", "unfinished", "not run"), name
        assert damaged or gone(workdir, name), name
    return "; ".join(map(one_line, damaged)) or "the right numbers"

  def open(self, workdir):
    try:
      numbers = opened(self.kind, workdir)
    except FieldError as error:
      return one_line(error)
    assert_equal(numbers, self.opened)
    return "the right numbers"

  def go_on(self, workdir, config, expected, state):
    before = everything(workdir)
    try:
      status = train(config, workdir)
    except FieldError as error:
      after = everything(workdir)
      for name in ("config.json", "result.json", "ngram.npz"):
        assert after.get(name) == before.get(name), f"{name} is lost: {error}"
      return one_line(error)
    if status != "already finished":
      content, damaged = read(workdir)
      assert content == expected
      # Of clocks nothing but new rows is written again.
      assert all("timing.jsonl (" in line for line in damaged)
      assert_equal(final_state(workdir), state)
      return "the right numbers"
    return self.report(workdir, expected)


def gone(workdir, field):
  """Whether the file of a field of a report is not there."""
  names = {
    "status": "result.json",
    "flow": "gradient_flow.jsonl",
    "metrics": "metrics.jsonl",
  }
  return not (workdir / names.get(field, f"{field}.json")).exists()


def one_line(error):
  assert "\n" not in str(error)
  return str(error)


def assert_equal(ours, theirs):
  for one, other in zip(
    jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True
  ):
    np.testing.assert_array_equal(one, other)


def a_damage(workdir, rng):
  """Returns a random damage of a random file, and words for it."""
  by_folder = collections.defaultdict(list)
  for path in sorted(workdir.rglob("*")):
    if path.is_file():
      name = path.relative_to(workdir)
      # Of a checkpoint's files as many as of all others.
      by_folder[len(name.parts) > 1].append(name)
  folders = [p.relative_to(workdir) for p in workdir.glob("checkpoints/*")]
  if folders and rng.random() < 0.2:
    name = rng.choice(sorted(folders))
    damage = rng.choice(FOLDER_DAMAGES)
  else:
    name = rng.choice(by_folder[rng.choice(sorted(by_folder))])
    damage = rng.choice(DAMAGES)
  return f"{damage.__name__} of {name}", lambda w: damage(w / name, rng)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_runs(kind, tmp_path):
  whole = Whole(kind, tmp_path)
  wrong, counts = [], collections.Counter()
  for seed in range(CASES):
    words, harm = a_damage(whole.workdir, random.Random(f"{kind} {seed}"))
    folder = tmp_path / str(seed)
    folder.mkdir()
    try:
      outcomes = whole.check(harm, folder)
    except Exception as error:  # all of them are listed
      where = traceback.extract_tb(error.__traceback__)[-1].name
      line = f"{seed}: {words}: {where}: {type(error).__name__}: {error}"
      wrong.append(" ".join(line.split())[:400])
    else:
      said = {*outcomes} != {"the right numbers"}
      counts["one line" if said else "the right numbers"] += 1
    shutil.rmtree(folder)
  print(kind, dict(counts), len(wrong))
  assert not wrong, "\n".join(wrong)
