"""The commands as a user types them: wrong input, and what a run prints."""

import json
import os
import signal
import subprocess
import sys
import types

import pytest
from commands import ROOT, assert_refused, call, start
from tiny import everything, result

from configs import common
from experiments import cli, field_help
from experiments.terminal import Terminal
from rnn_lab import reports
from rnn_lab.errors import StorageError
from rnn_lab.rundir import write_json
from rnn_lab.studies import gradient_study
from rnn_lab.sweeps import jobs, run

HUGE = "--config.optimizer.learning_rate=1e38"
SMOKE = f"--config={ROOT}/configs/digits.py:smoke"
SHARED = (
  "cli",
  "config_file",
  "field_help",
  "streams",
  "sweep_progress",
  "terminal",
)
MAINS = sorted(
  path.stem
  for path in (ROOT / "experiments").glob("*.py")
  if path.stem not in ("__init__", *SHARED)
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
    "line 13: get_config('smok') raised ValueError: the config's argument must",
  ),
  "missing file": (
    ["--config=configs/digit.py"],
    "config must be the path of a config file, FILE.py or FILE.py:argument; "
    "there is no file 'configs/digit.py'",
  ),
  "address": (
    ["--config=gs://bucket/mine.py"],
    "config must be a path on this machine, got 'gs://bucket/mine.py'",
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
    ("1 +\n", ", line 1: importing it raised SyntaxError: "),
    ("\nimport no_such\n", ", line 2: importing it raised ModuleNotFoundError"),
    ("get_config = dict\n", ": get_config must return a ConfigDict, got {}"),
    ("get_config = 3\n", ": get_config must be a function, got 3"),
    ("def get_config():\n  return\n", "must return a ConfigDict, got None"),
    (
      "def get_config():\n  return nme\n",
      ", line 2: get_config() raised NameError: name 'nme' is not defined",
    ),
    (
      "def get_config(a, b):\n  return\n",
      "get_config(a, b) must be a function that can be called as get_config()",
    ),
    (
      "def get_config():\n  raise SystemExit(0)\n",
      ", line 2: get_config() raised SystemExit: 0",
    ),
    ("\nquit()\n", ", line 2: importing it raised "),
    ("x = 1\n", "must define get_config"),
    ("def get_config():\n  return {}\n", "must return a ConfigDict, got {}"),
    (
      "def get_config():\n  raise ValueError('two\\nlines')\n",
      ", line 2: get_config() raised ValueError: two lines",
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


BASE = """from configs import digits

def get_config():
  return digits.get_config("smoke")

"""


@pytest.mark.parametrize(
  ("text", "words"),
  [
    (
      "def sweep(add):\n  add({'seed': sede})\n",
      ", line 7: sweep(add) raised NameError: name 'sede' is not defined",
    ),
    (
      "def sweep(add, argument):\n  add('seed')\n",
      ", line 7: sweep(add) raised FieldError: add must be given {dotted ",
    ),
    (
      "def sweep(add):\n  add({'seed': 1}, name=1)\n",
      "add: name must be a string or None, got 1",
    ),
    (
      "def sweep(add):\n  add({'seed': object})\n",
      "seed must be finite numbers, strings, booleans, lists or dicts of these",
    ),
    (
      "def sweep(a, b, c):\n  return\n",
      "sweep(a, b, c) must be a function that can be called as sweep(add)",
    ),
    ("sweep = [1, 2]\n", ": sweep must be a function, got [1, 2]"),
    (
      "def sweep(add):\n  add({})\ndef report():\n  return 1 / 0\n",
      ", line 9: report() raised ZeroDivisionError: division by zero",
    ),
    (
      "def sweep(add):\n  add({})\ndef report():\n  return\n",
      ": report() must return a dict, got None",
    ),
    (
      "def sweep(add):\n  add({})\ndef report():\n  return {'text': {1}}\n",
      ": report() must return what JSON can hold: Object of type set",
    ),
  ],
)
def test_errors_of_a_config_s_own_functions_name_its_line(
  text, words, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "mine.py").write_text(BASE + text)
  for module in ("sweep", "gradient_flow"):
    ended = call(module, "--config=mine.py", "--workdir=run")
    assert_refused(ended, "config mine.py")
    assert words in ended.err
  assert not (tmp_path / "run").exists()


DATACLASS = """from __future__ import annotations
import dataclasses
from ml_collections import config_dict

@dataclasses.dataclass
class Sizes:
  kind: dataclasses.InitVar[int]
  hidden: int = 3

def get_config():
  return config_dict.ConfigDict({"hidden": Sizes(1).hidden})
"""


def test_a_config_may_have_a_dataclass_under_postponed_annotations(tmp_path):
  path = tmp_path / "mine.py"
  path.write_text(DATACLASS)
  argv = [f"--config={path}", "--workdir=w"]
  assert cli.call(lambda a: a.config.fields.hidden, argv, "", cli.CONFIG) == 3


def test_a_frozen_config_can_be_set_by_flags(tmp_path):
  path = tmp_path / "mine.py"
  path.write_text(
    "from ml_collections import config_dict\n"
    "def get_config():\n"
    "  return config_dict.FrozenConfigDict({'deep': {'seed': 0}})\n"
  )
  argv = [f"--config={path}", "--workdir=w", "--config.deep.seed=3"]
  seed = cli.call(lambda a: a.config.fields.deep.seed, argv, "", cli.CONFIG)
  assert seed == 3


CONFIG = """
from ml_collections import config_dict

def get_config(argument="none"):
  return config_dict.ConfigDict({
    "argument": argument, "seed": 0, "deep": {"on": False, "sizes": (1, 2)},
    "path": config_dict.placeholder(str),
  })
"""


def results_of(workdir):
  """What a report reads of a sweep, but for the numbers."""
  trials = [
    types.SimpleNamespace(
      name=path.parent.name,
      status=json.loads(path.read_text(encoding="utf-8"))["status"],
      damaged=(),
    )
    for path in workdir.glob("*/result.json")
  ]
  return types.SimpleNamespace(parts=(), trials=trials)


TWO_SEEDS = """def sweep(add):
  add({"seed": 0})
  add({"seed": 1})
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

  def full(args):
    raise OSError(28, "No space left on device", f"{args.workdir}/rows")

  def removed(args):
    raise StorageError("it has been removed")

  def wrong(args):
    raise ZeroDivisionError

  argv = [f"--workdir={tmp_path}"]
  assert cli.call(interrupted, argv, "") == 130
  assert capsys.readouterr().err == "stopped\n"
  assert cli.call(not_allowed, argv, "") == 2
  assert "error: workdir is not writable" in capsys.readouterr().err
  assert cli.call(full, argv, "") == 1
  line = f"error: {tmp_path}/rows: No space left on device\n"
  assert capsys.readouterr().err == line
  assert cli.call(removed, argv, "") == 1
  assert capsys.readouterr().err == "error: it has been removed\n"
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


CTRL_C = """
import os, signal, sys
sys.argv[0] = "-m"  # as python -m has it while it looks for the program
import experiments
try:
  os.kill(os.getpid(), signal.SIGINT)
finally:
  print("not at once")
"""


def test_ctrl_c_while_starting_is_no_traceback():
  for handler, code, out in (
    ("default_int_handler", 130, ""),
    # A shell starts jobs in the background so, which then ignore it.
    ("SIG_IGN", 0, "not at once\n"),
  ):
    prepare = f"import signal; signal.signal(2, signal.{handler})"
    ended = subprocess.run(
      [sys.executable, "-S", "-c", prepare + CTRL_C],
      cwd=ROOT,
      capture_output=True,
      text=True,
    )
    assert (ended.returncode, ended.stdout) == (code, out)
    assert ended.stderr == ("stopped\n" if code else "")


LINES = """
import sys, warnings
from experiments import cli

def main(argv):
  for n in range(3):
    print("line \u2192", n, flush=True)
    sys.stdin.readline()
  warnings.warn("two\\nlines")
  print("done", file=sys.stderr)
  return 0

cli.run(main)
"""


def test_an_output_that_nobody_reads_any_more_ends_nothing():
  with subprocess.Popen(
    [sys.executable, "-c", LINES],
    cwd=ROOT,
    env=os.environ | {"PYTHONIOENCODING": "ascii"},
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    assert process.stdout.readline() == "line \\u2192 0\n"
    process.stdout.close()
    process.stdin.write("\n" * 3)
    process.stdin.close()
    assert process.stderr.read() == "warning: two lines\ndone\n"
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
  ("content", "words"),
  [
    (None, "must be a text file with a flag on each line: [Errno 2] No such"),
    ("", "on each line: [Errno 21] Is a directory"),
    (b"\xff\xfe", "on each line: 'utf-8' codec can't decode"),
    (b"--config.seeed=1\n", "unknown field seeed; did you mean seed?"),
    (b"# a comment\n--workdri=x\n", "unknown flag --workdri"),
  ],
)
def test_a_wrong_flagfile_is_one_line(content, words, tmp_path):
  path = tmp_path / "flags"
  if content == "":
    path.mkdir()
  elif content is not None:
    path.write_bytes(content)
  run = f"--workdir={tmp_path / 'run'}"
  ended = call("train", f"--flagfile={path}", SMOKE, run)
  assert_refused(ended, words)
  assert call("train", f"--flagfile={path}", "--help").code == 0


def test_flags_may_stand_in_a_file(tmp_path):
  (tmp_path / "flags").write_text(f"{SMOKE}\n--config.seed=3\n")
  argv = [f"--flagfile={tmp_path / 'flags'}", "--workdir=w"]
  seed = cli.call(lambda args: args.config.fields.seed, argv, "", cli.CONFIG)
  assert seed == 3


def test_help_lists_flags_and_fields_with_defaults_and_meaning(tmp_path):
  lines = call("generate", "--help").out.splitlines()
  assert "  --top: rows of the table of next tokens (default 10)" in lines
  assert "  --prompt: the text to continue (required)" in lines
  assert not any("--config" in line for line in lines)
  ended = call("sweep", "--help")
  line = "--config.model.hidden_size=64: units of each layer and direction\n"
  assert ended.code == 0 and line in ended.out
  ended = call("train", "--config", SMOKE.partition("=")[2], "--help")
  assert "\n  --config.model.hidden_size=16: units of" in ended.out
  words = "--config.task.gap=0: number of steps after the image, at least 0."
  assert words in ended.out
  ended = call("train", "--help", f"--config={tmp_path}/none.py")
  assert_refused(ended, "there is no file")


@pytest.mark.parametrize("name", ["default", "writing", "language"])
def test_every_shared_field_has_a_meaning(name):
  config = getattr(common, f"{name}_config")()
  config.task = {"name": "digits", "order": "row"}
  lines = field_help.field_lines(config)
  assert len(lines) > 60
  assert [line for line in lines if ": " not in line] == []


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
  command = environment["command"]
  assert command.startswith("python -m experiments.train --config=")
  assert command.endswith("/run --config.train.num_steps=1")
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
  run = f"--workdir={workdir}"
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
    "another task": (
      ["train", f"--config={ROOT}/configs/adding.py:smoke", run],
      "task.name ('digits' there, 'adding' here)",
    ),
    "not finished": (
      ["gradient_flow", SMOKE, run, "--config.train.num_steps=40"],
      "is a run that is not finished",
    ),
    "no run": (["report", f"--workdir={folder / 'nothing'}"], "run directory"),
    "no workdir": (["report"], "--workdir is required"),
    "no benchmark": (
      ["benchmark", study, f"--config={ROOT}/configs/benchmark.py:ptb"],
      "the config's argument must be layers or networks or ptb_small or",
    ),
    "not of a benchmark": (
      [
        "benchmark",
        f"--workdir={workdir}",
        f"--config={ROOT}/configs/benchmark.py:ptb_small",
      ],
      "holds other files",
    ),
    "no earlier benchmark": (
      [
        "benchmark",
        study,
        f"--config={ROOT}/configs/benchmark.py",
        f"--compare={ROOT}/setup.cfg",
      ],
      "compare must be the JSON file of a benchmark of layers, got",
    ),
    "a benchmark of a config of a run": (
      ["benchmark", study, SMOKE],
      "name must be one of gradient_",
    ),
    "no layers": (
      [
        "benchmark",
        study,
        f"--config={ROOT}/configs/benchmark.py",
        "--config.layers.cells=()",
      ],
      "layers.cells must be a tuple of one or more, got ()",
    ),
    "another benchmark's section": (
      [
        "benchmark",
        study,
        f"--config={ROOT}/configs/benchmark.py",
        "--config.name=ptb_small",
      ],
      "layers is not a known field",
    ),
    "more cores than there are": (
      [
        "benchmark",
        study,
        f"--config={ROOT}/configs/benchmark.py",
        "--config.layers.cores=1000000",
      ],
      "layers.cores must be an integer from 0 to ",
    ),
    "no shape of a layer": (
      [
        "benchmark",
        study,
        f"--config={ROOT}/configs/benchmark.py",
        "--config.layers.sizes=((1, 2, 3),)",
      ],
      "layers.sizes must each be (B, T, D, H), got (1, 2, 3)",
    ),
  }


def test_other_commands_are_refused_and_change_nothing(finished, tmp_path):
  workdir, _ = finished
  before = everything(workdir)
  for arguments, words in refused(workdir, tmp_path).values():
    assert_refused(call(*arguments), words)
  assert everything(workdir) == before
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_that_a_signal_stops_exits_with_its_number(tmp_path, monkeypatch):
  signals = []

  def interrupt(self, done):
    if not signals:
      signals.append(done)
      os.kill(os.getpid(), signal.SIGTERM)

  before = signal.getsignal(signal.SIGTERM)
  monkeypatch.setattr(Terminal, "advance", interrupt)
  ended = call("train", SMOKE, f"--workdir={tmp_path / 'run'}")
  assert signals == [5] and ended.code == 143
  assert "stopped; the same command resumes from here" in ended.out
  assert signal.getsignal(signal.SIGTERM) == before


def test_a_run_of_which_all_seeds_diverge_exits_1(tmp_path):
  command = ("train", SMOKE, f"--workdir={tmp_path / 'run'}", HUGE)
  for _ in range(2):  # and so says the same command again
    ended = call(*command)
    assert ended.code == 1 and "diverged: " in ended.out


@pytest.mark.parametrize(
  ("ends", "code"),
  [
    (["finished", "diverged"], 0),
    (["diverged", "diverged"], 1),
    (["diverged", "failed"], 1),
    (["finished", signal.SIGINT], 130),
    (["failed", signal.SIGTERM], 143),
  ],
)
def test_the_exit_code_of_a_sweep(ends, code, tmp_path, monkeypatch):
  def train(plan, folder, listener, stop, until):
    end = ends[plan.config["seed"]]
    if end == "failed":
      raise RuntimeError("the disk is on fire")
    if end not in ("finished", "diverged"):
      os.kill(os.getpid(), end)
      return run.STOPPED
    write_json(folder / "result.json", {"status": end})
    return end

  monkeypatch.setattr(jobs, "train", train)
  monkeypatch.setattr(jobs, "group", lambda plan: None)  # each alone
  monkeypatch.setattr(run, "write_report", lambda workdir, results: workdir)
  monkeypatch.setattr(run, "read_results", results_of)
  monkeypatch.setattr(run, "results_table", lambda parts: "a table")
  mine = tmp_path / "mine.py"
  mine.write_text(BASE + TWO_SEEDS)
  workdir = f"--workdir={tmp_path / 'sweep'}"
  ended = call("sweep", f"--config={mine}", workdir, "--executor=local")
  assert ended.code == code


NAMED = """
def sweep_rates(add):
  for rate in (0.1, 0.2):
    add({'optimizer.learning_rate': rate})

def report_rates():
  return {'title': 'Rates'}
"""


def test_one_of_several_sweeps_of_a_file(tmp_path, monkeypatch):
  mine = tmp_path / "mine.py"
  mine.write_text(BASE + TWO_SEEDS + NAMED)
  workdir = tmp_path / "sweep"
  command = (f"--config={mine}", f"--workdir={workdir}")
  planned = call("sweep", *command, "--sweep=rates", "--dry_run")
  assert (planned.code, planned.err) == (0, "")
  assert planned.out.splitlines()[:3] == [
    "learning_rate=0.1",
    "learning_rate=0.2",
    "2 trials: 2 waiting",
  ]
  assert not workdir.exists()
  reports = []

  def run_sweep(trials, report, *rest):
    reports.append(([trial.name for trial in trials], report))
    return run.Outcome(run.FINISHED, [], None, None)

  monkeypatch.setattr(run, "run_sweep", run_sweep)
  assert call("sweep", *command, "--sweep=rates").code == 0
  assert call("sweep", *command).code == 0
  (rates, of_rates), (seeds, of_seeds) = reports
  assert rates == ["learning_rate=0.1", "learning_rate=0.2"]
  assert (of_rates["sweep"], of_rates["title"]) == ("rates", "Rates")
  assert seeds == ["seed=0", "seed=1"] and of_seeds["sweep"] == ""
  assert_refused(
    call("sweep", *command, "--sweep=rate"),
    "sweep must be one of rates, the functions sweep_NAME of config "
    f"{mine}, got 'rate'; did you mean rates?",
  )
  workdir.mkdir()
  write_json(workdir / "sweep.json", {"config": str(mine), "trials": []})
  monkeypatch.undo()
  assert_refused(
    call("sweep", *command, "--sweep=rates"),
    f"workdir must be a new directory, or one of sweep 'rates' of '{mine}'",
  )


def test_the_progress_of_a_sweep(tmp_path, finished):
  workdir, _ = finished
  assert_refused(
    call("sweep", f"--workdir={workdir}", "--status"),
    "workdir must be the directory of a sweep",
  )
  trials = [{"name": workdir.name, "headline": "accuracy"}]
  write_json(tmp_path / "sweep.json", {"trials": trials})
  (tmp_path / workdir.name).symlink_to(workdir)
  ended = call("sweep", f"--workdir={tmp_path}", "--status")
  assert (ended.code, ended.err) == (0, "")
  assert "1 trial: 1 finished" in ended.out and "(test)" in ended.out


@pytest.mark.parametrize(
  ("flag", "words"),
  [
    ("--executor=slurm", "executor must be one of auto, local, processes"),
    ("--num_workers=-1", "num_workers must be an integer"),
  ],
)
def test_wrong_ways_to_run_trials(tmp_path, flag, words):
  workdir = tmp_path / "sweep"
  command = ("sweep", "--config=configs/adding.py:smoke", flag)
  assert_refused(call(*command, f"--workdir={workdir}"), words)
  assert not workdir.exists()


def test_a_finished_run_is_measured_where_it_is(finished, monkeypatch):
  workdir, _ = finished
  measured = []
  monkeypatch.setattr(gradient_study, "measure", measured.append)
  monkeypatch.setattr(reports, "write_report", measured.append)
  ended = call("gradient_flow", SMOKE, f"--workdir={workdir}")
  assert (ended.code, ended.err) == (0, "")
  assert measured == [workdir, workdir]


def test_a_report_of_one_run(finished):
  workdir, _ = finished
  ended = call("report", f"--workdir={workdir}")
  assert (ended.code, ended.err) == (0, "")
  assert "report.html" in ended.out
  assert (workdir / "report.html").stat().st_size > 10_000
