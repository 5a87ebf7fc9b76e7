"""Settings for all tests, made before JAX starts its backend."""

import gc
import importlib.metadata
import os

# Of small matrices BLAS makes its threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Most of the suite's time is compiling: unoptimised programs compile sooner,
# the older emitters of loops take half of the time of the newer ones, and a
# program in one piece needs one target machine of LLVM. jaxlib 0.11 has the
# newer emitters only, and an unknown flag ends a process.
# Processes that tests start inherit the flags, so that bits can be compared.
FLAGS = [
  "--xla_backend_optimization_level=0",
  "--xla_cpu_multi_thread_eigen=false",  # as all mains have it
]
# The emitters that runs have, for tests whose bits rest on them.
EMITTERS_OF_RUNS = {}
version = importlib.metadata.version("jaxlib")
if tuple(map(int, version.split(".")[:2])) < (0, 11):
  FLAGS += [
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
  ]
  EMITTERS_OF_RUNS["xla_cpu_use_fusion_emitters"] = True
# Commands keep their programs on disk; tests leave the user's cache alone.
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])

import jax  # noqa: E402 - which reads these variables

# Two devices, as a run has on two cores: seeds are spread over them.
jax.config.update("jax_num_cpu_devices", 2)
# A [B] that silently meets a [T, B] is how recurrent code goes wrong.
jax.config.update("jax_numpy_rank_promotion", "raise")


# The files that take longest: they begin first, so that no worker is left with
# one of them at the end.
LONGEST = (
  "configs",
  "training_loop",
  "models_writing",
  "training_diagnostics",
  "studies",
  "unroll",
  "language_models_networks",
  "gradients_bptt",
  "experiments_predict",
  "experiments_cli",
  "docs",
  "training_language",
  "gradients_flow",
  "training_programs",
  "reports_language",
  "stack",
)

# Tracing makes many objects; of the few thousand after which Python collects by
# default most are still in use.
gc.set_threshold(50_000, 20, 100)


def settle():
  """Leaves what is alive now out of all later collections.

  Modules, jaxprs and compiled programs stay for as long as the process: after a
  few hundred tests one collection goes through them for two seconds.
  """
  gc.collect()
  gc.freeze()


def pytest_collection_modifyitems(items):
  """Sorts the files; `--no-loadscope-reorder` leaves them in this order."""
  order = {f"{name}_test.py": n for n, name in enumerate(LONGEST)}
  items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_collection_finish(session):
  del session
  settle()


def pytest_runtest_teardown(item, nextitem):
  if nextitem is None or nextitem.path != item.path:
    settle()
