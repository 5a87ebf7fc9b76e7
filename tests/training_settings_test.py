"""The config's border: what stops there, and by what name."""

import numpy as np
import pytest
from tiny import tiny_config, tiny_dates, tiny_language

from configs import forecasting
from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.runs.planning import check_workdir, plan, plan_of_run


@pytest.mark.parametrize(
  ("field", "value", "words"),
  [
    ("train__batch_size", 0, "must be an integer from 1 to 2147483647, got 0"),
    ("train__num_steps", -1, "must be an integer from 0 to 2147483647, got -1"),
    ("train__num_epochs", -1, "must be an integer from 0 to 2147483647"),
    ("optimizer__decayed", "some", "must be one of all, kernels, got 'some'"),
    ("train__clip_norm", float("nan"), "must be a finite number of at least 0"),
    ("train__log_every", 0, "must be an integer from 1 to 2147483647, got 0"),
    ("train__gradient_flow_every", -1, "must be an integer from 0 to 2147"),
    ("eval__every", -1, "must be an integer from 0 to 2147483647, got -1"),
    ("eval__select", "first", "must be one of best, last, got 'first'"),
    ("run__steps_per_call", 0, "must be an integer from 1 to 2147483647"),
    ("run__checkpoint_every", -1, "must be an integer from 0 to 2147483647"),
    (
      "optimizer__learning_rate",
      float("nan"),
      "must be a finite number above 0, got nan",
    ),
    ("optimizer__learning_rate", 0.0, "must be a finite number above 0"),
    ("optimizer__learning_rate", 1e300, "must be a finite number above 0"),
    (
      "optimizer__name",
      "adma",
      "must be one of adam, rmsprop, sgd, got 'adma'",
    ),
    ("optimizer__learning_rate", 1e-46, "must be at least 1.18e-38, as"),
    ("optimizer__eps", 0.0, "must be a finite number above 0, got 0.0"),
    ("optimizer__eps", 1e-40, "must be at least 1.18e-38, as smaller"),
    ("train__clip_norm", 1e-46, "must be at least 1.18e-38, as smaller"),
    ("optimizer__b2", 0.999999999, "must be below 1 in float32, got 0.99"),
    ("optimizer__schedule", "step", "must be one of constant, cosine"),
    ("optimizer__b1", 1.0, "must be a finite number of at least 0 and below 1"),
    ("optimizer__warmup_steps", 3_000_000_000, "must be an integer from 0 to"),
    ("seed", -1, "must be an integer from 0 to 2147483645, got -1"),
    ("seed", 3_000_000_000, "must be an integer from 0 to 2147483645"),
    ("num_seeds", 0, "must be an integer from 1 to 65536, got 0"),
    ("model__gru__update_bias", float("nan"), "must be a finite number, got"),
    ("task__name", "digit", "must be one of adding, copy_memory, digit_names"),
    ("task__gap", -1, "must be an integer from 0 to 100000, got -1"),
    ("task__gab", 1, "has no argument 'gab'; did you mean 'gap'?"),
    (
      "train__lr",
      1,
      "is not a known field; it may be batch_shards, batch_size",
    ),
    ("trane", 1, "is not a known field; did you mean 'train'?"),
    ("train__batch_size", 5000, "must be at most 1257"),
  ],
)
def test_wrong_values_are_named(field, value, words):
  with pytest.raises(FieldError) as error:
    plan(tiny_config(**{field: value}))
  name = field.replace("__", ".")
  assert error.value.field == name
  start = "task 'digits'" if field == "task__gab" else name
  assert str(error.value).startswith(f"{start} {words}")
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("section", "field", "value", "words"),
  [
    ("run", "tensorboard", "false", "must be true or false, got 'false'"),
    ("optimizer", "eps_in_root", 1, "must be true or false, got 1"),
    ("optimizer", "learning_rate", True, "must be a finite number above 0"),
    ("train", "num_steps", True, "must be an integer from 0"),
    ("model", "bidirectional", "false", "must be true or false, got 'false'"),
  ],
)
def test_wrong_types_are_named(section, field, value, words):
  """Of dicts: a ConfigDict refuses some itself."""
  fields = tiny_config().to_dict()
  fields[section][field] = value
  with pytest.raises(FieldError) as error:
    plan(fields)
  assert str(error.value).startswith(f"{section}.{field} {words}")


