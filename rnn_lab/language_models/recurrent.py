"""The recurrent language model: a stack of cells that reads words."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._dropout import dropout
from rnn_lab._stack import (
  Directions,
  Stack,
  init_stack,
  stack_output_size,
  unroll_stack,
)
from rnn_lab._stack_cell import as_cell
from rnn_lab.errors import in_section
from rnn_lab.initializers import Initializer
from rnn_lab.language_models import softmax
from rnn_lab.language_models.fields import check_sections
from rnn_lab.models.base import (
  Model,
  Recurrence,
  Stepper,
  step_cost,
  time_major,
)
from rnn_lab.tasks.language import LanguageTask
from rnn_lab.tasks.losses import cross_entropy
from rnn_lab.types import Array, Batch, Carry, Key, PyTree


class RecurrentLM(Model):
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

  def initial_carry(self, batch_size: int) -> Carry:
    """Returns the states before the first token of each stream: zeros."""
    return tuple(
      Directions(cell.initial_carry((batch_size,), jnp.float32))
      for cell in self.stack.forward
    )

  def outputs(self, batch: Batch, carry: Carry) -> Array:
    """Returns the logits `[B, T, V]` of all tokens of the batch."""
    carry = self.carry_before(batch, carry)
    _, h_TBH = self._read(self._embed(batch.inputs, None), carry, None)
    logits = jnp.einsum("tbh,hv->btv", h_TBH, self._readout())
    return logits + self.bias[None, None]

  def loss(
    self,
    batch: Batch,
    carry: Carry,
    *,
    train: bool = False,
    perturbations: PyTree = None,
  ) -> tuple[tuple[Array, Array], Carry]:
    """Truncated backpropagation through time, Williams and Peng 1990.

    Args:
      batch: `[B, max(k1, k2)]` tokens, of which the last k1 count.
      carry: the states in front of them.
      train: apply dropout; needs the rng "dropout".
      perturbations: see `Model.loss`.

    Returns:
      The sum of -log p over the counted tokens in nats and their weight; and
      the states to hand on, k1 tokens further.
    """
    drops = train and self.stack.dropout > 0.0
    key = self.make_rng("dropout") if drops else None
    carry = self.carry_before(batch, carry)
    x_TBD = self._embed(batch.inputs, key)
    added = perturbations and perturbations["stack"]
    if self.reach < self.window:
      carry, h_TBH = self._read_in_parts(x_TBD, carry, key, added)
    else:
      x, e = jax.tree.map(lambda a: a[: self.window], (x_TBD, added))
      carry, h_TBH = self._read(x, carry, key, added=e)
      if self.reach > self.window:
        x, e = jax.tree.map(lambda a: a[self.window :], (x_TBD, added))
        _, rest_TBH = self._read(x, carry, key, part=1, added=e)
        h_TBH = jnp.concatenate([h_TBH, rest_TBH])[-self.window :]
    if key is not None:
      h_TBH = self._drop(key, h_TBH, "output")

    def rows(array_BT: Array | np.ndarray) -> Array | np.ndarray:
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

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`; one pass over all tokens of the batch."""
    x_TBD = self._embed(batch.inputs, None)
    return {
      "stack": Recurrence(
        stack=self.stack,
        params=self.layers,
        xs=x_TBD,
        carry=self.carry_before(batch, carry),
        lengths_B=None,
        final="top",
        readout={"kernel": self._readout(), "bias": self.bias},
        cost=step_cost(cross_entropy),
        targets=time_major((batch.targets, batch.weights)),
        weights_T=jnp.ones(x_TBD.shape[0]),
      )
    }

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`: tokens `[B]` in, logits `[B, V]` out."""
    cell, layers = as_cell(self.stack), self.layers
    embedding, kernel, bias = self.embedding, self._readout(), self.bias

    def step(carry: Carry, tokens_B: Array) -> tuple[Carry, Array]:
      x_BD = jnp.take(embedding, tokens_B, axis=0, mode="clip")
      carry, h_BH = cell.step(layers, carry, x_BD)
      return carry, h_BH @ kernel + bias[None]

    return Stepper(self.initial_carry(batch.weights.shape[0]), step)

  def score(
    self, inputs_BT: Array, targets_BT: Array, carry: Carry
  ) -> tuple[Carry, Array]:
    """Returns the states after the tokens, and log p of the targets.

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
      softmax.SCORE_CHUNK,
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
    self,
    x_TBD: Array,
    carry: Carry,
    key: Key | None,
    part: int | Array = 0,
    added: PyTree = None,
  ) -> tuple[Carry, Array]:
    """Unrolls the stack; `part` numbers the pieces of one batch."""
    if key is not None:
      # A mask over all of time is the same in every part.
      part = 0 if self.stack.variational else part
      key = jax.random.fold_in(jax.random.fold_in(key, 1), part)
    options = {"dropout_key": key, "perturbations": added}
    return unroll_stack(self.stack, self.layers, x_TBD, carry, **options)

  def _read_in_parts(
    self, x_TBD: Array, carry: Carry, key: Key | None, added: PyTree
  ) -> tuple[Carry, Array]:
    """As `_read`, but no gradient passes from one k2 steps to the next."""
    parts = self.window // self.reach
    pieces = jax.tree.map(
      lambda a: a.reshape(parts, self.reach, *a.shape[1:]), (x_TBD, added)
    )

    def body(carry: Carry, step: Any) -> tuple[Carry, Array]:
      part, (x_TBD, added) = step
      carry = jax.lax.stop_gradient(carry)
      return self._read(x_TBD, carry, key, part, added)

    carry, h_PTBH = jax.lax.scan(body, carry, (jnp.arange(parts), pieces))
    return carry, h_PTBH.reshape(-1, *h_PTBH.shape[2:])

  def _readout(self) -> Array:
    return self.embedding.T if self.tied else self.kernel


def build(section: Mapping[str, Any], task: LanguageTask) -> RecurrentLM:
  """Builds the recurrent language model; see `rnn_lab.models.build`."""
  with in_section("model"):
    _, layers, arguments = check_sections(section, task)
  task.check_window()
  return RecurrentLM(
    stack=layers, tied=section["tied"], reach=task.reach, **arguments
  )
