"""The test score of a trial by the length of its inputs."""

from typing import NamedTuple

from rnn_lab.reports.details import details_of
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import mean


class LengthBin(NamedTuple):
  """Test examples whose inputs have about the same length.

  Attributes:
    shortest: the steps of the shortest input.
    longest: those of the longest.
    mean_length: the mean of all.
    examples: how many there are.
    values: the score of each seed that did not diverge.
  """

  shortest: int
  longest: int
  mean_length: float
  examples: int
  values: list[float | None]

  @property
  def score(self) -> float | None:
    """The mean over seeds; None if there is none."""
    return mean(self.values)

  @property
  def steps(self) -> str:
    """The lengths in words: "12 to 30"."""
    ends = dict.fromkeys([str(self.shortest), str(self.longest)])
    return " to ".join(ends)


def length_bins(trial: Trial | None, metric: str) -> list[LengthBin]:
  """Returns the bins, those of short inputs first; [] if not evaluated so."""
  rows = details_of(trial).get("scores_by_length", [])
  seeds = [] if trial is None else trial.seeds
  return [
    LengthBin(
      row["shortest"],
      row["longest"],
      row["mean_length"],
      row["examples"],
      [
        value
        for value, seed in zip(row["scores"][metric], seeds)
        if seed["status"] != "diverged"
      ],
    )
    for row in rows
    if metric in row["scores"]
  ]
