"""Models by kind, and the one function that builds a model from a config."""

import pkgutil
from collections.abc import Mapping
from typing import Any

from rnn_lab.errors import FieldError, check_choice, in_section
from rnn_lab.tasks.base import Task

# From `config.model.kind` to the function that builds it, imported when used.
MODELS = {
  "sequence": "rnn_lab.models.sequence:build",
  "recurrent": "rnn_lab.language_models.recurrent:build",
  "window": "rnn_lab.language_models.window_mlp:build",
  "ngram": "rnn_lab.language_models.fields:build_ngram",
}


def build(section: Mapping[str, Any], task: Task) -> Any:
  """Builds the model that a config's section `model` describes.

  Args:
    section: `kind`, a key of MODELS, and the fields of that kind.
    task: gives the sizes.

  Returns:
    A `rnn_lab.models.base.Model`, or, of a model that is counted, what its
    way of fitting takes. `fit` names that way, a key of
    `rnn_lab.runs.fitting.FITS`.

  Raises:
    FieldError: a field is unknown, missing or out of its range.
  """
  with in_section("model"):
    if "kind" not in section:
      raise FieldError("kind", "{field} is required")
    check_choice("kind", section["kind"], MODELS)
  return pkgutil.resolve_name(MODELS[section["kind"]])(section, task)
