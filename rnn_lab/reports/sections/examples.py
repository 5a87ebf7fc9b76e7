"""What the best network of each task does with single examples."""

from rnn_lab.reports import example_gallery, pattern_picture
from rnn_lab.reports.headline import is_share, measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import mean
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.series import titled

_PATTERNS = {
  "sequence_to_vector": "sequence to vector",
  "vector_to_sequence": "vector to sequence",
  "sequence_to_sequence": "sequence to sequence",
  "encoder_decoder": "encoder-decoder",
}


def examples_section(results: Results) -> Section | None:
  """Shows pictures of the patterns and examples; None where none were kept."""
  content: list[Text | Figures | Grid] = []
  for part in results.parts:
    if best := best_with_examples(part):
      content += _of_trial(part, *best)
  if not content:
    return None
  words = (
    "Of each task the network that is best on the test split, and of its seeds "
    "the first. A box is a step of the recurrence; its stripes are the outputs "
    "of single units, as the trained network computes them. What is read "
    "stands below, what the network answers above; a decoder reads its own "
    "answers. Up to half of the examples are chosen because the answer is not "
    "the target: their number does not say how many there are."
  )
  return Section("The networks at work", [Text(words), *content])


def best_with_examples(part: Part) -> tuple[str, Trial] | None:
  """Returns the best trial that kept examples, and its series."""
  candidates = []
  for name, line in part.layout.series.items():
    for trial in line.values():
      if trial.examples and part.headline:
        entry = measured(trial, part.headline.metric)
        average = mean(entry["values"]) if entry else None
        if average is not None:
          sign = -1.0 if part.headline.maximize else 1.0
          candidates.append((sign * average, name, trial))
  if not candidates:
    return None
  _, name, trial = min(candidates, key=lambda candidate: candidate[0])
  return name, trial


def _of_trial(
  part: Part, series: str, trial: Trial
) -> list[Text | Figures | Grid]:
  kept = trial.examples
  assert kept is not None and part.headline is not None  # as it was the best
  pattern = _PATTERNS.get(kept["pattern"], kept["pattern"])
  who = _title(part, f"{pattern}, {series}")
  picture = pattern_picture.draw_pattern(kept["picture"], who)
  caption = f"{who}: the network unrolled over one example"
  content: list[Text | Figures | Grid] = [
    Figures(_stem("pattern", part), caption, [picture])
  ]
  rows = kept["examples"]
  title = _title(part, f"examples, {series}")
  if example_gallery.is_of_numbers(rows):
    figure = example_gallery.draw_series(title, rows)
  elif example_gallery.is_of_symbols(rows):
    exact = is_share(part.headline.metric)
    return [*content, example_gallery.gallery_grid(title, rows, exact)]
  elif rows[0]["reads"] is None:
    return content
  else:
    figure = example_gallery.draw_tiles(title, rows)
  words = f"{title}: what was read, and the answers"
  return [*content, Figures(_stem("examples", part), words, [figure])]


def _title(part: Part, words: str) -> str:
  return titled(part.layout.task, words[:1].upper() + words[1:])


def _stem(kind: str, part: Part) -> str:
  """The name of a file: figures of two tasks stand apart on the page."""
  return f"{kind}_{part.task}" if part.task else kind
