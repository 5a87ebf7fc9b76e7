"""Random wrong values of any field, as flags: one line, nothing written."""

import functools
import importlib

import hypothesis
import pytest
from commands import ROOT, assert_refused, call
from hypothesis import strategies as st

from rnn_lab.rundir import flatten
from rnn_lab.training.loop import Trainer

CONFIGS = ("copy_memory", "digits", "forecasting", "captioning", "transduction")
# By the type of the default, as text. No field takes any of them.
WRONG = {
  bool: ("maybe", "2", "-1", "nan", "", "[True]", "None"),
  int: ("-1", "1.5", "x", "nan", "inf", "", "[1]", "{}", "1e20", str(2**63)),
  float: ("nan", "inf", "-inf", "x", "", "[0.1]", "0.1.2", "1e400", "None"),
  str: ("no such", "-", "0", "\x1b[31m", "é", "[/b]", "%s", "{field}"),
}


# What the type of a field lets through, so that a check of its own is needed.
OF_ITS_TYPE = {
  bool: (),
  int: ("-1", str(2**63)),
  float: ("nan", "-inf"),
  str: ("no such",),
}


class Accepted(Exception):
  """All checks are done, and the run would begin."""


@functools.cache
def fields_of(config):
  """Returns {dotted name: default} of a config's `:smoke`."""
  module = importlib.import_module(f"configs.{config}")
  fields = flatten(module.get_config("smoke").to_dict())
  return {n: v for n, v in fields.items() if type(v) in WRONG}


@st.composite
def wrong_fields(draw):
  """Returns a config and one or two of its fields with wrong values."""
  config = draw(st.sampled_from(CONFIGS))
  fields = fields_of(config)
  names = draw(
    st.lists(
      st.sampled_from(sorted(fields)), min_size=1, max_size=2, unique=True
    )
  )
  return config, {
    name: draw(st.sampled_from(WRONG[type(fields[name])])) for name in names
  }


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  """A directory that never comes to be, as runs end where they would begin."""

  def run(self, workdir, listener, stop, until):
    raise Accepted

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(Trainer, "run", run)
    yield tmp_path_factory.mktemp("wrong") / "run"


def train(config, fields, workdir):
  given = [f"--config.{name}={value}" for name, value in fields.items()]
  path = f"{ROOT}/configs/{config}.py:smoke"
  return call("train", f"--config={path}", f"--workdir={workdir}", *given)


@hypothesis.settings(max_examples=100, derandomize=True, deadline=None)
@hypothesis.given(wrong_fields())
def test_wrong_fields_are_one_line_and_nothing_is_written(workdir, case):
  config, fields = case
  ended = train(config, fields, workdir)
  assert_refused(ended, "")
  # The line says which of the fields is wrong.
  last = [name.rpartition(".")[2] for name in fields]
  assert any(name in ended.err for name in last), (fields, ended.err)
  assert not workdir.exists()


def test_every_field_has_a_check(workdir):
  of_config = {}
  for config in CONFIGS:
    of_config |= {name: config for name in fields_of(config)}
  unchecked = []
  for name, config in of_config.items():
    for value in OF_ITS_TYPE[type(fields_of(config)[name])]:
      try:
        ended = train(config, {name: value}, workdir)
      except Accepted:
        unchecked.append((name, value))
        continue
      assert_refused(ended, name.rpartition(".")[2])
  assert not unchecked
  assert not workdir.exists()


def test_right_fields_would_begin(workdir, tmp_path):
  with pytest.raises(Accepted):
    train("digits", {"train.num_steps": 7}, tmp_path / "run")
