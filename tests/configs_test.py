"""Every config: loads, is complete, agrees with the lab, and runs."""

import importlib
import inspect
import pathlib
import re
import struct
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import result

from configs import common
from experiments import field_help
from rnn_lab import models, tasks
from rnn_lab.cells import CELLS
from rnn_lab.evaluators.sequences import SequenceSettings
from rnn_lab.reports.claims import check_claims
from rnn_lab.reports.goals import parse_goals, parse_published
from rnn_lab.runs import effects, train
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps.expand import expand
from rnn_lab.tasks.base import MOST_EXAMPLES
from rnn_lab.tasks.chaos import MOST_VALUES
from rnn_lab.text.request import MAX_TOKENS
from rnn_lab.training import optimizers, settings

# Those that are no config of a run.
OTHERS = ("common", "claims", "published", "benchmark", "sweeping")
FOLDER = pathlib.Path(common.__file__).parent
NAMES = sorted(
  path.stem
  for path in FOLDER.glob("*.py")
  if path.stem not in ("__init__", *OTHERS)
)


def load(name):
  return importlib.import_module(f"configs.{name}")


@pytest.fixture
def ptb_folder(tmp_path):
  """A tiny Penn Treebank: lines of words in three files."""
  rng = np.random.default_rng(0)
  words = [*(f"word{n}" for n in range(30)), "<unk>", "N"]
  for split, lines in (("train", 300), ("valid", 60), ("test", 60)):
    text = "".join(
      " " + " ".join(rng.choice(words, rng.integers(3, 9))) + " \n"
      for _ in range(lines)
    )
    (tmp_path / f"ptb.{split}.txt").write_text(text, encoding="utf-8")
  return tmp_path


