"""The commands as a user types them: wrong input, and what a run prints."""

import json
import os
import subprocess
import sys

import pytest
from commands import ROOT, assert_refused, call, start
from tiny import everything, result

from experiments import cli

SMOKE = f"--config={ROOT}/configs/digits.py:smoke"
MAINS = sorted(
  path.stem
  for path in (ROOT / "experiments").glob("*.py")
  if path.stem not in ("__init__", "cli", "terminal")
)

# arguments of `experiments.train` after --workdir, words of the message
WRONG = {
  "unknown field": (
    [SMOKE, "--config.model.hiden_size=3"],
    "unknown field model.hiden_size; did you mean model.hidden_size?",
  ),
  "unknown section": (
    [SMOKE, "--config.modle.cell=gru"],
    "unknown field modle.cell; did you mean model?",
  ),
  "below a field": ([SMOKE, "--config.seed.x=1"], "unknown field seed.x"),
  "unknown cell": (
    [SMOKE, "--config.model.cell=lstn"],
    "model.cell must be one of elman, gru, lstm, got 'lstn'",
  ),
  "unknown task": (
    [SMOKE, "--config.task.name=digit"],
    "task.name must be one of adding",
  ),
  "negative gap": (
    [SMOKE, "--config.task.gap=-1"],
    "task.gap must be an integer from 0 to 100000, got -1",
  ),
  "batch size 0": (
    [SMOKE, "--config.train.batch_size=0"],
    "train.batch_size must be an integer",
  ),
  "hidden size 0": (
    [SMOKE, "--config.model.hidden_size=0"],
    "model.hidden_size must be an integer",
  ),
  "learning rate nan": (
    [SMOKE, "--config.optimizer.learning_rate=nan"],
    "optimizer.learning_rate must be a finite number above 0, got nan",
  ),
  "unknown argument": (
    [f"--config={ROOT}/configs/digits.py:smok"],
    "configs/digits.py: get_config('smok') raised ValueError: ",
  ),
  "missing file": (
    ["--config=configs/digit.py"],
    "config must be the path of a config file, FILE.py or FILE.py:argument; "
    "there is no file 'configs/digit.py'",
  ),
  "no config": ([], "--config is required"),
  "wrong type": (
    [SMOKE, "--config.model.hidden_size=large"],
    "--config.model.hidden_size=large",
  ),
  "a value for no": (
    [SMOKE, "--noconfig.model.bidirectional=1"],
    "--noconfig.model.bidirectional=1 does not take an argument",
  ),
  "unknown flag": (
    [SMOKE, "--workdri=x"],
    "unknown flag --workdri; did you mean --workdir?",
  ),
  "stray word": ([SMOKE, "now"], "unexpected argument 'now'"),
  "empty workdir": ([SMOKE, "--workdir="], "workdir must be the path"),
  "not a config": (
    [f"--config={ROOT}/setup.cfg"],
    "config must be a Python file",
  ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_gets_one_line_and_exit_code_2(name, tmp_path):
  arguments, words = WRONG[name]
  ended = call("train", f"--workdir={tmp_path / 'run'}", *arguments)
  assert_refused(ended, words)
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("1 +\n", "importing it raised SyntaxError: "),
    ("import no_such\n", "importing it raised ModuleNotFoundError: "),
    ("x = 1\n", "must define get_config"),
    ("def get_config():\n  return {}\n", "must return a ConfigDict, got {}"),
    (
      "def get_config():\n  raise ValueError('two\\nlines')\n",
      "get_config() raised ValueError: two lines",
    ),
  ],
)
def test_a_config_file_that_fails_is_named(text, words, tmp_path):
  (tmp_path / "mine.py").write_text(text)
  workdir = f"--workdir={tmp_path / 'run'}"
  for module in ("train", "sweep"):
    ended = call(module, f"--config={tmp_path / 'mine.py'}", workdir)
    assert_refused(ended, f"config {tmp_path / 'mine.py'}")
    assert words in ended.err


CONFIG = """
from ml_collections import config_dict

def get_config(argument="none"):
  return config_dict.ConfigDict({
    "argument": argument, "seed": 0, "deep": {"on": False, "sizes": (1, 2)},
    "path": config_dict.placeholder(str),
  })
"""


def test_the_config_and_what_the_command_line_sets(tmp_path, capsys):
  path = tmp_path / "mine.py"
  path.write_text(CONFIG)

  def command(args):
    print(args.config.fields.to_json_best_effort())
    assert (args.config.path, args.config.argument) == (str(path), "a:b")
    assert args.config.overrides == {
      "seed": -7,
      "deep.on": True,
      "deep.sizes": (3,),
      "path": "here",
    }
    assert args.config.fields.is_locked
    assert args.config.module.CONFIG == 1
    return 3

  path.write_text(CONFIG + "\nCONFIG = 1\n")
  arguments = (
    "--config.seed -7 --workdir=w --config.deep.on --config.deep.sizes=(3,) "
    f"--config {path}:a:b -config.path=here"
  ).split()
  assert cli.call(command, arguments, "", cli.CONFIG) == 3
  assert json.loads(capsys.readouterr().out) == {
    "argument": "a:b",
    "seed": -7,
    "deep": {"on": True, "sizes": [3]},
    "path": "here",
  }


