"""Runs in several processes: their numbers, their files and their endings."""

import signal
import socket
import time

import numpy as np
import pytest
from commands import assert_refused, call, start
from tiny import numbers, rows

from rnn_lab import processes
from rnn_lab.errors import FieldError
from rnn_lab.training.records import Stop

COMMAND = (
  "--config=configs/digits.py:smoke",
  "--config.train.batch_shards=4",
  "--config.train.log_every=1",
  "--config.model.readout_dropout=0.2",
)
LONG = ("--config.train.num_steps=100000", "--config.eval.every=10000")


def start_two(workdir, *arguments, of_second=()):
  """Starts the command in two processes of one run."""
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    address = f"127.0.0.1:{free.getsockname()[1]}"
  flags = ["--distributed", f"--coordinator_address={address}"]
  flags += ["--num_processes=2", f"--workdir={workdir}", *arguments]
  return [
    start("train", *flags, f"--process_id={index}", *more)
    for index, more in enumerate(((), of_second))
  ]


def endings(started):
  """The exit codes of processes, and what each says on stderr."""
  try:
    said = [process.communicate(timeout=200) for process in started]
  finally:
    for process in started:
      process.kill()  # which those that have ended do not notice
  return [process.returncode for process in started], [err for _, err in said]


def run_two(workdir, *arguments, **options):
  return endings(start_two(workdir, *arguments, **options))


def run_one(workdir, *arguments):
  process = start("train", f"--workdir={workdir}", *arguments)
  assert endings([process]) == ([0], [""])


@pytest.fixture(scope="module")
def one(tmp_path_factory):
  """The directory of the run in one process."""
  workdir = tmp_path_factory.mktemp("one") / "run"
  run_one(workdir, *COMMAND)
  return workdir


@pytest.mark.slow
def test_two_processes_give_the_bits_of_one(one, tmp_path):
  assert run_two(tmp_path / "run", *COMMAND) == ([0, 0], ["", ""])
  assert numbers(tmp_path / "run") == numbers(one)
  # Again it is finished, as both know.
  assert run_two(tmp_path / "run", *COMMAND) == ([0, 0], ["", ""])


@pytest.mark.slow
def test_seeds_in_two_processes_have_the_bits_of_one(tmp_path):
  """With all that a run can write."""
  command = (
    "--config=configs/digits.py:smoke",
    "--config.num_seeds=3",
    "--config.train.gradient_norms=True",
    "--config.train.gradient_flow_every=10",
    "--config.eval.examples=2",
  )
  run_one(tmp_path / "one", *command)
  assert run_two(tmp_path / "two", *command) == ([0, 0], ["", ""])
  assert numbers(tmp_path / "two") == numbers(tmp_path / "one")
  examples = [tmp_path / name / "examples.json" for name in ("one", "two")]
  assert examples[0].read_bytes() == examples[1].read_bytes()


@pytest.mark.slow
def test_units_in_two_processes_give_the_losses_of_one(one, tmp_path):
  layout = ("--config.run.mesh_data=1", "--config.run.mesh_model=2")
  assert run_two(tmp_path / "run", *COMMAND, *layout) == ([0, 0], ["", ""])
  two, expected = [
    np.array([row["train/loss"] for row in rows(workdir)])
    for workdir in (tmp_path / "run", one)
  ]
  assert len(expected) == 20
  np.testing.assert_allclose(two, expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["one", "two"])
def test_a_checkpoint_goes_on_in_other_processes(one, tmp_path, begins):
  half = (*COMMAND, "--config.train.num_steps=10")
  if begins == "one":
    run_one(tmp_path / "run", *half)
    assert run_two(tmp_path / "run", *COMMAND)[0] == [0, 0]
  else:
    assert run_two(tmp_path / "run", *half)[0] == [0, 0]
    run_one(tmp_path / "run", *COMMAND)
  assert numbers(tmp_path / "run") == numbers(one)


@pytest.mark.slow
@pytest.mark.parametrize(
  "arguments, of_second, words",
  [
    (
      ["--config.train.batch_size=15"],
      [],
      "train.batch_shards must divide train.batch_size, got 4 and 15",
    ),
    (
      ["--config.train.batch_shards=1"],
      [],
      "2 processes must have equal shares of a run: train.batch_shards",
    ),
    (
      [],
      ["--config.seed=1"],
      "distributed needs the same config and the same data in all processes",
    ),
  ],
)
def test_a_wrong_input_is_one_line_and_ends_both(
  tmp_path, arguments, of_second, words
):
  codes, said = run_two(
    tmp_path / "run", *COMMAND, *arguments, of_second=of_second
  )
  assert codes == [2, 2]
  assert said[0].startswith(f"error: {words}") and said[1] == ""
  assert len(said[0].splitlines()) == 1
  assert not (tmp_path / "run").exists()


