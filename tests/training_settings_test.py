"""The config's border: what stops there, and by what name."""

import pytest
from tiny import tiny_config

from rnn_lab.errors import FieldError
from rnn_lab.training.run import plan
from rnn_lab.training.settings import parse


@pytest.mark.parametrize(
  ("field", "value", "words"),
  [
    ("train__batch_size", 0, "train.batch_size is 0; it may be an integer"),
    ("train__num_steps", 0, "train.num_steps is 0"),
    ("train__clip_norm", float("nan"), "train.clip_norm is nan"),
    ("train__log_every", 0, "train.log_every is 0"),
    ("train__gradient_flow_every", -1, "train.gradient_flow_every is -1"),
    ("eval__every", 0, "eval.every is 0"),
    ("run__steps_per_call", 0, "run.steps_per_call is 0"),
    ("run__checkpoint_every", 0, "run.checkpoint_every is 0"),
    (
      "optimizer__learning_rate",
      float("nan"),
      "optimizer.learning_rate is nan; it may be a finite number above 0",
    ),
    ("optimizer__learning_rate", 0.0, "optimizer.learning_rate is 0.0"),
    ("optimizer__name", "adma", "optimizer.name is 'adma'; it may be one of"),
    ("optimizer__schedule", "step", "optimizer.schedule is 'step'"),
    ("optimizer__b1", 1.0, "optimizer.b1 is 1.0"),
    ("seed", -1, "seed is -1"),
    ("seed", 3_000_000_000, "seed is 3000000000"),
    ("optimizer__warmup_steps", 3_000_000_000, "optimizer.warmup_steps is"),
    ("optimizer__learning_rate", 1e300, "optimizer.learning_rate is 1e+300"),
    ("model__gru__update_bias", float("nan"), "model.gru.update_bias is nan"),
    ("num_seeds", 0, "num_seeds is 0"),
    ("task__name", "digit", "task.name is 'digit'; it may be one of adding"),
    ("task__gap", -1, "task.gap is -1; it may be an integer from 0 to 100000"),
    ("task__gab", 1, "task.gab"),
    ("train__lr", 1, "train.lr is not a field that exists; it may be one of"),
    ("trane", 1, "trane is not a field that exists"),
    ("train__batch_size", 5000, "train.batch_size is 5000"),
  ],
)
def test_wrong_values_are_named(field, value, words):
  with pytest.raises(FieldError) as error:
    plan(tiny_config(**{field: value}))
  assert str(error.value).startswith(words)
  assert "\n" not in str(error.value)


def test_a_schedule_that_decays_must_say_over_how_many_steps():
  with pytest.raises(FieldError, match="optimizer.decay_steps is 0"):
    plan(tiny_config(optimizer__schedule="cosine"))


def test_missing_fields_are_named():
  fields = tiny_config().to_dict()
  del fields["train"]["clip_norm"]
  with pytest.raises(FieldError, match="train.clip_norm is missing"):
    parse(fields)
