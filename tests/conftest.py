"""Settings for all tests, made before JAX starts its backend."""

import jax

# Two devices, as a run has on two cores: seeds are spread over them.
jax.config.update("jax_num_cpu_devices", 2)
# A [B] that silently meets a [T, B] is how recurrent code goes wrong.
jax.config.update("jax_numpy_rank_promotion", "raise")
