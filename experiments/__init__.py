"""The command-line programs; what they share is in `cli.py`."""

import contextlib
import os
import signal
import sys
import types


def exit_at_once(number: int, frame: types.FrameType | None) -> None:
  """Ends the process as a signal's handler, with 128 + its number.

  An exception would not do: raised inside of an import or of a callback from
  compiled code it is a traceback, an abort, or lost. What a run has on the disk
  survives this like any other kill.
  """
  del frame
  with contextlib.suppress(OSError):
    if os.isatty(1):
      os.write(1, b"\x1b[?25h\n")  # a progress bar hides the cursor
    os.write(2, b"stopped\n")
  os._exit(128 + number)


# While `python -m` looks for one of the programs, before its slow imports. Who
# imports them for something else keeps the handler there is.
if sys.argv[0] == "-m" and (
  signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
  signal.signal(signal.SIGINT, exit_at_once)
