"""Settings without effect: named, and nothing else is."""

import dataclasses
import warnings

import pytest
from tiny import tiny_config, tiny_dates, tiny_language

from configs import common, digits
from rnn_lab import rundir
from rnn_lab.cells import CELLS
from rnn_lab.errors import FieldError
from rnn_lab.runs import effect_rows, effects, train
from rnn_lab.runs.planning import plan
from rnn_lab.training.records import Silent


def names_config(**fields):
  """A vector that sets the carry of a decoder."""
  config = common.writing_config()
  config.task.name = "digit_names"
  config.update_from_flattened_dict(
    {name.replace("__", "."): value for name, value in fields.items()}
  )
  return config


@pytest.mark.parametrize(
  "made, fields, line",
  [
    (
      tiny_config,
      {"model.dropout": 0.9},
      "model.dropout 0.9 has no effect, as the model's kind is "
      "'sequence_to_vector' and model.num_layers is 1",
    ),
    (
      tiny_config,
      {"optimizer.momentum": 0.9},
      "optimizer.momentum 0.9 has no effect, as optimizer.name is 'adam'",
    ),
    (
      tiny_config,
      {"optimizer.name": "sgd", "optimizer.b2": 0.9},
      "optimizer.b2 0.9 has no effect, as optimizer.name is 'sgd'",
    ),
    (
      tiny_config,
      {"optimizer.decay_rate": 0.5},
      "optimizer.decay_rate 0.5 has no effect, as optimizer.schedule is "
      "'constant'",
    ),
    (
      tiny_config,
      {
        "optimizer.hold_steps": 20,
        "optimizer.decay_steps": 5,
        "optimizer.schedule": "linear",
      },
      "optimizer.schedule 'linear' has no effect, as training ends before the "
      "decay begins",
    ),
    (
      tiny_config,
      {"optimizer.plateau_patience": 3},
      "optimizer.plateau_patience 3 has no effect, as optimizer.schedule is "
      "'constant'",
    ),
    (
      tiny_config,
      {
        "optimizer.decay_rate": 0.5,
        "optimizer.plateau_patience": 2,
        "optimizer.schedule": "plateau",
      },
      "optimizer.schedule 'plateau' has no effect, as training ends before the "
      "decay begins",
    ),
    (
      tiny_config,
      {"optimizer.decayed": "kernels"},
      "optimizer.decayed 'kernels' has no effect, as optimizer.weight_decay is "
      "0.0",
    ),
    (
      tiny_config,
      {"model.lstm.forget_bias": 3.0},
      "model.lstm.forget_bias 3.0 has no effect, as model.cell is 'elman'",
    ),
    (
      tiny_config,
      {"model.elman.bias_scale": 3.0},
      "model.elman.bias_scale 3.0 has no effect, as model.elman.bias_init is "
      "'zeros'",
    ),
    (
      tiny_config,
      {"model.cell": "lstm", "model.lstm.chrono_max": 9},
      "model.lstm.chrono_max 9 has no effect, as model.lstm.forget_init is "
      "'constant'",
    ),
    (
      tiny_config,
      {"task.gap_fill": "zeros"},
      "task.gap_fill 'zeros' has no effect, as task.name is 'digits' and "
      "task.gap is 0",
    ),
    (
      tiny_config,
      {"model.final_state": "all"},
      "model.final_state 'all' has no effect, as model.num_layers is 1",
    ),
    (
      tiny_dates,
      {"model.inputs.image_features": 9},
      "model.inputs.image_features 9 has no effect, as the task has no images",
    ),
    (
      tiny_dates,
      {
        "model.decoder.vector_use": "every_step",
        "model.decoder.bridge": "copy",
      },
      "model.decoder.bridge 'copy' has no effect, as model.decoder.vector_use "
      "is 'every_step'",
    ),
    (
      names_config,
      {"model.initial_state": "learned"},
      "model.initial_state 'learned' has no effect, as the model's kind is "
      "'vector_to_sequence' and model.decoder.vector_use is 'carry'",
    ),
    (
      tiny_language,
      {"model.kind": "window", "model.dropout": 0.5},
      "model.dropout 0.5 has no effect, as the model's kind is 'window'",
    ),
    (
      tiny_language,
      {"model.kind": "ngram", "num_seeds": 3},
      "num_seeds 3 has no effect, as the model's kind is 'ngram'",
    ),
    (
      tiny_language,
      {"model.ngram.order": 2},
      "model.ngram.order 2 has no effect, as the model's kind is 'recurrent'",
    ),
    (
      tiny_language,
      {"model.tied": True, "model.readout_init": "normal"},
      "model.readout_init 'normal' has no effect, as the model's kind is "
      "'recurrent' and model.tied is True",
    ),
  ],
)
def test_a_field_without_effect_is_named(made, fields, line):
  config = made(**{name.replace(".", "__"): v for name, v in fields.items()})
  field = [*fields][-1]
  lines = plan(config).without_effect
  assert lines.pop(field) == line
  assert not lines


