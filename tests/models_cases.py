"""Small tasks of each design pattern, for tests of models: distinct inputs."""

import functools

import jax.numpy as jnp
import numpy as np

from configs import common
from rnn_lab import models
from rnn_lab.tasks import losses
from rnn_lab.tasks.base import IMAGES, SYMBOLS, VECTORS, Spec
from rnn_lab.tasks.written import WrittenTask
from rnn_lab.types import Batch

B, S, T, V_IN, V = 3, 5, 4, 7, 6
START, END = 0, 1
SOURCE_LENGTHS = np.array([5, 2, 3])
TARGET_LENGTHS = np.array([3, 4, 2])


def written_batch(inputs="symbols"):
  """Sources, and targets that end with END, of unequal lengths."""
  rng = np.random.default_rng(0)
  lengths = SOURCE_LENGTHS
  if inputs == "symbols":
    x = rng.integers(0, V_IN - 1, (B, S))
  elif inputs == "vectors":
    x, lengths = rng.normal(size=(B, 3)).astype(np.float32), None
  else:
    x, lengths = rng.normal(size=(B, 8, 8, 1)).astype(np.float32), None
  targets = rng.integers(2, V, (B, T))
  t_T = np.arange(T)[None]
  targets = np.where(t_T >= TARGET_LENGTHS[:, None] - 1, END, targets)
  weights = (t_T < TARGET_LENGTHS[:, None]).astype(np.float32)
  arrays = (x, lengths, targets.astype(np.int32), weights)
  return Batch(*[None if a is None else jnp.asarray(a) for a in arrays])


INPUTS = {
  "symbols": Spec(S, V_IN, SYMBOLS),
  "vectors": Spec(1, 3, VECTORS),
  "images": Spec(1, 1, IMAGES, (8, 8)),
}


@functools.cache
def written_task(inputs="symbols"):
  pattern = "encoder_decoder" if inputs == "symbols" else "vector_to_sequence"
  batch = written_batch(inputs)
  return WrittenTask(
    name="toy",
    pattern=pattern,
    input_spec=INPUTS[inputs],
    output_spec=Spec(T, V),
    output="softmax",
    data=(batch,),
    batch=lambda data, key, step: data,
    eval_batches=lambda split: (batch,),
    loss=losses.cross_entropy,
    metrics=losses.class_metrics,
    headline="loss",
    maximize=False,
    baselines={},
    evaluator="sequences",
    score=lambda split, sequences, places=None: {},
    start=START,
    end=END,
  )


def section(**fields):
  """`config.model` of a pattern; `a__b=c` sets a.b."""
  config = common.pattern_config().model
  config.cell = "gru"
  config.hidden_size = 3
  config.readout_init = "normal"
  config.inputs.embedding_size = 4
  config.inputs.image_features = 4
  config.inputs.embedding_scale = 1.0
  config.decoder.embedding_size = 2
  config.decoder.attention_size = 5
  for field, value in fields.items():
    *sections, name = field.split("__")
    target = config
    for part in sections:
      target = target[part]
    target[name] = value
  return config.to_dict()


def written_model(inputs="symbols", **fields):
  task = written_task(inputs)
  return models.build(section(**fields), task), task
