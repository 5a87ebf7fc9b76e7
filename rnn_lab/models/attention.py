"""A decoder's step as one cell, which may attend to a memory.

As it is a `Cell`, `unroll`, decoding and the gradient tools take it unchanged.
What it attends to is among its parameters: constant through time.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab._stack import (
  Directions,
  Stack,
  init_stack,
  initial_for_batch,
)
from rnn_lab.cells.base import Cell, affine, bias_row, output_size
from rnn_lab.initializers import glorot
from rnn_lab.types import Array, Carry, Key, Params

ATTENTIONS = ("none", "additive", "multiplicative")
# What the vector that a decoder starts from is used for.
VECTOR_USES = ("carry", "first_step", "every_step", "carry_and_every_step")


class AttentionSettings(NamedTuple):
  """What a decoder's step reads beside the symbol before.

  Attributes:
    attention: "none"; "additive": a_tj = v tanh(W s_{t-1} + U m_j), whose
      context the cells read (Bahdanau et al. 2015); "multiplicative":
      a_tj = h_t W m_j, of the new state (Luong et al. 2015).
    size: the features of the additive score's hidden layer.
    input_feeding: the cells also read the output vector of the step before
      (Luong et al. 2015).
    vector_use: what the given vector is used for: it sets the initial "carry",
      or is read by the cells at the "first_step" or at "every_step", or sets
      the carry and is read at every step ("carry_and_every_step", Cho et al.
      2014).
    memory_size: the features of a memory's places.
    vector_size: the features of the vector.
    input_size: the features of an embedded symbol.
  """

  attention: str
  size: int
  input_feeding: bool
  vector_use: str
  memory_size: int
  vector_size: int
  input_size: int

  @property
  def reads_vector(self) -> bool:
    """Whether the cells read the vector at some step."""
    return self.vector_use != "carry"

  @property
  def sets_carry(self) -> bool:
    """Whether the vector sets the initial carry."""
    return self.vector_use in ("carry", "carry_and_every_step")

  @property
  def has_output_layer(self) -> bool:
    """Whether the output vector is more than the hidden state."""
    return self.attention != "none" or self.vector_use.endswith("every_step")


class Memory(NamedTuple):
  """The places that are attended to.

  Attributes:
    values_BSM: what is read of each place.
    keys_BSA: what the score compares with.
    mask_BS: True at valid places.
  """

  values_BSM: Array
  keys_BSA: Array
  mask_BS: Array


class DecoderParams(NamedTuple):
  """The parameters of the step; arrays that the settings do not need are {}.

  Attributes:
    layers: of the stack, as `init_stack` makes them.
    score: of the attention.
    output: of the output vector, tanh([h, context, x, vector] W + b).
    memory: a `Memory`; None without attention.
  """

  layers: tuple[Directions, ...]
  score: dict[str, Array]
  output: dict[str, Array]
  memory: Memory | None = None


class DecoderCarry(NamedTuple):
  """What passes from step to step.

  Attributes:
    layers: the carries of the stack.
    output: the output vector of the step before, `[B, O]`; () where it is not
      read. Likewise
    vector: what the cells read of the given vector, `[B, E]`.
  """

  layers: tuple[Directions, ...]
  output: tuple[Array, ...]
  vector: tuple[Array, ...]


def init_decoder(
  stack: Stack, settings: AttentionSettings, key: Key
) -> DecoderParams:
  """Initialises the parameters; kernels by Glorot's scheme, biases zero."""
  keys = jax.random.split(key, 4)
  hidden = _hidden_size(stack)

  def kernel(n: int, *shape: int) -> Array:
    return glorot(1.0)(keys[n], shape, jnp.float32)

  def bias(size: int) -> Array:
    return jnp.zeros(size, jnp.float32)

  score, output = {}, {}
  if settings.attention == "additive":
    score = {
      "query_kernel": kernel(0, hidden, settings.size),
      "key_kernel": kernel(1, settings.memory_size, settings.size),
      "bias": bias(settings.size),
      "score_kernel": kernel(2, settings.size, 1),
    }
  if settings.attention == "multiplicative":
    score = {"key_kernel": kernel(1, settings.memory_size, hidden)}
  if settings.has_output_layer:
    size = hidden + settings.input_size
    size += settings.memory_size * (settings.attention != "none")
    size += settings.vector_size * settings.reads_vector
    output = {"kernel": kernel(3, size, hidden), "bias": bias(hidden)}
  layers = init_stack(stack, key, _step_size(stack, settings))
  return DecoderParams(layers, score, output)


def remember(
  params: DecoderParams, values_BSM: Array, mask_BS: Array
) -> DecoderParams:
  """Returns the parameters with a memory to attend to."""
  keys_BSA = affine(params.score["key_kernel"], values_BSM, values_BSM.dtype)
  return params._replace(memory=Memory(values_BSM, keys_BSA, mask_BS))


