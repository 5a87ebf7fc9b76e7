"""A stack of cells with a readout, as a Flax module."""

from flax import linen as nn

from rnn_lab.initializers import Initializer
from rnn_lab.models.outputs import OUTPUTS
from rnn_lab._stack import (
  Directions,
  Stack,
  final_state,
  init_stack,
  unroll_stack,
)
from rnn_lab.types import Array


class SequenceModel(nn.Module):
  """Reads sequences; puts out one vector each, or one at every step.

  Attributes:
    stack: the layers of cells.
    output_size: K, the width of the readout v.
    every_step: read the top layer's output at every step, instead of the
      final hidden state once.
    final: the layers whose final states are read: "top" or "all".
    output: g, a name in `OUTPUTS`; used by `predict`.
    readout_init: initializer of v's kernel.
    checkpoint_every: see `rnn_lab.unroll`.
  """

  stack: Stack
  output_size: int
  every_step: bool
  final: str
  output: str
  readout_init: Initializer
  checkpoint_every: int | None = None

  @nn.compact
  def __call__(
    self,
    inputs_BTD: Array,
    lengths_B: Array | None = None,
    *,
    train: bool = False,
    perturbations: tuple[Directions, ...] | None = None,
  ) -> Array:
    """The outputs before g: `[B, K]`, or `[B, T, K]` with `every_step`.

    Args:
      inputs_BTD: the sequences.
      lengths_B: their lengths; None where all fill T.
      train: drop outputs between layers; needs the rng "dropout".
      perturbations: added to the hidden states; see `unroll_stack`.
    """
    params = self.param(
      "stack", lambda key: init_stack(self.stack, key, inputs_BTD.shape[-1])
    )
    drops = train and self.stack.dropout > 0.0
    carry, y_TBH = unroll_stack(
      self.stack,
      params,
      inputs_BTD.swapaxes(0, 1),
      lengths_B=lengths_B,
      checkpoint_every=self.checkpoint_every,
      dropout_key=self.make_rng("dropout") if drops else None,
      perturbations=perturbations,
    )
    readout = nn.Dense(
      self.output_size, kernel_init=self.readout_init, name="readout"
    )
    if self.every_step:
      return readout(y_TBH.swapaxes(0, 1))
    return readout(final_state(carry, self.final))

  def predict(self, inputs_BTD: Array, lengths_B: Array | None = None) -> Array:
    """The outputs after g: probabilities, or the numbers themselves."""
    return OUTPUTS[self.output](self(inputs_BTD, lengths_B))