def test_a_section_is_no_number():
  with pytest.raises(FieldError, match="train must be a section of fields"):
    plan(tiny_config().to_dict() | {"train": 5})


def test_without_eps_sgd_can_do():
  plan(tiny_config(optimizer__name="sgd", optimizer__eps=0.0))


def test_numpys_scalars_are_numbers():
  fields, same = tiny_config().to_dict(), tiny_config().to_dict()
  fields["optimizer"]["learning_rate"] = np.float32(0.001)
  same["optimizer"]["learning_rate"] = 0.001
  fields["optimizer"]["eps"] = np.logspace(-8, -7, 2)[0]
  fields["model"]["hidden_size"] = np.arange(9)[8]
  fields["model"]["bidirectional"] = np.bool_(False)
  fields["seed"] = np.asarray(0)
  assert plan(fields).config == plan(same).config


@pytest.mark.parametrize(
  "config, model, message",
  [
    (
      forecasting.get_config("smoke"),
      {"bidirectional": True},
      "model.bidirectional must be false, as a forecast cannot read",
    ),
    (
      tiny_language(),
      {**tiny_dates().model.to_dict(), "kind": "sequence_to_sequence"},
      "model.kind must be a language model's, with a method `score`",
    ),
    (tiny_language(), {"kind": "pattern"}, "model.dropout_kind is not a known"),
  ],
)
def test_models_that_are_not_of_the_task_are_refused(config, model, message):
  fields = config.to_dict()
  # A whole section, or a field of it.
  whole = "cell" in model
  fields["model"] = model if whole else fields["model"] | model
  with pytest.raises(FieldError) as error:
    plan(fields)
  assert str(error.value).startswith(message)


def test_runs_without_a_later_field_go_on(tmp_path):
  planned = plan(tiny_config())
  older = plan(tiny_config()).config
  del older["optimizer"]["eps_in_root"]
  del older["task"]["gap"]  # of the task's factory, with its default
  rundir.write_json(tmp_path / "config.json", older)
  check_workdir(planned, tmp_path)
  of_run = plan_of_run(tmp_path).config
  assert of_run["optimizer"] == planned.config["optimizer"]
  older["task"]["gap_fill"] = "zeros"
  rundir.write_json(tmp_path / "config.json", older)
  words = r"in task.gap_fill \('zeros' there, 'noise' here\)$"
  with pytest.raises(FieldError, match=words):
    check_workdir(planned, tmp_path)


@pytest.mark.parametrize(
  "content, words",
  [
    ({}, "no task"),
    ({"task": []}, "no task"),
    ({"train": {"num_steps": None}}, "train.num_steps is None"),
    ({"train": {}}, "train.num_steps is None"),
  ],
)
def test_damaged_configs_are_named(tmp_path, content, words):
  planned = plan(tiny_config())
  there = content and plan(tiny_config()).config | content
  rundir.write_json(tmp_path / "config.json", there)
  with pytest.raises(FieldError, match=words):
    check_workdir(planned, tmp_path)


def test_epochs_are_counted_in_steps():
  fields = {"train__num_steps": 0, "train__num_epochs": 3}
  made = plan(tiny_config(**fields, eval__every=0, run__checkpoint_every=0))
  per_epoch = 1257 // 16  # digits to train on, in batches
  assert made.settings.train.num_steps == 3 * per_epoch
  assert made.settings.eval.every == per_epoch
  assert made.settings.run.checkpoint_every == per_epoch
  assert made.config["train"]["num_steps"] == 0  # as it was written
  assert made.config["train"]["num_epochs"] == 3


