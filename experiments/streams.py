"""Standard output and error, of which no failure ends a run."""

import os
from typing import Any, TextIO


class Lasting:
  """A stream that drops what can no longer be written.

  As in `... | head -1`, whose reader ends: the run goes on without it.
  """

  def __init__(self, stream: TextIO):
    # A terminal or file in another encoding is no reason to fail, either.
    stream.reconfigure(errors="backslashreplace")
    self._stream = stream

  def __getattr__(self, name: str) -> Any:
    return getattr(self._stream, name)

  def write(self, text: str) -> int:
    """Writes, or drops the text."""
    try:
      return self._stream.write(text)
    except OSError:
      self._drop_from_now_on()
      return len(text)

  def flush(self) -> None:
    """Flushes, or drops what was to be flushed."""
    try:
      self._stream.flush()
    except OSError:
      self._drop_from_now_on()

  def _drop_from_now_on(self) -> None:
    # The stream still holds text, which the interpreter's end would flush.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, self._stream.fileno())
    os.close(null)
