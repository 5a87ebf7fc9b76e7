"""Decoding: sequences of symbols from a model's distribution of the next one.

All functions take a step `(carry, tokens_B) -> (carry, logits_BV)`, as the
`Stepper` of every model has it, are compiled with it, and work on any carry
whose arrays have a leading dimension B.
"""

from rnn_lab.decoding._beam import WIDEST_BEAM, Beams, beam_search
from rnn_lab.decoding._feedback import free_run
from rnn_lab.decoding._one_by_one import Decoded, greedy, sample
from rnn_lab.decoding._sampling import check_sampling, sampling_logits

__all__ = [
  "WIDEST_BEAM",
  "Beams",
  "Decoded",
  "beam_search",
  "check_sampling",
  "free_run",
  "greedy",
  "sample",
  "sampling_logits",
]
