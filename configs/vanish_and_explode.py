"""How far apart may two events be for SGD to learn their order?

  python -m experiments.sweep --config=configs/vanish_and_explode.py \\
    --workdir=runs/vanish_and_explode

The picture of Pascanu, Mikolov and Bengio 2013 (figure 7): the share of 10
seeds that learn temporal order, against the length of the sequence, for a tanh
RNN and an LSTM, with and without clipping the gradient's norm at 1. `:smoke`
takes a minute.

53 minutes of CPU time, half of that on two cores. To expect, seeds of 10 that
reach a test accuracy over 0.99 at lengths 10, 20, 30, 50, 100, 200: tanh RNN
clipped 10, 10, 10, 3, 0, 0, not clipped 10, 5, 0, 0, 0, 0; LSTM clipped 10, 10,
10, 10, 9, 0, not clipped 10, 10, 10, 8, 0, 0.
"""

from configs import common, published
from configs.claims import at, claim

LENGTHS = {"": (10, 20, 30, 50, 100, 200), "smoke": (10, 20)}
CELLS = {"tanh RNN": "elman", "LSTM": "lstm"}
CLIPS = {"clipped": 1.0, "not clipped": 0.0}


def get_config(argument: str = ""):
  argument = common.parse_argument(argument, "smoke")
  config = common.default_config()
  config.task.name = "temporal_order"
  config.task.num_relevant = 2
  config.task.length = 20
  config.task.eval_size = 1000
  config.model.hidden_size = 50
  config.optimizer.name = "sgd"
  config.optimizer.learning_rate = 0.1
  config.train.batch_size = 20
  config.train.num_steps = 4000
  config.train.log_every = 200
  config.eval.every = 400
  config.run.steps_per_call = 200
  config.run.checkpoint_every = 2000
  config.run.tensorboard = False
  config.num_seeds = 10
  if argument == "smoke":
    common.shrink(config)
    config.num_seeds = 5
  return config


def sweep(add, argument: str = "") -> None:
  for length in LENGTHS[argument]:
    for cell, kind in CELLS.items():
      for clip, norm in CLIPS.items():
        add(
          {
            "task.length": length,
            "model.cell": kind,
            "train.clip_norm": norm,
          },
          series=f"{cell}, {clip}",
        )


def report() -> dict:
  return {
    "title": "How long a sequence can SGD learn, with and without clipping?",
    "labels": {"task.length": "length (steps)"},
    "text": (
      "A network reads random letters, among them two that are X or Y, and "
      "must say at the end in which order the two came: four classes, so "
      "that chance is 0.25. The first stands between a tenth and a fifth of "
      "the way through the sequence, the second a little behind its middle. "
      "The longer the sequence, the further the gradient has to travel back, "
      "vanishing or exploding on its way. How likely is it that a network "
      "learns the task, and how much does clipping the gradient help?\n\n"
      "Each network has one layer of 50 units and gets 4,000 updates of plain "
      "SGD at rate 0.1 with batches of 20 fresh sequences, from 10 seeds. "
      "Clipping scales the gradient down to norm 1 where it is larger. The "
      "recurrent weights are orthogonal at first, the LSTM's forget bias is 1. "
      "A seed has learnt the task if fewer than 1% of 1,000 test sequences are "
      "wrong, at the step that was best on other sequences.\n\n"
      "Nothing was tuned by cell, length or clipping: one learning rate, which "
      "was the better one of 0.1 and 0.5 in a trial of two seeds at length 20, "
      "and one number of updates serve all, so that a share of zero means 'not "
      "within these updates', not 'never'. The paper whose figure 7 this "
      "follows (Pascanu, Mikolov and Bengio 2013) used rate 0.01, up to 5 "
      "million updates, Gaussian recurrent weights, 5 seeds and no LSTM."
    ),
    "goals": [
      {
        "task": "temporal_order",
        "metric": "accuracy",
        "op": ">",
        "bar": 0.99,
        "x": "task.length",
      }
    ],
    "published": published.outcomes("temporal_order"),
    "claims": claims(),
  }


def claims() -> list[dict]:
  """What the paper and the textbook expect, of the share of seeds."""

  def solved(series: str, length: int) -> dict:
    return at(series, x=length, number="solved")

  return [
    claim(
      "Over 10 steps the tanh RNN learns without clipping.",
      solved("tanh RNN, not clipped", 10),
      ">=",
      0.9,
    ),
    claim(
      "Over 10 steps the LSTM learns without clipping.",
      solved("LSTM, not clipped", 10),
      ">=",
      0.9,
    ),
    claim(
      "Paper: on longer sequences (50 steps) more tanh RNNs learn with "
      "clipping than without.",
      solved("tanh RNN, clipped", 50),
      ">",
      solved("tanh RNN, not clipped", 50),
    ),
    claim(
      "Clipping does not mend a gradient that vanishes: over 200 steps hardly "
      "a clipped tanh RNN learns.",
      solved("tanh RNN, clipped", 200),
      "<=",
      0.1,
    ),
    claim(
      "Textbook: over 50 steps more LSTMs than tanh RNNs learn, both clipped.",
      solved("LSTM, clipped", 50),
      ">",
      solved("tanh RNN, clipped", 50),
    ),
    claim(
      "Textbook: over 100 steps the clipped LSTM learns.",
      solved("LSTM, clipped", 100),
      ">=",
      0.9,
    ),
    claim(
      "Textbook: the LSTM needs no clipping over 50 steps.",
      solved("LSTM, not clipped", 50),
      ">=",
      0.9,
    ),
    claim(
      "The longer the sequence, the fewer clipped LSTMs learn: 200 steps "
      "against 20.",
      solved("LSTM, clipped", 200),
      "<",
      solved("LSTM, clipped", 20),
    ),
  ]