@pytest.mark.parametrize(
  "made, fields",
  [
    (tiny_config, {"model__dropout": 0.9, "model__num_layers": 2}),
    (tiny_config, {"optimizer__name": "sgd", "optimizer__momentum": 0.9}),
    (tiny_config, {"optimizer__name": "rmsprop", "optimizer__eps": 1e-4}),
    (tiny_config, {"optimizer__warmup_steps": 40}),
    (
      tiny_config,
      {
        "optimizer__schedule": "plateau",
        "optimizer__decay_rate": 0.5,
        "optimizer__plateau_patience": 3,
        "optimizer__warmup_steps": 40,
        "eval__every": 5,
      },
    ),
    (tiny_language, {"model__dropout": 0.9}),  # of inputs and outputs, too
    (tiny_dates, {"model__decoder__attention_size": 9}),
    (tiny_dates, {"model__initial_state": "learned"}),
    (tiny_language, {"model__kind": "ngram", "num_seeds": 1}),
  ],
)
def test_a_field_with_an_effect_is_not(made, fields):
  assert not plan(made(**fields)).without_effect


def test_the_tables_defaults_are_those_of_all_configs():
  shared = (common.writing_config(), common.language_config())
  defaults = {}
  for config in (*shared, digits.get_config()):
    flat = rundir.flatten(config.to_dict())
    defaults |= {k: {*defaults.get(k, ()), v} for k, v in flat.items()}
  rows = (*effect_rows.ROWS, *effect_rows.REFUSED, *effect_rows.cell_rows())
  for row in rows:
    assert row.default in defaults[row.field], row
    others = {*row.without} - {effect_rows.KIND, effect_rows.EVALUATOR}
    assert others <= {*defaults, *effect_rows.FACTS}, row
  named = {row.field for row in rows}
  for name in CELLS:
    options = {f for f in defaults if f.startswith(f"model.{name}.")}
    assert options <= named


def test_beams_of_a_model_that_writes_nothing_are_refused():
  made, fields = plan(tiny_dates()), tiny_dates().to_dict()
  fields["eval"]["sequences"] = {"valid_beam": 1, "test_beam": 5}
  effects.without_effect(fields, made.settings, made.task)
  reads = dataclasses.replace(made.task, pattern="sequence_to_sequence")
  with pytest.raises(FieldError) as error:
    effects.without_effect(fields, made.settings, reads)
  assert str(error.value) == (
    "eval.sequences.test_beam must be 1, as the task's evaluator is "
    "'sequences' and the model's kind is 'sequence_to_sequence', got 5"
  )


def test_a_run_says_it_once_and_trains(tmp_path, monkeypatch):
  lines = []

  class Listener(Silent):
    def line(self, text):
      lines.append(text)

  made = plan(tiny_config())
  said = "model.dropout 0.9 has no effect"
  made = made._replace(without_effect={"model.dropout": said})
  monkeypatch.setattr("rnn_lab.training.loop.Trainer.run", lambda *_: "ended")
  assert train(made, tmp_path / "a", Listener()) == "ended"
  assert lines == [said]
  with pytest.warns(UserWarning, match=said):
    train(made, tmp_path / "b")
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    train(plan(tiny_config()), tmp_path / "c")


def test_a_sweep_says_what_no_trial_reads():
  def planned(**fields):
    return plan(tiny_config(**fields))

  momentum, decay = {"optimizer__momentum": 0.9}, {"optimizer__decay_rate": 0.5}
  sgd = {"optimizer__name": "sgd"}
  line = "optimizer.momentum 0.9 has no effect, as optimizer.name is 'adam'"
  # A trial with the default says nothing about the field.
  assert effects.in_none([planned(), planned(**momentum)]) == [line]
  both = [planned(**momentum), planned(**momentum, **sgd)]
  assert effects.in_none(both) == []
  [line] = effects.in_none([planned(**decay, **momentum, **sgd)] * 2)
  assert line.startswith("optimizer.decay_rate 0.5 has no effect")
  other_cells = [planned(model__lstm__forget_bias=3.0), planned()]
  assert len(effects.in_none(other_cells)) == 1