@pytest.fixture
def mnist_folder(tmp_path):
  """A tiny MNIST: 60 training and 20 test images in idx files."""
  rng = np.random.default_rng(0)
  for prefix, count in (("train", 60), ("t10k", 20)):
    images = rng.integers(0, 256, (count, 28, 28), np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(
      struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes()
    )
    (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(
      struct.pack(">II", 2049, count) + labels.tobytes()
    )
  return tmp_path


@pytest.fixture
def multi30k_folder(tmp_path):
  """A tiny Multi30k: sentences of up to eight words in six files."""
  rng = np.random.default_rng(0)
  words = [f"word{n}" for n in range(30)]
  sizes = {"train": 80, "val": 10, "test_2016_flickr": 10}
  for split, lines in sizes.items():
    for language in ("de", "en"):
      text = "".join(
        " ".join(rng.choice(words, 5)) + ".\n" for _ in range(lines)
      )
      path = tmp_path / f"{split}.{language}"
      path.write_text(text, encoding="utf-8")
  return tmp_path


@pytest.fixture
def polarity_folder(tmp_path):
  """Tiny film reviews: 100 sentences of each class."""
  rng = np.random.default_rng(0)
  for name, word in (("neg", "bad"), ("pos", "good")):
    lines = [
      " ".join([word, *rng.choice(["a", "film", "it", "is"], n)])
      for n in [5] * 100  # of one length: one program compiles sooner
    ]
    path = tmp_path / f"rt-polarity.{name}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
  return tmp_path


@pytest.fixture
def chunking_folder(tmp_path):
  """A tiny CoNLL-2000: sentences of up to six words."""
  rng = np.random.default_rng(0)
  rows = ["the DT B-NP", "cat NN I-NP", "saw VBD B-VP", "it PRP B-NP", ". . O"]
  with zipfile.ZipFile(tmp_path / "conll2000.zip", "w") as archive:
    for split, count in (("train", 60), ("test", 10)):
      sentences = ["\n".join(rng.choice(rows, n)) + "\n" for n in [4] * count]
      archive.writestr(f"conll2000/{split}.txt", "\n".join(sentences))
  return tmp_path


@pytest.fixture
def folders(
  mnist_folder, ptb_folder, multi30k_folder, polarity_folder, chunking_folder
):
  """The folder of the data of each config that reads one."""
  return {
    "mnist": mnist_folder,
    "sentiment": polarity_folder,
    "tagging": chunking_folder,
    "translation": multi30k_folder,
  } | {name: ptb_folder for name in NAMES if name.startswith("ptb")}


def shrink_data(config):
  """Makes the data few, which no other field of a config looks at."""
  task = config.task
  if "size" in task:
    assert task.size <= (MAX_TOKENS if "corpus" in task else MOST_VALUES)
    task.size = min(task.size, 4000)
  for field in ("train_size", "eval_size"):
    if field in task:
      assert task[field] <= MOST_EXAMPLES
      task[field] = min(task[field], 100)


def test_the_issues_configs_are_there():
  assert {
    "adding",
    "copy_memory",
    "digits",
    "mnist",
    "temporal_order",
    "vanishing_gradient",
  } <= set(NAMES)


def test_the_overrides_of_another_config():
  base, config = common.pattern_config(), common.pattern_config()
  base.task.name = "digits"
  config.task.update({"name": "toy", "size": 3})
  config.model.decoder.attention = "additive"
  config.train.batch_size = 7
  assert common.differences(base, config) == {
    "task": config.task.to_dict(),
    "model.decoder.attention": "additive",
    "train.batch_size": 7,
  }


@pytest.mark.parametrize("kind", CELLS)
def test_cell_sections_hold_the_factorys_arguments_and_defaults(kind):
  defaults = {
    name: parameter.default
    for name, parameter in inspect.signature(CELLS[kind]).parameters.items()
    if name != "hidden_size"
  }
  assert common.default_config().model[kind].to_dict() == defaults


@pytest.mark.parametrize("name", NAMES)
def test_fields_of_all_runs_are_in_every_config(name):
  config = load(name).get_config()
  assert config.model.kind in (models.PATTERN, *models.MODELS)
  assert config.eval.select in settings.SELECT
  assert config.optimizer.hold_steps >= 0
  assert config.train.gradient_norms in (False, True)
  assert ("stream" in config.eval) == (config.task.name == "language")


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_the_task_is_a_field_with_a_meaning(name):
  config = load(name).get_config()
  section = config.task.to_dict()
  assert {**tasks.with_defaults(section), **section}.keys() == section.keys()
  lines = field_help.field_lines(config)
  lines = [line for line in lines if line.startswith("  --config.task.")]
  assert [line for line in lines if ": " not in line] == []


@pytest.mark.parametrize("name", ["captioning", "transduction", "translation"])
def test_configs_of_models_that_write_say_how_they_are_decoded(name):
  section = load(name).get_config().eval.sequences.to_dict()
  beam = 5 if name == "translation" else 1
  assert section == {"valid_beam": 1, "test_beam": beam, "length_penalty": 1.0}
  defaults = SequenceSettings._field_defaults
  assert {**section, "test_beam": 1} == defaults


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_hold_the_command_and_the_number_to_expect(name):
  words = load(name).__doc__
  assert f"--config=configs/{name}.py" in words
  number = r"to expect\b.*?\d|expect:.*?\d|to expect here is\s+not measured"
  assert re.search(number, words, re.S | re.I)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_arguments_are_errors(name):
  with pytest.raises(ValueError, match="got 'smok'; did you mean 'smoke'"):
    load(name).get_config("smok")


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_its_smoke_runs(name, tmp_path, folders):
  for argument in ("", "smoke"):
    config = load(name).get_config(argument)
    if name == "mnist":
      config.train.batch_size = 16
    if name in folders:
      config.task.data_dir = str(folders[name])
    shrink_data(config)
    assert not plan(config).without_effect
  # More of them take longer to compile, and have tests of their own.
  config.num_seeds = 1
  assert train(config, tmp_path / "run") == "finished"
  ended = result(tmp_path / "run")
  assert ended["metrics"][f"test/{ended['headline']}"]["mean"] is not None


@pytest.mark.parametrize("argument", ["", "smoke"])
@pytest.mark.parametrize(
  "name", [name for name in NAMES if hasattr(load(name), "sweep")]
)
def test_every_trial_of_its_sweep_can_be_planned(name, argument, folders):
  module = load(name)
  config = module.get_config(argument)
  if name in folders:
    config.task.data_dir = str(folders[name])
  shrink_data(config)
  trials = expand(module.sweep, argument, config, {})
  assert not effects.in_none([plan(trial.config) for trial in trials])
  series = {trial.series for trial in trials}
  tasks = {trial.config.task.name for trial in trials}
  if not argument and hasattr(module, "report"):
    about = module.report()
    check_claims(about.get("claims", ()))
    for claim in about.get("claims", ()):
      for side in (claim["left"], claim["right"]):
        if isinstance(side, dict):
          assert side.get("series") in {*series, None}
          assert side.get("task") in (tasks if len(tasks) > 1 else {None})
    goals = parse_goals(about.get("goals", ()))
    assert set(goals) <= tasks
    parse_published(about.get("published", ()), goals)


@pytest.mark.parametrize(
  "name, argument",
  [
    ("captioning", "scenes"),
    ("transduction", "dates"),
    ("transduction", "numbers"),
  ],
)
def test_other_arguments_can_be_planned(name, argument):
  config = load(name).get_config(argument)
  config.task.train_size, config.task.eval_size = 100, 10
  made = plan(config)
  task = made.task
  assert not made.without_effect
  assert argument in (task.name, config.task.get("kind"))


def test_the_longer_delay_has_noise_and_more_values():
  task = load("forecasting").get_config("tau30").task
  fields = {"tau": 30, "size": 30_000, "noise": 0.003}
  fields |= {"valid_fraction": 0.05, "test_fraction": 0.07}
  assert task.to_dict() == {
    **load("forecasting").get_config().task.to_dict(),
    **fields,
  }
  tasks.build(task.to_dict(), 16)


def test_the_bottleneck_of_translation_is_that_configs_task(multi30k_folder):
  module = load("bottleneck")
  config = module.get_config("translation")
  assert config.task == load("translation").get_config().task
  config.task.data_dir = str(multi30k_folder)
  trials = expand(module.sweep, "translation", config, {})
  models_of = [plan(trial.config).model for trial in trials]
  assert len({*models_of}) == 6
  assert not any(model.encoder.backward for model in models_of)


def test_the_small_penn_treebank_recipe_is_zarembas():
  config = load("ptb_small").get_config()
  num_epochs = 13
  steps = (929_589 // 20) // 20
  assert config.train.num_steps == num_epochs * steps
  model, task = config.model, config.task
  assert (task.window, task.reach, config.train.batch_size) == (20, 20, 20)
  assert (model.num_layers, model.hidden_size) == (2, 200)
  assert (model.embedding_size, model.dropout, model.tied) == (200, 0.0, False)
  scales = [v for k, v in model.items() if k.endswith("_scale")]
  scales += [v for k, v in model.lstm.items() if k.endswith("_scale")]
  assert scales == [0.1] * 6 and model.lstm.forget_bias == 0.0
  kinds = [v for k, v in model.items() if k.endswith("_init")]
  kinds += [v for k, v in model.lstm.items() if k.endswith("_init")]
  assert sorted(kinds) == ["constant"] + ["uniform"] * 6
  optimizer = config.optimizer
  static, hyper = optimizers.split(
    settings.parse(config.to_dict()).optimizer, config.train.clip_norm
  )
  rates = [
    float(optimizers.learning_rate(static, hyper, jnp.int32(step)))
    for epoch in range(13)
    for step in (epoch * steps, (epoch + 1) * steps - 1)
  ]
  want = [20.0 * 0.5 ** max(0, epoch - 3) for epoch in range(13)]
  assert rates == [rate for rate in want for _ in range(2)]
  assert optimizer.name == "sgd" and config.train.clip_norm == 0.25
  assert config.eval.select == "last" and config.eval.stream.tracks == 1


def test_configs_import_nothing_of_the_lab():
  for name in [*NAMES, *OTHERS]:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert "rnn_lab." not in text and "import rnn_lab" not in text