def test_exit_codes_of_what_happens_while_running(tmp_path, capsys):
  def interrupted(args):
    raise KeyboardInterrupt

  def not_allowed(args):
    raise PermissionError(13, "Permission denied", str(args.workdir))

  def wrong(args):
    raise ZeroDivisionError

  argv = [f"--workdir={tmp_path}"]
  assert cli.call(interrupted, argv, "") == 130
  assert capsys.readouterr().err == "stopped\n"
  assert cli.call(not_allowed, argv, "") == 2
  assert "error: workdir is not writable" in capsys.readouterr().err
  with pytest.raises(ZeroDivisionError):  # a bug is not hidden
    cli.call(wrong, argv, "")


def test_help_and_wrong_flags_are_answered_without_jax(tmp_path):
  program = f"""
import importlib, sys
for name in {MAINS}:
  main = importlib.import_module(f"experiments.{{name}}").main
  assert main(["--help"]) == 0
  assert main(["--workdri=x"]) == 2
  assert main([]) == 2
assert "jax" not in sys.modules and "rnn_lab" not in sys.modules
"""
  ended = subprocess.run(
    [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
  )
  assert ended.returncode == 0, ended.stderr
  for name in MAINS:
    assert f"python -m experiments.{name} --" in ended.stdout
  assert ended.stderr.count("error: ") == 2 * len(MAINS)


def test_a_process_has_all_cores_and_the_exit_code(tmp_path):
  """As only `python -m` itself shows it."""
  wrong = start("train", SMOKE, f"--workdir={tmp_path}", "--config.seeed=1")
  run = start(
    "train",
    SMOKE,
    f"--workdir={tmp_path / 'run'}",
    "--config.train.num_steps=1",
  )
  out, err = wrong.communicate(timeout=240)
  assert (wrong.returncode, out) == (2, "")
  assert err == "error: unknown field seeed; did you mean seed?\n"
  out, err = run.communicate(timeout=240)
  assert (run.returncode, err) == (0, "")
  environment = json.loads((tmp_path / "run" / "environment.json").read_text())
  assert environment["device_count"] == len(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
  """The smoke run of digits, and what it printed."""
  workdir = tmp_path_factory.mktemp("cli") / "run"
  ended = call("train", SMOKE, f"--workdir={workdir}")
  assert (ended.code, ended.err) == (0, "")
  return workdir, ended.out


def test_a_run_prints_progress_and_its_result(finished):
  workdir, text = finished
  assert "step 10/20  valid/accuracy  0." in text
  value = result(workdir)["metrics"]["test/accuracy"]["values"][0]
  assert f"test/accuracy: {value:.4f}" in text
  assert "a simple baseline reaches accuracy 0.1000" in text


def test_the_same_command_again_says_so(finished):
  workdir, _ = finished
  before = everything(workdir)
  ended = call("train", SMOKE, f"--workdir={workdir}")
  assert ended.code == 0 and "is already finished" in ended.out
  assert everything(workdir) == before


def refused(workdir, folder):
  """A command, and words of the message."""
  (folder / "file").write_text("")
  sweep, study = (
    f"--workdir={folder / 'sweep'}",
    f"--workdir={folder / 'study'}",
  )
  return {
    "another seed": (
      ["train", SMOKE, f"--workdir={workdir}", "--config.seed=7"],
      "seed (0 there, 7 here)",
    ),
    "a file": (
      ["train", SMOKE, f"--workdir={folder / 'file'}"],
      "workdir must be a directory",
    ),
    "swept": (
      [
        "sweep",
        f"--config={ROOT}/configs/vanishing_gradient.py:smoke",
        sweep,
        "--config.task.gap=3",
      ],
      "task.gap is swept by the config and cannot be set on the command line",
    ),
    "no sweep": (["sweep", SMOKE, sweep], "must define sweep(add, argument)"),
    "two ways": (
      ["gradient_flow", SMOKE, study, "--config.model.bidirectional=True"],
      "model.bidirectional",
    ),
    "a window": (
      [
        "gradient_flow",
        f"--config={ROOT}/configs/language_model.py:smoke",
        "--config.model.kind=window",
        study,
      ],
      "model.kind must be a model with one recurrence",
    ),
    "no run": (["report", f"--workdir={folder / 'nothing'}"], "run directory"),
    "no workdir": (["report"], "--workdir is required"),
    "no benchmark": (
      ["benchmark", study, "--name=ptb"],
      "name must be one of gradient_",
    ),
    "not of a benchmark": (
      ["benchmark", f"--workdir={workdir}", "--name=ptb_small"],
      "holds other files",
    ),
  }


def test_other_commands_are_refused_and_change_nothing(finished, tmp_path):
  workdir, _ = finished
  before = everything(workdir)
  for arguments, words in refused(workdir, tmp_path).values():
    assert_refused(call(*arguments), words)
  assert everything(workdir) == before
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_report_of_one_run(finished):
  workdir, _ = finished
  ended = call("report", f"--workdir={workdir}")
  assert (ended.code, ended.err) == (0, "")
  assert "report.html" in ended.out
  assert (workdir / "report.html").stat().st_size > 10_000
