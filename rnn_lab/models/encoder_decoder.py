"""Encoder-decoder: one sequence read, another one written."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab._stack import (
  Directions,
  Stack,
  final_state,
  init_stack,
  initial_for_batch,
  stack_output_size,
  unroll_stack,
  zero_initial,
)
from rnn_lab.errors import FieldError, in_section
from rnn_lab.models.attention import (
  DecoderCarry,
  DecoderParams,
  remember,
)
from rnn_lab.models.base import Recurrence
from rnn_lab.models.inputs import Inputs
from rnn_lab.models.reading import reading_arguments
from rnn_lab.models.steps import input_mask, reverse_sequences, valid_steps
from rnn_lab.models.writing import Bridge, WritingModel
from rnn_lab.models.writing_fields import decoder_fields, writing_arguments
from rnn_lab.tasks.base import Task
from rnn_lab.types import Batch, Carry, PyTree


class EncoderDecoder(WritingModel):
  """Sutskever et al. 2014; Cho et al. 2014; with attention, Bahdanau 2015.

  The final states of the encoder are the vector that the decoder starts from;
  with attention the decoder also reads the encoder's outputs.

  Attributes:
    encoder: the encoder's layers of cells.
    final: the layers whose final states are the vector: "top" or "all".
    bridge: "copy": the encoder's final carries are the decoder's first ones;
      "dense": a tanh layer makes them of the vector.
    reverse_source: the encoder reads the sequences from their ends (Sutskever
      et al. 2014).

  With `learns_initial_state` the encoder's states before the first step are
  parameters, too.
  """

  encoder: Stack
  final: str
  bridge: str
  reverse_source: bool

  def setup(self) -> None:
    """Makes the parameters."""
    super().setup()
    self.inputs = Inputs(self.input_settings, self.embedding_init)
    size = self.input_settings.size
    self.encoder_layers = self.param(
      "encoder", lambda key: init_stack(self.encoder, key, size)
    )
    self.initial = None
    if self.learns_initial_state:
      self.initial = self.param(
        "initial_state", lambda key: zero_initial(self.encoder)
      )
    self.to_decoder = Bridge(self.stack, name="bridge")

  def recurrences(self, batch: Batch, carry: Carry) -> dict[str, Recurrence]:
    """See `Model.recurrences`: the encoder and the decoder."""
    first = None
    if self.initial is not None:
      size = batch.weights.shape[0]
      first = initial_for_batch(self.encoder, size, self.initial)
    as_read = self._as_read(batch)
    x_TBD = self.inputs(as_read.inputs).swapaxes(0, 1)
    encoder = Recurrence(
      stack=self.encoder,
      params=self.encoder_layers,
      xs=x_TBD,
      carry=first,
      lengths_B=batch.input_lengths,
      mask_TB=input_mask(as_read),
      final=self.final,
      readout=(),
      cost=None,
      targets=(),
      weights_T=jnp.zeros(x_TBD.shape[0]),
      writes="none",
    )
    return {"encoder": encoder} | super().recurrences(batch, carry)

  def states(self, batch: Batch) -> dict[str, tuple[Directions, ...]]:
    """See `WritingModel.states`: those of the encoder and of the decoder.

    The encoder's are zero at steps that are skipped; they are in the order that
    the source is read in, so the first one of a reversed source is that after
    its last symbol.
    """
    encoder = self._encode(self._as_read(batch), return_states=True)[2]
    return {"encoder": encoder} | super().states(batch)

  def _as_read(self, batch: Batch) -> Batch:
    """Returns the batch with its inputs in the order that they are read in."""
    if not self.reverse_source:
      return batch
    inputs, mask_BT = jax.tree.map(
      lambda a: reverse_sequences(a, batch.input_lengths),
      (batch.inputs, batch.input_mask),
    )
    return batch._replace(inputs=inputs, input_mask=mask_BT)

  def _encode(
    self,
    batch: Batch,
    train: bool = False,
    perturbations: PyTree = None,
    return_states: bool = False,
  ) -> tuple[Any, ...]:
    """Returns what `unroll_stack` does, of a batch from `_as_read`."""
    drops = train and self.encoder.dropout > 0.0
    return unroll_stack(
      self.encoder,
      self.encoder_layers,
      self.inputs(batch.inputs, train).swapaxes(0, 1),
      initial=self.initial,
      lengths_B=batch.input_lengths,
      mask_TB=input_mask(batch),
      dropout_key=self.make_rng("dropout") if drops else None,
      perturbations=perturbations and perturbations["encoder"],
      return_states=return_states,
    )

  def _start(
    self, batch: Batch, train: bool, perturbations: PyTree
  ) -> tuple[DecoderParams, DecoderCarry]:
    batch = self._as_read(batch)
    carry, y_SBM = self._encode(batch, train, perturbations)
    settings, params = self.attention_settings, self.decoder
    vector_BE = final_state(carry, self.final)
    layers = None
    if settings.sets_carry:
      is_copy = self.bridge == "copy"
      layers = carry if is_copy else self.to_decoder(vector_BE)
    if settings.attention != "none":
      mask_BS = valid_steps(batch, y_SBM.shape[0]).T
      params = remember(params, y_SBM.swapaxes(0, 1), mask_BS)
    return params, self._first_carry(vector_BE, layers)


def build(section: Mapping[str, Any], task: Task) -> EncoderDecoder:
  """Builds the model of this pattern; see `rnn_lab.models.build`."""
  with in_section("model"):
    reading = reading_arguments(section, task)
    encoder, fields = reading["stack"], decoder_fields(section)
    size = reading["input_settings"].size
    final = section["final_state"]
    layers = len(encoder.forward) if final == "all" else 1
    width = stack_output_size(encoder, size)
    sizes = {"memory_size": width, "vector_size": width * layers}
    arguments = writing_arguments(section, task, sizes)
    if fields["bridge"] == "copy" and encoder.backward:
      raise FieldError(
        "decoder.bridge",
        "{field} must be 'dense' with a bidirectional encoder, got 'copy'",
      )
    return EncoderDecoder(
      **arguments,
      encoder=encoder,
      final=final,
      bridge=fields["bridge"],
      reverse_source=fields["reverse_source"],
    )
