"""Vector to sequence: symbols written from one vector, such as an image."""

from collections.abc import Mapping
from typing import Any

from rnn_lab.errors import in_section
from rnn_lab.models.attention import DecoderCarry, DecoderParams
from rnn_lab.models.inputs import Inputs, input_settings
from rnn_lab.models.reading import check_without_effect
from rnn_lab.models.writing import Bridge, WritingModel
from rnn_lab.models.writing_fields import writing_arguments
from rnn_lab.tasks.base import Task
from rnn_lab.types import Batch, PyTree


class VectorToSequence(WritingModel):
  """Writes a sequence from a vector, which `vector_use` says how to use."""

  def setup(self) -> None:
    """Makes the parameters."""
    super().setup()
    self.inputs = Inputs(self.input_settings, self.embedding_init)
    self.bridge = Bridge(self.stack)

  def _start(
    self, batch: Batch, train: bool, perturbations: PyTree
  ) -> tuple[DecoderParams, DecoderCarry]:
    del perturbations
    vector_BE = self.inputs(batch.inputs, train)
    sets_carry = self.attention_settings.sets_carry
    layers = self.bridge(vector_BE) if sets_carry else None
    return self.decoder, self._first_carry(vector_BE, layers)


def build(section: Mapping[str, Any], task: Task) -> VectorToSequence:
  """Builds the model of this pattern; see `rnn_lab.models.build`."""
  with in_section("model"):
    settings, _ = input_settings(section, task)
    sizes = {"memory_size": 0, "vector_size": settings.size}
    arguments = writing_arguments(section, task, sizes)
    why = "as a vector has no steps to read"
    check_without_effect(section, "bidirectional", False, why)
    check_without_effect(section, "final_state", "top", why)
    decoder = section["decoder"]
    with in_section("decoder"):
      check_without_effect(decoder, "attention", "none", why)
      check_without_effect(decoder, "reverse_source", False, why)
      check_without_effect(decoder, "bridge", "dense", why)
    return VectorToSequence(**arguments)
