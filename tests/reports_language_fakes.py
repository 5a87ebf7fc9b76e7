"""Run directories of language models, with numbers that are made up."""

import math

import reports_fakes as fakes

KINDS = {
  "local": (82_516, 6.797),
  "agreement": (7_163, 65.09),
  "agreement across a clause": (4_647, 44.15),
  "closing mark": (2_642, 1.414),
  "topic": (3_032, 1.0),
}
LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# Perplexity by kind, in the order of KINDS.
KNESER_NEY = {
  1: (120, 330, 320, 60, 300),
  2: (17, 95, 150, 9, 120),
  3: (9.5, 72, 120, 6, 70),
  4: (7.6, 70, 115, 5, 64),
  5: (7.2, 71, 112, 4.5, 60),
}
NETWORKS = {
  "window network": ("window", "lstm", (7.05, 68, 105, 4.2, 55), 89_268),
  "tanh RNN": ("recurrent", "elman", (6.9, 66.5, 60, 2.1, 3.0), 96_500),
  "GRU": ("recurrent", "gru", (6.84, 66.1, 46, 1.66, 1.012), 146_036),
  "LSTM": ("recurrent", "lstm", (6.83, 66.09, 45.5, 1.63, 1.009), 170_612),
}
# Of the window network, where it reads n-1 words.
PARAMETERS_BY_ORDER = {
  "model": "window network",
  "counts": {str(n): 71_924 + 8192 * (n - 1) for n in range(2, 8)},
  "formula": (
    "the window network has VD + (n-1)DH + H + HV + V parameters for a "
    "vocabulary of V, embeddings of D and H hidden units, where V = 372, "
    "D = 64, H = 128"
  ),
}
NGRAMS = (372, 11_840, 73_902, 214_377, 398_215)
UNSEEN = (0.0, 0.0021, 0.031, 0.128, 0.294)
UNDEFINED = (0.0, 0.0, 0.0004, 0.012, 0.093)


def overall(by_kind):
  total = sum(tokens for tokens, _ in KINDS.values())
  parts = zip(KINDS.values(), by_kind)
  return math.exp(sum(n * math.log(p) for (n, _), p in parts) / total)


FLOOR = overall([floor for _, floor in KINDS.values()])


def config(kind, cell="lstm", fraction=1.0, seeds=1, order=5, estimator=""):
  return {
    "task": {"name": "language", "corpus": "grammar", "unit": "word",
             "window": 32, "fraction": fraction},
    "model": {"kind": kind, "cell": cell, "hidden_size": 128,
              "embedding_size": 64, "window": {"order": 5, "direct": False},
              "ngram": {"order": order, "estimator": estimator}},
    "train": {"num_steps": 5000, "batch_size": 32},
    "seed": 0,
    "num_seeds": seeds,
  }  # fmt: skip


def storage(order):
  return [
    {"order": k + 1, "ngrams": NGRAMS[k], "unseen": UNSEEN[k],
     "bytes": NGRAMS[k] * (24 if k + 1 < order else 16)}
    for k in range(order)
  ]  # fmt: skip


def details(by_kind, by_context, spread, known=True, fraction=1.0, **size):
  """Of all seeds, with what the grammar knows of itself unless not `known`."""
  seeds = [None] if by_kind is None else spread
  answer = {
    "evaluated_on": "one unbroken stream",
    "vocabulary": 372,
    "tokens": {
      "train": int(1_000_000 * fraction), "valid": 100_000, "test": 100_000,
    },
    "unknown": {"train": 0, "valid": 0, "test": 0},
    "corpus": {},
    "probability_zero": [0.0] * len(seeds),
    "probability_undefined": [0.0] * len(seeds),
    "perplexity_by_context": {
      str(length): [p * (s or 1.0) for s in seeds] if p else [None]
      for length, p in by_context.items()
    },
    "perplexity_by_kind": {},
    **size,
  }  # fmt: skip
  if known:
    answer |= {
      "entropy_rate": math.log(FLOOR * 1.01), "floor_perplexity": FLOOR,
    }  # fmt: skip
    answer["perplexity_by_kind"] = {
      kind: {
        "tokens": tokens,
        "floor": floor,
        "perplexity": [s and by_kind[i] * s for s in seeds],
      }
      for i, (kind, (tokens, floor)) in sorted(
        enumerate(KINDS.items()), key=lambda pair: pair[1][0]
      )
    }
  return answer


def result(perplexities, about, counted=False):
  answer = fakes.result(perplexities, "perplexity", False, 372.0)
  finite = [p for p in perplexities if p]
  loss = [p and math.log(p) for p in perplexities]
  answer["metrics"] |= {
    "test/bits_per_character": fakes.entry(
      [p and p / math.log(2) / 5.315 for p in loss]
    ),
    "test/bits_per_token": fakes.entry([p and p / math.log(2) for p in loss]),
    "test/loss": fakes.entry(loss),
  }
  if counted:
    assert len(perplexities) == 1
    answer["status"] = "finished"
    answer["seeds"] = [
      {"seed": None, "status": "finished", "best_step": 0, "last_step": 0}
    ]
  else:
    assert finite
  return answer | {"details": about}


