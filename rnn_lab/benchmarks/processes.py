"""Separate processes for libraries whose thread pools would interfere."""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def answering(
  name: str, serve: Callable[..., None], *args: Any
) -> Iterator[Callable[[Any], Any]]:
  """Starts `serve(pipe, *args)` in a process, which answers each message.

  Args:
    name: what runs there, for the error.
    serve: returns when its end of the pipe raises EOFError.
    *args: its other arguments.

  Yields:
    A function that sends a message and returns the answer. It raises
    RuntimeError if the process has ended.
  """
  context = multiprocessing.get_context("spawn")
  pipe, other_end = context.Pipe()
  process = context.Process(target=serve, args=(other_end, *args), daemon=True)
  process.start()
  other_end.close()  # so that a process that ends is noticed

  def ask(message: Any) -> Any:
    try:
      pipe.send(message)
      return pipe.recv()
    except (EOFError, OSError):
      raise RuntimeError(f"the process of {name} has ended") from None

  try:
    yield ask
  finally:
    pipe.close()
    process.join(timeout=10)
