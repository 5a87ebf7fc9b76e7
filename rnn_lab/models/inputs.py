"""From a batch's inputs to vectors: embeddings, spellings, images."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab._dropout import dropout
from rnn_lab._stack import Stack, final_state, init_stack, stack, unroll_stack
from rnn_lab.cells import lstm
from rnn_lab.errors import (
  FieldError,
  check_fields,
  check_float,
  check_size,
  in_section,
)
from rnn_lab.initializers import Initializer, kernel_initializer
from rnn_lab.tasks.base import IMAGES, SPELLINGS, SYMBOLS, VECTORS, Spec, Task
from rnn_lab.types import Array, Key, PyTree

# Channels of the convolutions that read an image, each of which halves it.
IMAGE_CHANNELS = (16, 32)
SIZES = (
  "embedding_size",
  "character_size",
  "character_features",
  "image_features",
)
FIELDS = (
  *SIZES,
  "embedding_init",
  "embedding_scale",
  "dropout",
  "symbol_dropout",
)


class InputSettings(NamedTuple):
  """`config.model.inputs`, and the task's inputs.

  Attributes:
    specs: (name, Spec) of each input; the name is "" where there is one.
    embedding_size: the features of each embedded symbol.
    dropout: the rate at which the features of embeddings are dropped.
    symbol_dropout: the rate at which whole symbols are dropped: their
      embeddings are zero.
    character_size: the features of an embedded character of a spelling.
    character_features: the hidden units, in each direction, of the LSTM that
      reads a spelling.
    image_features: the features of an image.
  """

  specs: tuple[tuple[str, Spec], ...]
  embedding_size: int = 0
  dropout: float = 0.0
  symbol_dropout: float = 0.0
  character_size: int = 0
  character_features: int = 0
  image_features: int = 0

  @property
  def size(self) -> int:
    """D, the features of all inputs together."""
    sizes = {
      SYMBOLS: self.embedding_size,
      SPELLINGS: 2 * self.character_features,
      IMAGES: self.image_features,
    }
    return sum(sizes.get(spec.form, spec.size) for _, spec in self.specs)


class Inputs(nn.Module):
  """Turns each input into a vector, a step where it has steps, and joins them.

  Vectors stay as they are. Symbols are embedded. A spelling is the final state
  of a bidirectional LSTM over its characters (Lample et al. 2016). An image
  passes convolutions and one layer of tanh units.

  Attributes:
    settings: the inputs and sizes.
    embedding_init: initializer of the embeddings.
  """

  settings: InputSettings
  embedding_init: Initializer

  @nn.compact
  def __call__(self, inputs: PyTree, train: bool = False) -> Array:
    """Returns `[B, T, D]`, or `[B, D]` of an image.

    Args:
      inputs: `Batch.inputs`.
      train: apply dropout; needs the rng "dropout".
    """
    readers = {
      VECTORS: lambda name, spec, x: x,
      SYMBOLS: self._embed,
      SPELLINGS: self._spell,
      IMAGES: self._see,
    }
    parts, has_embeddings = [], False
    for name, spec in self.settings.specs:
      x = inputs[name] if name else inputs
      parts.append(readers[spec.form](name, spec, x))
      has_embeddings |= spec.form in (SYMBOLS, SPELLINGS)
    x = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
    if train and has_embeddings:
      x = drop_embeddings(self.settings, self.make_rng, x)
    return x

  def _embed(self, name: str, spec: Spec, x_BT: Array) -> Array:
    shape = (spec.size, self.settings.embedding_size)
    table = self.param(_name("embedding", name), self.embedding_init, shape)
    return jnp.take(table, x_BT, axis=0, mode="clip")

  def _spell(self, name: str, spec: Spec, x_BTC: Array) -> Array:
    settings = self.settings
    shape = (spec.size, settings.character_size)
    table = self.param(
      _name("character_embedding", name), self.embedding_init, shape
    )
    layers = _spelling_stack(settings.character_features)
    params = self.param(
      _name("spelling", name),
      lambda key: init_stack(layers, key, settings.character_size),
    )
    batch, steps, width = x_BTC.shape
    x_CN = x_BTC.reshape(-1, width).T
    lengths_N = jnp.sum(x_CN != 0, axis=0)
    x_CND = jnp.take(table, x_CN, axis=0, mode="clip")
    carry, _ = unroll_stack(layers, params, x_CND, lengths_B=lengths_N)
    return final_state(carry, "top").reshape(batch, steps, -1)

  def _see(self, name: str, spec: Spec, x: Array) -> Array:
    del spec
    for n, channels in enumerate(IMAGE_CHANNELS):
      layer = nn.Conv(
        channels, (3, 3), strides=2, name=_name(f"convolution_{n}", name)
      )
      x = nn.relu(layer(x))
    layer = nn.Dense(self.settings.image_features, name=_name("image", name))
    return jnp.tanh(layer(x.reshape(x.shape[0], -1)))


def drop_embeddings(
  settings: InputSettings, make_rng: Callable[[str], Key], x: Array
) -> Array:
  """Drops whole symbols, and features of embeddings.

  Args:
    settings: the rates.
    make_rng: the module's.
    x: `[..., D]` embeddings.
  """
  if settings.symbol_dropout > 0.0:
    key, shape = make_rng("dropout"), (*x.shape[:-1], 1)
    kept = jax.random.bernoulli(key, 1.0 - settings.symbol_dropout, shape)
    x = jnp.where(kept, x, 0.0)
  if settings.dropout > 0.0:
    key = make_rng("dropout")
    x = dropout(key, settings.dropout, x, variational=False)
  return x


def _name(parameter: str, name: str) -> str:
  return f"{parameter}_{name}" if name else parameter


def _spelling_stack(features: int) -> Stack:
  return stack([lstm(features)], bidirectional=True)


def input_settings(
  section: Mapping[str, Any], task: Task
) -> tuple[InputSettings, Initializer]:
  """Checks `config.model.inputs`; returns it, and the embeddings' initializer.

  Args:
    section: `config.model`; without symbols, spellings or images in the task
      it needs no section `inputs`.
    task: the task.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  specs = task.input_spec
  specs = {"": specs} if isinstance(specs, Spec) else specs
  specs = tuple(specs.items())
  if "inputs" not in section:
    if all(spec.form == VECTORS for _, spec in specs):
      return InputSettings(specs), kernel_initializer("", "zeros", 0.0)
    raise FieldError(
      "inputs", f"{{field}} is required, as task {task.name!r} has no vectors"
    )
  with in_section("inputs"):
    fields = dict(section["inputs"])
    check_fields(fields, FIELDS, required=FIELDS)
    for name in SIZES:
      check_size(name, fields[name])
    check_float("embedding_scale", fields["embedding_scale"], 0.0)
    for name in ("dropout", "symbol_dropout"):
      check_float(name, fields[name], 0.0, 1.0, below=True)
    init, scale = fields.pop("embedding_init"), fields.pop("embedding_scale")
    return (
      InputSettings(specs, **fields),
      kernel_initializer("embedding_init", init, scale),
    )
