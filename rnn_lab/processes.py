"""Several processes that train one run together, each with devices of its own.

All of them make the same calls, as JAX wants it, and the first alone reads and
writes the run directory. What one of them meets with and the others cannot
know (an error, a signal, the content of a file) is exchanged here; of a single
process nothing is.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from rnn_lab.errors import FieldError
from rnn_lab.types import PyTree

T = TypeVar("T")


class EndedElsewhere(Exception):
  """Raised where another process has an error, which says what it is.

  Attributes:
    code: the exit code of the other process.
  """

  def __init__(self, code: int):
    super().__init__(f"another process ended with exit code {code}")
    self.code = code


def connect(address: str, number: int, index: int) -> None:
  """Connects this process with the others, before JAX has any device.

  Args:
    address: HOST:PORT of the first process; "" where the cluster knows it, as
      SLURM, Kubernetes, Open MPI and TPU pods do.
    number: of processes; 0 where the cluster knows it.
    index: of this one; -1 where the cluster knows it.

  Raises:
    FieldError: the cluster does not say what is left out, or the processes do
      not find each other.
  """
  if address and not re.fullmatch(r".+:\d+", address):
    raise FieldError(
      "coordinator_address", f"{{field}} must be HOST:PORT, got {address!r}"
    )
  # Of CPUs, which have none otherwise in older versions.
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  try:
    jax.distributed.initialize(
      address or None, number or None, None if index < 0 else index
    )
  except (ValueError, RuntimeError) as error:
    why = " ".join(str(error).split())[:200]
    raise FieldError(
      "distributed",
      "{field} needs a cluster that JAX knows, or --coordinator_address, "
      f"--num_processes and --process_id: {why}",
    ) from error


def is_first() -> bool:
  """Whether this is the process that reads and writes files."""
  return jax.process_index() == 0


def of_first(tree: PyTree) -> PyTree:
  """Returns the arrays that the first process has, bit by bit.

  Args:
    tree: numpy arrays, of the same shapes and dtypes in all processes.
  """
  if jax.process_count() == 1:
    return tree

  def shared(array: Any) -> np.ndarray:
    array = np.asarray(array)
    content = np.frombuffer(array.tobytes(), np.uint8)
    content = multihost_utils.broadcast_one_to_all(content)
    flat = np.frombuffer(content.tobytes(), array.dtype)
    return flat.reshape(array.shape)

  return jax.tree.map(shared, tree)


def largest(values: tuple[int, ...]) -> tuple[int, ...]:
  """Returns the largest of each of some numbers over all processes."""
  if jax.process_count() == 1:
    return values
  every = multihost_utils.process_allgather(np.asarray(values, np.int32))
  return tuple(every.max(0).tolist())


def differing(text: str) -> int:
  """Returns which process has another text than the first; 0 if none has."""
  if jax.process_count() == 1:
    return 0
  digest = hashlib.sha256(text.encode("utf-8")).digest()
  every = multihost_utils.process_allgather(np.frombuffer(digest, np.uint8))
  return int(np.argmax((every != every[0]).any(1)))


def shared_error(error: Exception | None) -> Exception | None:
  """Returns the error with which this process is to end, if any process has.

  Args:
    error: of this process.

  Returns:
    It, if no process before this one has an error; EndedElsewhere where there
    is another one; None where there is none.
  """
  if jax.process_count() == 1:
    return error
  codes = multihost_utils.process_allgather(np.int32(_code(error)))
  if not codes.any():
    return None
  first = int(np.argmax(codes != 0))
  if first == jax.process_index():
    return error
  return EndedElsewhere(int(codes[first]))


def _code(error: Exception | None) -> int:
  """Returns the exit code of an error, 0 without one."""
  if error is None:
    return 0
  return 2 if isinstance(error, FieldError) else 1


def together(function: Callable[[], T]) -> T:
  """Calls a function that exchanges nothing, and raises if any process does.

  Raises:
    EndedElsewhere: another process has an error.
  """
  error, results = None, []
  try:
    results.append(function())
  except Exception as raised:
    error = raised
  error = shared_error(error)
  if error is not None:
    raise error
  return results[0]
