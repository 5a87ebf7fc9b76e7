"""What the best network of each task does with single examples."""

from rnn_lab.reports import example_gallery, pattern_picture
from rnn_lab.reports.metrics import is_share
from rnn_lab.reports.parts import Part
from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.trial import Trial

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
    "Of each task the network that is best on the validation split, and of its "
    "seeds the first. A box is a step of the recurrence; its stripes are the "
    "outputs of single units, as the trained network computes them. What is "
    "read stands below, what the network answers above; a decoder reads its "
    "own answers. Up to half of the examples are chosen because the answer is "
    "not the target: their number does not say how many there are."
  )
  return Section("The networks at work", [Text(words), *content])


def best_with_examples(part: Part) -> tuple[str, Trial] | None:
  """Returns the best trial by validation that kept examples, and its series."""
  names = {trial.name: name for name, _, trial in part.cells}
  for one in ranked(part) if part.headline else ():
    if one.trial.examples and one.trial.result:
      return names[one.trial.name], one.trial
  return None


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
    exact = is_share(part.metric)
    return [*content, example_gallery.gallery_grid(title, rows, exact)]
  elif rows[0]["reads"] is None:
    return content
  else:
    figure = example_gallery.draw_tiles(title, rows)
  words = f"{title}: what was read, and the answers"
  return [*content, Figures(_stem("examples", part), words, [figure])]


def _title(part: Part, words: str) -> str:
  return part.titled(words[:1].upper() + words[1:])


def _stem(kind: str, part: Part) -> str:
  """The name of a file: figures of two tasks stand apart on the page."""
  return f"{kind}_{part.task}" if part.task else kind
