"""The executor "ray" on a cluster of a head and two workers on this machine."""

import json
import os
import pathlib
import signal
import sys
import threading
import time

import pytest
from tiny import numbers, tiny_config

from rnn_lab.errors import FieldError
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps.executors import check_executor
from rnn_lab.sweeps.jobs import FAILED, Job, Resources
from rnn_lab.sweeps.local import local
from rnn_lab.training.records import Silent, Stop

NAMES = ("rate=0.01", "rate=0.02", "rate=0.03", "rate=0.04")


def test_without_ray_it_is_said_how_to_install_it(monkeypatch):
  monkeypatch.setitem(sys.modules, "ray", None)
  with pytest.raises(FieldError, match="which must be installed: pip install"):
    check_executor("ray", Resources())
  with pytest.raises(FieldError, match="ray_address must be left out"):
    check_executor("local", Resources(ray_address="auto"))


@pytest.fixture(scope="module")
def cluster():
  """A head without cores, and two nodes of one core each."""
  pytest.importorskip("ray", reason="needs the extra [ray]")
  from ray.cluster_utils import Cluster

  # What is printed by Ray's own threads is no warning of ours.
  several = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False},
  )
  several.nodes = [several.add_node(num_cpus=1) for _ in range(2)]
  yield several
  several.shutdown()


def long_jobs(folder):
  return [
    Job(
      name,
      plan(
        tiny_config(
          optimizer__learning_rate=float(name.partition("=")[2]),
          train__num_steps=1200,
          train__log_every=50,
          train__gradient_flow_every=0,
          eval__every=100,
          run__steps_per_call=10,
          run__checkpoint_every=100,
        )
      ),
      folder / name,
    )
    for name in NAMES
  ]


def events(workdir):
  lines = (workdir / "timing.jsonl").read_text().splitlines()
  return [json.loads(line)["event"] for line in lines]


def first_checkpoint(folder, known=()):
  """Waits for a trial that trains and has a checkpoint; returns its folder."""
  until = time.monotonic() + 120.0
  while time.monotonic() < until:
    for name in NAMES:
      path = folder / name
      saved = [*path.glob("checkpoints/[0-9]*")]
      if saved and path not in known and not (path / "result.json").exists():
        return path
    time.sleep(0.05)
  raise TimeoutError("no trial has begun")


def run_ray(jobs, address, stop=None):
  from rnn_lab.sweeps.ray_tasks import ray_tasks

  results = []
  resources = Resources(ray_address=address)
  ray_tasks(jobs, Silent(), stop or Stop(), results.append, resources)
  return {result.name: result for result in results}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray, in threads of its own
def test_a_worker_and_a_machine_that_die_change_no_number(tmp_path, cluster):
  killed = []

  def kill():
    path = first_checkpoint(tmp_path / "ray")
    os.kill(int((path / ".lock").read_text()), signal.SIGKILL)
    killed.append(path)
    killed.append(first_checkpoint(tmp_path / "ray", killed))
    cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)

  thread = threading.Thread(target=kill)
  thread.start()
  results = run_ray(long_jobs(tmp_path / "ray"), cluster.address)
  thread.join()
  assert {name: result.status for name, result in results.items()} == (
    dict.fromkeys(NAMES, "finished")
  ), results
  assert len(killed) == 2
  expected = tmp_path / "here"
  local(long_jobs(expected), Silent(), Stop(), lambda result: None)
  for name in NAMES:
    assert numbers(tmp_path / "ray" / name) == numbers(expected / name)
    # Nothing was run twice to its end.
    assert events(tmp_path / "ray" / name).count("finished") == 1
  assert events(killed[0]).count("start") == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_stop_and_an_error(tmp_path, cluster):
  stop = Stop()
  first, second, *_ = long_jobs(tmp_path / "ray")
  broken = second._replace(
    plan=second.plan._replace(config=second.plan.config | {"num_seeds": 0})
  )

  def request():
    first_checkpoint(tmp_path / "ray")
    stop.requested = True

  thread = threading.Thread(target=request)
  thread.start()
  results = run_ray([broken, first], cluster.address, stop)
  thread.join()
  assert results[second.name].status == FAILED
  assert "num_seeds must be an integer" in results[second.name].error
  assert results[first.name].status == "stopped"
  assert "stopped" in events(pathlib.Path(first.workdir))
  results = run_ray([first], cluster.address)
  assert results[first.name].status == "finished"
  assert "start" in events(first.workdir)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_address_without_a_cluster(monkeypatch):
  pytest.importorskip("ray", reason="needs the extra [ray]")
  monkeypatch.setenv("RAY_gcs_rpc_server_connect_timeout_s", "1")
  with pytest.raises(FieldError, match="must be the address of a Ray cluster"):
    check_executor("ray", Resources(ray_address="nonsense"))
