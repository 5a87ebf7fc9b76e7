"""What a fused unroll has to know of a cell: the arithmetic between products.

A step of the cells here is two products, x W and h U, and elementwise functions
of their sums, which a `Rule` states forwards and backwards. How the steps are
looped over, and on what device, is the business of the modules beside this one.
"""

from collections.abc import Callable
from typing import NamedTuple

from rnn_lab.types import Array, Params

Arrays = tuple[Array, ...]


class Weights(NamedTuple):
  """The parameters of a cell, by the product that they belong to.

  Attributes:
    input_kernel: W, `[D, GH]`; None where the product is given.
    bias: added to x W, `[GH]`; None likewise.
    recurrent_kernel: U, `[H, GH]`.
    recurrent_bias: added to h U, `[GH]`; None for none.
  """

  input_kernel: Array | None
  bias: Array | None
  recurrent_kernel: Array
  recurrent_bias: Array | None = None


class Rule(NamedTuple):
  """One step between the products. All arrays are `[B, H]`.

  Of most gates only the sum of both products is read: the common gates, which
  come first in the kernels. A state is the tuple of a carry's arrays, with h,
  the output, first.

  Attributes:
    gates: G, the number of blocks in the kernels.
    common: the number of common gates.
    weights: params -> Weights.
    forward: (common gates of x W + b + h U, the others of x W + b, the others
      of h U, state before) -> (state after, arrays saved for `backward`).
    backward: (saved, state before, h after, gradient of the state after) ->
      (gradients of the common gates, of the others of x W + b, of the others of
      h U, and of the state before, without what h U passes on).
  """

  gates: int
  common: int
  weights: Callable[[Params], Weights]
  forward: Callable[[Arrays, Arrays, Arrays, Arrays], tuple[Arrays, Arrays]]
  backward: Callable[
    [Arrays, Arrays, Array, Arrays], tuple[Arrays, Arrays, Arrays, Arrays]
  ]
