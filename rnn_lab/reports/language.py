"""The tables of a report on language models."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rnn_lab.reports.details import (
  details_of,
  floor,
  floors,
  perplexity,
  significant,
  tokens_per_second,
  training_seconds,
)
from rnn_lab.reports.headline import measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout, all_trials, say
from rnn_lab.reports.tables import (
  Grid,
  format_measured,
  format_value,
)

NONE = "–"

# What the words of `rnn_lab.text.grammar` are told apart by.
_KINDS = {
  "agreement": "a verb, singular or plural as its subject is",
  "agreement across a clause": (
    "the same with a relative clause between subject and verb"
  ),
  "closing mark": "the quote or bracket that closes an open one",
  "topic": "a noun that the clause in front of the sentence decides",
  "local": "all other words",
}


def ladder_grid(layout: Layout) -> Grid | None:
  """A row a language model: how good, how large and how fast it is.

  None where no trial has told more of itself than its metrics.
  """
  trials = all_trials(layout)
  if not any(details_of(trial) for trial in trials):
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
          *_judged(trial, measures, has_floor),
          *_size(details_of(trial) or {}),
          _duration(training_seconds(trial)),
          _rate(tokens_per_second(trial)),
        ]
      )
  return Grid("The ladder", header, rows, _ladder_caption(trials))


def notes(layout: Layout) -> list[str]:
  """What models had to say of themselves, each thing once."""
  said = defaultdict(list)
  for name, line in layout.series.items():
    for trial in line.values():
      for note in (details_of(trial) or {}).get("notes", []):
        if name not in said[note]:
          said[note].append(name)
  return [f"{'; '.join(names)}: {note}" for note, names in said.items()]


def last(layout: Layout) -> dict[str, Trial]:
  """The judged trials by series; of a swept field at its largest value."""
  judged = {
    x
    for line in layout.series.values()
    for x, trial in line.items()
    if details_of(trial)
  }
  if not judged:
    return {}
  x = None if layout.x is None else max(judged)
  return {
    name: line[x]
    for name, line in layout.series.items()
    if details_of(line.get(x))
  }


def at_last(layout: Layout) -> str:
  """The words " (task.fraction = 1.0)" where `last` had to choose."""
  if layout.x is None or not last(layout):
    return ""
  trial = next(iter(last(layout).values()))
  x = next(
    x for line in layout.series.values() for x, t in line.items() if t is trial
  )
  return f" ({layout.x} = {say(x)})"


def left_out(layout: Layout) -> str:
  """Which models of `last` have no finite perplexity; empty if all have."""
  names = [n for n, t in last(layout).items() if perplexity(t) is None]
  if not names:
    return ""
  return f"Left out, as infinite: {'; '.join(names)}."


def kind_words(layout: Layout) -> list[str]:
  """The kinds of words that the text tells apart, and what they are."""
  shown = kinds_by_size(last(layout).values())
  return [f"{kind}: {words}" for kind, words in _KINDS.items() if kind in shown]


def kinds_by_size(trials: Iterable[Trial]) -> dict[str, float]:
  """The kinds of words and their share of the test split, largest first."""
  tokens: dict[str, int] = {}
  for trial in trials:
    for kind, row in details_of(trial).get("perplexity_by_kind", {}).items():
      tokens.setdefault(kind, row["tokens"])
  total = sum(tokens.values())
  ordered = sorted(tokens.items(), key=lambda pair: -pair[1])
  return {kind: count / total for kind, count in ordered}


def _judged(
  trial: Trial, measures: Sequence[str], has_floor: bool
) -> list[str | None]:
  """The cells of the measures; a reason why there are none takes all."""
  if perplexity(trial) is None:
    reason = trial.status
    if trial.result is not None:
      reason = format_measured(trial, "perplexity")
    return [reason] + [None] * (len(measures) - 1 + has_floor)
  cells = [format_measured(trial, "perplexity")]
  for measure in measures[1:]:
    entry = measured(trial, measure)
    cells.append(format_value(entry["mean"], measure) if entry else NONE)
  if has_floor:
    best = floor(trial, "perplexity", "test")
    mine = perplexity(trial)
    cells.append(NONE if best is None else significant(mine / best, 4))
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
  """Bytes as megabytes of 10^6; more digits for what is small."""
  if size is None:
    return NONE
  return f"{size / 1e6:.2f}" if size >= 1e4 else f"{size / 1e6:.4f}"


def thousands(number: float | None) -> str:
  """A number rounded to a whole one, its thousands apart: 12,345."""
  return NONE if number is None else f"{round(number):,}"


def _rate(number: float | None) -> str:
  """Three significant digits of a rate: 154,000."""
  return NONE if number is None else f"{float(f'{number:.3g}'):,.0f}"


def _duration(seconds: float | None) -> str:
  if seconds is None:
    return NONE
  if seconds < 100:
    return f"{significant(seconds, 2)} s"
  return f"{seconds / 60:.1f} min"


def _ladder_caption(trials: Sequence[Trial]) -> str:
  """What the columns mean, and the text that all was judged on."""
  told = [details for t in trials if (details := details_of(t))]
  parts = ["mean ± standard deviation over seeds"]
  best = floors(trials)
  if best:
    several = " to ".join(
      dict.fromkeys(format_value(v, "perplexity") for v in (best[0], best[-1]))
    )
    parts.append(
      f"best possible: the perplexity {several} of the distribution that the "
      "test text was drawn from"
    )
  parts.append(
    "training time: of an n-gram model counting and estimating, of a network "
    "the whole run, with compilation and evaluation"
  )
  for split in ("train", "test"):
    counts = sorted({details["tokens"][split] for details in told})
    words = " or ".join(f"{count:,}" for count in counts)
    parts.append(f"{split}: {words} tokens")
  sizes = sorted({details["vocabulary"] for details in told})
  parts.append(f"vocabulary: {' or '.join(f'{size:,}' for size in sizes)}")
  unknown = sorted({details["unknown"]["test"] for details in told})
  if unknown[-1]:
    words = " or ".join(f"{count:,}" for count in unknown)
    parts.append(f"unknown words in the test: {words}")
  judged = dict.fromkeys(details["judged_on"] for details in told)
  parts.append(f"judged on {' or '.join(judged)}")
  facts = dict.fromkeys(
    f"{key} {value}"
    for details in told
    for key, value in details.get("corpus", {}).items()
  )
  return "; ".join([*parts, *facts])
