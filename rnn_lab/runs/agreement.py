"""Whether the processes of a run have been given the same."""

import json

from rnn_lab import processes
from rnn_lab.errors import FieldError
from rnn_lab.rundir import flatten
from rnn_lab.runs.data_files import by_field, is_location
from rnn_lab.training.settings import Plan


def check_same(plan: Plan) -> None:
  """Checks that all processes of a run have the same config and data.

  Raises:
    FieldError: they have not. The others raise EndedElsewhere.
  """
  config = {
    field: value
    for field, value in flatten(plan.config | {"run": plan.run}).items()
    if not is_location(field)
  }
  hashes = by_field(plan.task.hashes, plan.config["task"])
  other = processes.differing(json.dumps([config, hashes], sort_keys=True))
  error = None
  if other and processes.is_first():
    error = FieldError(
      "distributed",
      "{field} needs the same config and the same data in all processes, which "
      f"process {other} has not",
    )
  error = processes.shared_error(error)
  if error is not None:
    raise error
