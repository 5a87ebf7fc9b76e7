"""The recurrent language model: a stack of cells that reads words."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab.initializers import Initializer
from rnn_lab.language_models import softmax
from rnn_lab._stack import (
  Directions,
  Stack,
  dropout,
  init_stack,
  stack_output_size,
  unroll_stack,
)
from rnn_lab.types import Array, Batch, Carry, Key

# Tokens whose V probabilities are held at once when a text is judged.
SCORE_CHUNK = 256


class RecurrentLM(nn.Module):
  """p(w_{t+1} | w_1 ... w_t) = softmax(v h_t + b), h_t by a stack of cells.

  Mikolov et al. 2010; with LSTM layers, Zaremba et al. 2014.

  Attributes:
    stack: the layers; its dropout is applied to what they read and to what
      the softmax reads, too, as in Zaremba et al.
    vocabulary_size: V.
    embedding_size: D.
    embedding_init: initializer of the embedding.
    readout_init: initializer of v; unused if `tied`.
    readout_bias_init: initializer of b.
    tied: v is the embedding's transpose (Press and Wolf 2017).
    window: k1, the tokens that each update is made for.
    reach: k2, the steps that gradients go back. At k2 > k1 the tokens before
      the window are read again, without a cost on them.
    loss_chunk: tokens whose V probabilities are held at once while training.
    checkpoint_every: see `rnn_lab.unroll`.
  """

  stack: Stack
  vocabulary_size: int
  embedding_size: int
  embedding_init: Initializer
  readout_init: Initializer
  readout_bias_init: Initializer
  tied: bool
  window: int
  reach: int
  loss_chunk: int
  checkpoint_every: int | None = None

  def setup(self) -> None:
    """Makes the parameters."""
    self.embedding = self.param(
      "embedding",
      self.embedding_init,
      (self.vocabulary_size, self.embedding_size),
    )
    self.layers = self.param(
      "stack", lambda key: init_stack(self.stack, key, self.embedding_size)
    )
    self.bias = self.param(
      "readout_bias", self.readout_bias_init, (self.vocabulary_size,)
    )
    if not self.tied:
      width = stack_output_size(self.stack, self.embedding_size)
      self.kernel = self.param(
        "readout_kernel", self.readout_init, (width, self.vocabulary_size)
      )

  def initial_carry(self, tracks: int) -> Carry:
    """The states before the first token of `tracks` streams: zeros."""
    return tuple(
      Directions(cell.initial_carry((tracks,), jnp.float32))
      for cell in self.stack.forward
    )

  def __call__(
    self, inputs_BT: Array, carry: Carry | None = None
  ) -> tuple[Carry, Array]:
    """The states after the tokens, and the logits `[B, T, V]`."""
    if carry is None:
      carry = self.initial_carry(inputs_BT.shape[0])
    carry, h_TBH = self._read(self._embed(inputs_BT, None), carry, None)
    logits = jnp.einsum("tbh,hv->btv", h_TBH, self._readout())
    return carry, logits + self.bias[None, None]

  def loss(
    self, batch: Batch, carry: Carry, *, train: bool = False
  ) -> tuple[tuple[Array, Array], Carry]:
    """Truncated backpropagation through time, Williams and Peng 1990.

    Args:
      batch: `[B, max(k1, k2)]` tokens, of which the last k1 count.
      carry: the states in front of them.
      train: drop units; needs the rng "dropout".

    Returns:
      The sum of -log p over the counted tokens in nats and their weight; and
      the states to hand on, k1 tokens further.
    """
    drops = train and self.stack.dropout > 0.0
    key = self.make_rng("dropout") if drops else None
    first = self.initial_carry(batch.inputs.shape[0])
    carry = jax.tree.map(
      lambda new, old: jnp.where(batch.fresh, new, old), first, carry
    )
    x_TBD = self._embed(batch.inputs, key)
    if self.reach < self.window:
      carry, h_TBH = self._read_in_parts(x_TBD, carry, key)
    else:
      carry, h_TBH = self._read(x_TBD[: self.window], carry, key)
      if self.reach > self.window:
        _, rest_TBH = self._read(x_TBD[self.window :], carry, key, part=1)
        h_TBH = jnp.concatenate([h_TBH, rest_TBH])[-self.window :]
    if drops:
      h_TBH = self._drop(key, h_TBH, "output")

    def rows(array_BT: Array) -> Array:
      return array_BT[:, -self.window :].T.reshape(-1)

    weights = rows(batch.weights)
    total = softmax.cross_entropy(
      h_TBH.reshape(-1, h_TBH.shape[-1]),
      self._readout(),
      self.bias,
      rows(batch.targets),
      weights,
      self.loss_chunk,
    )
    return (total, jnp.sum(weights)), jax.lax.stop_gradient(carry)

  def score(
    self, inputs_BT: Array, targets_BT: Array, carry: Carry
  ) -> tuple[Carry, Array]:
    """The states after the tokens, and log p of the targets.

    Args:
      inputs_BT: the tokens read.
      targets_BT: what comes after the last of them: `[B, T']`, T' <= T.
      carry: the states in front of them.

    Returns:
      The states, and `[B, T']` natural logarithms.
    """
    carry, h_TBH = self._read(self._embed(inputs_BT, None), carry, None)
    h_TBH = h_TBH[h_TBH.shape[0] - targets_BT.shape[1] :]
    log_p = softmax.log_probs(
      h_TBH.reshape(-1, h_TBH.shape[-1]),
      self._readout(),
      self.bias,
      targets_BT.T.reshape(-1),
      SCORE_CHUNK,
    )
    return carry, log_p.reshape(targets_BT.shape[::-1]).T

  def _embed(self, inputs_BT: Array, key: Key | None) -> Array:
    """`[T, B, D]`: row w of the embedding for word w."""
    x_TBD = jnp.take(self.embedding, inputs_BT.T, axis=0, mode="clip")
    return x_TBD if key is None else self._drop(key, x_TBD, "input")

  def _drop(self, key: Key, x_TBD: Array, where: str) -> Array:
    place = {"input": 0, "output": 1}[where]
    key = jax.random.fold_in(jax.random.fold_in(key, 0), place)
    return dropout(key, self.stack.dropout, x_TBD, self.stack.variational)

  def _read(
    self, x_TBD: Array, carry: Carry, key: Key | None, part: int | Array = 0
  ) -> tuple[Carry, Array]:
    """Unrolls the stack; `part` numbers the pieces of one batch."""
    if key is not None:
      # A mask over all of time is the same in every part.
      part = 0 if self.stack.variational else part
      key = jax.random.fold_in(jax.random.fold_in(key, 1), part)
    return unroll_stack(
      self.stack,
      self.layers,
      x_TBD,
      carry,
      checkpoint_every=self.checkpoint_every,
      dropout_key=key,
    )

  def _read_in_parts(
    self, x_TBD: Array, carry: Carry, key: Key | None
  ) -> tuple[Carry, Array]:
    """As `_read`, but no gradient passes from one k2 steps to the next."""
    parts = self.window // self.reach
    x_PTBD = x_TBD.reshape(parts, self.reach, *x_TBD.shape[1:])

    def body(carry: Carry, step: Any) -> tuple[Carry, Array]:
      part, x_TBD = step
      carry = jax.lax.stop_gradient(carry)
      return self._read(x_TBD, carry, key, part)

    carry, h_PTBH = jax.lax.scan(body, carry, (jnp.arange(parts), x_PTBD))
    return carry, h_PTBH.reshape(-1, *h_PTBH.shape[2:])

  def _readout(self) -> Array:
    return self.embedding.T if self.tied else self.kernel
