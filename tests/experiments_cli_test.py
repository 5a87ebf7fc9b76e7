"""The commands as a user types them: wrong input, and what a run prints."""

import pytest
from commands import start
from tiny import everything, result

SMOKE = "--config=configs/digits.py:smoke"

# arguments of `experiments.train` after --workdir, words of the message
WRONG = {
  "unknown field": (
    [SMOKE, "--config.model.hiden_size=3"],
    "model.hiden_size is not a field that exists",
  ),
  "unknown section": (
    [SMOKE, "--config.modle.cell=gru"],
    "modle.cell is not a field that exists",
  ),
  "unknown cell": (
    [SMOKE, "--config.model.cell=lstn"],
    "model.cell is 'lstn'; it may be one of elman, gru, lstm",
  ),
  "unknown task": (
    [SMOKE, "--config.task.name=digit"],
    "task.name is 'digit'; it may be one of adding",
  ),
  "negative gap": (
    [SMOKE, "--config.task.gap=-1"],
    "task.gap is -1; it may be an integer from 0 to 100000",
  ),
  "batch size 0": (
    [SMOKE, "--config.train.batch_size=0"],
    "train.batch_size is 0",
  ),
  "hidden size 0": (
    [SMOKE, "--config.model.hidden_size=0"],
    "model.hidden_size is 0",
  ),
  "learning rate nan": (
    [SMOKE, "--config.optimizer.learning_rate=nan"],
    "optimizer.learning_rate is nan; it may be a finite number above 0",
  ),
  "unknown argument": (
    ["--config=configs/digits.py:smok"],
    "config argument is 'smok'; it may be smoke",
  ),
  "missing file": (
    ["--config=configs/digit.py"],
    "config is 'configs/digit.py'; it may be the path of a config file",
  ),
  "no config": ([], "config is missing"),
  "wrong type": (
    [SMOKE, "--config.model.hidden_size=large"],
    "config.model.hidden_size",
  ),
  "unknown flag": ([SMOKE, "--workdri=x"], "workdri"),
  "stray word": ([SMOKE, "now"], "argument is 'now'"),
  "not a config": (["--config=setup.cfg"], "config is 'setup.cfg'"),
}


def assert_refused(process, words):
  out, err = process.communicate(timeout=120)
  assert process.returncode == 2, err
  assert words in err
  assert len(err.strip().splitlines()) == 1, err
  assert "Traceback" not in out + err


def test_wrong_input_gets_one_line_and_exit_code_2(tmp_path):
  started = {
    name: start("train", f"--workdir={tmp_path / name}", *arguments)
    for name, (arguments, _) in WRONG.items()
  }
  for name, process in started.items():
    assert_refused(process, WRONG[name][1])
  assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
  """The smoke run of digits, and what it printed."""
  workdir = tmp_path_factory.mktemp("cli") / "run"
  process = start("train", SMOKE, f"--workdir={workdir}")
  out, err = process.communicate(timeout=120)
  assert process.returncode == 0, err
  return workdir, out


def test_a_run_prints_progress_and_its_result(finished):
  workdir, text = finished
  assert "step 10/20  valid/accuracy  0." in text
  value = result(workdir)["metrics"]["test/accuracy"]["values"][0]
  assert f"test/accuracy: {value:.4f}" in text
  assert "a constant guess reaches accuracy 0.1000" in text


def test_the_same_command_again_says_so_and_others_are_refused(
  finished, tmp_path
):
  workdir, _ = finished
  (tmp_path / "file").write_text("")
  before = everything(workdir)
  again = start("train", SMOKE, f"--workdir={workdir}")
  other = start("train", SMOKE, f"--workdir={workdir}", "--config.seed=7")
  file = start("train", SMOKE, f"--workdir={tmp_path / 'file'}")
  swept = start(
    "sweep",
    "--config=configs/vanishing_gradient.py:smoke",
    f"--workdir={tmp_path / 'sweep'}",
    "--config.task.gap=3",
  )
  no_sweep = start("sweep", SMOKE, f"--workdir={tmp_path / 'sweep'}")
  two_ways = start(
    "gradient_flow",
    SMOKE,
    f"--workdir={tmp_path / 'study'}",
    "--config.model.bidirectional=True",
  )
  a_text = start(
    "gradient_flow",
    "--config=configs/language_model.py:smoke",
    f"--workdir={tmp_path / 'study'}",
  )
  no_run = start("report", f"--workdir={tmp_path / 'nothing'}")
  no_workdir = start("report")
  out, err = again.communicate(timeout=120)
  assert again.returncode == 0 and "is already finished" in out, err
  assert_refused(other, "seed (0 there, 7 here)")
  assert_refused(file, "workdir is a file")
  assert_refused(swept, "task.gap is 3; it may be left to the sweep")
  assert_refused(no_sweep, "a file that defines sweep")
  assert_refused(two_ways, "model.bidirectional is True; it may be false")
  assert_refused(a_text, "task.name is 'language'; it may be one with")
  assert_refused(no_run, "it may be a run directory")
  assert_refused(no_workdir, "workdir is missing")
  assert everything(workdir) == before
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_report_of_one_run(finished):
  workdir, _ = finished
  process = start("report", f"--workdir={workdir}")
  out, err = process.communicate(timeout=120)
  assert process.returncode == 0, err
  assert "report.html" in out
  assert (workdir / "report.html").stat().st_size > 10_000
