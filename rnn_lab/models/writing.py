"""The part that all models which write sequences of symbols share."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab import decoding
from rnn_lab._dropout import dropout
from rnn_lab._stack import (
  Directions,
  Stack,
  initial_for_batch,
  with_states,
  zero_initial,
)
from rnn_lab._unroll import unroll
from rnn_lab.cells.base import Cell, is_float, output_size
from rnn_lab.initializers import Initializer
from rnn_lab.models.attention import (
  AttentionSettings,
  DecoderCarry,
  DecoderParams,
  decoder_cell,
  first_carry,
  init_decoder,
)
from rnn_lab.models.base import (
  LossFunction,
  Recurrence,
  StatelessModel,
  Stepper,
  read_out,
  step_cost,
  time_major,
)
from rnn_lab.models.inputs import InputSettings, drop_embeddings
from rnn_lab.models.scheduled_sampling import self_reading
from rnn_lab.perturbations import perturbed
from rnn_lab.types import Array, Batch, Carry, PyTree


class WritingModel(StatelessModel):
  """Base of models that write symbols, each given those before it.

  In training the symbols before are those of the target (teacher forcing);
  with `scheduled_sampling` each is, at that rate, the model's own most probable
  symbol instead (Bengio et al. 2015), through which no gradient flows.

  Attributes:
    stack: the decoder's layers of cells.
    attention_settings: what its step reads.
    input_settings: of what the sequences are written from.
    num_symbols: V.
    start: the symbol that is read first.
    end: the symbol that ends a sequence.
    longest: the most symbols that are written, the end symbol included.
    scheduled_sampling: a rate; 0 is teacher forcing alone.
    learns_initial_state: the states before the first step are parameters, where
      the vector does not set them.
    readout_dropout: the rate at which what the readout reads is dropped.
    loss_function: the task's loss.
    embedding_init: initializer of all embeddings.
    readout_init: initializer of the readout's kernel.
  """

  stack: Stack
  attention_settings: AttentionSettings
  input_settings: InputSettings
  num_symbols: int
  start: int
  end: int
  longest: int
  scheduled_sampling: float
  learns_initial_state: bool
  readout_dropout: float
  loss_function: LossFunction
  embedding_init: Initializer
  readout_init: Initializer

  def setup(self) -> None:
    """Makes the parameters of the decoder."""
    settings = self.attention_settings
    shape = (self.num_symbols, settings.input_size)
    self.embedding = self.param("embedding", self.embedding_init, shape)
    self.decoder = self.param(
      "decoder", lambda key: init_decoder(self.stack, settings, key)
    )
    self.decoder_initial = None
    if self.learns_initial_state and not settings.sets_carry:
      self.decoder_initial = self.param(
        "decoder_initial_state", lambda key: zero_initial(self.stack)
      )
    self.readout = nn.Dense(self.num_symbols, kernel_init=self.readout_init)

  def _first_carry(
    self, vector_BE: Array, layers: tuple[Directions, ...] | None
  ) -> DecoderCarry:
    """Returns the carry before the first step.

    Args:
      vector_BE: the given vector.
      layers: the carries of the stack that the vector sets; None where it sets
        none: the cells' own, or the learned ones.
    """
    if layers is None and self.decoder_initial is not None:
      size = vector_BE.shape[0]
      layers = initial_for_batch(
        self.stack, size, self.decoder_initial, vector_BE.dtype
      )
    return first_carry(self.stack, self.attention_settings, layers, vector_BE)

  def _start(
    self, batch: Batch, train: bool, perturbations: PyTree
  ) -> tuple[DecoderParams, DecoderCarry]:
    """Returns the decoder's parameters and its carry before the first step."""
    raise NotImplementedError

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`: the decoder."""
    del carry
    params, first = self._start(batch, False, None)
    x_TBD = self._embed(self._before(batch))
    cell = decoder_cell(self.stack, self.attention_settings)
    return {
      "decoder": Recurrence(
        stack=Stack((cell,)),
        params=(Directions(params),),
        xs=(x_TBD, ()),
        carry=(Directions(first),),
        lengths_B=None,
        final="top",
        readout=self.readout.variables["params"],
        cost=step_cost(self.loss_function),
        targets=time_major((batch.targets, batch.weights)),
        weights_T=jnp.ones(x_TBD.shape[0]),
        reads="targets",
      )
    }

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`: symbols `[B]` in, logits `[B, V]` out."""
    params, first = self._start(batch, False, None)
    cell = decoder_cell(self.stack, self.attention_settings)
    return Stepper(first, self._symbol_step(cell, params))

  def decode(
    self, batch: Batch, *, beam_size: int = 1, length_penalty: float = 1.0
  ) -> Array:
    """Returns the symbols `[B, T]`; from the end symbol on all are it.

    Args:
      batch: what they are written from; its targets are not read.
      beam_size: 1 for greedy decoding; see `rnn_lab.decoding.beam_search`.
      length_penalty: of beam search.
    """
    stepper = self.stepper(batch)
    first_B = jnp.full(batch.weights.shape[0], self.start)
    args = (stepper.step, stepper.initial, first_B)
    if beam_size == 1:
      return decoding.greedy(*args, num_steps=self.longest, end=self.end).tokens
    return decoding.beam_search(
      *args,
      num_steps=self.longest,
      end=self.end,
      beam_size=beam_size,
      length_penalty=length_penalty,
    ).tokens[:, 0]

  def states(self, batch: Batch) -> dict[str, tuple[Directions, ...]]:
    """Returns the carries of each layer after each step, `[T, B, ...]`.

    The decoder's, given the batch's targets. The names are those of
    `recurrences`.
    """
    cell = with_states(decoder_cell(self.stack, self.attention_settings))
    _, (_, carries) = self._teacher_forced(cell, batch)
    return {"decoder": carries.layers}

  @property
  def attends(self) -> bool:
    """Whether the decoder has attention."""
    return self.attention_settings.attention != "none"

  def attention(self, batch: Batch) -> Array:
    """Returns the attention weights `[B, T, S]`, given the batch's targets."""
    cell = decoder_cell(self.stack, self.attention_settings, True)
    _, (_, weights_TBS) = self._teacher_forced(cell, batch)
    return weights_TBS.swapaxes(0, 1)

  def _teacher_forced(self, cell: Cell, batch: Batch) -> tuple[Carry, PyTree]:
    """Unrolls a decoder's cell that reads the batch's targets."""
    params, first = self._start(batch, False, None)
    x_TBD = self._embed(self._before(batch))
    return unroll(cell, params, (x_TBD, ()), first)

  def _before(self, batch: Batch) -> Array:
    """Returns `[T, B]`: the symbol in front of each target."""
    start_B1 = jnp.full_like(batch.targets[:, :1], self.start)
    return jnp.concatenate([start_B1, batch.targets[:, :-1]], axis=1).T

  def _embed(self, symbols: Array) -> Array:
    return jnp.take(self.embedding, symbols, axis=0, mode="clip")

  def _symbol_step(self, cell: Cell, params: DecoderParams) -> Any:
    readout = self.readout.variables["params"]
    embedding = self.embedding

    def step(carry: Carry, symbols_B: Array) -> tuple[Carry, Array]:
      x_BD = jnp.take(embedding, symbols_B, axis=0, mode="clip")
      carry, output_BO = cell.step(params, carry, (x_BD, ()))
      return carry, read_out(readout, output_BO)

    return step

  def _outputs(
    self, batch: Batch, train: bool = False, perturbations: PyTree = None
  ) -> Array:
    params, first = self._start(batch, train, perturbations)
    before_TB = self._before(batch)
    x_TBD = self._embed(before_TB)
    is_sampled = train and self.scheduled_sampling > 0.0
    drop = functools.partial(
      drop_embeddings, self.input_settings, self.make_rng
    )
    if is_sampled:
      # The step drops: the model's own symbols are not known before.
      kept_TBD = drop(jnp.ones_like(x_TBD))
    elif train:
      x_TBD = drop(x_TBD)
    masks = self._dropout_masks(*before_TB.shape) if train else ()
    cell = decoder_cell(self.stack, self.attention_settings)
    xs = (x_TBD, masks)
    if is_sampled:
      shape = (*before_TB.shape, 1)
      key = self.make_rng("dropout")
      own = jax.random.bernoulli(key, self.scheduled_sampling, shape)
      # The first symbol read is always the start symbol.
      own = own.at[0].set(False)
      cell = self_reading(cell, self.num_symbols)
      readout = self.readout.variables["params"]
      params, xs = (params, self.embedding, readout), (xs, own, kept_TBD)
      logits = jnp.zeros((before_TB.shape[1], self.num_symbols), x_TBD.dtype)
      first = (first, logits)
    elif perturbations:
      [added] = perturbations["decoder"]
      cell, xs = perturbed(cell), (xs, added.forward)
    _, output_TBO = unroll(
      cell,
      params,
      xs,
      first,
      checkpoint_every=self.stack.checkpoint_every,
      implementation="scan",  # of a step that is made here
    )
    output_BTO = output_TBO.swapaxes(0, 1)
    if train and self.readout_dropout > 0.0:
      key = self.make_rng("dropout")
      output_BTO = dropout(key, self.readout_dropout, output_BTO, False)
    return self.readout(output_BTO)

  def _dropout_masks(self, num_steps: int, size: int) -> tuple[Array, ...]:
    """Returns what the outputs of all layers but the last are multiplied by."""
    stack = self.stack
    if stack.dropout == 0.0:
      return ()
    masks = []
    for cell in stack.forward[:-1]:
      ones = jnp.ones((num_steps, size, output_size(cell, 1)))
      key = self.make_rng("dropout")
      masks.append(dropout(key, stack.dropout, ones, stack.variational))
    return tuple(masks)


class Bridge(nn.Module):
  """From a vector to the initial carries of a stack: a tanh layer for each.

  Attributes:
    stack: the layers.
  """

  stack: Stack

  @nn.compact
  def __call__(self, vector_BE: Array) -> tuple[Directions, ...]:
    """Returns the carries; arrays that are not floats are the cells' own."""
    carry = initial_for_batch(self.stack, vector_BE.shape[0])
    leaves, form = jax.tree.flatten(carry)
    bridged = [
      jnp.tanh(nn.Dense(leaf.shape[-1], name=f"state_{n}")(vector_BE))
      if is_float(leaf)
      else leaf
      for n, leaf in enumerate(leaves)
    ]
    return form.unflatten(bridged)
