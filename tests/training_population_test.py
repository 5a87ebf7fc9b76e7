"""The axis of seeds: each seed as if it were alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnn_lab.training.population import Population, population


def walk(shared, per_seed):
  """A small chaotic program whose bits depend on every operation's order."""
  (scale,) = shared
  x, n = per_seed

  def body(x, _):
    return jnp.tanh(x @ x.T * scale + n), jnp.sum(x)

  x, sums = jax.lax.scan(body, x, None, length=20)
  return x, {"sums": sums}


def numbers(num_seeds):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(num_seeds, 8, 8)).astype(np.float32)
  return x, np.arange(num_seeds, dtype=np.float32)


@pytest.mark.parametrize("num_seeds", [1, 2, 3, 5])
def test_seeds_side_by_side_equal_seeds_alone(num_seeds):
  x, n = numbers(num_seeds)
  shared = (jnp.float32(0.3),)
  together = Population(num_seeds)
  result = together.get(together.map(walk)(shared, together.put((x, n))))
  alone = Population(1)
  run_alone = alone.map(walk)
  for s in range(num_seeds):
    per_seed = alone.put((x[s : s + 1], n[s : s + 1]))
    expected = alone.get(run_alone(shared, per_seed))
    for a, e in zip(jax.tree.leaves(result), jax.tree.leaves(expected)):
      np.testing.assert_array_equal(a[s], e[0])


def test_put_and_get_are_inverse_and_hide_the_padding():
  x, n = numbers(3)
  seeds = Population(3)
  placed = seeds.put((x, n))
  assert placed[0].shape[0] % jax.local_device_count() == 0
  for a, e in zip(seeds.get(placed), (x, n)):
    np.testing.assert_array_equal(a, e)


def test_padding_is_not_computed():
  """What stands in for the fourth of three seeds gets no work on CPU."""
  seeds = Population(3)
  placed = seeds.put(np.arange(1.0, 4.0, dtype=np.float32))
  result = seeds.map(lambda shared, per_seed: per_seed * 2.0)(None, placed)
  np.testing.assert_array_equal(seeds.get(result), [2.0, 4.0, 6.0])
  assert jax.local_device_count() == 2
  assert np.asarray(result).tolist() == [2.0, 4.0, 6.0, 0.0]


def test_what_all_seeds_have_in_common():
  seeds = population(3)
  assert population(3) is seeds  # compiled programs are keyed by it
  shared = seeds.share(np.arange(5))
  assert shared.is_fully_replicated
  np.testing.assert_array_equal(shared, np.arange(5))


def test_vmap_gives_the_same_numbers():
  x, n = numbers(3)
  seeds = Population(3)
  one_by_one = seeds.get(
    seeds.map(walk)((jnp.float32(0.3),), seeds.put((x, n)))
  )
  seeds._one_by_one = False  # as on an accelerator
  vmapped = seeds.get(seeds.map(walk)((jnp.float32(0.3),), seeds.put((x, n))))
  for a, e in zip(jax.tree.leaves(vmapped), jax.tree.leaves(one_by_one)):
    np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5)