def write_ngram(path, order, estimator, fraction=1.0, known=True, **size):
  """A counted model; of maximum likelihood infinite from the bigrams on."""
  by_kind = [p * fraction**-0.08 for p in KNESER_NEY[order]]
  by_context = {
    length: overall(KNESER_NEY[min(length + 1, order)]) for length in LENGTHS
  }
  infinite = estimator == "maximum_likelihood" and order > 1
  if infinite:
    by_kind, by_context = None, dict.fromkeys(LENGTHS)
  rows = storage(order)
  about = details(
    by_kind, by_context, [1.0], known, fraction, order=order, storage=rows,
    ngrams=sum(row["ngrams"] for row in rows),
    bytes=sum(row["bytes"] for row in rows),
    **{"notes": [], **size},
  )  # fmt: skip
  if infinite:
    undefined = UNDEFINED[order - 1]
    about["probability_zero"] = [UNSEEN[order - 1] - undefined]
    about["probability_undefined"] = [undefined]
  perplexity = None if infinite else overall(by_kind)
  fakes.write_run(
    path,
    config("ngram", fraction=fraction, order=order, estimator=estimator),
    result([perplexity], about, counted=True),
    [{"step": 0, "valid/perplexity": [perplexity]}],
  )
  seconds = 0.13 * order**2
  fakes.write_rows(path / "timing.jsonl", [
    {"event": "start", "step": 0, "time": 50.0},
    {"event": "counted", "step": 0, "time": 50.0, "seconds": seconds,
     "tokens_per_second": 1e6 * fraction / seconds},
    {"event": "finished", "step": 0, "time": 51.0, "seconds": seconds + 2},
  ])  # fmt: skip


def write_network(path, series, fraction=1.0, known=True):
  kind, cell, kinds, parameters = NETWORKS[series]
  by_kind = [p * fraction**-0.2 for p in kinds]
  spread, perplexity = [0.998, 1.0, 1.004], overall(by_kind)
  reach = 4 if kind == "window" else 64
  by_context = {
    length: perplexity * (1 + 4.5 / min(length, reach) ** 1.3 - 4.5 / 64**1.3)
    for length in LENGTHS
  }
  about = details(
    by_kind, by_context, spread, known, fraction,
    parameters=parameters, bytes=4 * parameters,
  )  # fmt: skip
  if kind == "window":
    about["parameters_by_order"] = PARAMETERS_BY_ORDER
  steps = range(500, 5001, 500)
  rows = [
    {"step": step, "valid/perplexity": [
      perplexity * s * (1 + 30 * (1 - step / 5000) ** 3 / (step / 500))
      for s in spread
    ]}
    for step in steps
  ]  # fmt: skip
  fakes.write_run(
    path,
    config(kind, cell, fraction, seeds=3),
    result([perplexity * s for s in spread], about),
    rows,
  )
  fakes.write_rows(path / "timing.jsonl", [
    {"event": "start", "step": 0, "time": 1000.0},
    *({"event": "evaluated", "step": s, "time": 1000.0 + s / 50,
       "steps_per_second": 50.0} for s in steps),
    {"event": "finished", "step": 5000, "time": 1110.0, "seconds": 110.0},
  ])  # fmt: skip


def label(path, series, overrides):
  about = {"name": path.name, "overrides": overrides, "series": series}
  fakes.write_json(path / "trial.json", about)
  return about


def write_ladder(sweep, claims=()):
  """Fourteen models: five orders by two estimators, and four networks."""
  plan = []
  names = {"maximum_likelihood": "maximum likelihood",
           "kneser_ney": "Kneser-Ney"}  # fmt: skip
  for estimator, words in names.items():
    for order in KNESER_NEY:
      path = sweep / f"{estimator},{order}"
      notes = []
      if estimator == "kneser_ney" and order == 1:
        notes = ["no counts of counts for the 1-grams: fixed discounts"]
      write_ngram(path, order, estimator, notes=notes)
      overrides = {
        "model.kind": "ngram",
        "model.ngram.estimator": estimator,
        "model.ngram.order": order,
      }
      plan.append(label(path, f"{order}-gram, {words}", overrides))
  for series, (kind, cell, _, _) in NETWORKS.items():
    path = sweep / series
    write_network(path, series)
    overrides = {"model.kind": kind, "model.cell": cell}
    plan.append(label(path, series, overrides))
  fakes.write_json(
    sweep / "sweep.json",
    {"config": "configs/language_ladder.py", "claims": list(claims),
     "title": "From counting words to an LSTM", "trials": plan},
  )  # fmt: skip
  return sweep


def write_fractions(sweep, known=True):
  """Learning curves: three models by three shares of the training text."""
  plan = []
  for fraction in (0.25, 0.5, 1.0):
    for series in ("5-gram", "GRU", "LSTM"):
      path = sweep / f"{series},{fraction}"
      if series == "5-gram":
        write_ngram(path, 5, "kneser_ney", fraction, known)
      else:
        write_network(path, series, fraction, known)
      plan.append(label(path, series, {"task.fraction": fraction}))
  fakes.write_json(sweep / "sweep.json", {"trials": plan})
  return sweep