def wait_for_checkpoint(workdir):
  for _ in range(600):
    if any(path.name.isdigit() for path in workdir.glob("checkpoints/*")):
      return
    time.sleep(0.1)
  raise TimeoutError(workdir)


@pytest.mark.slow
def test_a_signal_to_one_stops_both(tmp_path):
  started = start_two(tmp_path / "run", *COMMAND, *LONG)
  wait_for_checkpoint(tmp_path / "run")
  started[1].send_signal(signal.SIGINT)
  assert endings(started) == ([130] * 2, ["", ""])
  steps = [row["step"] for row in rows(tmp_path / "run")]
  assert steps == [*range(1, steps[-1] + 1)]
  assert (tmp_path / "run" / "checkpoints" / str(steps[-1])).exists()


@pytest.mark.slow
def test_a_failing_write_ends_both(tmp_path):
  started = start_two(tmp_path / "run", *COMMAND, *LONG)
  wait_for_checkpoint(tmp_path / "run")
  with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
    file.write("{}\n")
  codes, said = endings(started)
  assert codes == [1, 1]
  assert "changed by another hand" in said[0] and said[1] == ""


@pytest.mark.slow
def test_a_killed_process_ends_the_other(tmp_path):
  started = start_two(tmp_path / "run", *COMMAND, *LONG)
  wait_for_checkpoint(tmp_path / "run")
  started[0].kill()  # who has written so far
  codes, _ = endings(started)
  assert codes[0] == -signal.SIGKILL and codes[1] != 0
  # The lock is gone with it.
  process = start("train", f"--workdir={tmp_path / 'run'}", *COMMAND, *LONG)
  first_line = process.stdout.readline()
  process.kill()
  process.communicate()
  assert "going on from step" in first_line


@pytest.mark.slow
def test_without_a_cluster_the_processes_must_be_named(tmp_path):
  process = start("train", *COMMAND, f"--workdir={tmp_path}", "--distributed")
  [code], [said] = endings([process])
  assert code == 2
  assert said.startswith("error: distributed needs a cluster that JAX knows")
  assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
  "module, arguments, words",
  [
    ("train", ["--process_id=0"], "process_id need --distributed"),
    ("train", ["--num_processes=2"], "process_id need --distributed"),
    (
      "train",
      ["--distributed", "--coordinator_address=here"],
      "coordinator_address must be HOST:PORT, got 'here'",
    ),
    ("sweep", ["--distributed"], "unknown flag --distributed"),
  ],
)
def test_wrong_flags(tmp_path, module, arguments, words):
  workdir = tmp_path / "run"
  assert_refused(
    call(module, *COMMAND, f"--workdir={workdir}", *arguments), words
  )
  assert not workdir.exists()


def test_a_single_process_exchanges_nothing():
  tree = {"a": np.arange(3)}
  assert processes.of_first(tree) is tree
  assert processes.largest((3, 4)) == (3, 4)
  assert processes.differing("text") == 0
  assert processes.together(lambda: "result") == "result"
  error = FieldError("field", "{field} is wrong")

  def fail():
    raise error

  with pytest.raises(FieldError) as raised:
    processes.together(fail)
  assert raised.value is error


def test_a_request_to_stop_is_not_lost_while_processes_exchange(monkeypatch):
  stop = Stop()

  def exchange(values):
    # The signal arrives after this process has said that it has none.
    stop.requested, stop.signal = True, signal.SIGINT
    return values

  with monkeypatch.context() as patch:
    patch.setattr(processes, "largest", exchange)
    assert not stop.agreed()
  assert stop.agreed()
  assert stop.signal == signal.SIGINT
  # What another process was asked for.
  other = Stop()
  monkeypatch.setattr(processes, "largest", lambda values: (1, signal.SIGTERM))
  assert other.agreed()
  assert other.signal == signal.SIGTERM


def test_what_the_others_do_where_one_has_an_error(monkeypatch):
  """The first that has one says it; all others end with its exit code."""
  codes = np.array([0, 2, 1])
  monkeypatch.setattr(processes.jax, "process_count", lambda: 3)
  monkeypatch.setattr(
    processes.multihost_utils, "process_allgather", lambda code: codes
  )
  own = FieldError("field", "{field} is wrong")
  shared = []
  for index, error in enumerate([None, own, OSError()]):
    monkeypatch.setattr(processes.jax, "process_index", lambda: index)  # noqa: B023
    shared.append(processes.shared_error(error))
  assert shared[1] is own
  assert [shared[0].code, shared[2].code] == [2, 2]
  codes[:] = 0
  assert processes.shared_error(None) is None
