"""Settings for all tests, made before JAX starts its backend."""

import os

# Of small matrices BLAS makes its threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import pytest

from rnn_lab.evaluators import batches, forecasts, stream
from rnn_lab.training import diagnostics, population, state

# Two devices, as a run has on two cores: seeds are spread over them.
jax.config.update("jax_num_cpu_devices", 2)
# A [B] that silently meets a [T, B] is how recurrent code goes wrong.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def compiles_quickly():
  """For tests of whether something runs: unoptimised, it compiles sooner.

  Such programs round differently, and JAX would hand them to later tests that
  compare bits: their builders forget them.
  """
  jax.config.update("jax_disable_most_optimizations", True)
  yield
  jax.config.update("jax_disable_most_optimizations", False)
  for builder in (
    population._programs,
    diagnostics._diagnostics,
    state.initializer,
    batches._sums_program,
    forecasts._forecast_program,
    stream._score_program,
    stream._carry_program,
  ):
    builder.cache_clear()
