"""Signs of life, with a clock that the tests move."""

import pytest

from experiments.terminal import Terminal
from rnn_lab.sweeps.worker_processes import _Forward
from rnn_lab.training import heartbeat


@pytest.fixture
def clock(monkeypatch):
  class Clock:
    now = 100.0

    def monotonic(self):
      return self.now

  clock = Clock()
  monkeypatch.setattr(heartbeat, "time", clock)
  return clock


def drive(clock, listener):
  """20 steps of 4 s each from step 100 on, with a line after the fifth."""
  listener.start("run", 100, 120)
  for step in range(101, 121):
    clock.now += 4.0
    listener.advance(step)
    if step == 105:
      listener.line("an evaluation")


EXPECTED = [
  "step 103/120  (0.2 steps/s)",
  "an evaluation",
  *[f"step {n}/120  (0.2 steps/s)" for n in (108, 111, 114, 117)],
]


def test_a_line_every_ten_seconds_or_so_where_there_is_no_terminal(
  clock, capsys
):
  with Terminal() as terminal:
    drive(clock, terminal)
  assert capsys.readouterr().out.splitlines() == EXPECTED


def test_workers_send_signs_of_life(clock):
  class Pipe(list):
    send = list.append

  pipe = Pipe()
  drive(clock, _Forward("trial", pipe))
  assert pipe == [f"trial: {line}" for line in EXPECTED]


def test_a_run_that_begins_or_is_quick_says_nothing(clock):
  said = []
  beat = heartbeat.Heartbeat(said.append)
  clock.now += 60.0
  beat.start(0, 50)
  clock.now += 9.9
  beat.advance(49)
  clock.now += 60.0
  beat.advance(50)  # the last step: the result follows
  assert said == []
