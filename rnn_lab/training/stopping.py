"""Ending on request: SIGTERM and the first Ctrl-C are heard between calls."""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator


class Stop:
  """Whether somebody asked this process to stop."""

  def __init__(self) -> None:
    self.requested = False


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
  """Turns the first SIGTERM and SIGINT into a request.

  A second one of the same kind acts as usual. Outside of the main thread,
  where no handler can be set, nothing changes.
  """
  stop = Stop()
  if threading.current_thread() is not threading.main_thread():
    yield stop
    return
  before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}

  def handle(number: int, frame: types.FrameType | None) -> None:
    del frame
    stop.requested = True
    signal.signal(number, before[signal.Signals(number)])

  for number in before:
    signal.signal(number, handle)
  try:
    yield stop
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)
