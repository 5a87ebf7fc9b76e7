"""When a seed that no longer gets better is trained no further."""

from typing import Any, NamedTuple

from rnn_lab.errors import INT32_MAX
from rnn_lab.training.settings import Settings


class Patience(NamedTuple):
  """`train.patience` in steps.

  Attributes:
    steps: from its best evaluation to one that is the last.
    every: steps between evaluations.
  """

  steps: int
  every: int

  def is_over(self, step: Any, best_step: Any) -> Any:
    """Whether a seed has ended by a step, as arrays or as numbers.

    Args:
      step: updates that were made.
      best_step: of the best evaluation, negative before the first.
    """
    evaluated = step // self.every * self.every
    return evaluated - best_step * (best_step > 0) >= self.steps


def patience_of(settings: Settings) -> Patience | None:
  """Returns the patience of settings that are counted in steps, if any."""
  every, evaluations = settings.eval.every, settings.train.patience
  if not evaluations:
    return None
  return Patience(min(evaluations * every, INT32_MAX), every)
