"""What a run reports while it goes on, and how it is asked to stop."""

from typing import Protocol


class Listener(Protocol):
  """Receives the progress of a run."""

  def start(self, name: str, done: int, total: int) -> None:
    """A run begins, or goes on after `done` of `total` steps."""

  def advance(self, done: int) -> None:
    """`done` steps of the run are done."""

  def line(self, text: str) -> None:
    """A line for a person."""


class Silent:
  """A listener that ignores everything."""

  def start(self, name: str, done: int, total: int) -> None:
    """See Listener."""

  def advance(self, done: int) -> None:
    """See Listener."""

  def line(self, text: str) -> None:
    """See Listener."""


class Stop:
  """A request to stop; see `rnn_lab.runs.stop_on_signal`."""

  def __init__(self) -> None:
    self.requested = False
