"""The table of models of a text: how good, large and fast each is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rnn_lab.reports.details import (
  details_of,
  floor,
  floors,
  is_of_text,
  perplexity,
  tokens_per_second,
  training_seconds,
)
from rnn_lab.reports.formats import NONE, format_measured, format_value
from rnn_lab.reports.headline import measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import significant
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section
from rnn_lab.reports.series import Layout, all_trials, say


def ladder_section(results: Results) -> Section | None:
  """Compares models of a text; None where no trial has such details."""
  grids = [ladder_grid(part.layout) for part in results.parts]
  content = [grid for grid in grids if grid]
  return Section("Results", content) if content else None


def ladder_grid(layout: Layout) -> Grid | None:
  """Returns a table with a row a model; None without details of a text."""
  trials = all_trials(layout)
  if not any(is_of_text(trial) for trial in trials):
    return None
  has_characters = any(
    measured(trial, "bits_per_character") for trial in trials
  )
  has_floor = bool(floors(trials))
  measures = ["perplexity", "bits_per_token"]
  if has_characters:
    measures.append("bits_per_character")
  header = [
    "model",
    *([layout.x] if layout.x else []),
    *(f"test {measure.replace('_', ' ')}" for measure in measures),
    *(["× best possible"] if has_floor else []),
    "size",
    "megabytes",
    "training time",
    "training tokens/s",
  ]
  rows = []
  for name, line in layout.series.items():
    for x, trial in line.items():
      rows.append(
        [
          name,
          *([say(x)] if layout.x else []),
          *_evaluated(trial, measures, has_floor),
          *_size(details_of(trial)),
          _duration(training_seconds(trial)),
          _rate(tokens_per_second(trial)),
        ]
      )
  caption = _caption(trials)
  return Grid("Models", header, rows, caption, notes(layout))


def notes(layout: Layout) -> list[str]:
  """Returns the notes of models, each once, with the models' names."""
  names_by_note = defaultdict(list)
  for name, line in layout.series.items():
    for trial in line.values():
      for note in details_of(trial).get("notes", []):
        if name not in names_by_note[note]:
          names_by_note[note].append(name)
  return [
    f"{'; '.join(names)}: {note}" for note, names in names_by_note.items()
  ]


def _evaluated(
  trial: Trial, measures: Sequence[str], has_floor: bool
) -> list[str | None]:
  """The cells of the measures, or one wide cell that says why none is."""
  average = perplexity(trial)
  if average is None:
    reason = trial.status
    if trial.result is not None:
      reason = format_measured(trial, "perplexity")
    return [reason] + [None] * (len(measures) - 1 + has_floor)
  cells: list[str | None] = [format_measured(trial, "perplexity")]
  for measure in measures[1:]:
    entry = measured(trial, measure)
    cells.append(format_value(entry["mean"], measure) if entry else NONE)
  if has_floor:
    best = floor(trial, "perplexity", "test")
    ratio = best and average / best
    cells.append(significant(ratio, 4) if ratio else NONE)
  return cells


def _size(details: dict[str, Any]) -> tuple[str, str]:
  if "parameters" in details:
    words = f"{details['parameters']:,} parameters"
  elif "ngrams" in details:
    words = f"{details['ngrams']:,} n-grams"
  else:
    words = NONE
  return words, megabytes(details.get("bytes"))


def megabytes(size: int | None) -> str:
  """Formats bytes as megabytes of 10^6; more digits for small sizes."""
  if size is None:
    return NONE
  return f"{size / 1e6:.2f}" if size >= 1e4 else f"{size / 1e6:.4f}"


def _rate(number: float | None) -> str:
  """Three significant digits of a rate: 154,000."""
  return NONE if number is None else f"{float(f'{number:.3g}'):,.0f}"


def _duration(seconds: float | None) -> str:
  if seconds is None:
    return NONE
  if seconds < 100:
    return f"{significant(seconds, 2)} s"
  return f"{seconds / 60:.1f} min"


def _caption(trials: Sequence[Trial]) -> str:
  """What the columns mean, and the text that all were evaluated on."""
  several = [details_of(trial) for trial in trials if is_of_text(trial)]
  parts = ["mean ± standard deviation over seeds"]
  best = floors(trials)
  if best:
    words = " to ".join(
      dict.fromkeys(format_value(v, "perplexity") for v in (best[0], best[-1]))
    )
    parts.append(
      f"best possible: the perplexity {words} of the distribution that the "
      "test text was drawn from"
    )
  parts.append(
    "training time: of an n-gram model counting and estimating, of a network "
    "the whole run, with compilation and evaluation"
  )
  for split in ("train", "test"):
    tokens = _numbers(details["tokens"][split] for details in several)
    parts.append(f"{split}: {tokens} tokens")
  parts.append(f"vocabulary: {_numbers(d['vocabulary'] for d in several)}")
  unknown = [details["unknown"]["test"] for details in several]
  if any(unknown):
    parts.append(f"unknown words in the test: {_numbers(unknown)}")
  evaluated_on = dict.fromkeys(details["evaluated_on"] for details in several)
  parts.append(f"evaluated on {' or '.join(evaluated_on)}")
  facts = dict.fromkeys(
    f"{key} {value}"
    for details in several
    for key, value in details.get("corpus", {}).items()
  )
  return "; ".join([*parts, *facts])


def _numbers(counts: Iterable[int]) -> str:
  return " or ".join(f"{count:,}" for count in sorted(set(counts)))