@pytest.mark.parametrize(
  "fields,message",
  [
    (
      {"train__num_epochs": 3},
      "either train.num_steps or train.num_epochs must be 0, and the other "
      "above 0, got 20 and 3",
    ),
    ({"train__num_steps": 0}, "either train.num_steps or train.num_epochs"),
    (
      {"train__num_steps": 0, "train__num_epochs": 2**30},
      "train.num_epochs must be at most 27531",
    ),
  ],
)
def test_either_steps_or_epochs_are_given(fields, message):
  with pytest.raises(FieldError) as error:
    plan(tiny_config(**fields))
  assert str(error.value).startswith(message)


def test_generated_examples_have_no_epochs():
  config = tiny_config(eval__every=0)
  config.task = {"name": "adding", "length": 4}
  with pytest.raises(FieldError, match="^eval.every counts epochs, but the "):
    plan(config)


@pytest.mark.parametrize("schedule", ["exponential", "staircase"])
def test_a_schedule_without_an_end_must_say_over_how_many_steps(schedule):
  with pytest.raises(
    FieldError, match="optimizer.decay_steps must be .* from 1"
  ):
    plan(tiny_config(optimizer__schedule=schedule))


def decay(**fields):
  """The plan of a run whose learning rate decays along a line."""
  return plan(tiny_config(optimizer__schedule="linear", **fields))


def test_a_decay_can_last_until_the_end_of_training():
  fields = {"optimizer__warmup_steps": 3, "optimizer__hold_steps": 4}
  made = decay(**fields)
  assert made.settings.optimizer.decay_steps == 20 - 3 - 4
  assert made.config["optimizer"]["decay_steps"] == 0  # as it was written
  assert decay(optimizer__decay_steps=9).settings.optimizer.decay_steps == 9
  epochs = {"train__num_steps": 0, "train__num_epochs": 3}
  made = decay(**fields, **epochs)
  assert made.settings.optimizer.decay_steps == 3 * (1257 // 16) - 3 - 4
  constant = plan(tiny_config()).settings.optimizer
  assert constant.decay_steps == 0


def test_a_decay_until_the_end_needs_a_step():
  fields = {"optimizer__warmup_steps": 12, "optimizer__hold_steps": 7}
  assert decay(**fields).settings.optimizer.decay_steps == 1
  fields["optimizer__hold_steps"] = 8
  with pytest.raises(FieldError) as error:
    decay(**fields)
  assert str(error.value) == (
    "optimizer.decay_steps must be above 0, as warmup_steps and hold_steps "
    "leave none of the 20 steps of training, got 0"
  )


def test_a_run_that_decays_until_its_end_is_not_made_longer(tmp_path):
  made = decay()
  rundir.write_json(tmp_path / rundir.CONFIG, made.config)
  check_workdir(made, tmp_path)
  with pytest.raises(FieldError, match=r"train.num_steps \(20 there, 30 here"):
    check_workdir(decay(train__num_steps=30), tmp_path)
  made = decay(optimizer__decay_steps=9)
  rundir.write_json(tmp_path / rundir.CONFIG, made.config)
  longer = decay(optimizer__decay_steps=9, train__num_steps=30)
  check_workdir(longer, tmp_path)


@pytest.mark.parametrize(
  "field",
  [
    "model.kind",
    "optimizer.hold_steps",
    "train.clip_norm",
    "train.gradient_norms",
    "eval.select",
    "run.tensorboard",
    "seed",
  ],
)
def test_missing_fields_are_named(field):
  fields = tiny_config().to_dict()
  *sections, name = field.split(".")
  section = fields
  for part in sections:
    section = section[part]
  del section[name]
  with pytest.raises(FieldError) as error:
    plan(fields)
  assert str(error.value) == f"{field} is required"
