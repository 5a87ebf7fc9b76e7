"""The table of models of a text: how good, large and fast each is."""

from collections import defaultdict
from collections.abc import Sequence

from rnn_lab.reports.arrange import say
from rnn_lab.reports.details import (
  best_possible,
  floors,
  is_of_text,
  tokens_per_second,
  training_seconds,
)
from rnn_lab.reports.metrics import (
  NONE,
  format_measured,
  format_value,
  interval_words,
  spaced,
)
from rnn_lab.reports.numbers import either, mean, significant, span
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section
from rnn_lab.reports.trial import Trial


def at_largest(part: Part) -> tuple[Part, str]:
  """Returns the trials of text models that figures of one text compare.

  Those at the largest x that has any results, one a series, and the words
  " (fraction = 1)" where there was one to choose.
  """
  xs = {x for _, x, trial in part.cells if is_of_text(trial)}
  x = max(xs, default=None) if part.x is not None else None
  series = {
    name: {None: line[x]}
    for name, line in part.series.items()
    if x in line and is_of_text(line[x])
  }
  where = f" ({part.at(x)})" if part.x is not None and series else ""
  trials = [line[None] for line in series.values()]
  chosen = part._replace(x=None, xs=[None], series=series, trials=trials)
  return chosen, where


def left_out(part: Part) -> str:
  """Says which series of `at_largest` are infinite; empty if none is."""
  chosen, _ = at_largest(part)
  names = [n for n, _, t in chosen.cells if not t.values("perplexity")]
  return f" Left out, as infinite: {'; '.join(names)}." if names else ""


def ladder_section(results: Results) -> Section | None:
  """Compares models of a text; None where no trial has such details."""
  grids = [grid for part in results.parts if (grid := ladder_grid(part))]
  return Section("Results", grids) if grids else None


def ladder_grid(part: Part) -> Grid | None:
  """Returns a table with a row a model; None without details of a text."""
  trials = [trial for _, _, trial in part.cells]
  if not any(map(is_of_text, trials)):
    return None
  measures = ["perplexity", "bits_per_token"]
  if any(trial.entry("bits_per_character") for trial in trials):
    measures.append("bits_per_character")
  has_floor = bool(floors(trials))
  swept = [part.label()] if part.x else []
  header = ["model", *swept, *(f"test {spaced(name)}" for name in measures)]
  header += ["× best possible"] * has_floor
  header += _COLUMNS
  rows = [
    [
      name,
      *([say(x)] if part.x else []),
      *_evaluated(trial, measures, has_floor),
      *(say_of(trial) for say_of in _COLUMNS.values()),
    ]
    for name, x, trial in part.cells
  ]
  title = part.titled("models")
  title = title[:1].upper() + title[1:]
  return Grid(title, header, rows, _caption(trials), notes(part))


def notes(part: Part) -> list[str]:
  """Returns the notes of models, each once, with the models' names."""
  names: dict[str, dict[str, None]] = defaultdict(dict)
  for name, _, trial in part.cells:
    for note in trial.details.get("notes", []):
      names[note][name] = None
  return [f"{'; '.join(several)}: {note}" for note, several in names.items()]


def _evaluated(
  trial: Trial, measures: Sequence[str], has_floor: bool
) -> list[str | None]:
  """The cells of the measures, or one wide cell that says why none is."""
  average = mean(trial.values("perplexity"))
  first = format_measured(trial, "perplexity")
  if average is None:
    return [first] + [None] * (len(measures) - 1 + has_floor)
  others = [format_value(mean(trial.values(m)), m) for m in measures[1:]]
  best = best_possible(trial, "perplexity", "test")
  ratio = significant(average / best, 4) if best else NONE
  return [first, *others, *([ratio] if has_floor else [])]


def _size(trial: Trial) -> str:
  for key, words in ("parameters", "parameters"), ("ngrams", "n-grams"):
    if key in trial.details:
      return f"{trial.details[key]:,} {words}"
  return NONE


def megabytes(size: int | None) -> str:
  """Formats bytes as megabytes of 10^6; more digits for small sizes."""
  if size is None:
    return NONE
  return f"{size / 1e6:.2f}" if size >= 1e4 else f"{size / 1e6:.4f}"


def _duration(trial: Trial) -> str:
  seconds = training_seconds(trial)
  if seconds is None:
    return NONE
  if seconds < 100:
    return f"{significant(seconds, 2)} s"
  return f"{seconds / 60:.1f} min"


def _rate(trial: Trial) -> str:
  """Three significant digits of a rate: 154,000."""
  rate = tokens_per_second(trial)
  return NONE if rate is None else f"{float(f'{rate:.3g}'):,.0f}"


# The last columns of the table, and what makes their cells.
_COLUMNS = {
  "size": _size,
  "megabytes": lambda trial: megabytes(trial.details.get("bytes")),
  "training time": _duration,
  "training tokens/s": _rate,
}


def _caption(trials: Sequence[Trial]) -> str:
  """What the columns mean, and the text that all were evaluated on."""
  several = [trial.details for trial in trials if is_of_text(trial)]
  parts = [interval_words(trials)]
  if len({details["tokens"]["test"] for details in several}) > 1:
    parts.append(
      "the test texts differ, and perplexities compare on the same text alone"
    )
  if best := floors(trials):
    words = span([format_value(level, "perplexity") for level in best])
    parts.append(
      f"best possible: the perplexity {words} of the distribution that the "
      "test text was drawn from"
    )
  parts.append(
    "training time: of an n-gram model counting and estimating, of a network "
    "the whole run, with compilation and evaluation"
  )
  for split in ("train", "test"):
    tokens = either(details["tokens"][split] for details in several)
    parts.append(f"{split}: {tokens} tokens")
  parts.append(f"vocabulary: {either(d['vocabulary'] for d in several)}")
  unknown = [details["unknown"]["test"] for details in several]
  if any(unknown):
    parts.append(f"unknown words in the test: {either(unknown)}")
  ways = dict.fromkeys(details["evaluated_on"] for details in several)
  parts.append(f"evaluated on {' or '.join(ways)}")
  facts = [d.get("corpus", {}).items() for d in several]
  return "; ".join(
    [*parts, *dict.fromkeys(f"{k} {v}" for of_one in facts for k, v in of_one)]
  )
