"""Signs of life of a run, where no progress bar shows them."""

import time
from collections.abc import Callable

# Between lines.
SECONDS = 10.0


class Heartbeat:
  """Says how far a run has come when nothing was said for ten seconds.

  It can only speak between two calls of the compiled program.
  """

  def __init__(self, say: Callable[[str], None]):
    """Makes one that says its lines with `say`."""
    self._say = say
    self._done = self._total = 0
    self.heard()

  def start(self, done: int, total: int) -> None:
    """A run begins, or goes on after `done` of `total` steps."""
    self._done, self._total = done, total
    self.heard()

  def heard(self) -> None:
    """Another line was said."""
    self._last = (self._done, time.monotonic())

  def advance(self, done: int) -> None:
    """`done` steps of the run are done."""
    self._done = done
    step, then = self._last
    seconds = time.monotonic() - then
    if seconds < SECONDS or done >= self._total:
      return
    rate = (done - step) / seconds
    self.heard()
    width = len(str(self._total))
    self._say(f"step {done:>{width}}/{self._total}  ({rate:.1f} steps/s)")
