"""The fixed-window language model: a neural network for the n-gram's question.

Its probabilities are never zero and it stores no n-grams, but what lies before
its window it cannot see.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from rnn_lab.errors import in_section
from rnn_lab.initializers import Initializer
from rnn_lab.language_models import softmax
from rnn_lab.language_models.counts import MAX_ORDER
from rnn_lab.language_models.fields import check_sections
from rnn_lab.models.base import Model, Stepper
from rnn_lab.tasks.language import LanguageTask
from rnn_lab.types import Array, Batch, Carry, PyTree


class WindowLM(Model):
  """p(w_t | the n-1 words before) by a feed-forward network.

  With x the embeddings of the n-1 words side by side, of which every word
  position shares the one matrix:

      y = softmax(b + W x + v tanh(d + u x)),  W only if `direct`

  Bengio et al. 2003.

  Attributes:
    vocabulary_size: V.
    context: n-1, the words that the network sees.
    embedding_size: D.
    hidden_size: H.
    direct: connect the embeddings to the softmax directly, too.
    embedding_init: initializer of the embedding.
    hidden_init: initializer of u.
    readout_init: initializer of v, and of W.
    readout_bias_init: initializer of b.
    start: the token that fills the window in front of a text's beginning.
    window: k1, the tokens that each update is made for; those that a batch
      holds in front of them are for recurrent networks.
    loss_chunk: tokens whose V probabilities are held at once while training.
  """

  vocabulary_size: int
  context: int
  embedding_size: int
  hidden_size: int
  direct: bool
  embedding_init: Initializer
  hidden_init: Initializer
  readout_init: Initializer
  readout_bias_init: Initializer
  start: int
  window: int
  loss_chunk: int

  def setup(self) -> None:
    """Makes the parameters."""
    width = self.context * self.embedding_size
    words = self.vocabulary_size
    self.embedding = self.param(
      "embedding", self.embedding_init, (words, self.embedding_size)
    )
    self.hidden_kernel = self.param(
      "hidden_kernel", self.hidden_init, (width, self.hidden_size)
    )
    self.hidden_bias = self.param(
      "hidden_bias", nn.initializers.zeros, (self.hidden_size,)
    )
    self.kernel = self.param(
      "readout_kernel", self.readout_init, (self.hidden_size, words)
    )
    self.bias = self.param("readout_bias", self.readout_bias_init, (words,))
    if self.direct:
      self.direct_kernel = self.param(
        "direct_kernel", self.readout_init, (width, words)
      )

  def details(self) -> dict[str, Any]:
    """Returns the size that the network has by n, beside n-gram models.

    Returns:
      "parameters_by_order": the "model" in words, "counts" of parameters where
      it reads n-1 words, `{"2": parameters, ...}`, and their "formula" in
      words.
    """
    sizes = self.vocabulary_size, self.embedding_size, self.hidden_size
    words = ", ".join(f"{k} = {size:,}" for k, size in zip("VDH", sizes))
    formula = "VD + (n-1)DH + H + HV + V"
    formula += " + (n-1)DV" if self.direct else ""
    return {
      "parameters_by_order": {
        "model": "window network",
        "counts": {
          str(n): num_parameters(n - 1, *sizes, direct=self.direct)
          for n in range(2, MAX_ORDER + 1)
        },
        "formula": (
          f"the window network has {formula} parameters for a vocabulary of V, "
          f"embeddings of D and H hidden units, where {words}"
        ),
      }
    }

  def initial_carry(self, batch_size: int) -> Carry:
    """Returns `[B, n-2]`, the words before the first to be read: none yet."""
    return jnp.full((batch_size, self.context - 1), self.start, jnp.int32)

  def outputs(self, batch: Batch, carry: Carry) -> Array:
    """Returns the logits `[B, T, V]` of all tokens of the batch."""
    _, h_BTH = self._read(batch.inputs, self.carry_before(batch, carry))
    return h_BTH @ self._readout() + self.bias[None, None]

  def loss(
    self,
    batch: Batch,
    carry: Carry,
    *,
    train: bool = False,
    perturbations: PyTree = None,
  ) -> tuple[tuple[Array, Array], Carry]:
    """Returns the sum of -log p in nats and its weight; the last words."""
    del train, perturbations
    carry = self.carry_before(batch, carry)
    carry, h_BTH = self._read(batch.inputs[:, -self.window :], carry)
    weights_BT = batch.weights[:, -self.window :]
    total = softmax.cross_entropy(
      h_BTH.reshape(-1, h_BTH.shape[-1]),
      self._readout(),
      self.bias,
      batch.targets[:, -self.window :].reshape(-1),
      weights_BT.reshape(-1),
      self.loss_chunk,
    )
    return (total, jnp.sum(weights_BT)), carry

  def stepper(self, batch: Batch) -> Stepper:
    """See `Model.stepper`: tokens `[B]` in, logits `[B, V]` out."""
    weights = self.embedding, self.hidden_kernel, self.hidden_bias
    kernel, bias, direct = self._readout(), self.bias, self.direct

    def step(carry: Carry, tokens_B: Array) -> tuple[Carry, Array]:
      carry, h_BTH = _features(weights, tokens_B[:, None], carry, direct)
      return carry, h_BTH[:, 0] @ kernel + bias[None]

    return Stepper(self.initial_carry(batch.weights.shape[0]), step)

  def score(
    self, inputs_BT: Array, targets_BT: Array, carry: Carry
  ) -> tuple[Carry, Array]:
    """See `RecurrentLM.score`."""
    carry, h_BTH = self._read(inputs_BT, carry)
    h_BTH = h_BTH[:, h_BTH.shape[1] - targets_BT.shape[1] :]
    log_p = softmax.log_probs(
      h_BTH.reshape(-1, h_BTH.shape[-1]),
      self._readout(),
      self.bias,
      targets_BT.reshape(-1),
      softmax.SCORE_CHUNK,
    )
    return carry, log_p.reshape(targets_BT.shape)

  def _read(self, inputs_BT: Array, carry: Carry) -> tuple[Carry, Array]:
    weights = self.embedding, self.hidden_kernel, self.hidden_bias
    return _features(weights, inputs_BT, carry, self.direct)

  def _readout(self) -> Array:
    if not self.direct:
      return self.kernel
    return jnp.concatenate([self.kernel, self.direct_kernel])


def _features(
  weights: tuple[Array, ...], inputs_BT: Array, carry: Carry, direct: bool
) -> tuple[Carry, Array]:
  """Returns the last words, and what the softmax reads: `[B, T, H]` or more."""
  embedding, hidden_kernel, hidden_bias = weights
  steps, context = inputs_BT.shape[1], carry.shape[1] + 1
  words_BT = jnp.concatenate([carry, inputs_BT], axis=1)
  e_BTD = jnp.take(embedding, words_BT, axis=0, mode="clip")
  # The window's words side by side, the oldest first.
  x_BTD = jnp.concatenate(
    [e_BTD[:, k : k + steps] for k in range(context)], axis=-1
  )
  h_BTH = jnp.tanh(x_BTD @ hidden_kernel + hidden_bias[None, None])
  if direct:
    h_BTH = jnp.concatenate([h_BTH, x_BTD], axis=-1)
  return words_BT[:, steps:], h_BTH


def num_parameters(
  context: int,
  vocabulary_size: int,
  embedding_size: int,
  hidden_size: int,
  direct: bool = False,
) -> int:
  """Parameters of a `WindowLM`: they grow by D H a word of context.

  With `direct`, by D (H + V).
  """
  width = context * embedding_size
  count = vocabulary_size * embedding_size + (width + 1) * hidden_size
  count += (hidden_size + 1) * vocabulary_size
  return count + (width * vocabulary_size if direct else 0)


def build(section: Mapping[str, Any], task: LanguageTask) -> WindowLM:
  """Builds the window network; see `rnn_lab.models.build`."""
  with in_section("model"):
    *_, arguments = check_sections(section, task)
  task.check_window()
  return WindowLM(
    context=section["window"]["order"] - 1,
    hidden_size=section["hidden_size"],
    direct=section["window"]["direct"],
    hidden_init=arguments["readout_init"],
    start=task.corpus.vocabulary.start,
    **arguments,
  )
