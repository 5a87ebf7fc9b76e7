"""Models: cells unrolled through time, with a readout, as Flax modules."""

from rnn_lab.models.build import build
from rnn_lab.models.outputs import OUTPUTS
from rnn_lab.models.sequence import SequenceModel

__all__ = ["OUTPUTS", "SequenceModel", "build"]