@functools.cache
def decoder_cell(
  stack: Stack, settings: AttentionSettings, with_attention: bool = False
) -> Cell:
  """Returns the step `(params, carry, (x_BD, masks)) -> (carry, output_BO)`.

  Args:
    stack: the layers of cells, one-directional.
    settings: see `AttentionSettings`.
    with_attention: return the pair (output_BO, `[B, S]` attention weights).

  Returns:
    A cell whose parameters are `DecoderParams`. `masks` are what the outputs
    of each layer but the last are multiplied by for dropout: `[B, H]` each, or
    ().
  """
  size = _hidden_size(stack)

  def init(key: Key, input_size: int) -> Params:
    return init_decoder(stack, settings._replace(input_size=input_size), key)

  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> Carry:
    layers = tuple(
      Directions(cell.initial_carry(batch_shape, dtype))
      for cell in stack.forward
    )
    output = jnp.zeros((*batch_shape, size), dtype)
    vector = jnp.zeros((*batch_shape, settings.vector_size), dtype)
    return DecoderCarry(
      layers,
      (output,) if settings.input_feeding else (),
      (vector,) if settings.reads_vector else (),
    )

  def step(params: DecoderParams, carry: DecoderCarry, x: Any) -> tuple:
    x_BD, masks = x
    context, weights_BS = [], None
    if settings.attention == "additive":
      assert params.memory is not None  # see `remember`
      h_BH = carry.layers[-1].forward.h
      weights_BS = _additive(params.score, params.memory, h_BH)
      context = [_read(params.memory, weights_BS)]
    read = [x_BD, *carry.vector, *carry.output, *context]
    layers, h_BH = _step_layers(
      stack, params.layers, carry.layers, jnp.concatenate(read, -1), masks
    )
    if settings.attention == "multiplicative":
      assert params.memory is not None
      weights_BS = _multiplicative(params.memory, h_BH)
      context = [_read(params.memory, weights_BS)]
    output_BO = h_BH
    if settings.has_output_layer:
      parts = jnp.concatenate([h_BH, *context, x_BD, *carry.vector], -1)
      z_BO = affine(params.output["kernel"], parts, h_BH.dtype)
      output_BO = jnp.tanh(z_BO + bias_row(params.output["bias"], z_BO))
    after = carry._replace(layers=layers)
    if settings.vector_use == "first_step":
      after = after._replace(vector=(jnp.zeros_like(carry.vector[0]),))
    if settings.input_feeding:
      after = after._replace(output=(output_BO,))
    return after, (output_BO, weights_BS) if with_attention else output_BO

  return Cell(init, initial_carry, step, "decoder", (stack, settings))


def first_carry(
  stack: Stack,
  settings: AttentionSettings,
  layers: tuple[Directions, ...] | None,
  vector_BE: Array,
) -> DecoderCarry:
  """Returns the carry before the first step.

  Args:
    stack, settings: of the decoder.
    layers: the carries of the stack; None for the cells' own.
    vector_BE: the given vector.
  """
  size = vector_BE.shape[0]
  cell = decoder_cell(stack, settings)
  carry = cell.initial_carry((size,), vector_BE.dtype)
  if layers is None:
    layers = initial_for_batch(stack, size, dtype=vector_BE.dtype)
  vector = (vector_BE,) if settings.reads_vector else ()
  return carry._replace(layers=layers, vector=vector)


def _step_layers(
  stack: Stack,
  params: tuple[Directions, ...],
  carry: tuple[Directions, ...],
  x_BD: Array,
  masks: tuple[Array, ...],
) -> tuple[tuple[Directions, ...], Array]:
  after = []
  for layer, cell in enumerate(stack.forward):
    if layer and masks:
      x_BD = x_BD * masks[layer - 1]
    new, x_BD = cell.step(params[layer].forward, carry[layer].forward, x_BD)
    after.append(Directions(new))
  return tuple(after), x_BD


def _additive(score: dict[str, Array], memory: Memory, h_BH: Array) -> Array:
  query_BA = affine(score["query_kernel"], h_BH, h_BH.dtype)
  query_BA = query_BA + bias_row(score["bias"], query_BA)
  hidden_BSA = jnp.tanh(query_BA[:, None] + memory.keys_BSA)
  return _softmax(hidden_BSA @ score["score_kernel"][:, 0], memory)


def _multiplicative(memory: Memory, h_BH: Array) -> Array:
  return _softmax(jnp.einsum("bsh,bh->bs", memory.keys_BSA, h_BH), memory)


def _softmax(scores_BS: Array, memory: Memory) -> Array:
  """Attention weights; zeros where no place is valid."""
  weights_BS = jax.nn.softmax(scores_BS, axis=-1, where=memory.mask_BS)
  return jnp.where(memory.mask_BS, weights_BS, 0.0)


def _read(memory: Memory, weights_BS: Array) -> Array:
  return jnp.einsum("bs,bsm->bm", weights_BS, memory.values_BSM)


def _hidden_size(stack: Stack) -> int:
  return output_size(stack.forward[-1], 1)


def _step_size(stack: Stack, settings: AttentionSettings) -> int:
  """The features that the first layer reads."""
  return (
    settings.input_size
    + settings.vector_size * settings.reads_vector
    + _hidden_size(stack) * settings.input_feeding
    + settings.memory_size * (settings.attention == "additive")
  )
