"""Whether a run can begin with the weights that its config names."""

import pathlib

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.paths import local_path
from rnn_lab.precision import in_float32
from rnn_lab.rundir import CHECKPOINTS
from rnn_lab.training import optimizers
from rnn_lab.training.initial import FIELD, read_params
from rnn_lab.training.restoring import state_initializer
from rnn_lab.training.settings import Plan
from rnn_lab.training.state import state_shapes


@in_float32
def check_initial(plan: Plan, workdir: pathlib.Path) -> None:
  """Checks the weights of `train.init_from`, of a run that begins anew.

  Raises:
    FieldError: they are not those of this network.
  """
  settings = plan.settings
  source = settings.train.init_from
  if not source or (workdir / CHECKPOINTS).exists():
    return
  if not isinstance(plan.model, Model):
    raise FieldError(
      FIELD,
      "{field} must be left out, as the model has no weights, got "
      f"{source!r}",
    )
  if local_path(FIELD, source).resolve() == workdir.resolve():
    raise FieldError(
      FIELD, f"{{field}} must be another run than workdir, got {source!r}"
    )
  init, _ = state_initializer(plan)
  _, hyper = optimizers.split(settings.optimizer, settings.train.clip_norm)
  shapes = state_shapes(init, hyper, settings.num_seeds)
  read_params(source, shapes.params)
