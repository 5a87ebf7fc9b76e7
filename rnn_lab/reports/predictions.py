"""Pictures of predictions, for those that have one."""

import pathlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from rnn_lab.errors import FieldError

# From a key that a prediction has to the function that draws it, imported when
# used: `(row, path)`.
PICTURES = {
  "attention": "rnn_lab.reports.attention:draw_attention",
  "columns": "rnn_lab.reports.forecast:draw_forecast",
}


def draw_prediction(row: Mapping[str, Any], path: str | pathlib.Path) -> None:
  """Draws a prediction: its attention, or a forecast after its series.

  Args:
    row: of `rnn_lab.predictors.predict`.
    path: the PNG to write.

  Raises:
    FieldError: `figure`, if there is no picture of such a prediction, or the
      file cannot be written.
  """
  names = [name for key, name in PICTURES.items() if key in row]
  if not names:
    raise FieldError(
      "figure",
      "{field} needs the run of a forecast, or of a model with attention; "
      "this run has no picture of its predictions",
    )
  try:
    pkgutil.resolve_name(names[0])(row, path)
  except OSError as error:
    raise FieldError(
      "figure", f"{{field}} cannot be written to {path}: {error.strerror}"
    ) from error
