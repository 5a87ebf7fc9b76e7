"""The axis of seeds. Everything else is written for one seed.

On accelerators the seeds are a vmapped dimension. On CPU they are taken one
by one (`lax.map`) on each of the host's devices, a share of them each: many
small programs side by side are faster there than one wide one, and a seed's
numbers are bit-identical to those of a run with that seed alone.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from rnn_lab.types import PyTree

_AXIS = "seeds"


class Population:
  """`num_seeds` copies of a run, spread over this process's devices.

  The copies are padded to a multiple of the devices. Padding is never
  computed on CPU, and never seen outside of this class.
  """

  def __init__(self, num_seeds: int):
    devices = jax.local_devices()[:num_seeds]
    self.num_seeds = num_seeds
    self._padding = -num_seeds % len(devices)
    self._one_by_one = devices[0].platform == "cpu"
    self._mesh = jax.make_mesh((len(devices),), (_AXIS,), devices=devices)
    self._is_real = self.put(np.ones(num_seeds, bool), padding=False)

  def put(self, tree: PyTree, padding: Any = None) -> PyTree:
    """Arrays with leading dimension S, laid out over the devices."""
    sharding = NamedSharding(self._mesh, P(_AXIS))

    def put_one(array: Any) -> jax.Array:
      array = np.asarray(array)
      last = (
        array[-1:] if padding is None else np.full_like(array[-1:], padding)
      )
      padded = np.concatenate([array, *[last] * self._padding])
      return jax.device_put(padded, sharding)

    return jax.tree.map(put_one, tree)

  def share(self, tree: PyTree) -> PyTree:
    """Arrays that all seeds read, copied to every device once."""
    return jax.device_put(tree, NamedSharding(self._mesh, P()))

  def get(self, tree: PyTree) -> PyTree:
    """numpy arrays with leading dimension S: the inverse of `put`."""
    return jax.tree.map(lambda array: np.asarray(array)[: self.num_seeds], tree)

  def map(self, function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Compiles `function(shared, mine) -> mine` for all seeds at once.

    Args:
      function: for one seed: `shared` is the same for all, `mine` its own.

    Returns:
      `(shared, mine) -> mine`, jitted; `mine` is as `put` lays it out.
    """

    def one(shared: Any, seed: tuple[Any, Any]) -> Any:
      mine, is_real = seed
      if not self._one_by_one:
        return function(shared, mine)
      form = jax.eval_shape(function, shared, mine)
      return jax.lax.cond(
        is_real,
        lambda: function(shared, mine),
        lambda: jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), form),
      )

    def local(shared: Any, seeds: Any) -> Any:
      if self._one_by_one:
        return jax.lax.map(lambda seed: one(shared, seed), seeds)
      return jax.vmap(lambda seed: one(shared, seed))(seeds)

    # check_vma=False: its types would have to be threaded through every scan
    # of code that knows nothing of seeds.
    sharded = jax.jit(
      jax.shard_map(
        local,
        mesh=self._mesh,
        in_specs=(P(), P(_AXIS)),
        out_specs=P(_AXIS),
        check_vma=False,
      )
    )
    return lambda shared, mine: sharded(shared, (mine, self._is_real))
