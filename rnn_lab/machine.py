"""The processor that this process runs on."""

import os
import pathlib
import platform

# Of XLA: one thread a device, as experiments/cli.py has it, for all processes
# that run trials, so that they have the same bits.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def cores() -> int:
  """Returns how many cores this process may use."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def processor() -> str:
  """Returns the processor's model and, on Linux, its instruction sets."""
  lines = [f"{platform.machine()} {platform.processor()}"]
  path = pathlib.Path("/proc/cpuinfo")
  if path.exists():
    # One block of lines a core.
    first, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    kept = ("model name", "flags", "Features")
    lines += [line for line in first.splitlines() if line.startswith(kept)]
  return "\n".join(lines)
