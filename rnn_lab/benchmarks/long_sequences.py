"""Memory and time of the gradient of one very long sequence.

The cost is on every output of an LSTM. Each way of keeping carries has a
process of its own, whose largest memory is measured beside what XLA allocates.
"""

import resource
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab import lstm, unroll
from rnn_lab.benchmarks.processes import answering
from rnn_lab.errors import (
  INT32_MAX,
  check_fields,
  check_int,
  check_size,
  in_section,
)

# `checkpoint_every` of `unroll`.
KEPT = {
  "all carries": None,
  "every 1000th": 1000,
  "every 10,000th, then every 100th": (10_000, 100),
}


def measure(section: Mapping[str, Any]) -> dict[str, Any]:
  """Measures mebibytes and seconds of one gradient.

  Args:
    section: `long_sequences` of configs/benchmark.py.

  Returns:
    "sizes"; by name of KEPT the mebibytes that XLA allocates beside arguments
    and results, None where a backend does not say it, the largest memory of
    the process, and the seconds of the second of two calls.
  """
  with in_section("long_sequences"):
    sizes = ("steps", "hidden_size")
    check_fields(section, sizes, required=sizes)
    check_int("steps", section["steps"], 1, INT32_MAX)
    check_size("hidden_size", section["hidden_size"])
  results = {}
  for name, every in KEPT.items():
    with answering(name, _serve, dict(section), every) as ask:
      results[name] = ask("go")
    print(name, results[name], flush=True)
  return {"sizes": dict(section), "results": results}


def gradient(steps: int, hidden_size: int, every: Any) -> tuple[Any, tuple]:
  """Returns the compiled gradient for parameters and inputs, and arguments."""
  cell = lstm(hidden_size)
  params = cell.init(jax.random.key(0), 1)
  x_TBD = jax.random.normal(jax.random.key(1), (steps, 1, 1))

  def cost(params: Any, x_TBD: Any) -> Any:
    _, y_TBH = unroll(cell, params, x_TBD, checkpoint_every=every)
    return jnp.sum(jnp.square(y_TBH)) / steps

  arguments = (params, x_TBD)
  program = jax.jit(jax.grad(cost, argnums=(0, 1)))
  return program.lower(*arguments).compile(), arguments


def _serve(pipe: Connection, section: Mapping[str, Any], every: Any) -> None:
  """Answers a message with the numbers of one way."""
  pipe.recv()
  compiled, arguments = gradient(
    section["steps"], section["hidden_size"], every
  )
  analysis = compiled.memory_analysis()
  jax.block_until_ready(compiled(*arguments))
  start = time.perf_counter()
  jax.block_until_ready(compiled(*arguments))
  seconds = time.perf_counter() - start
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there
  pipe.send(
    {
      "xla_mebibytes": analysis and analysis.temp_size_in_bytes / 2**20,
      "process_mebibytes": peak / unit,
      "seconds": seconds,
    }
  )
