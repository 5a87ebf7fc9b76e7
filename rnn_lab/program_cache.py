"""Compiled programs on disk: a later process reads them instead of compiling.

JAX's persistent compilation cache, in a folder of its own for each kind of
processor and number of cores: XLA compiles for both, and JAX looks a program up
by neither. One from another machine could have other bits, or instructions that
this one lacks.
"""

import contextlib
import hashlib
import os
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import pooch
from jax.experimental.compilation_cache import compilation_cache

from rnn_lab.machine import cores, processor

# Of all folders together; the oldest programs are removed beyond it.
MOST_BYTES = 2 * 2**30


@contextlib.contextmanager
def kept_programs(wanted: bool = True) -> Iterator[None]:
  """Keeps the programs that are compiled meanwhile, and reads those kept.

  Nothing changes where JAX has a compilation cache of the user's
  (JAX_COMPILATION_CACHE_DIR), or is told to have none
  (JAX_ENABLE_COMPILATION_CACHE=false), or the folder cannot be written.

  Args:
    wanted: whether to do it at all; within another such context, too.
  """
  there = _option("jax_compilation_cache_dir")
  folder = None
  if _option("jax_enable_compilation_cache") and there in (None, *_OWN):
    folder = _folder() if wanted else None
  elif there is not None:
    folder = there
  if folder == there:
    yield
    return
  options = {
    "jax_compilation_cache_dir": folder,
    "jax_persistent_cache_min_compile_time_secs": 0.0,
  }
  before = {name: _option(name) for name in options}
  _update(options)
  try:
    with warnings.catch_warnings():
      # What cannot be read or written is compiled.
      warnings.filterwarnings(
        "ignore", "Error (reading|writing) persistent compilation cache"
      )
      yield
  finally:
    _update(before)


# The folders that `kept_programs` has set in this process.
_OWN: set[str] = set()


def _folder() -> str | None:
  """Returns this process's folder, made and pruned; None where it cannot be."""
  try:
    root = pathlib.Path(pooch.os_cache("rnn_lab")) / "programs"
    folder = root / _key()
    # A program read from there is run: nobody else may write it.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    prune(root, MOST_BYTES)
  except (OSError, RuntimeError):  # platformdirs knows no home
    return None
  _OWN.add(str(folder))
  return str(folder)


def _option(name: str) -> Any:
  return getattr(jax.config, name)  # which declares none of them


def _update(options: dict) -> None:
  for name, value in options.items():
    jax.config.update(name, value)
  # JAX asks for its folder only once.
  compilation_cache.reset_cache()


def _key() -> str:
  """Returns the name of the folder for this process."""
  text = f"{processor()}\n{cores()} {os.environ.get('PJRT_NPROC')}"
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def prune(root: pathlib.Path, most_bytes: int) -> None:
  """Removes the oldest files below a folder beyond so many bytes.

  Empty ones, too: a process was killed while it wrote them.
  """
  found = []
  for path in root.rglob("*"):  # XLA has folders of its own on a GPU
    with contextlib.suppress(FileNotFoundError):  # another process removed it
      if path.is_dir():
        continue
      status = path.stat()
      found.append((status.st_size > 0, status.st_mtime, status.st_size, path))
  total = 0
  for is_whole, _, size, path in sorted(found, reverse=True):
    total += size
    if total > most_bytes or not is_whole:
      path.unlink(missing_ok=True)
