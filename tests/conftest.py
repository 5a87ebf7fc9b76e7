"""Settings for all tests, made before JAX starts its backend."""

import os

# Of small matrices BLAS makes its threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Most of the suite's time is compiling: unoptimised programs compile sooner,
# and the older emitters of loops take half of the time of the newer ones.
# Processes that tests start inherit the flags, so that bits can be compared.
os.environ["XLA_FLAGS"] = " ".join(
  [
    os.environ.get("XLA_FLAGS", ""),
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
  ]
)

import jax

# Two devices, as a run has on two cores: seeds are spread over them.
jax.config.update("jax_num_cpu_devices", 2)
# A [B] that silently meets a [T, B] is how recurrent code goes wrong.
jax.config.update("jax_numpy_rank_promotion", "raise")
